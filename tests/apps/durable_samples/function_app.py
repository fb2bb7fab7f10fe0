"""The patterns of Microsoft's Durable samples, told again: one blueprint each."""

import azure.functions as func
import backup
import chaining
import counter
import monitor
import phone

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for sample in (chaining, backup, phone, monitor, counter):
    app.register_functions(sample.bp)
