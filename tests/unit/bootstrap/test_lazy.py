"""Adapters are built at their first use, one at a time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import ValidationError

from pixcrawler.bootstrap import Lazy, World
from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.purpose import Purpose
from pixcrawler.settings import Settings

ENVIRONMENT = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "DataStorage": "UseDevelopmentStorage=true",
    "DATABASE_API_URL": "postgresql://a:secret-a@127.0.0.1/x",
    "DATABASE_WORKER_URL": "postgresql://w:secret-w@127.0.0.1/x",
    "SUPABASE_URL": "http://127.0.0.1:1",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x",
}


class Slow:
    """Two things that take a while to build, and note who builds at the same time."""

    def __init__(self) -> None:
        self.building = 0
        self.most = 0
        self.builds = 0

    def _build(self) -> str:
        self.building += 1
        self.most = max(self.most, self.building)
        self.builds += 1
        time.sleep(0.02)
        self.building -= 1
        return f"built {self.builds}"

    @Lazy
    def one(self) -> str:
        return self._build()

    @Lazy
    def other(self) -> str:
        return self._build()


def test_only_one_thread_builds():
    """Threads that need different things first wait for each other: imports must not race."""
    slow, barrier = Slow(), threading.Barrier(8)

    def use(place: int) -> str:
        barrier.wait()
        return slow.one if place % 2 else slow.other

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(use, range(8)))

    assert (slow.most, slow.builds, len(answers)) == (1, 2, 2)


def test_without_a_website_there_is_no_local_engine():
    """The engine of the picture website exists only where its address is set."""
    alone = World(Settings.from_environment(ENVIRONMENT))
    beside = World(
        Settings.from_environment({**ENVIRONMENT, "LOCAL_SITE_URL": "http://127.0.0.1:2"})
    )

    assert {"openverse", "urls"} < set(alone.engines)
    assert set(beside.engines) - set(alone.engines) == {"local"}


@pytest.mark.parametrize(
    "name", ["blobs", "jobs", "datasets", "keeper", "catalogue", "tokens", "engines", "fetcher"]
)
def test_building_asks_nobody(name):
    """Every part of the world is built without a database, a store or a network, and only once."""
    world = World(Settings.from_environment(ENVIRONMENT))

    assert getattr(world, name) is getattr(world, name)


def test_the_guard_cannot_be_opened_in_azure(monkeypatch):
    """Origins that pass the address guard are for development; in Azure they stop the app."""
    monkeypatch.setenv("WEBSITE_INSTANCE_ID", "x")
    opened = {**ENVIRONMENT, "FETCH_ALLOW_ORIGINS": "http://127.0.0.1:2"}

    with pytest.raises(InvariantBroken, match="FETCH_ALLOW_ORIGINS"):
        _ = World(Settings.from_environment(opened)).fetcher


def test_settings_do_not_print_secrets():
    """Connection strings and passwords never show in a log of the settings."""
    shown = repr(Settings.from_environment(ENVIRONMENT))

    assert "secret-a" not in shown
    assert "secret-w" not in shown


def test_signals_that_are_left_out_must_exist():
    """A misspelt opt-out signal stops the download instead of being obeyed in silence."""
    odd = World(Settings.from_environment({**ENVIRONMENT, "OPT_OUT_IGNORE": "x-robots"}))
    with pytest.raises(InvariantBroken, match=r"OPT_OUT_IGNORE: no signal is called x-robots"):
        odd.fetcher_of("somebody", Purpose.RESEARCH)

    fair = World(Settings.from_environment({**ENVIRONMENT, "OPT_OUT_IGNORE": " x-robots-tag,"}))
    assert "x-robots-tag" not in fair._gates[Purpose.RESEARCH].checked
    assert "robots.txt" in fair._gates[Purpose.RESEARCH].checked


def test_robots_txt_cannot_be_left_out():
    """Whatever an operator ignores, robots.txt is obeyed."""
    with pytest.raises(ValidationError, match=r"robots\.txt is always obeyed"):
        Settings.from_environment({**ENVIRONMENT, "OPT_OUT_IGNORE": "c2pa, robots.txt"})
