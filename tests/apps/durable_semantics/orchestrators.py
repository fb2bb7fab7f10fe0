"""The orchestrators of the semantics app."""

import datetime as dt

import azure.durable_functions as df
from activities import awork

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def chain(context):
    """Three activities one after another."""
    greetings = []
    for name in ("otter", "heron", "lynx"):
        context.set_custom_status({"at": name})
        greetings.append((yield context.call_activity("say", name)))
    return greetings


@bp.orchestration_trigger(context_name="context")
def fan(context):
    """Many activities at once."""
    told = context.get_input()
    tasks = [
        context.call_activity("work", {"i": i, "ms": told.get("ms", 0)}) for i in range(told["n"])
    ]
    return sum((yield context.task_all(tasks)))


@bp.orchestration_trigger(context_name="context")
def afan(context):
    """Many async activities at once, called by the function object."""
    told = context.get_input()
    tasks = [context.call_activity(awork, {"i": i, "ms": told["ms"]}) for i in range(told["n"])]
    return sum((yield context.task_all(tasks)))


@bp.orchestration_trigger(context_name="context")
def retry(context):
    """Retried activities and a plain one, then another activity."""
    told = context.get_input()
    options = df.RetryOptions(told.get("ms", 200), told["max"])
    tasks = [
        context.call_activity_with_retry(
            "flaky", options, {"key": f"{context.instance_id}-{key}", "fails": told["fails"]}
        )
        for key in told["keys"]
    ]
    tasks.append(context.call_activity("say", "mid"))
    try:
        results = yield context.task_all(tasks)
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing finer
        results = {"error": str(error)}
    return [results, (yield context.call_activity("say", "end"))]


@bp.orchestration_trigger(context_name="context")
def race(context):
    """An event against a timer."""
    told = context.get_input() or {}
    due = context.current_utc_datetime + dt.timedelta(seconds=told.get("s", 1))
    timer = context.create_timer(due)
    approval = context.wait_for_external_event("approval")
    winner = yield context.task_any([timer, approval])
    if winner == approval:
        if told.get("cancel", True):
            timer.cancel()
        return {"event": approval.result}
    return {"timeout": True}


@bp.orchestration_trigger(context_name="context")
def race_again(context):
    """Two events against one timer, which the first task_any has scheduled already."""
    due = context.current_utc_datetime + dt.timedelta(seconds=context.get_input()["s"])
    timer = context.create_timer(due)
    for _ in range(2):
        approval = context.wait_for_external_event("approval")
        winner = yield context.task_any([approval, timer])
        if winner == timer:
            return "timeout"
    timer.cancel()
    return "two events"


@bp.orchestration_trigger(context_name="context")
def sub_parent(context):
    """Sub-orchestrations in parallel, then one with an id of its own."""
    told = context.get_input() or {}
    tasks = [context.call_sub_orchestrator("chain", {"x": i}) for i in range(told.get("n", 2))]
    many = yield context.task_all(tasks)
    one = yield context.call_sub_orchestrator("chain", None, context.instance_id + "-child")
    return [many, one, context.parent_instance_id]


@bp.orchestration_trigger(context_name="context")
def sub_fail(context):
    """The failure of a sub-orchestration, caught."""
    try:
        yield context.call_sub_orchestrator("failing", {"x": 1})
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing finer
        return "caught " + str(error)[:200]


@bp.orchestration_trigger(context_name="context")
def failing(context):
    """An orchestrator that raises."""
    yield context.call_activity("say", "x")
    raise ValueError("orchestrator exploded")


@bp.orchestration_trigger(context_name="context")
def rewindable(context):
    """Fails until its activity has run twice."""
    return (yield context.call_activity("flaky", {"key": context.instance_id, "fails": 1}))


@bp.orchestration_trigger(context_name="context")
def rewindable_parent(context):
    """Fails with its sub-orchestration."""
    child = context.instance_id + "-child"
    return (yield context.call_sub_orchestrator("rewindable", None, child))


@bp.orchestration_trigger(context_name="context")
def eternal(context):
    """Begins again five times."""
    n = context.get_input() or 0
    yield context.call_activity("say", str(n))
    if n < 5:
        context.continue_as_new(n + 1)
        return None
    return f"done {n}"


@bp.orchestration_trigger(context_name="context")
def collector(context):
    """Takes one event an execution; events on their way must reach the next one."""
    got = context.get_input() or []
    value = yield context.wait_for_external_event("item")
    got = [*got, value]
    if len(got) < 5:
        context.continue_as_new(got)
        return None
    return got


@bp.orchestration_trigger(context_name="context")
def long_timer(context):
    """Sleeps."""
    seconds = context.get_input() or 5
    yield context.create_timer(context.current_utc_datetime + dt.timedelta(seconds=seconds))
    return "fired"


@bp.orchestration_trigger(context_name="context")
def entity_user(context):
    """Signal, call, and a call that raises."""
    entity = df.EntityId("counter", context.instance_id)
    context.signal_entity(entity, "add", 5)
    seven = yield context.call_entity(entity, "add", 2)
    got = yield context.call_entity(entity, "get")
    try:
        yield context.call_entity(entity, "bad")
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing finer
        got = [got, "error " + str(error)]
    return [seven, got]


@bp.orchestration_trigger(context_name="context")
def http_call(context):
    """One request to somewhere."""
    return (yield context.call_http("GET", context.get_input()))


@bp.orchestration_trigger(context_name="context")
def deaths(context):
    """Deadly activities, and innocent ones beside them."""
    told = context.get_input()
    works = [context.call_activity("work", {"i": i, "ms": told["ms"]}) for i in range(told["n"])]
    key = {"key": context.instance_id, "deaths": told["deaths"]}
    poison = context.call_activity("deadly", key)
    try:
        yield context.task_all([*works, poison])
        outcome = poison.result
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing finer
        outcome = str(error)
    return [sum((yield context.task_all(works))), outcome]
