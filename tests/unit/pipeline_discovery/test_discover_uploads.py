"""Uploads in discovery: their own engine alone is asked, and what it leaves out is told."""

from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.source import SearchQuery
from pixcrawler.pipeline.discovery.lanes import lanes_of
from pixcrawler.pipeline.engines.ports import Find, Page
from tests.unit.pipeline_discovery.conftest import JOB
from tests.unit.pipeline_discovery.engines import Broken, Catalogue, find

OWN = Page(
    EngineStatus.OK,
    (
        Find("upload://x/0", find("uploads", "").provenance, key="a" * 32),
        Find("upload://x/1", find("uploads", "").provenance, key="b" * 32),
        find("uploads", "https://p.example/1.jpg"),
        find("uploads", "upload://x/2"),
        find("uploads", "file:///etc/passwd"),
    ),
    detail="birds, upload 1: 1 line is left out",
)


def test_each_query_goes_to_its_own_engine():
    """Words, lists of addresses and uploads are asked of nobody else."""
    about = {"text": "birds", "keyword": "birds", "category": "birds"}
    queries = [
        SearchQuery(**about),
        SearchQuery(**about, addresses=("https://p.example/1.jpg",)),
        SearchQuery(**about, uploads=("0" * 32,)),
    ]

    asked = {
        engine: [number for lane in lanes_of(engine, queries) for number in lane.queries]
        for engine in ("openverse", "urls", "uploads")
    }
    assert asked == {"openverse": [0], "urls": [1], "uploads": [2]}


def test_an_upload_becomes_candidates(rounds, jobs):
    """Pictures of an archive come by their keys; an address of ours without a key is refused."""
    rounds.start([Broken("uploads", OWN)], uploads={"birds": ["0" * 32]})
    found = rounds.run(10)
    candidates = rounds.candidates(0, found)

    assert [(one.url, one.category, one.keyword) for one in candidates] == [
        ("upload://x/0", "birds", "birds"),
        ("upload://x/1", "birds", "birds"),
        ("https://p.example/1.jpg", "birds", "birds"),
    ]
    (report,) = jobs.engines(JOB)
    assert (report.status, report.detail) == (EngineStatus.OK, OWN.detail)


def test_uploads_beside_words(rounds, jobs):
    """A job may have both; each engine is asked for its part."""
    engine = Catalogue("openverse", {"robin": 5})
    rounds.start(
        [engine, Broken("uploads", OWN)],
        keywords=["robin"],
        uploads={"birds": ["0" * 32]},
    )
    candidates = rounds.candidates(0, rounds.run(10))

    assert sorted({one.category for one in candidates}) == ["birds", "robin"]
    assert {report.engine: report.candidates for report in jobs.engines(JOB)} == {
        "openverse": 5,
        "uploads": 3,
    }
