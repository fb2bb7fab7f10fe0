import pytest

from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.supervisor import GaveUp, Supervisor


class Mortal:
    """A part that dies as told; each life is how many looks it survives, None a failed start."""

    def __init__(self, *lives):
        self.lives = list(lives)
        self.left = self.lives.pop(0)
        self.starts = 0

    def start(self):
        self.starts += 1
        life = self.lives.pop(0) if self.lives else 1000
        if life is None:
            raise CannotStart("the port is taken\nmore words")
        self.left = life

    def stop(self):
        self.left = 0

    def is_alive(self):
        self.left -= 1
        return self.left >= 0


class Time:
    """A clock that only waiting moves; asks to stop after an hour."""

    def __init__(self):
        self.now = 0.0

    def wait(self, seconds):
        self.now += seconds
        return self.now > 3600

    def __call__(self):
        return self.now


def watch(**parts):
    """Watch parts for an hour; return what was said."""
    said, clock = [], Time()
    Supervisor(parts, said.append, clock.wait, clock).watch()
    return said


def test_dead_part_is_started_again():
    """A part that died runs again, the others are left alone."""
    dead, healthy = Mortal(5), Mortal(10**6)
    dead.lives = [10**6]
    said = watch(host=dead, website=healthy)
    assert said == ["host died (it ended); starting it again", "host runs again"]
    assert (dead.starts, healthy.starts) == (1, 0)


def test_failed_start_is_tried_again():
    """A start that fails is tried again, and its reason is told in one line."""
    part = Mortal(5, None, None, 10**6)
    said = watch(host=part)
    assert "host died (the port is taken); starting it again" in said
    assert said[-1] == "host runs again"
    assert part.starts == 3


def test_dying_again_and_again():
    """Five deaths within a minute are too many; the last reason is in the message."""
    with pytest.raises(GaveUp, match="host died 5 times within a minute: the port is taken"):
        watch(host=Mortal(1, None, None, None, None, None))


def test_rare_deaths_are_forgiven():
    """Many deaths over a long time are no reason to give up."""
    part = Mortal(*[900] * 20, 10**6)
    assert watch(host=part).count("host runs again") == 20


def test_stop_while_waiting():
    """Asked to stop while it waits to start a part again, it does not start it."""
    part, waits = Mortal(0), []

    def stopping(seconds):
        waits.append(seconds)
        return len(waits) == 2

    Supervisor({"host": part}, lambda _: None, stopping, lambda: 0.0).watch()
    assert part.starts == 0
