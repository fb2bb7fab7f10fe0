"""Archives of the user's own pictures: read member by member, whatever is in them."""

import bz2
import gzip
import io
import random
import stat
import struct
import tarfile
import zipfile
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.adapters.engines.uploads import blob_file, contents, shelf, tars
from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.errors import Conflict, NotFound, StorageUnavailable
from pixcrawler.domain.storage import unpacked_ref, upload_ref
from tests.unit.adapters_uploads.conftest import OWNER, Desk

FILES = {
    "robin/1.jpg": b"\xff\xd8first" * 100,
    "robin/2.png": random.Random(1).randbytes(5000),
    "wren 100%/Käfer.webp": b"third",
    "no-ending": b"fourth" * 9000,
}
CALM = settings(
    max_examples=150,
    deadline=timedelta(seconds=5),
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


def a_zip(files, packing=zipfile.ZIP_DEFLATED, **options):
    """A ZIP; a name may be a ZipInfo."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing, **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def a_streamed_zip(files):
    """A ZIP as it is written to a pipe: sizes stand behind each member."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, piece):
            self.data += piece
            return len(piece)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, data in files.items():
            with archive.open(name, "w") as member:
                member.write(data)
    return bytes(pipe.data)


def a_tar(files, form=tarfile.PAX_FORMAT):
    """A TAR; a name may be a TarInfo."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, data in files.items():
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "archive",
    [
        a_zip(FILES),
        a_zip(FILES, zipfile.ZIP_STORED),
        a_streamed_zip(FILES),
        a_tar(FILES),
        a_tar(FILES, tarfile.GNU_FORMAT),
        gzip.compress(a_tar(FILES)),
        gzip.compress(a_tar(FILES)[:3000]) + gzip.compress(a_tar(FILES)[3000:]),
    ],
    ids=["zip", "stored", "streamed", "tar", "gnu-tar", "tar-gz", "two-gzips"],
)
def test_every_archive_gives_its_files(desk, archive):
    """Each form gives every file, by its name, byte by byte, and nothing is said to be amiss."""
    upload = desk.send(archive)

    assert desk.bodies(upload) == FILES
    assert desk.page(upload).detail is None


def test_long_names_and_large_directories(desk):
    """Names of hundreds of characters and thousands of members are read, a page at a time."""
    files = {f"{'deep/' * 50}{n:05d}.jpg": b"%d" % n for n in range(1100)}
    for archive in (a_zip(files), a_tar(files)):
        upload = desk.send(archive)
        pages = desk.pages(upload)

        assert [len(page.finds) for page in pages] == [500, 500, 100]
        assert len({find.key for page in pages for find in page.finds}) == 1100
        assert desk.bodies(upload) == files


def test_the_order_is_the_archives_and_the_same_each_time(desk):
    """Two looks give the same finds, in the order of the archive."""
    upload = desk.send(a_zip(FILES))

    assert [find.provenance.title for find in desk.page(upload).finds] == list(FILES)
    assert desk.page(upload) == desk.page(upload)


def test_several_uploads_follow_each_other(desk):
    """Lists and archives of a category come one after the other, to the end."""
    listed = "\n".join(f"https://p.example/{n}.jpg" for n in range(700)).encode()
    uploads = [desk.send(a_zip(FILES)), desk.send(listed), desk.send(a_tar(FILES))]
    pages = desk.pages(*uploads)

    assert [len(page.finds) for page in pages] == [4, 500, 200, 4]
    assert [page.finds[0].url.partition(":")[0] for page in pages] == [
        "upload", "https", "https", "upload",
    ]  # fmt: skip


def test_what_cannot_be_a_picture_is_left_out_and_told(desk):
    """Links, encrypted files, archives, texts and empty files are counted; litter is not."""
    linked = zipfile.ZipInfo("link.jpg")
    linked.external_attr = (stat.S_IFLNK | 0o777) << 16
    files = {
        linked: b"/etc/passwd",
        "a.jpg": b"good",
        "inner.zip": b"PK",
        "notes.txt": b"x",
        "empty.jpg": b"",
        "folder/": b"",
        "__MACOSX/._a.jpg": b"x",
        "sub/.DS_Store": b"x",
        "Thumbs.db": b"x",
    }
    page = desk.page(desk.send(a_zip(files)))

    assert [find.provenance.title for find in page.finds] == ["a.jpg"]
    assert page.detail.startswith("birds, upload 1: 4 files are left out:")
    for words in (
        "1 that are links or devices (file link.jpg)",
        "1 that are archives themselves (file inner.zip)",
        "1 that are no pictures by their names (file notes.txt)",
        "1 that are empty (file empty.jpg)",
    ):
        assert words in page.detail


def test_links_and_devices_of_a_tar_are_left_out(desk):
    """Nothing of a TAR but plain files is ever read."""
    odd = []
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        member = tarfile.TarInfo(f"odd-{kind!r}.jpg")
        member.type, member.linkname = kind, "/etc/passwd"
        odd.append(member)
    upload = desk.send(a_tar({**dict.fromkeys(odd, b""), "./a.jpg": b"good"}))

    assert desk.bodies(upload) == {"./a.jpg": b"good"}
    assert "4 that are links or devices" in desk.page(upload).detail


def test_names_are_never_paths(desk):
    """Names that would climb out of a folder are shown as they are, and nothing else."""
    files = {"../../etc/cron.d/x.jpg": b"one", "/abs/y.jpg": b"two", "c:\\z.jpg": b"three"}

    for archive in (a_zip(files), a_tar(files)):
        bodies = desk.bodies(desk.send(archive))
        assert set(bodies.values()) == {b"one", b"two", b"three"}


def test_a_file_without_a_name(desk):
    """A member may have no name at all; its bytes are read nevertheless."""
    data = bytearray(a_zip({"x": b"nameless", "a.jpg": b"named"}))
    place = data.index(b"PK\1\2") + 28
    data[place : place + 4] = struct.pack("<HH", 0, 1)  # its name becomes a part of what follows
    bodies = desk.bodies(desk.send(bytes(data)))

    assert bodies == {None: b"nameless", "a.jpg": b"named"}


def test_an_encrypted_member_is_left_out(desk):
    """What only a password opens is counted, the rest is read."""
    data = bytearray(a_zip({"secret.jpg": b"xxxx", "b.jpg": b"good"}))
    data[data.index(b"PK\1\2") + 8] |= 1
    upload = desk.send(bytes(data))

    assert desk.bodies(upload) == {"b.jpg": b"good"}
    assert "1 that are encrypted (file secret.jpg)" in desk.page(upload).detail


def test_an_unusual_packing_is_left_out(desk):
    """Other packings than the two of every ZIP are counted."""
    first = a_zip({"a.jpg": b"a" * 99}, zipfile.ZIP_BZIP2)

    assert "packed in an unusual way" in desk.page(desk.send(first)).detail


def test_a_member_that_lies_about_its_size(desk):
    """No more is unpacked than was announced, and what does not fit is no picture."""
    data = a_zip({"bomb.jpg": bytes(10_000_000), "b.jpg": b"good"})
    place = data.index(b"PK\1\2") + 24
    lying = data[:place] + struct.pack("<I", 100) + data[place + 4 :]
    bodies = desk.bodies(desk.send(lying))

    assert bodies["b.jpg"] == b"good"
    assert "CRC-32" in bodies["bomb.jpg"]


def test_members_beyond_the_largest_image_are_left_out(desk, monkeypatch):
    """A file larger than any image that is taken is not even offered."""
    monkeypatch.setattr(contents, "IMAGE_MAX_BYTES", 1000)
    files = {"large.jpg": bytes(1001), "small.jpg": b"x"}

    for archive in (a_zip(files), a_tar(files)):
        upload = desk.send(archive)
        assert set(desk.bodies(upload)) == {"small.jpg"}
        assert "1 larger than 1,000 bytes (file large.jpg)" in desk.page(upload).detail


def test_all_members_together_have_a_limit(desk, monkeypatch):
    """An archive that would unpack to more than is reasonable is cut there."""
    monkeypatch.setattr(contents, "ARCHIVE_MAX_BYTES", 2500)
    page = desk.page(desk.send(a_zip({f"{n}.jpg": bytes(1000) for n in range(5)})))

    assert len(page.finds) == 2
    assert "3 beyond 2,500 unpacked bytes" in page.detail


def test_members_have_a_greatest_number(desk, monkeypatch):
    """Of an archive with too many files the first are taken."""
    monkeypatch.setattr(contents, "ARCHIVE_MAX_MEMBERS", 3)
    files = {f"{n}.jpg": b"x" for n in range(9)}

    for archive in (a_zip(files), a_tar(files)):
        page = desk.page(desk.send(archive))
        assert len(page.finds) == 3
        assert "after the first 3 (file 3.jpg and all that follow)" in page.detail


def test_members_that_overlap_are_left_out(desk):
    """A bomb whose members share their bytes gives nothing."""
    data = bytearray(a_zip({"a.jpg": bytes(1000), "b.jpg": bytes(1000)}))
    first = data.index(b"PK\1\2")
    second = data.index(b"PK\1\2", first + 4)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    page = desk.page(desk.send(bytes(data)))

    assert (page.status, "2 that overlap others" in page.detail) == (EngineStatus.CHANGED, True)


def test_a_directory_beyond_all_measure_is_refused(desk, monkeypatch):
    """What would take all memory to list is not listed."""
    monkeypatch.setattr(blob_file, "READ_MAX_BYTES", 5000)
    page = desk.page(desk.send(a_zip({f"{n}.jpg": b"x" for n in range(200)})))

    assert page.status is EngineStatus.CHANGED
    assert "its directory is too large" in page.detail


def test_a_long_header_of_a_tar_is_refused(desk, monkeypatch):
    """A header that claims gigabytes is not read."""
    monkeypatch.setattr(blob_file, "READ_MAX_BYTES", 5000)
    long_name = tarfile.TarInfo("x")
    long_name.type = tarfile.GNUTYPE_LONGNAME
    page = desk.page(desk.send(a_tar({long_name: b"n" * 20_000}, tarfile.GNU_FORMAT)))

    assert page.status is EngineStatus.CHANGED


def test_a_gzip_bomb_ends_at_the_limit(desk, monkeypatch):
    """Unpacking stops where an upload would be too large; nothing of it is kept."""
    monkeypatch.setattr(tars, "UPLOAD_MAX_BYTES", 100_000)
    upload = desk.send(gzip.compress(a_tar({"a.jpg": bytes(5_000_000)})))
    page = desk.page(upload)

    assert (page.status, "larger than 100,000 bytes" in page.detail) == (EngineStatus.CHANGED, True)
    assert not desk.blobs.exists(unpacked_ref(OWNER, upload))


def test_a_broken_off_tar_gives_what_came(desk):
    """Of a TAR that ends too early, what stands before that is read."""
    whole = a_tar({"a.jpg": b"one", "b.jpg": bytes(5000)})
    upload = desk.send(whole[:3000])

    assert desk.bodies(upload) == {"a.jpg": b"one"}
    assert "1 that break off (file b.jpg)" in desk.page(upload).detail


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (a_zip({}), "no file that may be a picture"),
        (b"PK\3\4 and no more", "ZIP directory cannot be read"),
        (gzip.compress(b"https://a.example/1.jpg"), "no TAR archive"),
        (b"\x1f\x8b broken", "no TAR archive"),
        (gzip.compress(a_tar(FILES))[:-2000], "gzip cannot be read"),
        (b"\xff\xd8\xff\xe0 picture", "it is jpeg: send pictures as a ZIP"),
        (b"<!doctype html><html>", "it is HTML"),
        (b"7z\xbc\xaf\x27\x1c\0\1\2", "no text and no archive"),
        (bz2.compress(b"x" * 99), "no text and no archive"),
        (b"Rar!\x1a\x07\0" + bytes(20), "no text and no archive"),
    ],
    ids=["empty", "empty-zip", "zip", "gzip", "broken-gzip", "cut-gzip", "picture", "page", "7z",
         "bzip2", "rar"],
)  # fmt: skip
def test_what_is_nothing_of_ours_is_named(desk, data, said):
    """Anything else is told with words that say what to send instead."""
    page = desk.page(desk.send(data))

    assert (page.status, page.finds, page.next_cursor) == (EngineStatus.CHANGED, (), None)
    assert said in page.detail


def test_a_bad_upload_beside_a_good_one(desk):
    """One upload of a category that cannot be used does not keep the others from being read."""
    page = desk.page(desk.send(b"prose"), "f" * 32, desk.send(a_zip(FILES)))

    assert (page.status, len(page.finds)) == (EngineStatus.OK, 4)
    assert "birds, upload 1: it has no address" in page.detail
    assert "birds, upload 2: it is no longer there" in page.detail


def test_a_store_that_is_away_is_a_failure(desk, monkeypatch):
    """Trouble of the store is told as such: the upload is asked for again."""

    def away(ref, *_):
        raise StorageUnavailable("Storage: no answer")

    upload = desk.send(a_zip(FILES))
    monkeypatch.setattr(desk.blobs, "get", away)
    page = desk.page(upload)

    assert (page.status, page.detail) == (
        EngineStatus.FAILED,
        "birds, upload 1: Storage: no answer",
    )
    with pytest.raises(StorageUnavailable):
        desk.fetched(f"upload://{upload}/0")


def test_what_breaks_a_reader_is_told(desk, monkeypatch):
    """A fault of ours ends one upload, not the job."""

    def broken(file):
        raise RuntimeError("a bug")

    monkeypatch.setattr(shelf, "zip_contents", broken)
    page = desk.page(desk.send(a_zip(FILES)), desk.send(a_tar(FILES)))

    assert (page.status, len(page.finds)) == (EngineStatus.OK, 4)
    assert page.detail == "birds, upload 1: it broke our reader"


def test_nobody_reads_what_is_not_his(desk):
    """Another user's upload is not there, neither for the engine nor for the fetcher."""
    upload = desk.send(a_zip(FILES))
    urls = [find.url for find in desk.page(upload).finds]
    page = desk.page(upload, user="22222222-2222-4222-8222-222222222222")
    results = desk.fetched(*urls, user="22222222-2222-4222-8222-222222222222")

    assert (page.status, page.finds) == (EngineStatus.CHANGED, ())
    assert {result.reason.value for result in results} == {"gone_404_410"}
    assert desk.web.asked == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("upload://../../x", "address_blocked"),
        ("upload:", "address_blocked"),
        (f"upload://{'0' * 31}1/1 2", "address_blocked"),
        (f"upload://{'0' * 31}1/1/\n", "address_blocked"),
        (f"upload://{'0' * 31}1/9999999", "address_blocked"),
        (f"upload://{'0' * 31}1/4", "gone_404_410"),
        (f"upload://{'0' * 31}1/-1", "address_blocked"),
        (f"upload://{'f' * 32}/0", "gone_404_410"),
    ],
)
def test_addresses_that_are_not_ours(desk, url, reason):
    """An address that we did not make is refused or names nothing; the web is not asked."""
    desk.send(a_zip(FILES))
    (result,) = desk.fetched(url)

    assert (result.reason.value, desk.web.asked) == (reason, [])


def test_an_address_shows_the_name_of_the_file(desk):
    """Logs and manifests name a file as people know it; what is read does not depend on it."""
    upload = desk.send(a_zip({"/wren 100%/Käfer.webp": b"data", "x" * 900: b"more"}))
    first, second = (find.url for find in desk.page(upload).finds)

    assert first == f"upload://{upload}/0/wren%20100%25/K%C3%A4fer.webp"
    assert len(second) < 300
    found = desk.fetched(first, f"upload://{upload}/0/other")
    assert [one.body.read() for one in found] == [b"data"] * 2


def test_the_web_is_asked_for_all_other_addresses(desk):
    """Mixed addresses come back each under its own number."""
    upload = desk.send(a_zip({"a.jpg": b"own"}))
    own = desk.page(upload).finds[0].url
    results = desk.fetched("https://a.example/", own, "file:///etc/passwd")

    assert [result.body.read() for result in results] == [
        b"https://a.example/", b"own", b"file:///etc/passwd",
    ]  # fmt: skip
    assert desk.web.asked == ["https://a.example/", "file:///etc/passwd"]


def test_an_upload_that_changes_under_us(desk):
    """Bytes that are no longer those of the directory are a bad answer, not a crash."""
    upload = desk.send(a_zip(FILES))
    urls = [find.url for find in desk.page(upload).finds]
    desk.blobs.put(upload_ref(OWNER, upload), bytes(50_000))

    assert {result.reason.value for result in desk.fetched(*urls)} == {"bad_answer"}
    desk.blobs.delete(upload_ref(OWNER, upload))
    assert {result.reason.value for result in desk.fetched(*urls)} == {"gone_404_410"}


def test_an_upload_that_is_archived_under_us(desk, monkeypatch):
    """What its owner moves to the archive tier is gone for the job, which goes on."""
    upload = desk.send(a_zip(FILES))
    urls = [find.url for find in desk.page(upload).finds]

    def archived(*args):
        raise Conflict("Storage: BlobArchived")

    monkeypatch.setattr(desk.blobs, "get_range", archived)
    assert {result.reason.value for result in desk.fetched(*urls)} == {"gone_404_410"}
    assert desk.page(desk.send(a_zip(FILES))).detail.endswith("it is no longer there")


def test_a_directory_is_listed_once(desk):
    """Other workers read the contents that the first one wrote down."""
    upload = desk.send(gzip.compress(a_tar(FILES)))
    desk.page(upload)
    desk.blobs.delete(upload_ref(OWNER, upload))
    other = Desk()
    other.blobs = desk.blobs
    other.shelf._blobs = desk.blobs

    assert other.bodies(upload) == FILES


@CALM
@given(st.binary(max_size=300), st.sampled_from([b"PK\3\4", b"PK\5\6", b"\x1f\x8b\x08\0", b""]))
def test_random_bytes_never_raise(data, start):
    """Whatever is sent, the engine gives a page that says what it is not."""
    desk = Desk()
    page = desk.page(desk.send(start + data))
    assert page.finds or page.detail


@pytest.mark.parametrize("seed", range(6))
def test_damaged_archives_never_raise(seed):
    """True archives with bytes changed give pages, and each find a body or a reason."""
    chance = random.Random(seed)
    desk = Desk()
    for whole in (a_zip(FILES), a_tar(FILES), gzip.compress(a_tar(FILES), 1)):
        for _ in range(40):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 8)):
                at = chance.choice([chance.randrange(len(data)), -chance.randrange(1, 300)])
                data[at] = chance.randrange(256)
            upload = desk.send(
                bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
            )
            for page in desk.pages(upload):
                results = desk.fetched(*(find.url for find in page.finds))
                assert all(hasattr(one, "body") or one.detail for one in results)


def test_reading_ahead_gives_the_same_bytes():
    """A blob read in any order and length gives what a file gives."""
    blobs, ref = MemoryBlobs(), upload_ref(OWNER, "0" * 32)
    data = random.Random(3).randbytes(10_000)
    blobs.put(ref, data)
    chance = random.Random(4)
    file, real = blob_file.BlobFile(blobs, ref, 64), io.BytesIO(data)
    for _ in range(500):
        whence, offset = chance.choice([(0, chance.randrange(11_000)), (2, -chance.randrange(99))])
        count = chance.choice([0, 1, 30, 64, 65, 5000, -1])
        assert file.seek(offset, whence) == real.seek(offset, whence)
        assert file.read(count) == real.read(count)
        assert file.tell() == real.tell()
    with pytest.raises(NotFound):
        blob_file.BlobFile(blobs, upload_ref(OWNER, "1" * 32), 64)


def test_checksums_are_checked(desk):
    """A single changed byte of a stored member is noticed."""
    data = bytearray(a_zip({"a.jpg": b"original"}, zipfile.ZIP_STORED))
    data[data.index(b"original")] ^= 1
    (body,) = desk.bodies(desk.send(bytes(data))).values()

    assert "CRC-32" in body
