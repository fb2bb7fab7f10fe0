"""A list of good and bad addresses, from the command line to the files, over real sockets."""

import hashlib
import json
import tarfile
from collections import Counter

from arro3.io import read_parquet

GOOD = [f"/ok/{n}" for n in range(6)]
BAD = {
    "/html": "not_an_image",
    "/half": "truncated",
    "/nothing": "gone_404_410",
    "/same/2": "duplicate_exact",
    "http://10.1.2.3/x.jpg": "address_blocked",
    "http://169.254.169.254/latest/meta-data": "address_blocked",
    "http://[::1]/x.jpg": "address_blocked",
    "/private/1": "disallowed_by_site",
}


def test_every_address_ends_with_its_reason(program, server):
    """Good, broken, missing, equal, private, disallowed: each is told, the exit code is 0."""
    server.robots = "User-agent: *\nDisallow: /private/\n"
    name = program.list("/same/1", *GOOD, *BAD, "no address at all")
    said = program.run(name, "--out", "out", "--concurrency", "4")
    assert (said.code, said.err.count("row 16 is left out")) == (0, 1), said.err
    reasons = {one["url"].removeprefix(server.origin): one["reason"] for one in program.outcomes()}
    # Of two equal pictures, the first to come is kept.
    pair = {reasons.pop("/same/1"), reasons.pop("/same/2")}
    assert pair == {None, "duplicate_exact"}
    wanted = {path: reason for path, reason in BAD.items() if path != "/same/2"}
    assert reasons == {**dict.fromkeys(GOOD), **wanted}
    assert "/private/1" not in server.hits
    [refused] = [one for one in program.outcomes() if one["reason"] == "disallowed_by_site"]
    [finding] = [one for one in refused["findings"] if one["refuses"]]
    assert (finding["signal"], finding["source"]) == ("robots.txt", f"{server.origin}/robots.txt")
    assert server.most_in_flight <= 4
    report = json.loads((program.out / "report.json").read_text())
    assert (report["rows"], report["kept"], report["failed"], report["faulty_rows"]) == (
        15,
        7,
        8,
        1,
    )
    assert report["reasons"] == dict(Counter(sorted(BAD.values())))
    assert report["hosts"][0]["requests"] == len(server.hits)
    for word in ("7 pictures kept", "disallowed_by_site", "robots.txt", "outcomes.parquet"):
        assert word in said.out


def test_loaders_find_pairs_and_tables(program, server):
    """The tar's members come in groups of one base name; both tables hold the same rows."""
    program.list(*GOOD)
    (program.folder / "list.csv").write_text(
        "url,caption\n" + "".join(f"{server.origin}{path},picture {path}\n" for path in GOOD)
    )
    assert program.run("list.csv", "--out", "out").code == 0
    with tarfile.open(program.out / "00000.tar") as shard:
        names = shard.getnames()
        groups = [names[n : n + 3] for n in range(0, len(names), 3)]
        for group in groups:
            bases = {name.partition(".")[0] for name in group}
            assert [name.partition(".")[2] for name in group] == ["jpg", "json", "txt"]
            assert len(bases) == 1
            data, facts, caption = (shard.extractfile(name).read() for name in group)
            known = json.loads(facts)
            assert hashlib.sha256(data).hexdigest() == known["sha256"]
            assert caption.decode() == known["caption"] == f"picture {known['url'][-5:]}"
    keys = [
        key for b in read_parquet(program.out / "outcomes.parquet") for key in b["key"].to_pylist()
    ]
    assert keys == [one["key"] for one in program.outcomes()] == [f"{n:09}" for n in range(6)]


def test_the_site_learns_who_asks(program, server):
    """--contact is in the User-Agent of every request; --json prints the report and no more."""
    name = program.list("/ok/1")
    said = program.run(name, "--out", "out", "--contact", "me@example.org", "--json")
    assert said.json["settings"]["user_agent"].endswith("(+me@example.org)")
    assert {one for one in server.agents if "me@example.org" not in one} == set()
    assert said.json == json.loads((program.out / "report.json").read_text())


def test_a_list_on_standard_input(program, server):
    """- reads the list from stdin; the same list again goes on with the folder."""
    lines = f"{server.origin}/ok/1\n{server.origin}/ok/2\n"
    assert program.run("-", "--out", "out", stdin=lines).code == 0
    before = len(server.hits)
    assert program.run("-", "--out", "out", stdin=lines).code == 0
    assert len(server.hits) == before


def test_nothing_kept_is_a_failure(program):
    """Exit code 1 when no picture was kept; the outcomes say why."""
    said = program.run(program.list("/nothing", "/html"), "--out", "out")
    assert said.code == 1
    assert [one["reason"] for one in program.outcomes()] == ["gone_404_410", "not_an_image"]


def test_mistakes_are_told_without_a_traceback(program):
    """A foreign folder, a bad option, none: exit code 2, in words or as JSON, and no folder."""
    (program.folder / "mine").mkdir()
    (program.folder / "mine" / "00000.tar").write_text("mine")
    good = program.list("/ok/1")
    for arguments, words in (
        ((good, "--out", "mine", "--json"), "not from a fetch"),
        ((good, "--out", "out", "--concurrency", "5000"), "concurrency: "),
        ((good,), "--out"),
    ):
        said = program.run(*arguments)
        assert (said.code, "Traceback" in said.err) == (2, False), said.err
        assert words in said.err
        if "--json" in arguments:
            assert said.json["error"]["code"] == "usage"
    assert not program.out.exists()


def test_what_sites_say_is_shown_harmlessly(program, server):
    """Control characters of captions, faulty rows and reasons reach neither terminal nor tables."""
    (program.folder / "list.csv").write_text(
        f'url,caption\n{server.origin}/ok/1,"=cmd|\x1b]0;x\x07"\n\x1b[31mno,x\n'
    )
    said = program.run("list.csv", "--out", "out")
    assert said.code == 0
    assert "\x1b" not in said.out + said.err
    assert program.outcomes()[0]["caption"] == "=cmd| ]0;x"
