"""One function called through azure.functions' own converters."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import azure.functions as func
import pytest
from azure.functions.meta import Datum

from pixcrawler.host.calls import FunctionFailed, FunctionInfo, Retry
from pixcrawler.host.invoke import Call, Invoker, thread_count
from pixcrawler.host.loader import LoadedFunction
from pixcrawler.host.signatures import read_signature

HTTP = (
    {"name": "req", "type": "httpTrigger", "direction": "IN"},
    {"name": "$return", "type": "http", "direction": "OUT"},
)
QUEUE = ({"name": "msg", "type": "queueTrigger", "direction": "IN"},)
QUEUE_OUT = {"name": "out", "type": "queue", "direction": "OUT"}
QUEUE_RETURN = {"name": "$return", "type": "queue", "direction": "OUT"}
BLOB = ({"name": "blob", "type": "blobTrigger", "direction": "IN"},)
TIMER = ({"name": "timer", "type": "timerTrigger", "direction": "IN"},)
ACTIVITY = ({"name": "x", "type": "activityTrigger", "direction": "IN"},)


def text(value: str) -> Datum:
    return Datum(value, "string")


def request() -> Datum:
    return Datum(
        {
            "method": text("POST"),
            "url": text("http://h/api?x=1"),
            "headers": {
                "x-up": text("u"),
                "content-type": text("application/x-www-form-urlencoded"),
            },
            "body": Datum(b"k=v", "bytes"),
            "params": {"id": text("7")},
            "query": {"x": text("1")},
        },
        "http",
    )


def run(function, bindings, data, **more):
    """Call a function once and return its Answer."""
    info = FunctionInfo(function.__name__, bindings[0], tuple(bindings))
    signature = read_signature(info.name, function, bindings)
    loaded = LoadedFunction(info, function, signature, "/app")
    invoker = Invoker({info.name: loaded}, threads=2)
    try:
        call = Call("id-1", info.name, {bindings[0]["name"]: data}, **more)
        return asyncio.run(invoker.invoke(call))
    finally:
        invoker.close()


def failure(function, bindings, data, **more) -> FunctionFailed:
    """Call a function that fails and return how."""
    with pytest.raises(FunctionFailed) as caught:
        run(function, bindings, data, **more)
    return caught.value


def test_http_request_and_response():
    """A request arrives whole, and the response leaves with status, headers and cookies."""

    def f(req: func.HttpRequest) -> func.HttpResponse:
        seen = [req.method, req.params["x"], req.route_params["id"], req.headers["X-Up"]]
        made = func.HttpResponse(
            " ".join([*seen, req.form["k"]]), status_code=203, headers={"X-A": "1"}
        )
        made.headers.add("Set-Cookie", "a=b; HttpOnly")
        return made

    value = run(f, HTTP, request()).returned.value
    assert value["body"].value == b"POST 1 7 u v"
    assert value["status_code"].value == "203"
    assert value["headers"]["X-A"].value == "1"
    assert value["cookies"] == ["a=b; HttpOnly"]


def test_http_text():
    """A bare text is a text Datum."""

    def f(req: func.HttpRequest) -> str:
        return "x"

    assert run(f, HTTP, request()).returned == text("x")


@pytest.mark.parametrize("value", [None, {"a": 1}])
def test_http_needs_a_response(value):
    """None and a dict are no HTTP responses: the function fails as it does on Azure."""

    def f(req: func.HttpRequest):
        return value

    error = failure(f, HTTP, request())
    assert error.kind == "TypeError"
    assert "unable to encode outgoing TypedData" in error.text


def test_queue_message():
    """A queue message carries its id and count, and a text annotation gets the text."""
    seen = []

    def f(msg: func.QueueMessage) -> None:
        seen.append((msg.get_body(), msg.id, msg.dequeue_count))

    def g(msg: str) -> None:
        seen.append(msg)

    def h(msg: bytes) -> None:
        seen.append(msg)

    metadata = {"Id": text("m"), "DequeueCount": text("2")}
    for function in (f, g, h):
        run(function, QUEUE, text("body"), metadata=metadata)
    assert seen == [(b"body", "m", 2), "body", b"body"]


def test_blob():
    """A blob carries name, length and metadata."""
    seen = []

    def f(blob: func.InputStream) -> None:
        seen.append((blob.read(), blob.name, blob.length, blob.metadata))

    metadata = {
        "BlobTrigger": text("c/a"),
        "Properties": Datum('{"ContentLength": 4}', "json"),
        "Metadata": Datum('{"k": "v"}', "json"),
    }
    run(f, BLOB, Datum(b"data", "bytes"), metadata=metadata)
    assert seen == [(b"data", "c/a", 4, {"k": "v"})]


def test_timer_and_context():
    """A timer knows whether it is late; the context tells id, name and attempt."""
    seen = []

    def f(timer: func.TimerRequest, context: func.Context) -> None:
        retry = context.retry_context
        seen.append((timer.past_due, context.function_name, context.invocation_id))
        seen.append((retry.retry_count, retry.max_retry_count, retry.exception))
        seen.append(context.thread_local_storage.invocation_id)

    run(f, TIMER, Datum('{"IsPastDue": true}', "json"), retry=Retry(1, 3, "ValueError: x"))
    assert seen == [(True, "f", "id-1"), (1, 3, "ValueError: x"), "id-1"]


@pytest.mark.parametrize(
    ("sent", "value"), [('{"a": 1}', {"a": 1}), ('"s"', "s"), ("plain", "plain"), ("null", None)]
)
def test_activity_input(sent, value):
    """An activity's input is decoded; what is not JSON arrives as it is."""
    seen = []

    def f(x):
        seen.append(x)

    assert run(f, ACTIVITY, text(sent)).returned == Datum("null", "json")
    assert seen == [value]


def test_async_activity():
    """An async function runs on the loop and its result is JSON."""

    async def f(x: str):
        await asyncio.sleep(0)
        return {"got": x, "thread": threading.current_thread() is threading.main_thread()}

    assert run(f, ACTIVITY, text('"v"')).returned.value == '{"got": "v", "thread": true}'


def test_outputs():
    """What is set on outputs comes back; what is not set does not."""

    def f(msg: str, out: func.Out[str]) -> None:
        if msg == "yes":
            out.set(msg)

    assert run(f, (*QUEUE, QUEUE_OUT), text("yes")).outputs == {"out": text("yes")}
    assert run(f, (*QUEUE, QUEUE_OUT), text("no")).outputs == {}


def test_returned_output():
    """A returned queue message is an output, not an answer."""

    def f(msg: str) -> str:
        return f"{msg}!"

    answer = run(f, (*QUEUE, QUEUE_RETURN), text("hi"))
    assert answer.returned is None
    assert answer.outputs == {"$return": text("hi!")}


def test_value_without_binding():
    """A value that no binding takes is an error, in the worker's words."""

    def f(msg: str):
        return msg

    error = failure(f, QUEUE, text("x"))
    assert error.message == (
        "RuntimeError: function 'f' without a $return binding returned a non-None value"
    )


@pytest.mark.parametrize(
    "raised",
    [ValueError("bad"), KeyError("k"), StopIteration("s"), SystemExit("e"), GeneratorExit()],
)
def test_whatever_a_function_raises(raised):
    """Every exception is a failed function; none hangs the call or ends the process."""

    def f(x):
        raise raised

    error = failure(f, ACTIVITY, text("1"))
    assert error.kind == type(raised).__name__
    assert error.text == str(raised)
    assert Path(__file__).name in error.stack
    assert "host/invoke.py" not in error.stack


def test_exception_that_cannot_be_shown():
    """An exception whose text raises is still told."""

    class Broken(Exception):
        def __str__(self):
            raise RuntimeError

    def f(x):
        raise Broken

    assert failure(f, ACTIVITY, text("1")).text == "<exception str() failed>"


def test_thread_count():
    """The command line wins over the setting, the setting over the worker's default."""
    setting = {"PYTHON_THREADPOOL_THREAD_COUNT": "3"}
    assert thread_count(setting, 9) == 9
    assert thread_count(setting) == 3
    assert 5 <= thread_count({"PYTHON_THREADPOOL_THREAD_COUNT": "many"}) <= 32
