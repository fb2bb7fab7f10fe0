"""TDMRep: rights that are reserved, in the site's file and in headers."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.domain.purpose import Purpose
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.optout.signal import SiteRules
from pixcrawler.pipeline.optout.tdmrep import TdmRep
from pixcrawler.pipeline.visits.ports import SiteFile

STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
SITE = "https://pictures.example"
FILE = f"{SITE}/.well-known/tdmrep.json"
DIGEST = "cd" * 32
POLICY = "https://provider.com/policies/policy.json"


def site(body: object, status: int | None = 200) -> SiteRules:
    """The files of a site with this tdmrep.json and no robots.txt."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SiteRules(SiteFile(f"{SITE}/robots.txt", 404), SiteFile(FILE, status, data, DIGEST))


def said(body: object, path: str = "/a.jpg", status: int | None = 200) -> list[str]:
    """What the file says of a path."""
    return [saying.rule for saying in TdmRep().of_site(SITE + path, site(body, status))]


def rule(location: object, reservation: object, **more: object) -> dict[str, object]:
    """One object of the file."""
    return {"location": location, "tdm-reservation": reservation, **more}


# The example of the specification, section 4.1.2.
EXAMPLE = [
    rule("/directory-a/", 1),
    rule("/directory-b/html/", 1, **{"tdm-policy": POLICY}),
    rule("/directory-b/images/*.jpg", 0),
]


@pytest.mark.parametrize(
    ("body", "path", "expected"),
    [
        pytest.param([rule("/", 1)], "/a.jpg", ["/ tdm-reservation: 1"], id="everything"),
        pytest.param(
            EXAMPLE, "/directory-a/x", ["/directory-a/ tdm-reservation: 1"], id="example-a"
        ),
        pytest.param(
            EXAMPLE,
            "/directory-b/html/x",
            [f"/directory-b/html/ tdm-reservation: 1, tdm-policy: {POLICY}"],
            id="example-b",
        ),
        pytest.param(
            EXAMPLE,
            "/directory-b/images/1.jpg",
            ["/directory-b/images/*.jpg tdm-reservation: 0"],
            id="example-c",
        ),
        pytest.param(EXAMPLE, "/elsewhere", [], id="no-match-is-unset"),
        pytest.param([rule("/a", 0), rule("/", 1)], "/a/b", ["/a tdm-reservation: 0"], id="first"),
        pytest.param(
            [rule("/", 1), rule("/a", 0)], "/a/b", ["/ tdm-reservation: 1"], id="not-best"
        ),
        pytest.param([rule("/a$", 1)], "/a", ["/a$ tdm-reservation: 1"], id="end"),
        pytest.param([rule("/a$", 1)], "/ab", [], id="beyond-the-end"),
        pytest.param([rule("/*/b", 1)], "/x/y/b", ["/*/b tdm-reservation: 1"], id="star"),
        pytest.param([rule("*", 1)], "/x", ["* tdm-reservation: 1"], id="star-alone"),
        pytest.param([rule("/A", 1)], "/a", [], id="case-matters"),
        pytest.param([rule("/a%24", 1)], "/a$b", ["/a%24 tdm-reservation: 1"], id="escaped-dollar"),
        pytest.param([rule("/", "1")], "/a", [], id="text-is-unset"),
        pytest.param([rule("/", True)], "/a", [], id="true-is-unset"),
        pytest.param([rule("/", 1.0)], "/a", [], id="fraction-is-unset"),
        pytest.param([rule("/", 2)], "/a", [], id="two-is-unset"),
        pytest.param([rule("/", None)], "/a", [], id="null-is-unset"),
        pytest.param([rule("/", [1])], "/a", [], id="array-is-unset"),
        pytest.param([rule("/", 2), rule("/", 1)], "/a", ["/ tdm-reservation: 1"], id="next-one"),
        pytest.param([rule("", 1)], "/a", [], id="no-location"),
        pytest.param([rule(7, 1)], "/a", [], id="location-is-no-text"),
        pytest.param([{"tdm-reservation": 1}], "/a", [], id="location-missing"),
        pytest.param([{"location": "/"}], "/a", [], id="reservation-missing"),
        pytest.param([1, None, "x", [], rule("/", 1)], "/a", ["/ tdm-reservation: 1"], id="odd"),
        pytest.param(rule("/", 1), "/a", [], id="no-array"),
        pytest.param(
            [rule("/", 1, **{"tdm-policy": 7})], "/a", ["/ tdm-reservation: 1"], id="policy"
        ),
        pytest.param(
            [rule("/", 0, **{"tdm-policy": "https://p.example"})],
            "/a",
            ["/ tdm-reservation: 0"],
            id="policy-without-reservation-means-nothing",
        ),
        pytest.param([], "/a", [], id="empty-array"),
        pytest.param(b"", "/a", [], id="empty"),
        pytest.param(b"<!doctype html>", "/a", [], id="html"),
        pytest.param(b"\xff\xfe[\0", "/a", [], id="wrong-encoding"),
        pytest.param(
            b'\xef\xbb\xbf[{"location": "/", "tdm-reservation": 1}]',
            "/a",
            ["/ tdm-reservation: 1"],
            id="utf-8-mark",
        ),
    ],
)
def test_the_first_rule_that_covers_a_path_counts(body, path, expected):
    """As the specification has it; what breaks it is unset."""
    assert said(body, path) == expected


@pytest.mark.parametrize("status", [None, 301, 403, 404, 429, 500], ids=str)
def test_without_a_file_nothing_is_reserved(status):
    """A site that gives none has no part in the protocol."""
    assert said([rule("/", 1)], status=status) == []


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([("tdm-reservation", "1")], ["tdm-reservation: 1"], id="reserved"),
        pytest.param([("TDM-Reservation", " 1 ")], ["tdm-reservation: 1"], id="case-and-spaces"),
        pytest.param([("tdm-reservation", "0")], ["tdm-reservation: 0"], id="not-reserved"),
        pytest.param(
            [("tdm-reservation", "1"), ("tdm-policy", "https://p.example/1")],
            ["tdm-reservation: 1, tdm-policy: https://p.example/1"],
            id="policy",
        ),
        pytest.param([("tdm-policy", "https://p.example/1")], [], id="policy-alone"),
        pytest.param([("tdm-reservation", "2")], [], id="two"),
        pytest.param([("tdm-reservation", "true")], [], id="true"),
        pytest.param([("tdm-reservation", '"1"')], [], id="quoted"),
        pytest.param([("tdm-reservation", "")], [], id="empty"),
        pytest.param(
            [("tdm-reservation", "0"), ("tdm-reservation", "1")], ["tdm-reservation: 1"], id="both"
        ),
        pytest.param([("tdm-reservation", "1, 1")], ["tdm-reservation: 1"], id="joined"),
    ],
)
def test_a_header_reserves_its_answer(headers, expected):
    """0 and 1; other values are unset, and of several the more restrictive counts."""
    assert [saying.rule for saying in TdmRep().of_answer("u", headers)] == expected


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        (Purpose.RESEARCH, None),
        (Purpose.RECOGNITION, RejectReason.OPTED_OUT),
        (Purpose.GENERATIVE, RejectReason.OPTED_OUT),
    ],
    ids=str,
)
def test_a_reservation_does_not_bind_research(purpose, expected):
    """Article 3 of the directive knows no opt-out; that there was one is kept all the same."""
    of_file = Gate(purpose).of_site(f"{SITE}/a", site([rule("/", 1)]))
    of_header = Gate(purpose).of_answer(f"{SITE}/a", [("tdm-reservation", "1")])

    assert (of_file.reason, of_header.reason) == (expected, expected)
    assert [(one.signal, one.refuses, one.source, one.digest) for one in of_file.findings] == [
        ("tdmrep", expected is not None, FILE, DIGEST)
    ]
    assert [(one.refuses, one.source) for one in of_header.findings] == [
        (expected is not None, "header")
    ]


@pytest.mark.parametrize("purpose", list(Purpose), ids=str)
def test_rights_that_are_not_reserved_refuse_nobody(purpose):
    """It is told, for the receipt."""
    ruling = Gate(purpose).of_site(f"{SITE}/a", site([rule("/", 0)]))

    assert (ruling.reason, len(ruling.findings)) == (None, 1)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 500_000, id="deep-arrays"),
        pytest.param(b'{"a":' * 100_000, id="deep-objects"),
        pytest.param(b"[" + b"1" * 400_000 + b"]", id="huge-number"),
        pytest.param(json.dumps([rule("*" * 2000, 1)] * 240).encode()[:-1] + b"]", id="stars"),
        pytest.param(json.dumps([rule("/x", 1)] * 10_000).encode(), id="many-rules"),
        pytest.param(
            json.dumps([rule("/" + "*a" * 900 + "b$", 1)] * 250).encode(), id="near-misses"
        ),
        pytest.param(b'"' + b"\\u0000" * 80_000, id="escapes"),
        pytest.param(json.dumps([rule("/" * 400_000, 1)]).encode(), id="long-location"),
    ],
)
def test_hostile_files_take_no_time(body):
    """The largest file is judged within moments, for address after address."""
    began = time.perf_counter()
    for n in range(5):
        said(body, "/" + "a" * 4000 + str(n))

    assert time.perf_counter() - began < 5.0


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["location", "tdm-reservation", "tdm-policy"]), inner)
    ),
    max_leaves=12,
)


@STEADY
@given(VALUES | st.binary(max_size=80), st.text(max_size=20))
def test_no_file_breaks_the_reader(body, path):
    """Whatever JSON it is, or is not."""
    said(body, f"/{path}")
