"""robots.txt: which lines are for us, which of them decides, and what its status means."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.domain.purpose import Purpose
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.optout.robots import MAX_BYTES, UNCERTAIN, RobotsTxt
from pixcrawler.pipeline.optout.signal import SiteRules
from pixcrawler.pipeline.visits.ports import SiteFile

STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
SITE = "https://pictures.example"
DIGEST = "ab" * 32


def site(body: bytes | str, status: int | None = 200) -> SiteRules:
    """The files of a site with this robots.txt and nothing else."""
    data = body.encode() if isinstance(body, str) else body
    robots = SiteFile(f"{SITE}/robots.txt", status, data, DIGEST)
    return SiteRules(robots, SiteFile(f"{SITE}/.well-known/tdmrep.json", 404))


def deciding(body: bytes | str, path: str) -> str | None:
    """The rule that forbids a path; None: it is allowed."""
    (said,) = RobotsTxt().of_site(SITE + path, site(body))
    return said.rule if said.refused else None


ALLOWED = None


@pytest.mark.parametrize(
    ("body", "path", "expected"),
    [
        pytest.param("", "/a.jpg", ALLOWED, id="empty-file"),
        pytest.param("User-agent: *\nDisallow:\n", "/a.jpg", ALLOWED, id="empty-disallow"),
        pytest.param("User-agent: *\nDisallow: /\n", "/a.jpg", "Disallow: /", id="everything"),
        pytest.param("user-AGENT:*\ndisALLOW:/x", "/x/a.jpg", "disALLOW:/x", id="case-and-spaces"),
        pytest.param(
            "User-agent: *\nDisallow: /private/ # ours\n",
            "/private/a.jpg",
            "Disallow: /private/",
            id="comment",
        ),
        pytest.param("User-agent: *\nDisallow: /a\nAllow: /a/b\n", "/a/b/c", ALLOWED, id="longer"),
        pytest.param("User-agent: *\nDisallow: /a\nAllow: /a\n", "/a/b", ALLOWED, id="tie-allows"),
        pytest.param(
            "User-agent: *\nDisallow: /\nDisallow: /a/b\nDisallow: /a\n",
            "/a/b/c",
            "Disallow: /a/b",
            id="longest-is-told",
        ),
        pytest.param(
            "User-agent: *\nDisallow: /*.gif$\n", "/a/b.gif", "Disallow: /*.gif$", id="wildcards"
        ),
        pytest.param("User-agent: *\nDisallow: /*.gif$\n", "/b.gif?x", ALLOWED, id="end"),
        pytest.param(
            "User-agent: *\nDisallow: /*?size=\n", "/a?size=2", "Disallow: /*?size=", id="query"
        ),
        pytest.param(
            "User-agent: *\nDisallow: /caf%C3%A9\n", "/café/a", "Disallow: /caf%C3%A9", id="escaped"
        ),
        pytest.param(
            "User-agent: *\nDisallow: /café\n", "/caf%c3%a9/a", "Disallow: /café", id="unescaped"
        ),
        pytest.param("User-agent: *\nDisallow: /a%2Fb\n", "/a/b", ALLOWED, id="slash-is-no-escape"),
        pytest.param("User-agent: *\nDisallow: /", "", "Disallow: /", id="no-path-is-root"),
        pytest.param(
            "User-agent: *\nDisallow: /\n\nUser-agent: pixcrawler\nDisallow: /x\n",
            "/a",
            ALLOWED,
            id="our-group-alone",
        ),
        pytest.param(
            "User-agent: PixCrawler/1.0\nDisallow: /x\n\nUser-agent: *\nDisallow: /y\n",
            "/x",
            "Disallow: /x",
            id="our-token-with-version",
        ),
        pytest.param(
            "User-agent: pix\nDisallow: /\n\nUser-agent: crawler\nDisallow: /\n",
            "/a",
            ALLOWED,
            id="part-of-our-token-is-not-us",
        ),
        pytest.param(
            "User-agent: pixcrawler-news\nDisallow: /\n", "/a", ALLOWED, id="longer-token-is-not-us"
        ),
        pytest.param(
            "User-agent: a\nUser-agent: pixcrawler\nUser-agent: b\nDisallow: /x\n",
            "/x",
            "Disallow: /x",
            id="several-agents",
        ),
        pytest.param(
            "User-agent: a\nUser-agent: *\n\n\nDisallow: /x\n",
            "/x",
            "Disallow: /x",
            id="empty-lines-end-nothing",
        ),
        pytest.param(
            "User-agent: *\nDisallow: /x\nUser-agent: b\nDisallow: /y\nUser-agent: *\nDisallow: /z",
            "/z",
            "Disallow: /z",
            id="groups-for-one-agent-are-one",
        ),
        pytest.param(
            "User-agent: *\nSitemap: /s.xml\nUser-agent: b\nDisallow: /x\n",
            "/x",
            "Disallow: /x",
            id="sitemap-ends-no-list-of-agents",
        ),
        pytest.param(
            "User-agent: *\nDisallow: /\nUser-agent: pixcrawler\n",
            "/a",
            ALLOWED,
            id="ours-is-empty",
        ),
        pytest.param("Disallow: /\n", "/a", ALLOWED, id="rule-for-nobody"),
        pytest.param("User-agent:\nDisallow: /\n", "/a", ALLOWED, id="agent-without-name"),
        pytest.param("User-agent *\nDisallow /x\n", "/x", "Disallow /x", id="without-colons"),
        pytest.param("User-agent: *\nDissallow: /x\n", "/x", "Dissallow: /x", id="misspelt"),
        pytest.param("User-agent: *\rDisallow: /x\r", "/x", "Disallow: /x", id="old-mac-lines"),
        pytest.param("User-agent: *\r\nDisallow: /x\r\n", "/x", "Disallow: /x", id="dos-lines"),
        pytest.param(
            b"\xef\xbb\xbfUser-agent: *\nDisallow: /x\n", "/x", "Disallow: /x", id="utf-8-mark"
        ),
        pytest.param(
            "User-agent: *\nDisallow: /x\n".encode("utf-16"), "/x", "Disallow: /x", id="utf-16"
        ),
        pytest.param(
            b"User-agent: *\nDisallow: /caf\xe9\nDisallow: /x\n", "/x", "Disallow: /x", id="latin-1"
        ),
        pytest.param(
            "<!doctype html><title>404</title><p>User-agent: *<p>Disallow: /",
            "/a",
            ALLOWED,
            id="html",
        ),
        pytest.param(
            "User-agent: *\nDisallow: /x\u2028User-agent: b\n", "/x", "Disallow: /x", id="odd-lines"
        ),
        pytest.param("User-agent: *\nDisallow: /a$b\n", "/a$b/c", "Disallow: /a$b", id="dollar"),
    ],
)
def test_the_rule_that_decides_is_found(body, path, expected):
    """What RFC 9309 forbids is refused, with the line as it is written."""
    assert deciding(body, path) == expected


def test_a_file_that_allows_is_evidence():
    """That it was asked, and by its digest what it said then; without a file, nothing is told."""
    ruling = Gate(Purpose.RESEARCH).of_site(f"{SITE}/a", site("User-agent: *\nDisallow: /x\n"))
    without = Gate(Purpose.RESEARCH).of_site(f"{SITE}/a", site("", 404))

    assert [finding.model_dump() for finding in ruling.findings] == [
        {
            "signal": "robots.txt",
            "rule": "allows it",
            "source": f"{SITE}/robots.txt",
            "digest": DIGEST,
            "refuses": False,
        }
    ]
    assert (ruling.refusal, ruling.reason, without.findings) == (None, None, ())


def test_robots_txt_itself_may_always_be_asked_for():
    """Else nobody could learn that a site allows something now."""
    assert deciding("User-agent: *\nDisallow: /\n", "/robots.txt") is None


@pytest.mark.parametrize("purpose", list(Purpose), ids=str)
def test_a_disallow_is_for_every_purpose(purpose):
    """robots.txt is about fetching at all; where it stands and its digest are kept."""
    ruling = Gate(purpose).of_site(f"{SITE}/x", site("User-agent: *\nDisallow: /x\n"))

    assert ruling.reason is RejectReason.DISALLOWED_BY_SITE
    assert ruling.refusal is not None
    assert ruling.refusal.model_dump() == {
        "signal": "robots.txt",
        "rule": "Disallow: /x",
        "source": f"{SITE}/robots.txt",
        "digest": DIGEST,
        "refuses": True,
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, "disallowed_by_site: Disallow: /"),
        (206, "disallowed_by_site: Disallow: /"),
        (301, None),
        (401, None),
        (403, None),
        (404, None),
        (410, None),
        (429, "robots_unavailable: status 429, so that everything is disallowed"),
        (500, "robots_unavailable: status 500, so that everything is disallowed"),
        (503, "robots_unavailable: status 503, so that everything is disallowed"),
        (999, "robots_unavailable: status 999, so that everything is disallowed"),
        (None, "robots_unavailable: no answer, so that everything is disallowed"),
    ],
    ids=str,
)
def test_a_status_says_whether_there_are_rules(status, expected):
    """No file: no rules. No answer: everything is refused, because nobody knows the rules."""
    gate = Gate(Purpose.RESEARCH)
    ruling = gate.of_site(f"{SITE}/x", site("User-agent: *\nDisallow: /\n", status))
    told = ruling.refusal and f"{ruling.reason}: {ruling.refusal.rule}"

    assert told == expected


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        ("10", 10.0),
        ("0.5", 0.5),
        ("0", 0.0),
        ("3600", 3600.0),
        ("86400", 3600.0),
        ("-1", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("-inf", 0.0),
        ("1e400", 0.0),
        ("soon", 0.0),
        ("", 0.0),
    ],
    ids=repr,
)
def test_a_crawl_delay_is_obeyed_when_it_is_a_time(delay, expected):
    """Finite, not negative, and an hour at most."""
    rules = site(f"User-agent: *\nCrawl-delay: {delay}\nDisallow: /x\n")

    assert Gate(Purpose.RESEARCH).of_site(f"{SITE}/a", rules).interval_s == expected


def test_a_crawl_delay_for_others_is_not_ours():
    """Of the group for us, or none."""
    rules = site("User-agent: b\nCrawl-delay: 9\n\nUser-agent: *\nDisallow: /x\n")

    assert Gate(Purpose.RESEARCH).of_site(f"{SITE}/a", rules).interval_s == 0.0


def test_a_line_that_was_cut_off_does_not_count():
    """Half of ``Disallow: /private/`` would be ``Disallow: /``."""
    head = b"User-agent: *\nDisallow: /x\n"
    filled = head + b"#" * (MAX_BYTES - len(head) - 12) + b"\nDisallow: /private/\n"

    assert deciding(filled, "/a") is None
    assert deciding(filled[:MAX_BYTES], "/a") is None
    assert deciding(filled, "/x") == "Disallow: /x"
    assert deciding(filled.replace(b"\n", b"\r"), "/x") == "Disallow: /x"
    assert deciding(filled.replace(b"\n", b" "), "/x") is None


def test_a_rule_longer_than_any_address_refuses_by_its_beginning():
    """A Disallow of 10,000 characters covers at least what it says; an Allow of them nothing."""
    long = "/a" * 5000
    body = f"User-agent: *\nDisallow: {long}\nDisallow: /b\nAllow: /b{long}\n"

    assert deciding(body, "/a" * 1500).startswith("Disallow: /a/a")
    assert deciding(body, "/a" * 500) is None
    assert deciding(body, "/b" + "/a" * 1500) == "Disallow: /b"
    assert deciding(f"User-agent: *\nAllow: /b{long}\n", "/b" + "/a" * 1500) is None


def test_too_many_wildcards_refuse_everything():
    """What nobody can check within bounds is not taken for a leave."""
    body = "User-agent: *\n" + "".join(f"Disallow: *{n}\n" for n in range(10_001))

    assert deciding(body, "/x") == "more than 10000 wildcards, so that everything is disallowed"


def _plain_rules() -> str:
    return "User-agent: *\n" + "".join(f"Disallow: /{n:07x}\n" for n in range(25_000))


def _many_agents() -> str:
    agents = "".join(f"User-agent: {n:x}\n" for n in range(12_000))
    return agents + "Disallow: /a\n" * 20_000


def _many_groups() -> str:
    return "User-agent: *\nAllow: /\n" * 20_000 + "User-agent: *\nDisallow: /x\n"


def _stars() -> str:
    return "User-agent: *\n" + ("Disallow: /" + "*a" * 400 + "b$\n") * 24


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param(_plain_rules(), "/" + "x" * 4000, id="25000-rules-allowed"),
        pytest.param(_plain_rules(), "/0000001", id="25000-rules-refused"),
        pytest.param(_many_agents(), "/a", id="agents-times-rules"),
        pytest.param(_many_groups(), "/x", id="20000-groups"),
        pytest.param(_stars(), "/" + "a" * 4000, id="stars"),
        pytest.param("User-agent: *\nDisallow: " + "*" * 490_000 + "$", "/a", id="one-long-rule"),
        pytest.param("User-agent: *\nDisallow: " + "%" * 490_000, "/a", id="escapes"),
        pytest.param("User-agent:" + " " * 490_000 + "\nDisallow: /", "/a", id="spaces"),
    ],
)
def test_hostile_files_take_no_time(body, path):
    """The largest file that is read is judged within moments (here 0.2 s)."""
    began = time.perf_counter()
    for n in range(5):
        deciding(body, f"{path}{n}")

    assert time.perf_counter() - began < 5.0


@STEADY
@given(st.binary(max_size=300), st.text(max_size=40))
def test_no_file_breaks_the_reader(body, path):
    """Whatever stands in it, and whatever the address is."""
    deciding(body, f"/{path}")


LINES = st.lists(
    st.builds(
        "{}: {}".format,
        st.sampled_from(["Allow", "Disallow", "User-agent", "Content-Usage", "Crawl-delay", "X"]),
        st.text("/ab*$%2Fé?=# x", max_size=12),
    ),
    max_size=12,
)


@STEADY
@given(LINES, st.text("/ab%2Fé?=", max_size=12))
def test_every_refusal_names_a_line_of_the_file(lines, path):
    """Protego decides; the line that is told is one that covers the address."""
    body = "User-agent: *\n" + "\n".join(lines)

    rule = deciding(body, f"/{path}")

    assert rule in (None, UNCERTAIN) or rule in [line.partition("#")[0].strip() for line in lines]


def test_the_order_of_lines_means_nothing():
    """RFC 9309: the longest match decides, wherever it stands."""
    lines = [f"Disallow: /{'a' * n}" for n in range(1, 9)] + ["Allow: /aaaa"]
    for n in range(20):
        random.Random(n).shuffle(lines)
        body = "\n".join(("User-agent: *", *lines))

        assert deciding(body, "/aaaa/x") is None
        assert deciding(body, "/aaaaaab") == "Disallow: /aaaaaa"
