"""Random orchestrations: a program as JSON, an orchestrator that runs it, and its plain meaning.

Left out on purpose are the hazards of the SDK: failing retried calls inside task_all, and two
events of one name.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from hypothesis import strategies as st

Program = list[list[Any]]


def app() -> func.FunctionApp:
    """An app whose orchestrator runs programs."""
    bp = df.Blueprint()

    @bp.activity_trigger(input_name="n")
    def double(n: int) -> int:
        return 2 * n

    @bp.activity_trigger(input_name="n")
    def refuse(n: int) -> int:
        raise ValueError(f"never {n}")

    @bp.entity_trigger(context_name="context")
    def adder(context) -> None:
        total = context.get_state(lambda: 0) + (context.get_input() or 0)
        context.set_state(total)
        context.set_result(total)

    @bp.orchestration_trigger(context_name="context")
    def run(context):
        told = context.get_input()
        done = told["done"]
        for index, (verb, value) in enumerate(told["program"]):
            if verb == "again":
                rest = told["program"][index + 1 :]
                context.continue_as_new({**told, "program": rest, "done": done})
                return None
            done.append((yield from _step(context, verb, value)))
        return done

    made = func.FunctionApp()
    made.register_functions(bp)
    return made


def _step(context, verb, value):
    match verb:
        case "call" | "sleep":
            return (yield _task(context, verb, value))
        case "all":
            return (yield context.task_all([_task(context, *each) for each in value]))
        case "wait":
            return (yield context.wait_for_external_event(value))
    return (yield from _STORIES[verb](context, value))


def _fail(context, value):
    return (yield from _caught(context.call_activity("refuse", value)))


def _retry(context, value):
    options = df.RetryOptions(1, value)
    return (yield from _caught(context.call_activity_with_retry("refuse", options, value)))


def _count(context, value):
    entity = df.EntityId("adder", context.instance_id)
    context.signal_entity(entity, "add", value)
    return (yield context.call_entity(entity, "add", 1))


def _task(context, verb, value):
    match verb:
        case "call":
            return context.call_activity("double", value)
        case "sub":
            return context.call_sub_orchestrator("run", {"program": value, "done": []})
        case "sleep":
            return context.create_timer(_soon(context, value))
    raise AssertionError(verb)


def _caught(task):
    with contextlib.suppress(Exception):
        yield task
        return "no error"
    return "caught"


def _race(context, value):
    timer = context.create_timer(context.current_utc_datetime + dt.timedelta(hours=1))
    call = context.call_activity("double", value)
    winner = yield context.task_any([timer, call])
    timer.cancel()
    return winner.result


_STORIES = {"fail": _fail, "retry": _retry, "count": _count, "race": _race}


def _soon(context, milliseconds):
    return context.current_utc_datetime + dt.timedelta(milliseconds=milliseconds)


def meaning(program: Program) -> list[Any]:
    """What a program gives when nothing goes wrong, told without any of the machinery."""
    count = 0
    done: list[Any] = []
    for verb, value in program:
        if verb == "count":
            count += value + 1
            done.append(count)
        elif verb != "again":
            done.append(_result(verb, value))
    return done


def _result(verb: str, value: Any) -> Any:
    match verb:
        case "call" | "race":
            return 2 * value
        case "all":
            return [_result(each, inner) for each, inner in value]
        case "sub":
            return meaning(value)
        case "wait":
            return f"payload of {value}"
    return "caught" if verb in ("fail", "retry") else None


def events_of(program: Program, chance: random.Random) -> list[str]:
    """The events that a program waits for itself, in any order within each execution."""
    executions: list[list[str]] = [[]]
    for verb, value in program:
        if verb == "again":
            executions.append([])
        elif verb == "wait":
            executions[-1].append(value)
    for names in executions:
        chance.shuffle(names)
    return [name for names in executions for name in names]


_numbers = st.integers(0, 9)
_pauses = st.integers(0, 15)
_calls = st.tuples(st.just("call"), _numbers)
_simple = st.one_of(
    _calls,
    st.tuples(st.just("fail"), _numbers),
    st.tuples(st.just("retry"), st.integers(1, 3)),
    st.tuples(st.just("sleep"), _pauses),
    st.tuples(st.just("race"), _numbers),
    st.tuples(st.just("count"), st.integers(1, 9)),
)
_children = st.lists(
    st.one_of(_simple, st.tuples(st.just("again"), st.none())).map(list), max_size=3
)
_parts = st.one_of(
    _calls,
    st.tuples(st.just("sub"), _children),
    st.tuples(st.just("sleep"), _pauses),
)
_steps = st.one_of(
    _simple,
    st.tuples(st.just("all"), st.lists(_parts.map(list), min_size=1, max_size=5)),
    st.tuples(st.just("again"), st.none()),
    st.tuples(st.just("wait"), st.none()),
)


def _named(program: Program) -> Program:
    # A name of its own for each event.
    return [[verb, f"e{i}" if verb == "wait" else value] for i, (verb, value) in enumerate(program)]


programs = st.lists(_steps.map(list), max_size=7).map(_named)
"""Programs of up to seven steps."""
