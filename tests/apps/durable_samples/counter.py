"""Stateful entity: a counter that clients signal and read, and orchestrators call."""

import json

import azure.durable_functions as df
import azure.functions as func

bp = df.Blueprint()


@bp.entity_trigger(context_name="context")
def Counter(context):  # noqa: N802 - the sample's name; it shows that case does not matter
    """The operations add, reset and get."""
    value = context.get_state(lambda: 0)
    match context.operation_name:
        case "add":
            value += context.get_input()
        case "reset":
            value = 0
    context.set_state(value)
    context.set_result(value)


@bp.route(route="counters/{key}", methods=["POST"])
@bp.durable_client_input(client_name="client")
async def add_to_counter(req: func.HttpRequest, client) -> func.HttpResponse:
    """Signal: answers at once, the operation runs later."""
    entity = df.EntityId("Counter", req.route_params["key"])
    await client.signal_entity(entity, req.params.get("op", "add"), int(req.params["amount"]))
    return func.HttpResponse(status_code=202)


@bp.route(route="counters/{key}", methods=["GET"])
@bp.durable_client_input(client_name="client")
async def read_counter(req: func.HttpRequest, client) -> func.HttpResponse:
    """The state now, or 404."""
    state = await client.read_entity_state(df.EntityId("Counter", req.route_params["key"]))
    if not state.entity_exists:
        return func.HttpResponse(status_code=404)
    return func.HttpResponse(json.dumps(state.entity_state), mimetype="application/json")


@bp.orchestration_trigger(context_name="context")
def count_twice(context):
    """Call the counter named by the input, and give both answers."""
    entity = df.EntityId("Counter", context.get_input())
    first = yield context.call_entity(entity, "add", 10)
    second = yield context.call_entity(entity, "add", 1)
    return [first, second]
