"""IPTC/PLUS: plus:DataMining in the XMP of real pictures, in every form it is written in."""

from __future__ import annotations

import struct
import time
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL.PngImagePlugin import PngInfo

from pixcrawler.domain.purpose import Purpose
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.optout.meaning import DATA_MINING
from pixcrawler.pipeline.optout.metadata import Metadata, data_mining
from pixcrawler.pipeline.visits.body import Arriving, Body
from tests.fakes.jumbf import png_chunk

STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
NAMESPACE = "http://ns.useplus.org/ldf/xmp/1.0/"
VOCABULARY = "http://ns.useplus.org/ldf/vocab/"
KEY = "DMI-PROHIBITED-AIMLTRAINING"


def packet(inside: str, attributes: str = f'xmlns:plus="{NAMESPACE}"') -> str:
    """An XMP packet with one description."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {attributes}>{inside}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def written(key: str = KEY) -> bytes:
    """A packet as editors write it."""
    attributes = f'xmlns:plus="{NAMESPACE}" plus:DataMining="{VOCABULARY}{key}"'
    return packet("", attributes).encode()


def said(data: bytes) -> list[str]:
    """What a picture says of itself."""
    return [saying.rule for saying in Metadata().of_body(Body.of(data))]


TOLD = [f"plus:DataMining {KEY}"]


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_a_picture_with_a_packet_is_heard(picture, kind):
    """JPEG in APP1, WebP in its XMP chunk, as Pillow writes them."""
    assert said(picture(kind, xmp=written())) == TOLD
    assert said(picture(kind)) == []


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
def test_a_png_with_a_packet_is_heard(picture, is_packed):
    """In an iTXt chunk, packed or not, before the pixels or after them."""
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", written().decode(), lang="en", tkey="x", zip=is_packed)
    data = picture("png", pnginfo=info)
    at = data.index(b"iTXt") - 4
    length = struct.unpack(">I", data[at : at + 4])[0] + 12
    chunk, end = data[at : at + length], len(data) - 12
    late = data[:at] + data[at + length : end] + chunk + data[end:]

    assert said(data) == TOLD
    assert said(late) == TOLD


def test_a_picture_on_the_disk_is_heard(picture):
    """Bodies of more than a megabyte are in a file."""
    arriving = Arriving()
    data = picture("jpeg", xmp=written()) + b"\0" * 2_000_000
    for at in range(0, len(data), 65536):
        arriving.write(data[at : at + 65536])
    body = arriving.done()

    assert [saying.rule for saying in Metadata().of_body(body)] == TOLD
    body.close()


def _app1(content: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


@pytest.mark.parametrize("size", [50, 65_000], ids=str)
def test_extended_xmp_is_joined(picture, size):
    """What does not fit into one segment stands in further ones, in any order."""
    text = packet(" " * 130_000 + f"<plus:DataMining>{VOCABULARY}{KEY}</plus:DataMining>").encode()
    cuts = [(at, text[at : at + size]) for at in range(0, len(text), size)]
    head = b"http://ns.adobe.com/xmp/extension/\0" + b"0123456789ABCDEF" * 2
    segments = [_app1(head + struct.pack(">II", len(text), at) + cut) for at, cut in cuts]
    whole = picture("jpeg")

    for order in (segments, segments[::-1]):
        assert said(whole[:2] + b"".join(order) + whole[2:]) == TOLD


@pytest.mark.parametrize("kind", ["gif", "tiff"])
def test_other_kinds_are_searched(picture, kind):
    """What stands in plain sight is heard, whatever holds it."""
    assert said(picture(kind) + written()) == TOLD


FORMS = {
    "attribute": ("", f'xmlns:plus="{NAMESPACE}" plus:DataMining="{VOCABULARY}{KEY}"'),
    "single-quotes": ("", f"xmlns:plus='{NAMESPACE}' plus:DataMining = '{VOCABULARY}{KEY}'"),
    "bare-key": ("", f'xmlns:plus="{NAMESPACE}" plus:DataMining="{KEY}"'),
    "lower-case": ("", f'xmlns:plus="{NAMESPACE}" plus:DataMining="{KEY.lower()}"'),
    "value-first": ("", f'plus:DataMining="{KEY}" xmlns:plus="{NAMESPACE}"'),
    "other-prefix": ("", f'xmlns:a.b-c="{NAMESPACE}" a.b-c:DataMining="{KEY}"'),
    "new-lines": ("", f'\n xmlns:plus =\n"{NAMESPACE}"\n plus:DataMining\n=\n"{KEY}"\n'),
    "element": (f"<plus:DataMining>{VOCABULARY}{KEY}</plus:DataMining>", None),
    "spaced": (f"<plus:DataMining >\n {KEY}\n</plus:DataMining >", None),
    "resource": (f'<plus:DataMining rdf:resource="{VOCABULARY}{KEY}"/>', None),
    "resource-closed": (f'<plus:DataMining rdf:resource="{KEY}"></plus:DataMining>', None),
    "wrapped": (
        f'<plus:DataMining><rdf:Description rdf:about="{VOCABULARY}{KEY}"/></plus:DataMining>',
        None,
    ),
    "list": (f"<plus:DataMining><rdf:Seq><rdf:li>{KEY}</rdf:li></rdf:Seq></plus:DataMining>", None),
    "own-namespace": (f'<DataMining xmlns="{NAMESPACE}">{KEY}</DataMining>', ""),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "coding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "utf-32-le"]
)
def test_every_form_of_the_property_is_read(form, coding):
    """Attribute, element or resource; any prefix; address or bare key; in any Unicode."""
    inside, attributes = FORMS[form]
    text = packet(inside) if attributes is None else packet(inside, attributes)

    assert list(data_mining(text.encode(coding))) == [KEY]


@pytest.mark.parametrize(
    "text",
    [
        packet("", f'xmlns:plus="http://other.example/" plus:DataMining="{KEY}"'),
        packet("", f'plus:DataMining="{KEY}" note="useplus"'),
        packet("", f'xmlns:plus="{NAMESPACE}" xplus:DataMining="{KEY}"'),
        packet("", f'xmlns:plus="{NAMESPACE}" plus:DataMiningMore="{KEY}"'),
        packet(f"<plus:DataMiningMore>{KEY}</plus:DataMiningMore>"),
        packet(f"<!-- <plus:DataMining>{KEY}</plus:DataMining> -->"),
        packet(f"<plus:Other>{KEY}</plus:Other>"),
        packet("<plus:DataMining/>" + KEY),
        packet("<plus:DataMining></plus:DataMining>" + KEY),
        packet("<plus:DataMining>no mining, please</plus:DataMining>"),
        packet(
            "<xmpRights:UsageTerms>no AI</xmpRights:UsageTerms>",
            f'xmlns:plus="{NAMESPACE}" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" '
            'xmpRights:Marked="True"',
        ),
        "",
    ],
    ids=[
        "other-namespace",
        "no-namespace",
        "longer-prefix",
        "longer-name",
        "longer-element",
        "comment",
        "other-property",
        "empty-element",
        "closed-element",
        "no-key",
        "rights-in-free-text",
        "nothing",
    ],
)
def test_only_data_mining_decides(text):
    """Nothing else in a packet is a wish that a machine can read."""
    assert list(data_mining(text.encode())) == []


EVERYBODY = {"research", "recognition", "generative"}
GENERATORS = {"generative"}


@pytest.mark.parametrize(
    ("key", "refused"),
    [
        ("DMI-PROHIBITED", EVERYBODY),
        ("DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING", EVERYBODY),
        ("DMI-PROHIBITED-SEECONSTRAINT", EVERYBODY),
        ("DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR", EVERYBODY),
        ("DMI-PROHIBITED-SEELINKEDRIGHTSEXPR", EVERYBODY),
        ("DMI-PROHIBITED-AIMLTRAINING", EVERYBODY),
        ("DMI-PROHIBITED-GENAIMLTRAINING", GENERATORS),
        ("DMI-PROHIBITED-SOMETHINGNEW", EVERYBODY),
        ("DMI-ALLOWED", set()),
        ("DMI-UNSPECIFIED", set()),
        ("DMI-SOMETHINGNEW", set()),
    ],
)
def test_each_value_refuses_its_purposes(picture, key, refused):
    """A prohibition that we do not know is one without exception; all is told."""
    body = Body.of(picture("jpeg", xmp=written(key)))
    rulings = {purpose: Gate(purpose).of_body(body) for purpose in Purpose}

    assert {str(purpose) for purpose, one in rulings.items() if one.refusal} == refused
    assert {finding.rule for one in rulings.values() for finding in one.findings} == {
        f"plus:DataMining {key}"
    }
    assert key.endswith("SOMETHINGNEW") or key in DATA_MINING


def _jpeg(*segments: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(segments) + b"\xff\xd9"


def _png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _xmp_chunk(text: bytes) -> bytes:
    return png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(text))


_MARKED = packet("").encode()
HOSTILE = {
    "fill-bytes": lambda: b"\xff\xd8" + b"\xff" * 25_000_000,
    "empty-segments": lambda: _jpeg(b"\xff\xe1\0\0" * 5_000_000),
    "short-segments": lambda: _jpeg(b"\xff\xe1\0\2" * 5_000_000),
    "markers": lambda: _jpeg(b"\xff\x01" * 10_000_000),
    "junk": lambda: b"\xff\xd8" + b"\0" * 25_000_000,
    "stuffing": lambda: b"\xff\xd8" + b"\xff\0" * 12_000_000,
    "empty-chunks": lambda: _png(b"\0\0\0\0abcd\0\0\0\0" * 2_000_000),
    "lying-chunk": lambda: _png(b"\xff\xff\xff\xffiTXt" + b"XML:com.adobe.xmp\0\1\0\0\0"),
    "zip-bomb": lambda: _png(*[_xmp_chunk(b"a" * 30_000_000)] * 20),
    "broken-zip": lambda: _png(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0xxxx")),
    "no-zeros": lambda: _png(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1")),
    "webp-chunks": lambda: b"RIFF\0\0\0\0WEBP" + b"XMP \0\0\0\0" * 3_000_000,
    "comments": lambda: _png(_xmp_chunk(_MARKED + b"<!--" * 7_000_000)),
    "namespaces": lambda: _png(_xmp_chunk(_MARKED + f'xmlns:a="{NAMESPACE}" '.encode() * 500_000)),
    "prefixes": lambda: _png(
        _xmp_chunk(b"".join(f'xmlns:p{n}="{NAMESPACE}" '.encode() for n in range(40_000)))
    ),
    "attributes": lambda: _png(_xmp_chunk(_MARKED + b' plus:DataMining="' * 500_000)),
    "elements": lambda: _png(_xmp_chunk(_MARKED + b"<plus:DataMining " * 500_000)),
    "spaces": lambda: _png(_xmp_chunk(_MARKED + b" plus:DataMining" + b" " * 9_000_000)),
    "xmlns-spaces": lambda: _png(_xmp_chunk(_MARKED + (b"xmlns" + b" " * 50_000) * 200)),
    "zeros": lambda: _png(_xmp_chunk(_MARKED + b"\0" * 9_000_000)),
    "entities": lambda: _png(
        _xmp_chunk(b'<!DOCTYPE x [<!ENTITY a "&a;&a;&a;">]>' + _MARKED + b"&a;" * 2_000_000)
    ),
    "packets-in-gif": lambda: b"GIF89a" + b"<x:xmpmeta" * 2_500_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pictures_end_soon_and_say_nothing(name):
    """25 MB of whatever is slowest to read take a part of a second."""
    data = HOSTILE[name]()
    began = time.perf_counter()

    assert said(data) == []
    assert time.perf_counter() - began < 3.0


@STEADY
@given(st.data())
def test_no_damage_breaks_the_reader(picture, data):
    """A picture that is cut off or overwritten anywhere before its pixels."""
    kind = data.draw(st.sampled_from(["jpeg", "webp"]))
    whole = picture(kind, xmp=written())
    at = data.draw(st.integers(0, len(whole)))
    noise = data.draw(st.binary(max_size=8))
    said(whole[:at] + noise + whole[at + len(noise) :])
    said(whole[:at] + noise)


PARTS = st.sampled_from(
    [
        f'xmlns:plus="{NAMESPACE}"',
        "plus:DataMining",
        f'="{KEY}"',
        "<",
        "/>",
        ">",
        "</plus:DataMining>",
        "<!--",
        "-->",
        "'",
        "=",
        " ",
        "\0",
        "\ufeff",
    ]
)


@STEADY
@given(st.lists(PARTS, max_size=20).map("".join), st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_no_packet_breaks_the_reader(text, coding):
    """However its parts are thrown together."""
    list(data_mining(text.encode(coding)))
    list(data_mining(text.encode(coding)[1:]))
