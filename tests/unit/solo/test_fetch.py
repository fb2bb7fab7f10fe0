"""A run over a list: what is kept, what is told, and going on where it ended."""

import hashlib
import io
import json
import tarfile
import threading
import time

import pytest
from arro3.io import read_parquet
from PIL import Image

from pixcrawler.domain.errors import StorageUnavailable
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.solo import fetch as fetching
from pixcrawler.solo.order import CannotFetch, CannotGoOn
from tests.factories import an_image
from tests.fakes.api_server import wait_until


def oks(*numbers):
    return [f"ok/{number}" for number in numbers]


def test_pictures_their_facts_and_captions_share_a_base_name(place):
    """A shard holds for each picture its bytes as they came, its facts and its caption."""
    (place.root / "list.csv").write_text(
        "url,caption,license,creator\n"
        "http://a.example/ok/1,a fox,by-sa,Ann\nhttp://a.example/ok/2,,,\n"
    )
    place.run(source=str(place.root / "list.csv"))
    with tarfile.open(place.out / "00000.tar") as shard:
        found = {name: shard.extractfile(name).read() for name in shard.getnames()}
    key, other = "000000000", "000000001"
    assert sorted(found) == [
        f"{key}.jpg",
        f"{key}.json",
        f"{key}.txt",
        f"{other}.jpg",
        f"{other}.json",
    ]
    assert found[f"{key}.jpg"] == an_image(1, 32, 24)
    assert found[f"{key}.txt"] == b"a fox"
    facts = json.loads(found[f"{key}.json"])
    wanted = {
        "key": key,
        "url": "http://a.example/ok/1",
        "caption": "a fox",
        "license": "by-sa",
        "creator": "Ann",
        "width": 32,
        "height": 24,
        "sha256": hashlib.sha256(an_image(1, 32, 24)).hexdigest(),
        "final_url": "http://a.example/ok/1",
    }
    assert {name: facts.get(name) for name in wanted} == wanted
    assert facts["fetched_at"].endswith("+00:00")


def test_every_row_has_one_outcome_with_its_reason(place):
    """Each usable row is an outcome, in the list's order, with the product's own reasons."""
    place.web.answers = {
        "html": b"<html>no</html>",
        "half": an_image(5, 300, 200)[:2000],
        "gif": b"GIF89a" + bytes(30),
        "ok/3": an_image(1, 32, 24),
    }
    place.list("ok/1", "html", "gone_404_410", "half", "gif", "timed_out", "ok/3")
    report = place.run(concurrency=1)
    assert [(one["status"], one["reason"]) for one in place.outcomes()] == [
        ("success", None),
        ("failed", "not_an_image"),
        ("failed", "gone_404_410"),
        ("failed", "truncated"),
        ("failed", "unsupported_format"),
        ("failed", "timed_out"),
        ("failed", "duplicate_exact"),
    ]
    assert place.outcomes()[6]["duplicate_of"] == "000000000"
    assert place.outcomes()[2]["error_message"] == "gone_404_410 failed"
    assert (report["kept"], report["failed"], report["is_complete"]) == (1, 6, True)
    assert sum(report["reasons"].values()) == 6
    assert json.loads((place.out / "report.json").read_text()) == report


def test_the_tables_say_the_same(place):
    """outcomes.parquet has the rows of outcomes.jsonl, numbers as numbers, findings as JSON."""
    place.list("ok/1", "gone_404_410", "ok/2")
    place.run()
    batches = list(read_parquet(place.out / "outcomes.parquet"))
    names = batches[0].schema.names
    columns = [[v for batch in batches for v in batch.column(n).to_pylist()] for n in names]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    lines = [{**one, "findings": json.dumps(one["findings"])} for one in place.outcomes()]
    assert rows == lines
    assert rows[0]["width"] == 32
    assert {"key", "url", "caption", "status", "error_message", "sha256"} <= set(names)


def test_shards_hold_at_most_what_was_ordered(place):
    """Full shards are followed by others; none is larger than ordered, none empty."""
    place.list(*oks(*range(7)))
    report = place.run(shard_size=3)
    sizes = [sum(n.endswith(".jpg") for n in names) for names in place.members().values()]
    assert sizes == [3, 3, 1]
    assert report["shards"] == 3
    named = {one["key"]: one["shard"] for one in place.outcomes()}
    held = {n[:9]: shard for shard, names in place.members().items() for n in names}
    assert named == held


def test_shards_end_at_their_bytes(place, monkeypatch):
    """A shard is full at its bytes as well, whatever the number of pictures."""
    monkeypatch.setattr("pixcrawler.solo.shards.SHARD_MAX_BYTES", 60_000)
    place.list(*oks(*range(12)))
    place.run()
    assert len(place.members()) > 1
    assert all((place.out / name).stat().st_size <= 60_000 for name in place.members())


def test_the_same_command_again_fetches_nothing(place):
    """What is settled is not fetched again, and the tables stay as they are."""
    place.list("ok/1", "gone_404_410")
    place.run()
    before = (place.out / "outcomes.jsonl").read_bytes()
    place.web.asked.clear()
    report = place.run()
    assert place.web.asked == []
    assert (place.out / "outcomes.jsonl").read_bytes() == before
    assert (report["kept"], report["failed"], report["this_run"]["settled"]) == (1, 1, 0)


def test_only_failures_that_may_pass_are_retried(place):
    """--retry-failed asks for what failed in passing and nothing else; it goes to a new shard."""
    place.list("ok/1", "timed_out", "gone_404_410", "throttled", "disallowed_by_site")
    assert place.run()["failed_in_passing"] == 2
    first = (place.out / "00000.tar").read_bytes()
    place.web.asked.clear()
    place.web.answers["timed_out"] = an_image(77, 32, 24)
    report = place.run(retry_failed=True)
    assert sorted(url.rsplit("/", 1)[1] for url in place.web.asked) == ["throttled", "timed_out"]
    assert (place.out / "00000.tar").read_bytes() == first
    assert [one["status"] for one in place.outcomes()] == ["success", "success"] + ["failed"] * 3
    assert place.outcomes()[1]["shard"] == "00001.tar"
    assert (report["kept"], report["failed"]) == (2, 3)


def test_small_pictures_are_left_out_when_ordered(place):
    """--min-size looks at the shorter side; by default every valid picture is kept."""
    place.list("ok/1")
    place.run(min_size_px=25)
    assert place.outcomes()[0]["reason"] == "too_small_px"


def test_level_none_keeps_what_begins_like_a_picture(place):
    """Without decoding, half files are kept as they came; web pages still are not."""
    half = an_image(5, 300, 200)[:2000]
    place.web.answers = {"half": half, "html": b"<html>no</html>", "gif": b"GIF89a" + bytes(30)}
    place.list("half", "html", "gif")
    place.run(level="none")
    assert place.members() == {
        "00000.tar": ["000000000.jpg", "000000000.json", "000000002.gif", "000000002.json"]
    }
    assert place.outcomes()[0]["sha256"] == hashlib.sha256(half).hexdigest()
    assert place.outcomes()[1]["reason"] == "not_an_image"


@pytest.mark.parametrize(
    "change",
    [{"level": "none"}, {"purpose": "generative"}, {"min_size_px": 9}, {"source": "other.txt"}],
    ids=["level", "purpose", "min_size", "list"],
)
def test_another_list_or_other_options_are_refused(place, change, request):
    """A folder is of one list and one set of options: anything else is refused, nothing touched."""
    place.list("ok/1")
    place.run()
    before = {p: p.read_bytes() for p in place.out.glob("*.*") if p.is_file()}
    place.list("ok/2", name="other.txt")
    words = f"other options \\({request.node.callspec.id}\\)"
    if "source" in change:
        change, words = {"source": str(place.root / "other.txt")}, "another list"
    with pytest.raises(CannotFetch, match=words):
        place.run(**change)
    assert {p: p.read_bytes() for p in place.out.glob("*.*") if p.is_file()} == before


@pytest.mark.parametrize("name", ["00003.tar", "outcomes.jsonl", "report.json"])
def test_files_of_others_are_never_overwritten(place, name):
    """A folder with such a file that is not ours is refused, and nothing is left in it."""
    place.out.mkdir()
    (place.out / name).write_text("mine")
    place.list("ok/1")
    with pytest.raises(CannotFetch, match="not from a fetch"):
        place.run()
    assert [path.name for path in place.out.iterdir()] == [name]


def test_a_shard_of_somebody_else_stops_the_run(place):
    """A foreign file that appears where a shard belongs stays; the picture is not lost."""
    place.list("ok/1", "ok/2")
    place.out.mkdir()
    (place.out / "notes.txt").write_text("mine")
    place.web.answers["ok/2"] = RejectReason.TIMED_OUT
    place.run()
    (place.out / "00001.tar").write_text("mine")
    place.web.answers.clear()
    with pytest.raises(CannotFetch, match="not ours"):
        place.run(retry_failed=True)
    assert (place.out / "00001.tar").read_text() == "mine"
    (place.out / "00001.tar").unlink()
    place.run()
    assert list(place.members()) == ["00000.tar", "00001.tar"]
    assert place.members()["00001.tar"][0] == "000000001.jpg"
    assert (place.out / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("text", ["", "# nothing\n", "url\n", "no address\n", "[]", "{}"])
def test_a_useless_list_leaves_nothing_behind(place, text):
    """A list without an address is a mistake that says why, and makes no folder."""
    (place.root / "list.txt").write_text(text)
    with pytest.raises(CannotFetch, match="has no address that can be used"):
        place.run()
    assert not place.out.exists()


def test_two_runs_in_one_folder_exclude_each_other(place):
    """While one is at work, another one is refused; the first is not disturbed."""
    place.list(*oks(1, 2))
    place.web.wait.clear()
    first = threading.Thread(target=place.run)
    first.start()
    try:
        wait_until(lambda: place.web.asked)
        with pytest.raises(CannotFetch, match="another fetch is at work"):
            place.run()
    finally:
        place.web.wait.set()
        first.join(20)
    assert [one["status"] for one in place.outcomes()] == ["success"] * 2


def test_what_was_not_made_safe_is_done_again(place, monkeypatch):
    """A run that breaks between two safe points loses what came between, and nothing else."""
    monkeypatch.setattr(fetching, "SAFE_EVERY_S", 0.0)
    place.list(*oks(*range(20)))
    add = fetching.Folder.take
    taken = []

    def breaks(folder, settled):
        taken.append(settled.row.key)
        if len(taken) == 11:
            monkeypatch.setattr(fetching, "SAFE_EVERY_S", 1e9)
        if len(taken) == 15:
            raise KeyboardInterrupt
        return add(folder, settled)

    monkeypatch.setattr(fetching.Folder, "take", breaks)
    with pytest.raises(KeyboardInterrupt):
        place.run(concurrency=1, shard_size=8)
    monkeypatch.setattr(fetching.Folder, "take", add)
    place.web.asked.clear()
    place.run(concurrency=1, shard_size=8)
    assert len(place.web.asked) in range(9, 13)
    names = [n for names in place.members().values() for n in names if n.endswith(".jpg")]
    assert sorted(names) == [f"{key:09}.jpg" for key in range(20)]
    for path in place.out.glob("*.tar"):
        with tarfile.open(path) as shard:
            members = shard.getmembers()
            for member in members:
                if member.name.endswith(".jpg"):
                    Image.open(io.BytesIO(shard.extractfile(member).read())).load()
        ends = members[-1].offset_data + -(-members[-1].size // 512) * 512
        assert path.stat().st_size == ends + 1024  # nothing of the broken run is left behind


def test_a_stopped_run_leaves_whole_files_and_goes_on(place):
    """After a stop everything finished is in place, and the next run does the rest once."""
    place.list(*oks(*range(60)))
    fetch = place.fetch(concurrency=4)
    original = place.web.fetch_all

    def stops(urls):
        if len(place.web.asked) > 20:
            fetch.stop()
        yield from original(urls)

    place.web.fetch_all = stops
    report = fetch.run()
    assert not report["is_complete"]
    done = len(place.outcomes())
    assert 20 <= done < 60
    place.web.fetch_all = original
    place.web.asked.clear()
    report = place.run(concurrency=4)
    assert len(place.web.asked) == 60 - done
    assert (report["kept"], report["is_complete"]) == (60, True)


def test_a_full_disk_for_bodies_is_told(place):
    """Whose bodies find no room is told which disk it is, and goes on with the same command."""
    place.list(*oks(*range(8)))
    original = place.web.fetch_all

    def full(urls):
        raise StorageUnavailable("this machine's disk for bodies is full")
        yield  # as fetchers do

    place.web.fetch_all = full
    with pytest.raises(CannotGoOn, match=r"disk for bodies is full \(TMPDIR\); what was finished"):
        place.run()
    place.web.fetch_all = original
    assert place.run()["is_complete"]


def test_few_rows_are_handed_to_the_fetcher(place):
    """However long the list, the fetcher has few more rows than downloads at once."""
    place.list(*oks(*range(40)))
    place.web.wait.clear()
    running = threading.Thread(target=place.run, kwargs={"concurrency": 2})
    running.start()
    try:
        wait_until(lambda: place.web.asked)
        time.sleep(0.3)  # what must not happen has time to
        assert len(place.web.asked) <= fetching.WAITING_TOO * 2
    finally:
        place.web.wait.set()
        running.join(20)
    assert len(place.web.asked) == 40


def test_copies_name_the_picture_that_was_kept(place):
    """Whatever the order in which they came, a copy names the row whose picture is there."""
    place.web.answers = dict.fromkeys(("a", "c"), RejectReason.TIMED_OUT)
    place.web.answers["b"] = an_image(1, 32, 24)
    place.list("a", "b", "c")
    place.run()
    for name in ("a", "c"):
        place.web.answers[name] = place.web.answers["b"]
        place.run(retry_failed=True)
    assert [one["duplicate_of"] for one in place.outcomes()] == ["000000001", None, "000000001"]
