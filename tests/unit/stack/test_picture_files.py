import io
import threading

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from pixcrawler.host.stack.website.catalogue import Catalogue, Fault
from pixcrawler.host.stack.website.files import PictureFiles
from pixcrawler.host.stack.website.phash import distance, perceptual_hash

SEED = 3


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files of a small website."""
    cache = tmp_path_factory.mktemp("files")
    return PictureFiles(Catalogue(SEED, 20, cache), cache, SEED)


@pytest.fixture
def of(files):
    """Return the pictures with a fault."""
    return lambda fault: [p for p in files._catalogue if p.fault == fault]


def opened(data):
    """Open the bytes of a picture."""
    return Image.open(io.BytesIO(data))


def test_good_files_are_what_they_say(files, of):
    """A good file decodes whole, in the size and format that the search tells."""
    for picture in of(None)[:12]:
        image = opened(files.read(picture))
        image.load()
        assert image.size == (picture.width, picture.height)
        assert image.format.lower() == picture.format


def test_same_bytes_in_another_cache(files, of, tmp_path):
    """The same seed gives the same bytes on another day."""
    again = PictureFiles(Catalogue(SEED, 20, tmp_path), tmp_path, SEED)
    for picture in of(None)[:5]:
        assert again.read(picture) == files.read(picture)


def test_asked_by_many_made_once(files, of, monkeypatch):
    """Many requests for a new picture make it once."""
    picture, made = of(None)[40], []
    make = files._make
    monkeypatch.setattr(files, "_make", lambda wanted: made.append(wanted) or make(wanted))
    threads = [threading.Thread(target=files.read, args=(picture,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [picture]


def test_exact_duplicates(files, of):
    """An exact duplicate has the bytes of its original under another name."""
    for picture in of(Fault.EXACT_DUPLICATE):
        original = files._catalogue.by_id[picture.original]
        assert files.read(picture) == files.read(original)
        assert picture.path != original.path
        assert original.fault is None


def test_near_duplicates(files, of):
    """A near duplicate is another file of the same picture, within 4 bits and not tiny."""
    assert of(Fault.NEAR_DUPLICATE)
    for picture in of(Fault.NEAR_DUPLICATE):
        original = files._catalogue.by_id[picture.original]
        one, other = opened(files.read(original)), opened(files.read(picture))
        assert distance(perceptual_hash(one), perceptual_hash(other)) <= 4
        assert one.format != other.format
        assert min(other.size) >= 256


def test_truncated(files, of):
    """A truncated file has a good header and breaks off while decoding."""
    for picture in of(Fault.TRUNCATED):
        image = opened(files.read(picture))
        assert image.size == (picture.width, picture.height)
        with pytest.raises(OSError, match="truncated"):
            image.load()


@pytest.mark.parametrize("fault", [Fault.HTML, Fault.GARBAGE])
def test_no_image_at_all(files, of, fault):
    """HTML and garbage are no images."""
    for picture in of(fault):
        with pytest.raises(UnidentifiedImageError):
            opened(files.read(picture))


def test_odd_sizes(files, of):
    """The tiny ones are 90 x 60, the wide ones 1600 x 120 px."""
    assert {opened(files.read(p)).size for p in of(Fault.TINY)} == {(90, 60)}
    assert {opened(files.read(p)).size for p in of(Fault.ASPECT)} == {(1600, 120)}


@pytest.mark.parametrize("fault", [Fault.ANIMATED_GIF, Fault.ANIMATED_WEBP])
def test_animations(files, of, fault):
    """The animated ones have several frames."""
    for picture in of(fault):
        assert opened(files.read(picture)).n_frames == 6


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bomb(files, of):
    """The bomb is small on the wire and 400 million pixels when decoded."""
    data = files.read(of(Fault.BOMB)[0])
    assert len(data) < 60_000
    with pytest.raises(Image.DecompressionBombError):
        opened(data)
    assert data[16:24] == bytes.fromhex("00004e2000004e20")


def test_unsupported(files, of):
    """The unsupported ones are BMP and SVG."""
    starts = {files.read(picture)[:2] for picture in of(Fault.UNSUPPORTED)}
    assert starts <= {b"BM", b"<s"}


def test_thumbnail_of_a_fault(files, of):
    """People see what a faulty picture was to show."""
    image = opened(files.thumbnail(of(Fault.BOMB)[0]))
    assert max(image.size) == 180


def test_perceptual_hash_is_the_usual_one():
    """The hash is that of imagehash.phash, here written as its definition."""
    pixels = np.random.default_rng(5).integers(0, 256, (32, 32), dtype=np.uint8)
    n = np.arange(32)
    transform = 2 * np.cos(np.pi * n[:, None] * (2 * n[None, :] + 1) / 64)
    low = (transform @ pixels @ transform.T)[:8, :8]
    bits = "".join("1" if value else "0" for value in (low > np.median(low)).flatten())
    assert perceptual_hash(Image.fromarray(pixels)) == int(bits, 2)
