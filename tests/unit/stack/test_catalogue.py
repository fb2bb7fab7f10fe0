import io
from collections import Counter
from itertools import chain

import numpy as np
import pytest
from PIL import Image

from pixcrawler.host.stack.website.catalogue import Awkward, Catalogue, Fault
from pixcrawler.host.stack.website.files import PictureFiles
from pixcrawler.host.stack.website.phash import perceptual_hash
from pixcrawler.host.stack.website.scene import render

CATEGORIES = ["apple", "house", "fish", "star", "tree", "car", "flower", "moon"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A folder for what is drawn."""
    return tmp_path_factory.mktemp("website")


@pytest.fixture(scope="module")
def catalogue(cache):
    """The website as it is by default."""
    return Catalogue(1, 60, cache)


def test_as_many_as_asked(catalogue):
    """Each category has its good pictures, and a fifth as many faults mixed among them."""
    assert list(catalogue.categories) == CATEGORIES
    for ranked in catalogue.categories.values():
        assert Counter(p.fault is None for p in ranked) == {True: 60, False: 12}
        places = [place for place, picture in enumerate(ranked) if picture.fault]
        assert min(places) < 24
        assert max(places) > 48


def test_every_fault_is_planted(catalogue):
    """Every kind of fault and awkwardness occurs; only two drip for ever."""
    faults = Counter(picture.fault for picture in catalogue if picture.fault)
    assert set(faults) == set(Fault)
    assert faults[Fault.DRIPPING] == 2
    assert min(count for kind, count in faults.items() if kind != Fault.DRIPPING) >= 4
    assert {picture.awkward for picture in catalogue if picture.awkward} == set(Awkward)
    unsupported = {p.format for p in catalogue if p.fault == Fault.UNSUPPORTED}
    assert unsupported == {"bmp", "svg"}


def test_small_website_has_every_fault(tmp_path):
    """Even three pictures of each category come with all kinds of faults."""
    faults = {picture.fault for picture in Catalogue(1, 3, tmp_path)}
    assert faults == {None, *Fault}


def test_names_are_unique(catalogue):
    """No two pictures share an id, a file name or a path."""
    pictures = list(catalogue)
    for name in ("id", "name", "path"):
        assert len({getattr(picture, name) for picture in pictures}) == len(pictures)


def test_same_seed_same_website(catalogue, tmp_path):
    """The same seed gives the same entries without any cache, another seed others."""
    again, other = Catalogue(1, 60, tmp_path), Catalogue(2, 60, tmp_path)
    assert list(again) == list(catalogue)
    assert {p.scene for p in other} & {p.scene for p in catalogue} == set()


def test_larger_website_has_the_smaller_one(catalogue, tmp_path):
    """More pictures leave the first ones as they were."""
    large = Catalogue(1, 70, tmp_path)
    for picture in catalogue:
        if picture.fault is None:
            assert large.by_id[picture.id] == picture


def test_damaged_memory_is_made_again(tmp_path):
    """A damaged file of attempts does not stop the website."""
    first = Catalogue(1, 3, tmp_path)
    (file,) = tmp_path.glob("attempts-*")
    file.write_text("{")
    assert list(Catalogue(1, 3, tmp_path)) == list(first)


def test_sizes_and_formats(catalogue):
    """Good pictures have 320 to 1200 px a side and all three formats."""
    good = [picture for picture in catalogue if picture.fault is None]
    sides = list(chain.from_iterable((picture.width, picture.height) for picture in good))
    assert (min(sides), max(sides) <= 1200) == (320, True)
    assert max(sides) > 1000
    assert {picture.format for picture in good} == {"jpeg", "png", "webp"}


def test_no_accidental_near_duplicates(tmp_path):
    """Among 1,504 good pictures no two are within 10 bits, counted over all pairs."""
    catalogue = Catalogue(1, 188, tmp_path)
    good = [picture for picture in catalogue if picture.fault is None]
    hashes = np.array([draft_hash(picture) for picture in good], dtype=np.uint64)
    first, second = np.triu_indices(len(good), 1)
    bits = np.bitwise_count(hashes[first] ^ hashes[second])
    assert len(bits) == 1_130_256
    assert bits.min() > 10

    files = PictureFiles(catalogue, tmp_path, 1)
    for pair in np.argsort(bits, kind="stable")[:25]:
        one, other = (file_hash(files, good[where[pair]]) for where in (first, second))
        assert (one ^ other).bit_count() > 10


def draft_hash(picture):
    """Return the perceptual hash of a picture drawn small."""
    scale = 128 / min(picture.width, picture.height)
    return perceptual_hash(
        render(picture.scene, round(picture.width * scale), round(picture.height * scale))
    )


def file_hash(files, picture):
    """Return the perceptual hash of a picture's own file."""
    return perceptual_hash(as_image(files.read(picture)))


def as_image(data):
    """Open the bytes of a picture."""
    return Image.open(io.BytesIO(data))
