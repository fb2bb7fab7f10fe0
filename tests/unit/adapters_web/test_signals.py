"""Signals of other packages: found by their entry points, and never in the way of ours."""

from __future__ import annotations

import logging
import sys
from textwrap import dedent

import pytest

from pixcrawler.adapters.web.visiting.signals import GROUP, further_signals
from pixcrawler.domain.purpose import Purpose
from pixcrawler.pipeline.optout.gate import Gate

GOOD = """
    from pixcrawler.domain.purpose import Purpose
    from pixcrawler.pipeline.optout.signal import Saying, Signal

    class AiTxt(Signal):
        name = "ai.txt"

        def of_answer(self, url, headers):
            return [Saying("leave it", url, frozenset(Purpose))]
"""
BROKEN = {
    "no_signal": "class AiTxt:\n    name = 'ai.txt'",
    "no_class": "AiTxt = 7",
    "cannot_be_imported": "raise RuntimeError('odd')",
    "is_not_there": "Other = 7",
    "has_no_name": GOOD.replace('name = "ai.txt"', "pass"),
    "has_an_empty_name": GOOD.replace('"ai.txt"', '""'),
    "takes_the_name_of_ours": GOOD.replace("ai.txt", "tdmrep"),
    "cannot_be_built": GOOD.replace(
        "def of_answer(self, url, headers)", "def __init__(self, needed)"
    ),
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution of one module, as pip leaves it behind."""
    before = set(sys.modules)

    def put(module, source):
        place = tmp_path / module
        metadata = place / f"{module}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (place / f"{module}.py").write_text(dedent(source))
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{module} = {module}:AiTxt\n")
        monkeypatch.syspath_prepend(place)

    yield put
    for name in set(sys.modules) - before:
        if name.startswith("pixcrawler_test_"):
            del sys.modules[name]


def test_an_installed_signal_is_heard(install):
    """A package brings a signal by an entry point, and the gate obeys it."""
    install("pixcrawler_test_good", GOOD)
    gate = Gate(Purpose.RESEARCH, further=further_signals())

    assert "ai.txt" in gate.checked
    assert gate.of_answer("https://a.example/1.jpg", []).refusal.rule == "leave it"


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_package_stops_nobody(install, caplog, fault):
    """It is told in the log; the others are still heard."""
    install(f"pixcrawler_test_{fault}", BROKEN[fault])
    install("pixcrawler_test_good", GOOD)

    with caplog.at_level(logging.ERROR, "pixcrawler.optout"):
        names = [signal.name for signal in further_signals()]
    assert names == ["ai.txt"]
    assert [record.entry_point for record in caplog.records] == [f"pixcrawler_test_{fault}"]


def test_two_packages_cannot_have_one_name(install, caplog):
    """The second one is left out, and that is told."""
    install("pixcrawler_test_one", GOOD)
    install("pixcrawler_test_two", GOOD)

    with caplog.at_level(logging.ERROR, "pixcrawler.optout"):
        names = [signal.name for signal in further_signals()]
    assert names == ["ai.txt"]
    assert len(caplog.records) == 1
