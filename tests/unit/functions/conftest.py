"""A world in memory for functions, which are called as a host would call them."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import azure.functions as func
import pytest

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.adapters.memory.datasets import MemoryDatasets
from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.adapters.memory.placeholders import MemoryPlaceholders
from pixcrawler.bootstrap import World, world
from pixcrawler.domain.storage import BlobRef
from tests.fakes.stories import Stories

ENVIRONMENT = {
    "AzureWebJobsStorage": "unused",
    "DataStorage": "unused",
    "DATABASE_API_URL": "unused",
    "DATABASE_WORKER_URL": "unused",
    "SUPABASE_URL": "unused",
    "SUPABASE_PUBLISHABLE_KEY": "unused",
}


class Written:
    """What a blob trigger is given."""

    def __init__(self, ref: BlobRef) -> None:
        self.name = f"{ref.container}/{ref.name}"


@pytest.fixture
def memory(monkeypatch):
    """The world, with everything in memory."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    world.cache_clear()
    made: World = world()
    datasets = MemoryDatasets()
    # Built things shadow their builders: what is put there first is what everybody gets.
    vars(made).update(
        blobs=MemoryBlobs(),
        datasets=datasets,
        jobs=MemoryJobs(datasets),
        placeholders=MemoryPlaceholders(),
    )
    yield made
    world.cache_clear()


@pytest.fixture
def stories():
    """The durable client."""
    return Stories()


def functions_of(module: ModuleType) -> dict[str, Any]:
    """Return what the module registers, by name."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    app.register_functions(module.blueprint)
    return {one.get_function_name(): one.get_user_function() for one in app.get_functions()}


@pytest.fixture
def call(stories):
    """Calls a function of a module by its name, with its binding and the durable client."""

    def called(module: ModuleType, name: str, given: Any) -> Any:
        function = functions_of(module)[name]
        if hasattr(function, "client_function"):
            return asyncio.run(function.client_function(given, stories))
        return function(given)

    return called


@pytest.fixture
def registered():
    """Names the functions that a module registers."""
    return lambda module: set(functions_of(module))
