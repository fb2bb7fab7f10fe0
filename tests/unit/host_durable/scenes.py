"""The functions that the engine's tests run: an app of small orchestrators."""

from __future__ import annotations

import datetime as dt
import json

import azure.durable_functions as df
import azure.functions as func


def app() -> func.FunctionApp:
    """A new app object; a task hub enumerates it once."""
    bp = df.Blueprint()
    adders = (_activities, _entities, _plain, _caught, _with_events, _with_children, _broken)
    for add in adders:
        add(bp)
    made = func.FunctionApp()
    made.register_functions(bp)
    return made


def _activities(bp) -> None:
    @bp.activity_trigger(input_name="value")
    def echo(value: str) -> str:
        return value

    @bp.activity_trigger(input_name="value")
    def swell(value: int) -> str:
        return "x" * value

    @bp.activity_trigger(input_name="value")
    def other(value: str) -> str:
        return value


def _entities(bp) -> None:
    @bp.entity_trigger(context_name="context")
    def counter(context) -> None:
        total = context.get_state(lambda: 0) + (context.get_input() or 0)
        context.set_state(total)
        context.set_result(total)


def _plain(bp) -> None:
    @bp.orchestration_trigger(context_name="context")
    def echoes(context):
        tasks = [context.call_activity("echo", str(i)) for i in range(context.get_input())]
        return (yield context.task_all(tasks))

    @bp.orchestration_trigger(context_name="context")
    def swelling(context):
        return len((yield context.call_activity("swell", context.get_input())))

    @bp.orchestration_trigger(context_name="context")
    def large(context):
        return len((yield context.call_activity("echo", "x" * context.get_input())))

    @bp.orchestration_trigger(context_name="context")
    def sleeper(context):
        told = context.get_input()
        pause = dt.timedelta(milliseconds=told["ms"])
        yield context.create_timer(context.current_utc_datetime + pause)
        return "awake"

    @bp.orchestration_trigger(context_name="context")
    def statuses(context):
        context.set_custom_status("x" * context.get_input())
        yield context.call_activity("echo", "a")
        return "done"


def _caught(bp) -> None:
    @bp.orchestration_trigger(context_name="context")
    def counting(context):
        entity = df.EntityId("counter", "one")
        try:
            return (yield context.call_entity(entity, "add", 5))
        except Exception as error:  # noqa: BLE001 - the SDK raises nothing finer
            return f"error: {error}"

    @bp.orchestration_trigger(context_name="context")
    def unknown_activity(context):
        try:
            yield context.call_activity("nowhere", "x")
        except Exception as error:  # noqa: BLE001 - as above
            return str(error)

    @bp.orchestration_trigger(context_name="context")
    def with_token(context):
        source = df.ManagedIdentityTokenSource("https://management.core.windows.net/")
        try:
            yield context.call_http("GET", "http://127.0.0.1/", token_source=source)
        except Exception as error:  # noqa: BLE001 - as above
            return str(error)


def _with_events(bp) -> None:
    @bp.orchestration_trigger(context_name="context")
    def waiter(context):
        return (yield context.wait_for_external_event("go"))

    @bp.orchestration_trigger(context_name="context")
    def timed_again(context):
        ms = context.get_input()
        timer = context.create_timer(context.current_utc_datetime + dt.timedelta(milliseconds=ms))
        for _ in range(2):
            event = context.wait_for_external_event("go")
            if (yield context.task_any([event, timer])) == timer:
                return "timeout"
        timer.cancel()
        return "two events"


def _with_children(bp) -> None:
    @bp.orchestration_trigger(context_name="context")
    def parent(context):
        told = context.get_input()
        try:
            return (
                yield context.call_sub_orchestrator(told["name"], told.get("input"), told.get("id"))
            )
        except Exception as error:  # noqa: BLE001 - as above
            return f"error: {error}"

    @bp.orchestration_trigger(context_name="context")
    def forever(context):
        n = context.get_input()
        late = context.create_timer(context.current_utc_datetime + dt.timedelta(hours=1))
        yield context.task_any([context.call_activity("echo", str(n)), late])
        late.cancel()
        if n < 3:
            context.continue_as_new(n + 1)
            return None
        return n


def _broken(bp) -> None:
    runs: list[int] = []

    @bp.orchestration_trigger(context_name="context")
    def fickle(context):
        runs.append(1)
        yield context.call_activity("echo" if len(runs) == 1 else "other", "x")
        return "never"

    @bp.orchestration_trigger(context_name="context")
    def unserialisable(context):
        yield context.call_activity("echo", "x")
        return {1, 2}

    @bp.orchestration_trigger(context_name="context")
    def half_a_pair(context):
        context.set_custom_status("\ud800")
        yield context.call_activity("echo", "\ud800")
        raise ValueError("\ud800")

    @bp.orchestration_trigger(context_name="context")
    def crasher(context):
        # An input that is no JSON text: the SDK's own get_input raises.
        return json.dumps(context.get_input())
