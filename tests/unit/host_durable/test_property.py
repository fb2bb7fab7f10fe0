"""Whatever the program, the order of completions and the accidents: the result is its meaning."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.host.calls import WorkerLost
from tests.unit.host_durable.driver import Engine, play
from tests.unit.host_durable.programs import app, events_of, meaning, programs

_EXAMPLES = 60
# What the SDK says of every event that comes before somebody waits for it.
pytestmark = pytest.mark.filterwarnings("ignore:Potential duplicate Task completion")


def disturbed(chance: random.Random, losses: float):
    """Calls that take random times, and lose their worker now and then."""

    async def before(_: str) -> None:
        await asyncio.sleep(chance.choice((0, 0, 0.001, 0.004)))
        if chance.random() < losses:
            raise WorkerLost

    return before


def mixed(chance: random.Random, accidents, stories):
    """Accidents and the events of all instances in any order that the programs allow."""
    waiting = {instance_id: events_of(story, chance) for instance_id, story in stories.items()}
    turns = [instance_id for instance_id, names in waiting.items() for _ in names]
    acts = [*turns, *accidents]
    chance.shuffle(acts)
    return [(act, waiting[act].pop(0)) if act in waiting else act for act in acts]


@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    stories=st.lists(programs, min_size=1, max_size=3),
    seed=st.integers(0, 2**32),
    accidents=st.lists(st.sampled_from(["crash", "restart"]), max_size=3),
)
def test_every_interleaving_gives_the_straight_line_result(stories, seed, accidents):
    """Random orchestrators, delays, lost workers, crashes and restarts do not change results."""
    chance = random.Random(seed)

    async def scenario() -> None:
        with tempfile.TemporaryDirectory() as folder:
            engine = Engine(app(), Path(folder), activity_tries=10_000, episode_tries=10_000)
            engine.caller.before = disturbed(chance, 0.05)
            async with engine:
                ids = [engine.start("run", {"program": story, "done": []}) for story in stories]
                for act in mixed(chance, accidents, dict(zip(ids, stories, strict=True))):
                    await asyncio.sleep(chance.choice((0, 0.002, 0.008)))
                    await _act(engine, act)
                for instance_id, story in zip(ids, stories, strict=True):
                    assert await _end(engine, instance_id, story) == meaning(story)

    play(scenario)


async def _act(engine: Engine, act: str | tuple[str, str]) -> None:
    match act:
        case "crash":
            await engine.crash()
        case "restart":
            await engine.restart()
        case instance_id, name:
            # A new execution drops what the old one had buffered: raise what it waits for.
            await engine.until(lambda: _waits(engine, instance_id, name))
            engine.lifecycle.raise_event(instance_id, name, json.dumps(f"payload of {name}"))


def _waits(engine: Engine, instance_id: str, name: str) -> bool:
    told = json.loads(json.loads(engine.instance(instance_id).input))
    before_the_next = []
    for verb, value in told["program"]:
        if verb == "again":
            break
        before_the_next.append(value if verb == "wait" else None)
    return name in before_the_next


async def _end(engine: Engine, instance_id: str, story) -> list[object]:
    status, output = await engine.end_of(instance_id)
    assert status == "Completed", (status, output, story)
    return output
