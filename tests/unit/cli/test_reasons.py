"""Reject reasons are told in plain words."""

from pixcrawler.cli.reasons import REASONS, explain, reason_of
from pixcrawler.domain.verdict import RejectReason


def test_every_reason_is_explained():
    """The command line explains each reason of the app, and no other, in the app's order."""
    assert list(REASONS) == [str(reason) for reason in RejectReason]


def test_an_unknown_reason_explains_itself():
    """A reason that a newer server sends is shown by its name."""
    assert explain("too_boring") == "too boring"


def test_a_reason_may_be_cut_short():
    """Its beginning does, where it is the beginning of one reason only."""
    assert reason_of("gone") == "gone_404_410"
    assert reason_of("Throttled") == "throttled"
    assert [reason_of(word) for word in ("duplicate", "sunspots", "")] == [
        *("duplicate", "sunspots", ""),
    ]
