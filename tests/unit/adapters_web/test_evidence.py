"""What is kept of a visit is bounded, plain, and of its last try."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.web.visiting.evidence import FINDINGS_MAX, HEADERS_MAX, Trail, plain
from pixcrawler.domain.visit import Finding, Load, Visit


def a_finding(n, *, refuses=False):
    """A finding like no other."""
    return Finding(signal=f"s{n}", rule="rule", source="header", refuses=refuses)


def test_only_the_last_try_is_kept():
    """The hops of earlier tries are gone, their number and the load they were are not."""
    trail = Trail()
    trail.begin()
    trail.asking("http://a/1").append("192.0.2.1")
    trail.asked(302, {})
    trail.asking("http://b/1").append("192.0.2.3")
    trail.asked(429, {})
    trail.begin()
    trail.asking("http://a/1").append("192.0.2.1")
    trail.asked(500, {})
    trail.begin()
    trail.asking("http://a/2").append("192.0.2.2")
    trail.asked(200, {"Server": "x"})
    visit = trail.visit(("robots.txt",))
    assert [(hop.url, hop.address, hop.status, hop.headers) for hop in visit.hops] == [
        ("http://a/2", "192.0.2.2", 200, (("server", "x"),))
    ]
    assert (visit.tries, visit.checked) == (3, ("robots.txt",))
    assert visit.beside == (
        Load(host="a", requests=2, redirects=1),
        Load(host="b", requests=1, busy=1),
    )


def test_what_is_made_unchecked_would_pass_the_check():
    """The values are as valid as any, whatever hosts send."""
    trail = Trail()
    trail.begin()
    trail.asking("http://a/" + "x" * 9000)
    trail.asked(200, {f"{'x' * n}ETag"[-4:]: "v\udcff\n" * 1000 for n in range(3)})
    trail.found([a_finding(1)])
    trail.sha256 = "00"
    visit = trail.visit(None)
    assert Visit.model_validate(visit.model_dump()) == visit
    assert Visit.model_validate_json(visit.model_dump_json()) == visit


def test_floods_are_bounded_and_the_refusal_is_kept():
    """Of thousands of headers and findings few are kept; what refuses always is."""
    trail = Trail()
    trail.asking("http://a/")

    class Flood(dict):
        def items(self):
            return [("Link", str(n)) for n in range(1000)]

    trail.asked(200, Flood(a=1))
    trail.found([a_finding(n) for n in range(1000)])
    trail.found([a_finding(0), a_finding(1000, refuses=True)])
    visit = trail.visit(None)
    assert len(visit.hops[0].headers) == HEADERS_MAX
    assert len(visit.findings) == FINDINGS_MAX + 1
    assert visit.findings[-1].refuses


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain", "plain"), ("zwölf", "zwölf"), ("a\tb\r\nc\0", "a?b??c?"), ("\udcff", "?")],
    ids=["plain", "letters", "control", "no text"],
)
def test_text_of_strangers_is_made_plain(text, shown):
    """What cannot be printed is replaced, what can is kept."""
    assert plain(text, 100) == shown
    assert plain(text * 100, 3) == (shown * 100)[:3]
