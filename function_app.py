"""The Azure Functions entry point: gathers the blueprints, nothing else."""

import azure.functions as func

from pixcrawler.functions import (
    activities,
    blobs,
    http_datasets,
    http_engines,
    http_estimate,
    http_health,
    http_jobs,
    http_uploads,
    orchestrators,
    timers,
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for module in (
    *(http_health, http_engines, http_uploads, http_jobs, http_estimate, http_datasets),
    *(orchestrators, activities, blobs, timers),
):
    app.register_functions(module.blueprint)
