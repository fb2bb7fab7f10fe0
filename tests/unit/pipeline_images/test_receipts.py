"""A receipt says what is known of an image, in one form only, and one root stands for all."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixcrawler.cli import receipts as by_the_command_line
from pixcrawler.domain.dataset import ManifestImage
from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.purpose import Purpose
from pixcrawler.domain.receipt import Receipt
from pixcrawler.domain.source import Provenance
from pixcrawler.domain.visit import Finding, Hop, Visit
from pixcrawler.pipeline.papers.receipts import MerkleTree, canonical, line_of, receipt_of
from tests.factories import a_job, a_verdict, some_facts

# Leaves and roots of the Certificate Transparency reference tests, sizes 0 to 8.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def root_of(leaves):
    """Return the app's root."""
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root


def checked_root_of(leaves):
    """Return the root as `verify` works it out."""
    return by_the_command_line.merkle_root(map(by_the_command_line.leaf_hash, leaves))


def by_the_book(leaves):
    """Return the root as the RFC writes it down: split at the largest power of two below n."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    parts = by_the_book(leaves[:half]) + by_the_book(leaves[half:])
    return hashlib.sha256(b"\x01" + parts).digest()


# ------------------------------------------------------------------ the tree


@pytest.mark.parametrize("count", range(9))
def test_the_root_is_that_of_the_standard(count):
    """The published roots of Certificate Transparency come out, in the app and in verify."""
    assert root_of(LEAVES[:count]) == ROOTS[count]
    assert checked_root_of(LEAVES[:count]) == ROOTS[count]


def test_the_root_is_that_of_the_definition():
    """For every number of leaves to 130 both ways give the root that the RFC defines."""
    leaves = [bytes([n]) for n in range(130)]
    for count in range(1, len(leaves) + 1):
        expected = by_the_book(leaves[:count]).hex()
        assert (root_of(leaves[:count]), checked_root_of(leaves[:count])) == (expected, expected)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20), st.data())
def test_any_change_changes_the_root(leaves, data):
    """A changed byte, another order, a leaf less or a leaf more: another root each time."""
    place = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.integers(0, len(leaves) - 1))
    swapped = list(leaves)
    swapped[place], swapped[other] = swapped[other], swapped[place]
    flipped = bytes([leaves[place][0] ^ 1]) + leaves[place][1:] if leaves[place] else b"\0"
    changed = [
        [*leaves[:place], flipped, *leaves[place + 1 :]],
        leaves[:place] + leaves[place + 1 :],
        [*leaves[:place], b"more", *leaves[place:]],
        [*leaves, leaves[-1]],
        *([swapped] if leaves[place] != leaves[other] else []),
    ]
    assert root_of(leaves) not in {root_of(one) for one in changed}


def test_a_node_is_no_leaf():
    """Two leaves cannot be passed off as one that is made of their hashes."""
    pair = b"".join(hashlib.sha256(b"\x00" + leaf).digest() for leaf in (b"a", b"b"))
    assert root_of([pair]) != root_of([b"a", b"b"])


# ------------------------------------------------------------------ the one form

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("aZ_09", max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_the_form_is_that_of_the_standard():
    """The example of RFC 8785 comes out: keys in order, no spaces, few escapes."""
    given_text = (
        '{"string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/",'
        ' "literals": [null, true, false], "10": -0, "1": {"b": 1, "a": 2}}'
    )
    expected = (
        '{"1":{"a":2,"b":1},"10":0,"literals":[null,true,false],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical(json.loads(given_text)) == expected.encode()


@given(VALUES)
def test_reading_and_writing_again_gives_the_same(value):
    """What was written is read as it was, and both implementations write the same bytes."""
    written = canonical(value)
    assert json.loads(written) == value
    assert by_the_command_line.parsed(written) == value
    assert by_the_command_line.canonical(value) == written
    assert b"\n" not in written


@pytest.mark.parametrize(
    "value",
    [1.5, float("nan"), 2**53, -(2**53), b"bytes", {"a": [{"b": 0.1}]}, {"é": 1}, {1: 2}, "\ud800"],
    ids=lambda value: ascii(value)[:20],
)
def test_what_writers_of_json_disagree_about_is_refused(value):
    """Fractions, numbers beyond all exactness and half characters never get into a receipt."""
    with pytest.raises(InvariantBroken):
        canonical(value)


@pytest.mark.parametrize(
    "line",
    [b'{"a":1.5}', b'{"a":1e3}', b"NaN", b"-Infinity", b'{"a":9007199254740992}', b"\xff", b"{"],
    ids=ascii,
)
def test_verify_refuses_what_receipts_cannot_have(line):
    """A line with a fraction, an endless number or broken text is none."""
    with pytest.raises(ValueError):
        by_the_command_line.parsed(line)


# ------------------------------------------------------------------ what it says

VISIT = Visit(
    at=datetime(2026, 5, 1, tzinfo=UTC),
    hops=(
        Hop(url="https://a.example/1", address="192.0.2.1", status=302),
        Hop(
            url="https://b.example/2",
            address="2001:db8::1",
            status=200,
            headers=(("x-robots-tag", "noindex"), ("x-robots-tag", "otherbot: noai")),
        ),
    ),
    tries=2,
    sha256="ab" * 32,
    findings=(Finding(signal="robots.txt", rule="Allow: /", source="r", digest="cd" * 32),),
    checked=("robots.txt", "x-robots-tag"),
)


def a_receipt(provenance=None, visit=None, **spec) -> Receipt:
    """Return the receipt of an image that was found so."""
    verdict = a_verdict(3, **({"provenance": provenance} if provenance else {}))
    outcome = verdict.outcome.model_copy(
        update={"visit": visit, "alternative": "https://pictures.example/large.jpg"}
    )
    facts = some_facts(3)
    image = ManifestImage(
        id=facts.sha256[:16],
        path=f"images/birds/robin/{facts.sha256[:16]}.jpg",
        category="birds",
        keyword="robin",
        source_url=outcome.address,
        facts=facts,
        provenance=outcome.candidate.provenance,
        also_found=(Provenance(engine="commons"),),
        shard="images/000-00000.tar",
        offset=512,
        length=facts.bytes,
    )
    job = a_job(**spec)
    return receipt_of(image, verdict.model_copy(update={"outcome": outcome}), job.spec)


def test_the_whole_visit_is_in_it():
    """Addresses as found and fetched, each hop with IP, status and headers, and each finding."""
    receipt = a_receipt(visit=VISIT, purpose="generative")
    assert receipt.image_url == "https://pictures.example/3.jpg"
    assert receipt.fetched_url == "https://pictures.example/large.jpg"
    assert receipt.purpose is Purpose.GENERATIVE
    written = json.loads(line_of(receipt))
    assert written["visit"] == json.loads(VISIT.model_dump_json(exclude_none=True))
    assert written["visit"]["hops"][1]["headers"][1] == ["x-robots-tag", "otherbot: noai"]
    assert written["also_found"] == [{"engine": "commons"}]


def test_a_line_is_the_receipt():
    """What was written can be read again as the same receipt: the format is complete."""
    receipt = a_receipt(visit=VISIT)
    assert Receipt.model_validate_json(line_of(receipt)) == receipt
    assert by_the_command_line.faults_of(json.loads(line_of(receipt))) == []


def test_a_users_own_picture_has_a_receipt_without_a_visit():
    """What was sent by its user was not fetched: nothing is made up about it."""
    written = json.loads(line_of(a_receipt(Provenance(engine="uploads"))))
    assert "visit" not in written
    assert written["license"] == {"source": "none"}


STATED = {"license": "by-sa", "license_url": "https://licences.example/by-sa"}


@pytest.mark.parametrize(
    ("engine", "stated", "asked", "source"),
    [
        ("openverse", STATED, "any", "api"),
        ("openverse", {"license_url": "https://licences.example/x"}, "open", "api"),
        ("bing", {}, "commercial", "engine_filter"),
        ("bing", {}, "any", "none"),
        ("urls", STATED, "any", "list"),
        ("urls", {}, "commercial", "none"),
        ("uploads", {}, "open", "none"),
    ],
)
def test_what_a_licence_rests_on(engine, stated, asked, source):
    """What an engine states for an image is evidence; that it was asked for such images is not."""
    receipt = a_receipt(Provenance(engine=engine, **stated), filters={"license": asked})
    assert receipt.license.source == source
    assert receipt.license.code == stated.get("license")
    assert receipt.license.asked == (asked if source == "engine_filter" else None)
