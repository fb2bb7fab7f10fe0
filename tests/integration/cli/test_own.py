"""Own folders and lists are sent to the store before the job is made."""

import io
import zipfile
from pathlib import Path

import pytest

from pixcrawler.cli import send

FIRST, SECOND = (f"{number:032x}" for number in (1, 2))


@pytest.fixture
def photos(tmp_path):
    """A folder of three pictures, 30 kB each."""
    (tmp_path / "photos").mkdir()
    for number in range(3):
        (tmp_path / f"photos/{number}.jpg").write_bytes(b"%d" % number * 30_000)
    return tmp_path / "photos"


def names_in(data):
    return zipfile.ZipFile(io.BytesIO(data)).namelist()


def test_a_folder_is_sent_and_named_in_the_job(cli, server, photos, monkeypatch):
    """The pictures arrive in blocks as one ZIP; the job names the upload and wants all of them."""
    monkeypatch.setattr(send, "BLOCK_BYTES", 10_000)
    said = cli("run", "photos/")

    assert said.code == 0, said.err
    assert "uploading photos: 3 pictures" in said.err
    assert server.will.posted == [
        {"name": "photos", "max_images": 3, "uploads": {"photos": [FIRST]}}
    ]
    (data,) = server.will.uploaded.values()
    assert names_in(data) == ["0.jpg", "1.jpg", "2.jpg"]
    assert len(server.will.blocks) == 10
    assert len(data) <= server.will.announced[0]


def test_a_list_is_sent_as_it_is(cli, server):
    """The bytes of a list arrive; words beside it are searched for."""
    Path("birds.csv").write_text("url\nhttps://p.example/1.jpg\n")
    said = cli("run", "robin", "birds.csv", "--max", "9")

    assert said.code == 0, said.err
    assert server.will.posted == [
        {"keywords": ["robin"], "max_images": 9, "uploads": {"birds": [FIRST]}}
    ]
    assert list(server.will.uploaded.values()) == [b"url\nhttps://p.example/1.jpg\n"]


def test_several_things_of_one_category(cli, server, photos):
    """--category puts everything under one name."""
    Path("more.txt").write_text("https://p.example/1.jpg\n")
    said = cli("run", "photos/", "more.txt", "--category", "mine")

    assert said.code == 0, said.err
    assert server.will.posted == [{"uploads": {"mine": [FIRST, SECOND]}}]


def test_a_store_in_trouble_is_asked_again(cli, server, photos, monkeypatch):
    """Broken lines and a busy store cost time, nothing else."""
    server.will.store_trouble = [0, 503, 201, 500, 429]
    said = cli("run", "photos/")

    assert said.code == 0, said.err
    (data,) = server.will.uploaded.values()
    assert len(names_in(data)) == 3


@pytest.mark.parametrize(
    ("trouble", "code", "words"),
    [
        ([403], 1, "its link has expired"),
        ([400], 1, "the store answered 400"),
        ([503] * 9, 4, "the upload failed 6 times (the store answered 503)"),
    ],
    ids=["expired", "refused", "away"],
)
def test_an_upload_that_fails_makes_no_job(cli, server, photos, trouble, code, words):
    """Without its pictures no job is started; the reason is said."""
    server.will.store_trouble = trouble
    said = cli("run", "photos/")

    assert (said.code, server.will.posted) == (code, [])
    assert words in said.err


def test_a_mistake_is_told_before_anything_is_sent(cli, server):
    """Exit code 2, and nobody was asked."""
    said = cli("run", "gone.zip")

    assert (said.code, server.will.seen) == (2, [])
    assert "gone.zip: there is no such file" in said.err


def test_a_picture_that_vanishes_is_told(cli, server, photos, monkeypatch):
    """A file that cannot be read while it is sent ends the command with its name."""
    real = send.blocks_of

    def late(one):
        (photos / "1.jpg").unlink()
        return real(one)

    monkeypatch.setattr(send, "blocks_of", late)
    said = cli("run", "photos/")

    assert (said.code, server.will.posted) == (1, [])
    assert "1.jpg: No such file" in said.err
