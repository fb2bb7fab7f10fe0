import pytest

from pixcrawler.host.stack.website.catalogue import Catalogue
from pixcrawler.host.stack.website.search import categories_of, find


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """A small website."""
    return Catalogue(1, 10, tmp_path_factory.mktemp("search"))


@pytest.mark.parametrize(
    ("query", "categories"),
    [
        ("apple", ["apple"]),
        ("Red APPLES photo", ["apple"]),
        ("a house by the moon", ["house", "moon"]),
        ("cottage", ["house"]),
        ("automobile", ["car"]),
        ("apple apples", ["apple"]),
        ("pineapple", []),
        ("red panda", []),
        ("", []),
        ("' or 1=1 --", []),
    ],
)
def test_words_name_categories(query, categories):
    """A query finds the categories that its words name, by name, plural or synonym."""
    assert categories_of(query) == categories


def test_pages_cover_everything_once(catalogue):
    """Going through the pages gives every picture once, in the same order as one big page."""
    whole = find(catalogue, "apple", 1, 100, 10_000)
    pages = [find(catalogue, "red apple photo", page, 4, 10_000) for page in range(1, 5)]
    assert whole.total == len(whole.pictures) == 13
    assert [picture for page in pages for picture in page.pictures] == whole.pictures
    assert [len(page.pictures) for page in pages] == [4, 4, 4, 1]
    assert pages[0].pages == 4


def test_beyond_the_last_page(catalogue):
    """A page after the last is empty and still tells the total."""
    found = find(catalogue, "apple", 9, 10, 10_000)
    assert (found.pictures, found.total) == ([], 13)


def test_nothing_found(catalogue):
    """Unknown words find nothing."""
    found = find(catalogue, "red panda", 1, 10, 10_000)
    assert (found.total, found.pages, found.pictures) == (0, 0, [])


def test_reach_ends_the_results(catalogue):
    """Like a real engine, paging stops after so many results."""
    found = find(catalogue, "apple", 1, 4, 6)
    assert (found.total, found.pages) == (6, 2)


def test_two_categories_take_turns(catalogue):
    """A query for two things gets both, in turn."""
    found = find(catalogue, "fish and stars", 1, 6, 10_000)
    assert [picture.category for picture in found.pictures] == ["fish", "star"] * 3
