"""Archives that are made to hold a worker up: whatever they say, they are read in bounded time."""

import gzip
import io
import tarfile
import time

import pytest

from pixcrawler.adapters.engines.uploads import (
    blob_file,
    contents,
    engine,
    lists,
    shelf,
    tar_headers,
)
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.storage import upload_ref
from tests.unit.adapters_uploads.conftest import OWNER
from tests.unit.adapters_uploads.test_archives import a_tar

MIB = 1024 * 1024
END = bytes(2 * tarfile.BLOCKSIZE)
FORMS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def entry(kind, body, name="a.jpg"):
    """One entry of a TAR, as it stands there."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(body)
    return info.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % tarfile.BLOCKSIZE)


def record(name, value):
    """One record of an extended header."""
    rest = b" %s=%s\n" % (name, value)
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d" % length + rest


def cpu_s(work):
    """The CPU seconds of this process that some work takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


@pytest.mark.parametrize("form", FORMS, ids=["ustar", "gnu", "pax"])
def test_every_form_is_read_as_the_standard_library_reads_it(desk, form):
    """Names, places and lengths are those that tarfile finds, whatever stands between the files."""
    files = {}
    for number in range(60):
        info = tarfile.TarInfo(f"{'part/' * (number if form else number % 15)}é{number}.jpg")
        if number % 7 == 0:
            info.type = tarfile.SYMTYPE
            info.linkname = "b" * (150 if form else 90)
        if form == tarfile.PAX_FORMAT:
            info.pax_headers = {"comment": "=" * number, "SCHILY.xattr.user.x": "\n1 2=3"}
        files[info] = b"" if number % 7 == 0 else bytes(number * 40 + 1)
    data = a_tar(files, form)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        wanted = [(one.name, one.offset_data, one.size) for one in archive if one.isreg()]
    found = desk.shelf.of(OWNER).opened(desk.send(data)).members

    assert [(one.name, one.start, one.bytes) for one in found] == wanted


def test_an_extended_header_says_name_and_length(desk):
    """What an extended header says of a file counts, and what a global one says does not."""
    said = record(b"path", b"true name.jpg") + record(b"size", b"4")
    data = entry(tarfile.XGLTYPE, record(b"path", b"for all.jpg"))
    data += entry(tarfile.XHDTYPE, said) + entry(tarfile.REGTYPE, b"1234")
    data += entry(tarfile.REGTYPE, b"56", "b.jpg") + END

    assert desk.bodies(desk.send(data)) == {"true name.jpg": b"1234", "b.jpg": b"56"}


def test_sparse_files_are_left_out_in_every_form(desk):
    """Files with holes are told; those behind them are read."""
    old = bytearray(entry(tarfile.GNUTYPE_SPARSE, b"", "old.jpg")[:512])
    old[482] = 1
    info = tarfile.TarInfo.frombuf(_summed(old), "utf-8", "strict")
    assert info.type == tarfile.GNUTYPE_SPARSE
    new = entry(tarfile.XHDTYPE, record(b"GNU.sparse.major", b"1")) + entry(b"0", b"map", "new.jpg")
    data = _summed(old) + bytes(512) + new + entry(b"0", b"good", "good.jpg") + END
    upload = desk.send(data)

    assert desk.bodies(upload) == {"good.jpg": b"good"}
    assert "2 that are links or devices (file old.jpg, new.jpg)" in desk.page(upload).detail


def _summed(block):
    """A header with its checksum put right."""
    block = bytearray(block)
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_digits_without_end_hold_nobody_up(desk):
    """CVE-2024-6232: a header of a megabyte of digits took an hour, with the whole process."""
    data = entry(tarfile.XHDTYPE, b"1" * MIB) + entry(tarfile.REGTYPE, b"x") + END

    assert cpu_s(lambda: desk.page(desk.send(data))) < 1


def test_global_headers_hold_nobody_up(desk):
    """What a global header says is not copied for each member: so much of it took hours."""
    said = b"".join(record(b"%06x" % number, b"") for number in range(50_000))
    member = entry(tarfile.XHDTYPE, record(b"comment", b"-")) + entry(tarfile.REGTYPE, b"x")
    upload = desk.send(entry(tarfile.XGLTYPE, said) + member * 3000 + END)

    assert cpu_s(lambda: desk.page(upload)) < 2
    assert desk.page(upload).total == 3000


def test_extended_headers_have_a_limit_together(desk, monkeypatch):
    """An archive out of nothing but headers is left after so many bytes of them."""
    monkeypatch.setattr(tar_headers, "EXTENSIONS_MAX_BYTES", 10_000)
    data = entry(tarfile.REGTYPE, b"good") + entry(tarfile.XHDTYPE, record(b"c", b"-" * 900)) * 30
    upload = desk.send(data + entry(tarfile.REGTYPE, b"late", "late.jpg") + END)

    assert desk.bodies(upload) == {"a.jpg": b"good"}
    assert "after a damaged place" in desk.page(upload).detail


@pytest.mark.parametrize(
    "said",
    [b"9 path=", b"5 a\n", b"0 path=x\n", b"-9 path=x\n", b"path=x\n", b"99999999999999999999 a=b"],
)
def test_damaged_extended_headers_are_told(desk, said):
    """Records whose lengths are none end the reading, with words."""
    page = desk.page(desk.send(entry(tarfile.XHDTYPE, said) + entry(tarfile.REGTYPE, b"x") + END))

    assert page.status is EngineStatus.CHANGED
    assert "an extended header is damaged" in page.detail


@pytest.mark.parametrize("size", [b"\xff" * 12, b"\xff" * 11 + b"\0"])
def test_lengths_below_nothing_end_the_reading(desk, size):
    """A header cannot lead back to itself."""
    block = bytearray(entry(tarfile.REGTYPE, b"")[:512])
    block[124:136] = size
    page = desk.page(desk.send(_summed(block) + entry(tarfile.REGTYPE, b"x") + END))

    assert page.status is EngineStatus.CHANGED


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(b"") * 20_000, b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 100_000],
    ids=["empty-gzips", "endless-name"],
)
def test_reading_an_archive_has_an_end(desk, monkeypatch, packed):
    """Bytes that unpack to nothing are not read for ever: two gigabytes of them took an hour."""
    monkeypatch.setattr(blob_file, "PATIENCE_S", 0.0)
    page = desk.page(desk.send(packed))

    assert page.status is EngineStatus.CHANGED


def test_a_list_that_grows_while_it_is_looked_at_is_not_read_whole(desk, monkeypatch):
    """Its owner may still write to it: no more than the largest list is ever taken."""
    monkeypatch.setattr(shelf, "LIST_MAX_BYTES", 1000)
    upload = desk.send(b"https://p.example/1.jpg\n")
    asked = []

    def size(ref):
        desk.blobs.put(upload_ref(OWNER, upload), b"https://p.example/2.jpg\n" * 1000)
        return 24

    real = desk.blobs.get_range
    monkeypatch.setattr(desk.blobs, "size", size)
    monkeypatch.setattr(
        desk.blobs, "get_range", lambda ref, at, count: asked.append(count) or real(ref, at, count)
    )
    page = desk.page(upload)

    assert "lists have at most 1,000 bytes" in page.detail
    assert max(asked) <= 1024


def test_uploads_that_only_take_time_are_left(desk, monkeypatch):
    """A hundred uploads of which nothing can be used do not hold a worker a hundred times."""
    monkeypatch.setattr(engine, "PATIENCE_S", -1.0)
    page = desk.page(desk.send(b"nothing"), desk.send(b"https://p.example/1.jpg"))

    assert page.status is EngineStatus.CHANGED
    assert page.detail.startswith("birds, upload 1 and all that follow: not looked at")


def test_names_have_a_limit_together(desk, monkeypatch):
    """Members whose names would take all memory are left out and told."""
    monkeypatch.setattr(contents, "NAMES_MAX_CHARS", 30)
    upload = desk.send(a_tar({f"{n}-{'long' * n}.jpg": b"x" for n in range(4)}))

    assert len(desk.bodies(upload)) == 3
    assert "1 beyond names of 30 characters in all" in desk.page(upload).detail


def test_the_texts_of_a_list_have_a_limit_together(desk, monkeypatch):
    """Of a list whose rows would take all memory, the first ones are taken, and that is told."""
    monkeypatch.setattr(lists, "TEXTS_MAX_CHARS", 200)
    rows = "".join(f"https://p.example/{n}.jpg,{'t' * 40}\n" for n in range(9))
    page = desk.page(desk.send(f"url,title\n{rows}".encode()))

    assert len(page.finds) == 2
    assert "after the first 2 good ones" in page.detail
