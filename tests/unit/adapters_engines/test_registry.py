"""Engines of other packages are found when installed, and harm nobody when they are bad."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from pixcrawler.adapters.engines.registry import BUILT_IN, GROUP, known_engines
from pixcrawler.adapters.engines.shape import Ask
from pixcrawler.domain.engine import Access, EngineStatus
from pixcrawler.domain.filters import Filters
from tests.contracts.answers import saying
from tests.contracts.engine import searched

MAP = Path(__file__).parents[3] / "pixcrawler" / "README.md"
GOOD = MAP.read_text(encoding="utf-8").split("# harbour_pictures.py\n")[1].split("```")[0]
"""The example that people copy."""
BAD = {
    "raises_at_import": "raise RuntimeError('no licence file')",
    "does_not_parse": "class HarbourEngine(",
    "lacks_the_name": "x = 1",
    "is_no_engine": "class HarbourEngine: card = None",
    "is_no_class": "HarbourEngine = 'an engine'",
    "has_no_card": """
        from pixcrawler.adapters.engines.shape import Engine
        class HarbourEngine(Engine):
            def request(self, ask): ...
            def read(self, body, ask): ...
    """,
    "has_a_card_of_the_wrong_type": """
        from pixcrawler.adapters.engines.shape import Engine
        class HarbourEngine(Engine):
            card = {"name": "harbour"}
            def request(self, ask): ...
            def read(self, body, ask): ...
    """,
    "has_an_impossible_card": """
        from pixcrawler.adapters.engines.shape import Engine
        from pixcrawler.domain.engine import Access, EngineCard
        class HarbourEngine(Engine):
            card = EngineCard(name="No Name!", title="x", access=Access.OPEN)
    """,
    "is_half_an_engine": """
        from pixcrawler.adapters.engines.shape import Engine
        from pixcrawler.domain.engine import Access, EngineCard
        class HarbourEngine(Engine):
            card = EngineCard(name="harbour", title="x", access=Access.OPEN)
            def request(self, ask): ...
    """,
    "takes_the_name_of_ours": GOOD.replace('name="harbour"', 'name="openverse"'),
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
        (metadata / "entry_points.txt").write_text(
            f"[{GROUP}]\n{module} = {module}:HarbourEngine\n"
        )
        monkeypatch.syspath_prepend(place)

    yield put
    for name in set(sys.modules) - before:
        if name.startswith("pixcrawler_test_"):
            del sys.modules[name]


def test_our_engines_are_there_each_under_its_own_name():
    """Whatever is installed beside us."""
    known = known_engines()
    assert {engine.card.name: engine for engine in BUILT_IN}.items() <= known.items()


@pytest.mark.parametrize("engine", BUILT_IN, ids=lambda engine: engine.card.name)
def test_only_one_engine_hides_who_we_are(engine):
    """Google's page for old telephones is the one exception, and its terms say so."""
    request = next(engine("https://engine.example", "key:cx").steps(Ask("x", Filters())))
    hides = "user-agent" in {name.lower() for name in request.headers}
    assert hides == (engine.card.name == "google_html")
    assert ("User-Agent" in engine.card.terms) == hides


def test_an_undocumented_route_has_terms_to_accept():
    """In words of our own, with the place where theirs stand, and a modest pace."""
    cards = [engine.card for engine in BUILT_IN if engine.card.access is Access.OPT_IN]
    assert {card.name for card in cards} == {"bing", "duckduckgo", "baidu", "google_html"}
    for card in cards:
        assert "carries the risk" in card.terms
        assert card.terms_url.startswith("https://")
        assert min(quota.seconds / quota.requests for quota in card.quotas) >= 2


def test_an_installed_engine_is_known_and_works(install):
    """A package brings an engine by an entry point, and it is searched like ours."""
    install("pixcrawler_test_good", GOOD)
    engine = known_engines()["harbour"]("https://mirror.example/")
    page, asked = searched(engine, saying('{"pictures": [{"url": "https://h.example/1.jpg"}]}'))
    assert (page.status, page.finds[0].url) == (EngineStatus.OK, "https://h.example/1.jpg")
    assert asked[0].url == "https://mirror.example/search"
    assert engine.request(Ask("x", Filters())).params == {"q": "x", "page": "1"}


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_package_is_told_and_left_out(install, caplog, name):
    """The log names the entry point; every other engine is still there, ours under its name."""
    install("pixcrawler_test_good", GOOD)
    install(f"pixcrawler_test_{name}", BAD[name])
    known = known_engines()
    assert known["harbour"].card.title == "Harbour pictures"
    assert {engine.card.name: engine for engine in BUILT_IN}.items() <= known.items()
    told = [record for record in caplog.records if record.message == "engine.not_loaded"]
    assert [record.entry_point for record in told] == [f"pixcrawler_test_{name}"]


def test_of_two_packages_with_one_name_one_counts(install, caplog):
    """The log says that the other one was left out."""
    install("pixcrawler_test_first", GOOD)
    install("pixcrawler_test_second", GOOD)
    assert known_engines()["harbour"].__module__.startswith("pixcrawler_test_")
    assert [record.message for record in caplog.records] == ["engine.not_loaded"]
