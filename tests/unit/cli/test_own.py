"""Words that name own things are told from keywords, and what is sent of them."""

import io
import zipfile
from pathlib import Path

import pytest

from pixcrawler.cli import own, send
from pixcrawler.cli.errors import Mistake
from pixcrawler.cli.jobfile import SAMPLE, Wishes
from pixcrawler.cli.own import job_order
from pixcrawler.cli.send import blocks_of

NONE = Wishes()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name, data=b"data"):
    """Write a file below the folder."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def unpacked(one):
    """What a ZIP that is sent holds."""
    with zipfile.ZipFile(io.BytesIO(b"".join(blocks_of(one)))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_words_and_job_files_stay_what_they_are():
    """Without own things the order is the document of before."""
    write("job.yaml", b"keywords: [a]\n")
    write("job.json", b'{"keywords": ["a"]}')

    assert job_order(["robin", "wren"], NONE).document == {"keywords": ["robin", "wren"]}
    assert job_order(["job.yaml"], NONE).document == {"keywords": ["a"]}
    assert job_order(["job.json"], NONE).document == {"keywords": ["a"]}
    assert job_order([], NONE).document == SAMPLE


def test_a_folder_is_packed_with_its_pictures_only():
    """Pictures go along with their names in the folder; hidden and other files do not."""
    write("photos/b.JPG", b"bee")
    write("photos/a/c.png", b"sea")
    write("photos/.hidden.jpg")
    write("photos/.git/d.jpg")
    write("photos/notes.txt")
    order = job_order(["photos/"], NONE)
    (one,) = order.own

    assert (one.category, order.document) == ("photos", {"name": "photos", "max_images": 2})
    assert unpacked(one) == {"b.JPG": b"bee", "a/c.png": b"sea"}
    assert order.notes == ("photos: only pictures are sent; 1 other file is left out",)
    assert sum(map(len, blocks_of(one))) <= one.bytes


def test_links_lead_to_pictures_or_are_left_out():
    """A folder from somewhere else cannot have a private key sent as one of its pictures."""
    write("secret/id_ed25519", b"private")
    write("elsewhere/real.png", b"picture")
    write("photos/a.jpg", b"a")
    Path("photos/key.jpg").symlink_to(Path("secret/id_ed25519").resolve())
    Path("photos/hop.jpg").symlink_to("key.jpg")
    Path("photos/gone.jpg").symlink_to("nowhere.jpg")
    Path("photos/device.jpg").symlink_to("/dev/zero")
    Path("photos/good.jpg").symlink_to(Path("elsewhere/real.png").resolve())
    Path("photos/loop").symlink_to("..")
    (one,) = job_order(["photos/"], NONE).own

    assert unpacked(one) == {"a.jpg": b"a", "good.jpg": b"picture"}


def test_a_picture_that_changes_while_it_is_sent():
    """One that grows is cut to what was counted, one that shrinks is sent as it is."""
    write("photos/a.jpg", b"12345")
    write("photos/b.jpg", b"12345")
    (one,) = job_order(["photos/"], NONE).own
    write("photos/a.jpg", b"1234567890")
    write("photos/b.jpg", b"1")

    assert unpacked(one) == {"a.jpg": b"12345", "b.jpg": b"1"}
    assert sum(map(len, blocks_of(one))) <= one.bytes


def test_sub_folders_are_categories():
    """A folder with pictures in sub-folders alone gives a category for each, and its own name."""
    write("photos/cat/1.jpg", b"one")
    write("photos/dog/2.jpg", b"two")
    write("photos/dog/more/3.jpg", b"three")
    order = job_order(["photos/"], NONE)

    assert [one.category for one in order.own] == ["cat", "dog"]
    assert order.document["name"] == "photos"
    assert unpacked(order.own[1]) == {"dog/2.jpg": b"two", "dog/more/3.jpg": b"three"}
    assert [one.category for one in job_order(["photos/"], NONE, "pets").own] == ["pets"]


def test_a_word_that_is_a_folder_too_is_a_word():
    """What is searched for may be called like a folder here; the person is told how to name it."""
    write("robin/1.jpg")
    order = job_order(["robin"], NONE)

    assert (order.document, order.own) == ({"keywords": ["robin"]}, ())
    assert order.notes == ("robin is searched for; the folder of that name is robin/",)


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("birds.csv", "birds"), ("birds.TXT", "birds"), ("birds.tar.gz", "birds"),
        ("old.birds.zip", "old.birds"), ("birds.parquet", "birds"), ("birds.jsonl", "birds"),
    ],
)  # fmt: skip
def test_lists_and_archives_are_sent_as_they_are(name, category):
    """Their bytes are untouched; their name without its ending is the category."""
    write(f"some where/{name}", b"x" * 9_000_000)
    (one,) = job_order([f"some where/{name}"], NONE).own

    assert (one.category, one.bytes) == (category, 9_000_000)
    assert b"".join(blocks_of(one)) == b"x" * 9_000_000


def test_a_json_array_is_a_list_and_an_object_a_job():
    """A .json file is told by its content."""
    write("list.json", b' \n["https://p.example/1.jpg"]')

    assert [one.category for one in job_order(["list.json"], NONE).own] == ["list"]


def test_own_things_beside_words():
    """Keywords and own things make one job; --max and --name hold for both."""
    write("photos/1.jpg")
    order = job_order(["robin", "photos/"], Wishes("mine", 50, ("openverse",)), "birds")

    assert order.document == {
        "keywords": ["robin"],
        "name": "mine",
        "max_images": 50,
        "engines": ["openverse"],
    }
    assert [one.category for one in order.own] == ["birds"]


def test_large_folders_go_in_parts(monkeypatch):
    """What is too much for one upload is sent in several of the same category."""
    monkeypatch.setattr(own, "MAX_BYTES", 1000)
    for number in range(5):
        write(f"photos/{number}.jpg", b"x" * 300)
    parts = job_order(["photos/"], NONE).own

    assert [len(one.pictures) for one in parts] == [1, 1, 1, 1, 1]
    monkeypatch.setattr(own, "MAX_BYTES", 1100)
    assert [len(one.pictures) for one in job_order(["photos/"], NONE).own] == [2, 2, 1]


def test_blocks_are_of_one_size(monkeypatch):
    """However a ZIP grows, it is sent in full blocks and a rest."""
    monkeypatch.setattr(send, "BLOCK_BYTES", 1000)
    for number in range(5):
        write(f"photos/{number}.jpg", b"x" * 1500)
    (one,) = job_order(["photos/"], NONE).own

    assert {len(block) for block in list(blocks_of(one))[:-1]} == {1000}
    assert len(unpacked(one)) == 5
    assert list(blocks_of(one)) == list(blocks_of(one))


@pytest.mark.parametrize(
    ("words", "category", "said"),
    [
        (["gone.csv"], None, r"gone\.csv: there is no such file"),
        (["gone/photos.zip"], None, "there is no such file"),
        (["empty.csv"], None, "is empty"),
        (["none/"], None, "there is no picture in it"),
        (["job.yaml", "list.csv"], None, "give a job file alone"),
        (["robin"], "birds", "--category goes with"),
        ([], "birds", "--category goes with"),
        (["many/"], None, "that is 101 uploads"),
        (["folder.zip"], None, "there is no picture in it"),
    ],
)
def test_mistakes_are_told(words, category, said):
    """What cannot be sent is told before anything is started."""
    write("empty.csv", b"")
    write("none/notes.txt")
    write("job.yaml", b"keywords: [a]")
    write("list.csv")
    write("folder.zip/readme")
    for number in range(101):
        write(f"many/{number}/1.jpg")
    with pytest.raises(Mistake, match=said):
        job_order(words, NONE, category)


def test_a_file_too_large_is_not_even_opened(monkeypatch):
    """The largest upload is known before anything is sent."""
    monkeypatch.setattr(own, "MAX_BYTES", 3)
    write("list.csv")
    with pytest.raises(Mistake, match="send it in parts"):
        job_order(["list.csv"], NONE)


def test_names_that_are_no_unicode_can_be_sent():
    """Disks hold names that a ZIP cannot; they are sent with a replacement."""
    folder = Path("photos")
    folder.mkdir()
    Path(b"photos/\xff.jpg".decode("utf-8", "surrogateescape")).write_bytes(b"x")
    (one,) = job_order(["photos/"], NONE).own

    assert unpacked(one) == {"?.jpg": b"x"}
