"""Queue, blob and timer triggers with outputs: what the tests of triggers watch.

Functions write down what they see in the file that TEST_NOTES names. Names of queues and containers
carry the setting SPACE, so that tests on one storage emulator keep apart.
"""

import json
import os
import signal
import time
from typing import List  # noqa: UP035 - the worker refuses list[str]

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
STORE = "AzureWebJobsStorage"


def note(kind, **seen):
    """Append one line."""
    line = json.dumps({"kind": kind, "at": time.time(), "pid": os.getpid(), **seen}) + "\n"
    with open(os.environ["TEST_NOTES"], "a") as file:  # noqa: PTH123 - one atomic append
        file.write(line)


@app.queue_trigger(arg_name="msg", queue_name="%SPACE%-work", connection=STORE)
def on_work(msg: func.QueueMessage) -> None:
    """Do what the message says."""
    body = msg.get_body().decode()
    note("work", body=body, count=msg.dequeue_count, id=msg.id)
    if body.startswith("fail"):
        raise ValueError("bad message")
    if body.startswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if body.startswith("sleep"):
        time.sleep(float(body.split()[1]))
        note("slept", body=body)


@app.queue_trigger(arg_name="msg", queue_name="%SPACE%-work-poison", connection=STORE)
def on_poison(msg: func.QueueMessage) -> None:
    """See what was given up."""
    note("poison", body=msg.get_body().decode())


@app.queue_trigger(arg_name="msg", queue_name="%SPACE%-relay", connection=STORE)
@app.queue_output(arg_name="many", queue_name="%SPACE%-work", connection=STORE)
@app.blob_output(arg_name="copy", path="%SPACE%-out/{box}/{id}.txt", connection=STORE)
def on_relay(msg: str, many: func.Out[List[str]], copy: func.Out[str]) -> None:  # noqa: UP006 - as above
    """Send two messages on and keep a copy under names from the message's JSON."""
    many.set([f"{msg} 1", f"{msg} 2"])
    copy.set(msg)


@app.route(route="multi", methods=["POST"])
@app.queue_output(arg_name="out", queue_name="%SPACE%-work", connection=STORE)
@app.blob_output(arg_name="blob", path="%SPACE%-out/{rand-guid}.bin", connection=STORE)
def multi(req: func.HttpRequest, out: func.Out[str], blob: func.Out[bytes]) -> func.HttpResponse:
    """Write the body to a queue and a blob."""
    out.set(req.get_body().decode())
    blob.set(req.get_body() + b"\0\xff")
    return func.HttpResponse("ok", status_code=201)


@app.route(route="misnamed", methods=["POST"])
@app.blob_output(arg_name="blob", path="%SPACE%-out/{nothing}.bin", connection=STORE)
def misnamed(req: func.HttpRequest, blob: func.Out[str]) -> func.HttpResponse:
    """Set an output whose path names nothing."""
    blob.set("x")
    return func.HttpResponse("never sent")


@app.blob_trigger(arg_name="blob", path="%SPACE%-drop/{name}.txt", connection=STORE)
@app.blob_output(arg_name="out", path="%SPACE%-archive/{name}.done", connection=STORE)
def on_blob(blob: func.InputStream, out: func.Out[bytes]) -> None:
    """Read a blob and answer with another."""
    data = blob.read()
    note("blob", name=blob.name, length=blob.length, data=data.decode(), meta=blob.metadata)
    if data.startswith(b"fail"):
        raise ValueError("bad blob")
    if data.startswith(b"kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    out.set(b"done:" + data)


@app.blob_trigger(
    arg_name="blob", path="%SPACE%-events/{name}", connection=STORE, source="EventGrid"
)
def on_event(blob: func.InputStream) -> None:
    """Stand for a trigger that Event Grid feeds on Azure."""
    note("event", name=blob.name)


@app.timer_trigger(arg_name="timer", schedule="%TICK%", run_on_startup=False, use_monitor=True)
def tick(timer: func.TimerRequest) -> None:
    """Note the time."""
    note("tick", past_due=timer.past_due)
