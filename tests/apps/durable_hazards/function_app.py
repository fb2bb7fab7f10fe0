"""Behaviour of the SDK and the extension that surprises: a host that hides it would be wrong."""

import contextlib
import datetime as dt
import json

import azure.durable_functions as df
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
bp = df.Blueprint()
_runs = {}


@bp.activity_trigger(input_name="task")
def flaky(task: dict) -> str:
    """Fail the first runs of a key; the host of this app must run in one process."""
    count = _runs[task["key"]] = _runs.get(task["key"], 0) + 1
    if count <= task["fails"]:
        raise ValueError(f"flaky {count}")
    return f"ok after {count}"


@bp.activity_trigger(input_name="name")
def say(name: str) -> str:
    """Greet."""
    return "Hello " + name


@bp.orchestration_trigger(context_name="context")
def retried_siblings(context):
    """One retried call gives up while another still retries, and the code goes on."""
    key = context.instance_id
    with contextlib.suppress(Exception):
        yield context.task_all(
            [
                context.call_activity_with_retry(
                    "flaky", df.RetryOptions(100, 1), {"key": key + "a", "fails": 9}
                ),
                context.call_activity_with_retry(
                    "flaky", df.RetryOptions(400, 5), {"key": key + "b", "fails": 2}
                ),
            ]
        )
    return {"say returned": (yield context.call_activity("say", "after"))}


@bp.orchestration_trigger(context_name="context")
def plain_siblings(context):
    """The same without retries: the next call waits for every sibling."""
    begun = context.current_utc_datetime
    with contextlib.suppress(Exception):
        yield context.task_all(
            [
                context.call_activity("flaky", {"key": context.instance_id, "fails": 9}),
                context.create_timer(begun + dt.timedelta(seconds=2)),
            ]
        )
    said = yield context.call_activity("say", "after")
    return {"said": said, "seconds": (context.current_utc_datetime - begun).total_seconds()}


@bp.orchestration_trigger(context_name="context")
def two_events(context):
    """Two events of one name arrive before anybody waits."""
    yield context.wait_for_external_event("go")
    first = yield context.wait_for_external_event("e")
    second = yield context.wait_for_external_event("e")
    return [first, second]


@bp.orchestration_trigger(context_name="context")
def falsy_status(context):
    """A status that is falsy does not replace the former one."""
    context.set_custom_status({"a": 1})
    yield context.call_activity("say", "x")
    context.set_custom_status(0)
    yield context.call_activity("say", "y")
    return 0


@bp.orchestration_trigger(context_name="context")
def window(context):
    """A sliding window of calls in flight, by task_any over a changing list."""
    waiting, live, done = list(range(40)), [], 0
    while waiting or live:
        while waiting and len(live) < 8:
            live.append(context.call_activity("say", str(waiting.pop())))
        winner = yield context.task_any(live)
        live.remove(winner)
        done += 1
    return done


@bp.route(route="start/{name}", methods=["POST"])
@bp.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client) -> func.HttpResponse:
    """Start an instance and give its addresses."""
    instance_id = await client.start_new(req.route_params["name"])
    return client.create_check_status_response(req, instance_id)


@bp.route(route="status/{id}", methods=["GET"])
@bp.durable_client_input(client_name="client")
async def status(req: func.HttpRequest, client) -> func.HttpResponse:
    """What the SDK makes of a status with history, and of a restart."""
    found = await client.get_status(req.route_params["id"], show_history=True)
    restarted = await client.restart(req.route_params["id"])
    shown = {
        "history": found.history,
        "historyEvents": len(found.historyEvents),
        "restart": type(restarted).__name__,
    }
    return func.HttpResponse(json.dumps(shown), mimetype="application/json")


app.register_functions(bp)
