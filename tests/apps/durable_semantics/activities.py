"""The activities and the entity of the semantics app."""

import asyncio
import hashlib
import json
import os
import time
from pathlib import Path

import azure.durable_functions as df

bp = df.Blueprint()
FOLDER = Path(os.environ["DURABLE_TEST_FOLDER"])


def note(**what):
    """Append a line that tests read: which activity ran, where."""
    with (FOLDER / "runs.jsonl").open("a") as file:
        file.write(json.dumps({"pid": os.getpid(), **what}) + "\n")


def attempt(key):
    """Count the runs of one key, over all processes and restarts."""
    path = FOLDER / hashlib.sha256(key.encode()).hexdigest()
    with path.open("a") as file:
        file.write("x")
    return path.stat().st_size


@bp.activity_trigger(input_name="name")
def say(name: str) -> str:
    """Greet."""
    return f"Hello {name}!"


@bp.activity_trigger(input_name="task")
def work(task: dict) -> int:
    """Take some time, and give the number back."""
    note(i=task["i"])
    time.sleep(task.get("ms", 0) / 1000)
    return task["i"]


@bp.activity_trigger(input_name="task")
async def awork(task: dict) -> int:
    """The same on the event loop."""
    await asyncio.sleep(task.get("ms", 0) / 1000)
    return task["i"]


@bp.activity_trigger(input_name="task")
def flaky(task: dict) -> str:
    """Fail the first runs of a key."""
    count = attempt(task["key"])
    if count <= task["fails"]:
        raise ValueError(f"flaky {count}")
    return f"ok after {count}"


@bp.activity_trigger(input_name="task")
def deadly(task: dict) -> str:
    """Kill the process, the first times of a key."""
    count = attempt(task["key"])
    note(deadly=task["key"])
    if count <= task["deaths"]:
        os._exit(3)
    return f"alive after {count}"


@bp.entity_trigger(context_name="context")
def counter(context):
    """A number that operations change."""
    total = context.get_state(lambda: 0)
    match context.operation_name:
        case "add":
            total += context.get_input()
        case "bad":
            raise ValueError("bad op")
        case "delete":
            context.destruct_on_exit()
            return
    context.set_state(total)
    context.set_result(total)
