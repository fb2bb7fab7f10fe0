"""Spreading: hosts take turns, and a slow one fills no more than its share."""

from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Find
from pixcrawler.solo.outcomes import Row
from pixcrawler.solo.spread import AHEAD_ROWS, AT_ONCE, Spread

ABOUT = Provenance(engine="uploads")


def rows(*hosts):
    return [Row(key, Find(f"http://{host}/{key}", ABOUT)) for key, host in enumerate(hosts)]


def drained(spread):
    found = []
    while (row := spread.next()) is not None:
        found.append(row)
    return found


def test_hosts_take_turns():
    """Of a list that is sorted by host, neighbours in time are of different hosts."""
    spread = Spread(iter(rows(*"aaabbbccc")))
    assert [row.host for row in drained(spread)] == list("abcabcabc")


def test_every_row_is_given_once():
    """Nothing is lost, nothing comes twice, whatever the length of the list."""
    listed = rows(*[f"h{n % 7}" for n in range(3 * AHEAD_ROWS + 5)])
    assert sorted(row.key for row in drained(Spread(iter(listed)))) == list(range(len(listed)))


def test_a_slow_host_leaves_room_for_others():
    """While others wait, a host has no more than its share under way; alone, it has all."""
    spread = Spread(iter(rows(*"s" * 50, *"f" * 20)))
    slow = fast = 0
    for _ in range(AT_ONCE + 20):
        row = spread.next()
        if row.host == "f":
            fast += 1
            spread.ended(row)
        else:
            slow += 1
    assert (slow, fast) == (AT_ONCE, 20)
    assert len(drained(spread)) == 50 - AT_ONCE
