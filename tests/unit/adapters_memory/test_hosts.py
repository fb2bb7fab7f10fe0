"""The hosts' desk in memory keeps the contract of the real one."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.memory.hosts import FORGOTTEN_AFTER_S, HOSTS_MIN, MemoryHosts
from pixcrawler.pipeline.visits.ports import HostReport, Wish
from tests.contracts.host_desk import LASTS_S, HostDeskContract


class MemoryHostsHarness:
    """A desk whose time is ours."""

    def __init__(self) -> None:
        self.at = 1_000.0
        self.desk = MemoryHosts(self.now, LASTS_S)

    def now(self) -> float:
        return self.at

    def pass_time(self, seconds: float) -> None:
        self.at += seconds


class TestMemoryHosts(HostDeskContract):
    @pytest.fixture
    def harness(self) -> MemoryHostsHarness:
        return MemoryHostsHarness()


def _visit(desk: MemoryHosts, host: str) -> None:
    """Visit a host as a worker does, and give everything back."""
    desk.share("ann", [Wish(host, 0, 1, 6)])
    desk.report("ann", [HostReport(host, 1, 10)])
    desk.share("ann", [Wish(host, 0, 0, 6)])


def test_hosts_that_were_left_are_forgotten() -> None:
    """Over a list of ever more hosts no more are kept than are visited in some minutes."""
    harness = MemoryHostsHarness()
    for number in range(20 * HOSTS_MIN):
        _visit(harness.desk, f"{number}.example")
        harness.pass_time(FORGOTTEN_AFTER_S / HOSTS_MIN)
    assert len(harness.desk._hosts) <= 3 * HOSTS_MIN


def test_what_still_matters_of_a_host_is_not_forgotten() -> None:
    """Pauses, shares and intervals hold, however many other hosts come meanwhile."""
    harness = MemoryHostsHarness()
    desk = harness.desk
    desk.report("bob", [HostReport("paused.example", 1, 0, pause_s=4 * FORGOTTEN_AFTER_S)])
    desk.share("bob", [Wish("slow.example", 0, 1, 6, 3600.0)])
    desk.share("bob", [Wish("slow.example", 0, 0, 6, 3600.0)])
    for number in range(6 * HOSTS_MIN):
        if number % HOSTS_MIN == 0:
            desk.share("bob", [Wish("used.example", 6, 6, 6)])
        _visit(desk, f"{number}.example")
        harness.pass_time(LASTS_S / HOSTS_MIN / 2)
    harness.pass_time(FORGOTTEN_AFTER_S + 1)
    desk.share("bob", [Wish("used.example", 6, 6, 6)])
    for number in range(3 * HOSTS_MIN):
        _visit(desk, f"again-{number}.example")
    hosts = ("paused.example", "slow.example", "used.example")
    found = desk.share("ann", [Wish(host, 0, 1, 6, 3600.0 * (host[0] == "s")) for host in hosts])
    assert found["paused.example"].paused_s > FORGOTTEN_AFTER_S
    assert found["slow.example"].wait_s > FORGOTTEN_AFTER_S
    assert found["used.example"].places == 0
