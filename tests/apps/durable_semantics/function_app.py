"""One of everything that Durable Functions do, each as small as it can be."""

import datetime as dt
import json
import os

import azure.durable_functions as df
import azure.functions as func
from activities import bp as activities
from orchestrators import bp as orchestrators

# Both kinds of app must behave alike.
make_app = df.DFApp if os.environ.get("DURABLE_TEST_DFAPP") else func.FunctionApp
app = make_app(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(activities)
app.register_functions(orchestrators)
bp = df.Blueprint()


def answer(value):
    return func.HttpResponse(
        json.dumps({"result": value}, default=str), mimetype="application/json"
    )


@bp.route(route="start/{name}", methods=["POST"])
@bp.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client) -> func.HttpResponse:
    """Start an instance; with ?wait=milliseconds answer with its output."""
    body = req.get_body()
    instance_id = await client.start_new(
        req.route_params["name"], req.params.get("id"), json.loads(body) if body else None
    )
    if req.params.get("wait"):
        return await client.wait_for_completion_or_create_check_status_response(
            req, instance_id, int(req.params["wait"]), 50
        )
    return client.create_check_status_response(req, instance_id)


async def _status(client, told):
    status = await client.get_status(
        told["id"],
        show_history=told.get("history", False),
        show_history_output=told.get("history_output", False),
        show_input=True,
    )
    if not status:
        return None
    shown = status.to_json()
    shown["history attribute"] = status.history
    shown["historyEvents"] = getattr(status, "historyEvents", None)
    return shown


async def _purge_by(client, told):
    statuses = [df.OrchestrationRuntimeStatus(name) for name in told["statuses"]]
    purged = await client.purge_instance_history_by(
        dt.datetime(2020, 1, 1, tzinfo=dt.UTC), None, statuses
    )
    return purged.instances_deleted


async def _list(client, told):
    statuses = [df.OrchestrationRuntimeStatus(name) for name in told["statuses"]]
    return [one.instance_id for one in await client.get_status_by(runtime_status=statuses)]


async def _purge(client, told):
    return (await client.purge_instance_history(told["id"])).instances_deleted


async def _read(client, told):
    state = await client.read_entity_state(df.EntityId(told["entity"], told["key"]))
    return {"exists": state.entity_exists, "state": state.entity_state}


async def _signal(client, told):
    entity = df.EntityId(told["entity"], told["key"])
    await client.signal_entity(entity, told["op"], told.get("input"))


OPERATIONS = {
    "raise": lambda client, told: client.raise_event(told["id"], told["event"], told.get("data")),
    "terminate": lambda client, told: client.terminate(told["id"], told["reason"]),
    "suspend": lambda client, told: client.suspend(told["id"], "because"),
    "resume": lambda client, told: client.resume(told["id"], "because"),
    "rewind": lambda client, told: client.rewind(told["id"], "because"),
    "restart": lambda client, told: client.restart(told["id"], told.get("new", True)),
    "status": _status,
    "list": _list,
    "purge": _purge,
    "purge_by": _purge_by,
    "signal": _signal,
    "read": _read,
}


@bp.route(route="client/{op}", methods=["POST"])
@bp.durable_client_input(client_name="client")
async def client_operation(req: func.HttpRequest, client) -> func.HttpResponse:
    """Run one method of the durable client."""
    return answer(await OPERATIONS[req.route_params["op"]](client, req.get_json()))


@bp.route(route="n/{n:int}", methods=["GET"])
def number(req: func.HttpRequest) -> func.HttpResponse:
    """Something for call_http to call."""
    return func.HttpResponse(
        "n=" + req.route_params["n"], status_code=int(req.params.get("as", 200))
    )


@bp.route(route="pid", methods=["GET"])
def pid(req: func.HttpRequest) -> func.HttpResponse:
    """The process that runs functions."""
    return answer(os.getpid())


app.register_functions(bp)
