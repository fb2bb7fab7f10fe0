"""HTTP functions of every kind: what the host's own tests call; no storage, no Durable."""

import asyncio
import json
import logging
import os
import signal
import sys
import time

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="hello/{name:alpha?}", methods=["GET", "POST"])
def hello(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Tell what arrived."""
    seen = {
        "name": req.route_params.get("name"),
        "query": dict(req.params),
        "method": req.method,
        "url": req.url,
        "header": req.headers.get("X-Test"),
        "function": context.function_name,
        "invocation": context.invocation_id,
        "pid": os.getpid(),
        "body": req.get_body().decode(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.route(route="echo", methods=["POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Give the body back, byte for byte."""
    return func.HttpResponse(req.get_body(), mimetype="application/octet-stream")


@app.route(route="any")
async def any_method(req: func.HttpRequest) -> func.HttpResponse:
    """Take every method."""
    return func.HttpResponse(req.method, headers={"X-Method": req.method})


@app.route(route="text")
def text(req: func.HttpRequest) -> str:
    """Return a bare text."""
    return "plain text: ä"


@app.route(route="cookies")
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    """Set two cookies, a header and a length that is not true."""
    response = func.HttpResponse("ok", status_code=202, headers={"Content-Length": "99"})
    response.headers.add("Set-Cookie", "a=b; Path=/; HttpOnly")
    response.headers.add("Set-Cookie", "c=d")
    response.headers.add("X-Mine", "1")
    return response


@app.route(route="raises")
def raises(req: func.HttpRequest) -> func.HttpResponse:
    """Fail."""
    raise KeyError("no such thing")


@app.route(route="nothing")
def nothing(req: func.HttpRequest) -> func.HttpResponse:
    """Return None, which is no HTTP response."""
    return None


@app.route(route="stops")
def stops(req: func.HttpRequest) -> func.HttpResponse:
    """Raise what must not end the worker."""
    kinds = {"exit": SystemExit("bye"), "iteration": StopIteration("odd")}
    raise kinds[req.params["how"]]


@app.route(route="dies")
def dies(req: func.HttpRequest) -> func.HttpResponse:
    """Take the worker process along."""
    os.kill(os.getpid(), signal.SIGKILL)
    return func.HttpResponse("unreachable")


@app.route(route="sleeps")
def sleeps(req: func.HttpRequest) -> func.HttpResponse:
    """Hold a thread for some seconds."""
    time.sleep(float(req.params["s"]))
    return func.HttpResponse("awake")


@app.route(route="naps")
async def naps(req: func.HttpRequest) -> func.HttpResponse:
    """Wait on the event loop for some seconds."""
    await asyncio.sleep(float(req.params["s"]))
    return func.HttpResponse("awake")


@app.route(route="talks")
def talks(req: func.HttpRequest) -> func.HttpResponse:
    """Print and log on every channel."""
    print("printed by talks")  # noqa: T201 - what the test is about
    print("complained by talks", file=sys.stderr)  # noqa: T201 - as above
    logging.getLogger("mine").warning("logged by talks")
    os.write(1, b"written by talks\n")
    return func.HttpResponse("said")


@app.route(route="guarded", auth_level=func.AuthLevel.FUNCTION)
def guarded(req: func.HttpRequest) -> str:
    """Need a key."""
    return "open"


@app.route(route="adminonly", auth_level=func.AuthLevel.ADMIN)
def adminonly(req: func.HttpRequest) -> str:
    """Need the master key."""
    return "open"


@app.route(route="files/{*path}")
def files(req: func.HttpRequest) -> str:
    """Show the path."""
    return f"path={req.route_params.get('path')}"
