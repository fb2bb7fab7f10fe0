"""Function chaining: greetings for three cities, one after another."""

import azure.durable_functions as df
import azure.functions as func

bp = df.Blueprint()


@bp.route(route="orchestrators/{name}", methods=["POST"])
@bp.durable_client_input(client_name="client")
async def http_start(req: func.HttpRequest, client) -> func.HttpResponse:
    """Start any of the samples with the body as its input; answers 202 and the addresses."""
    value = req.get_json() if req.get_body() else None
    instance_id = await client.start_new(
        req.route_params["name"], req.params.get("id"), client_input=value
    )
    return client.create_check_status_response(req, instance_id)


@bp.orchestration_trigger(context_name="context")
def hello_cities(context):
    """Each call waits for the one before."""
    tokyo = yield context.call_activity("say_hello", "Tokyo")
    seattle = yield context.call_activity("say_hello", "Seattle")
    cairo = yield context.call_activity("say_hello", "Cairo")
    return [tokyo, seattle, cairo]


@bp.activity_trigger(input_name="city")
def say_hello(city: str) -> str:
    """Greet a city."""
    return f"Hello {city}!"
