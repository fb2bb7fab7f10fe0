"""C2PA and CAWG: the training-mining assertion in real pictures."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.domain.purpose import Purpose
from pixcrawler.pipeline.optout.c2pa import C2pa
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.visits.body import Body
from tests.fakes import jumbf

STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
PLACES = {"jpeg": jumbf.in_jpeg, "png": jumbf.in_png, "webp": jumbf.in_webp}
LABEL = "c2pa.training-mining"


def entries(**uses: str) -> dict[str, object]:
    """An assertion's data, in the form of C2PA 1."""
    return {"entries": {f"c2pa.{name}": {"use": use} for name, use in uses.items()}}


NOT_TRAINING = jumbf.assertion(LABEL, entries(ai_training="notAllowed"))


def said(data: bytes) -> list[str]:
    """What a picture says of itself."""
    return [saying.rule for saying in C2pa().of_body(Body.of(data))]


def of_boxes(picture, *assertions: bytes) -> list[str]:
    """What a picture with these assertions says."""
    return said(jumbf.in_jpeg(picture("jpeg"), jumbf.store(*assertions)))


@pytest.mark.parametrize("kind", PLACES)
def test_every_kind_of_picture_is_read(picture, kind):
    """JPEG in APP11 segments, PNG in caBX, WebP in C2PA."""
    data = PLACES[kind](picture(kind), jumbf.store(NOT_TRAINING))

    assert said(data) == ["c2pa.ai_training: notAllowed"]
    assert said(picture(kind)) == []


@pytest.mark.parametrize("piece", [40, 1000, 65_000], ids=str)
def test_a_manifest_over_several_segments_is_joined(picture, piece):
    """Each segment repeats the box's header; their order in the file means nothing."""
    boxes = jumbf.store(NOT_TRAINING, padding=3000 if piece < 65_000 else 200_000)
    whole = picture("jpeg")
    data = jumbf.in_jpeg(whole, boxes, piece)
    segments = data[2 : len(data) - len(whole) + 2].split(b"\xff\xebX")
    assert said(data) == ["c2pa.ai_training: notAllowed"]
    assert len(segments) == 1

    length = int.from_bytes(data[4:6]) + 2
    turned = data[:2] + data[2 + length : -len(whole) + 2] + data[2 : 2 + length] + whole[2:]
    assert said(turned) == ["c2pa.ai_training: notAllowed"]


def test_boxes_with_long_lengths_are_read(picture):
    """64 bits, in the outermost box and in others."""
    inner = jumbf.superbox(LABEL, jumbf.long_box(b"cbor", jumbf.cbor(entries(data_mining="x"))))
    outer = jumbf.store(inner)
    long = jumbf.long_box(b"jumb", outer[8:])

    assert said(jumbf.in_jpeg(picture("jpeg"), long, 100)) == ["c2pa.data_mining: x"]


def test_a_webp_with_odd_chunks_is_read(picture):
    """A chunk of odd length is followed by one byte."""
    whole = picture("webp")
    odd = whole[:12] + b"abcd\x03\0\0\0xyz\0" + whole[12:]

    assert said(jumbf.in_webp(odd, jumbf.store(NOT_TRAINING))) == ["c2pa.ai_training: notAllowed"]


def test_a_box_that_lasts_to_the_end_is_read(picture):
    """Its length is 0."""
    outer = b"\0\0\0\0" + jumbf.store(NOT_TRAINING)[4:]

    assert said(jumbf.in_png(picture("png"), outer)) == ["c2pa.ai_training: notAllowed"]


def test_a_second_set_of_boxes_is_read(picture):
    """Other data in APP11, under its own number, stands before the manifest."""
    other = jumbf.in_jpeg(
        picture("jpeg"), jumbf.superbox("other", jumbf.box(b"json", b"{}")), 10, 7
    )

    assert said(jumbf.in_jpeg(other, jumbf.store(NOT_TRAINING), 50)) == [
        "c2pa.ai_training: notAllowed"
    ]


CAWG = {
    "entries": {
        "cawg.ai_training": {"use": "allowed"},
        "cawg.ai_generative_training": {"use": "notAllowed"},
        "cawg.data_mining": {"use": "constrained", "constraint_info": "only on Sundays"},
    }
}
CAWG_SAID = [
    "cawg.ai_training: allowed",
    "cawg.ai_generative_training: notAllowed",
    "cawg.data_mining: constrained (only on Sundays)",
]


@pytest.mark.parametrize(
    ("label", "data", "expected"),
    [
        pytest.param("cawg.training-mining", CAWG, CAWG_SAID, id="cawg"),
        pytest.param("cawg.training-mining", CAWG["entries"], CAWG_SAID, id="cawg-1.0-on-top"),
        pytest.param(f"{LABEL}__2", CAWG, CAWG_SAID, id="second-instance"),
        pytest.param(f"{LABEL}.v2", CAWG, CAWG_SAID, id="second-version"),
        pytest.param("c2pa.actions", CAWG, [], id="another-assertion"),
        pytest.param(f"x{LABEL}", CAWG, [], id="another-label"),
        pytest.param(LABEL, {"entries": {"a.b": "notAllowed"}}, ["a.b: notAllowed"], id="bare-use"),
        pytest.param(LABEL, {"entries": {"a.b": {"use": 7}}}, [], id="use-is-no-text"),
        pytest.param(LABEL, {"entries": ["a"]}, [], id="entries-is-no-map"),
        pytest.param(LABEL, ["a"], [], id="no-map"),
        pytest.param(LABEL, {}, [], id="empty"),
    ],
)
def test_an_assertion_is_read_as_it_is_written(picture, label, data, expected):
    """C2PA's label and CAWG's, in CBOR."""
    assert of_boxes(picture, jumbf.assertion(label, data)) == expected


def test_an_assertion_in_json_is_read(picture):
    """As the first writers had it."""
    data = json.dumps(entries(ai_inference="notAllowed")).encode()

    assert of_boxes(picture, jumbf.superbox(LABEL, jumbf.box(b"json", data))) == [
        "c2pa.ai_inference: notAllowed"
    ]


EVERYBODY = {"research", "recognition", "generative"}


@pytest.mark.parametrize(
    ("entry", "use", "refused"),
    [
        ("data_mining", "notAllowed", EVERYBODY),
        ("data_mining", "constrained", EVERYBODY),
        ("data_mining", "allowed", set()),
        ("ai_training", "notAllowed", EVERYBODY),
        ("ai_training", "constrained", EVERYBODY),
        ("ai_training", "allowed", set()),
        ("ai_generative_training", "notAllowed", {"generative"}),
        ("ai_generative_training", "constrained", {"generative"}),
        ("ai_generative_training", "allowed", set()),
        ("ai_inference", "notAllowed", set()),
        ("ai_inference", "constrained", set()),
        ("something_new", "notAllowed", set()),
        ("data_mining", "unheard-of", set()),
    ],
)
def test_what_is_not_allowed_refuses_its_purposes(picture, entry, use, refused):
    """All of it is kept, whether it refuses or not."""
    boxes = jumbf.store(jumbf.assertion(LABEL, entries(**{entry: use})))
    body = Body.of(jumbf.in_jpeg(picture("jpeg"), boxes))
    rulings = {purpose: Gate(purpose).of_body(body) for purpose in Purpose}

    assert {str(purpose) for purpose, one in rulings.items() if one.refusal} == refused
    assert {finding.rule for one in rulings.values() for finding in one.findings} == {
        f"c2pa.{entry}: {use}"
    }


def test_a_picture_within_the_picture_counts(picture):
    """The manifest of what it was made from refuses too, whatever the last one says."""
    last = jumbf.assertion(LABEL, entries(ai_training="allowed"))
    told = of_boxes(picture, NOT_TRAINING, last)

    assert told == ["c2pa.ai_training: notAllowed", "c2pa.ai_training: allowed"]


def _nested(depth: int) -> bytes:
    boxes = NOT_TRAINING
    for n in range(depth):
        boxes = jumbf.superbox(f"b{n}", boxes)
    return boxes


HOSTILE = {
    "too-many-boxes": lambda: jumbf.store(*[jumbf.box(b"free", b"")] * 5000, NOT_TRAINING),
    "too-deep": lambda: _nested(9),
    "tiny-boxes": lambda: jumbf.box(b"jumb", b"\0\0\0\x08free" * 1_000_000 + LABEL.encode()),
    "boxes-of-nothing": lambda: jumbf.box(b"jumb", b"\0" * 8_000_000 + LABEL.encode()),
    "lies-about-lengths": lambda: b"\xff\xff\xff\xffjumb" + LABEL.encode() * 1000,
    "long-lies": lambda: b"\0\0\0\1jumb" + b"\xff" * 8 + LABEL.encode(),
    "long-zero": lambda: b"\0\0\0\1jumb" + b"\0" * 8 + LABEL.encode(),
    "cut-header": lambda: LABEL.encode() + b"\0\0\0",
    "deep": lambda: _nested(3000),
    "many-maps": lambda: jumbf.store(
        *[jumbf.superbox(LABEL, jumbf.box(b"cbor", b"\xbf" * 60_000))] * 50
    ),
    "many-arrays": lambda: jumbf.store(
        *[jumbf.superbox(LABEL, jumbf.box(b"cbor", b"\x80" * 60_000))] * 50
    ),
    "huge-array": lambda: jumbf.store(
        jumbf.superbox(LABEL, jumbf.box(b"cbor", b"\x9b" + b"\xff" * 8))
    ),
    "huge-text": lambda: jumbf.store(
        jumbf.superbox(LABEL, jumbf.box(b"cbor", b"\x7b" + b"\xff" * 8))
    ),
    "full-array": lambda: jumbf.store(
        jumbf.superbox(LABEL, jumbf.box(b"cbor", b"\x9a\0\0\xff\xff" + b"\0" * 65_000))
    ),
    "deep-json": lambda: jumbf.store(jumbf.superbox(LABEL, jumbf.box(b"json", b"[" * 60_000))),
    "only-an-end": lambda: jumbf.store(jumbf.superbox(LABEL, jumbf.box(b"cbor", b"\xff"))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_boxes_end_soon_and_say_nothing(picture, name):
    """They do not raise, loop or fill the memory."""
    data = jumbf.in_png(picture("png"), HOSTILE[name]())
    began = time.perf_counter()

    assert said(data) == []
    assert time.perf_counter() - began < 2.0


SAMPLE = jumbf.store(NOT_TRAINING, jumbf.assertion("cawg.training-mining", CAWG))


@STEADY
@given(st.integers(0, len(SAMPLE)), st.binary(max_size=6), st.sampled_from(sorted(PLACES)))
def test_no_damage_breaks_the_reader(picture, at, bytes_, kind):
    """A manifest that is cut off or overwritten anywhere."""
    damaged = SAMPLE[:at] + bytes_ + SAMPLE[at + len(bytes_) :]
    whole = PLACES[kind](picture(kind), damaged)
    said(whole)
    said(whole[: len(whole) - at])
