"""The web for steps alone: bounded memory for site files, the load put on hosts, settings."""

import pytest

from pixcrawler.pipeline.visits.ports import HostReport, SiteFile
from pixcrawler.solo import web
from pixcrawler.solo.load import CountingHosts, Load
from pixcrawler.solo.order import CannotFetch, FetchOrder
from pixcrawler.solo.web import FewSiteFiles, web_of


def an_order(**options):
    """An order that needs no list yet."""
    return FetchOrder.model_validate({"source": "list.txt", "out": "out", **options})


def a_file(number, size=10):
    """A site file of its own site."""
    return SiteFile(f"https://s{number}.example/robots.txt", 200, b"x" * size)


def test_site_files_are_found_again():
    """What was kept is returned under its address, the newest of each."""
    files = FewSiteFiles()
    files.put(a_file(1), 60)
    files.put(a_file(1, 20), 60)
    found = files.get([a_file(1).url, a_file(2).url])
    assert {url: len(one.body) for url, one in found.items()} == {a_file(1).url: 20}


@pytest.mark.parametrize(("size", "most"), [(10, 5), (40, 2)], ids=["count", "bytes"])
def test_site_files_fill_no_memory(monkeypatch, size, most):
    """Of more site files than there is room for, the last ones are kept."""
    monkeypatch.setattr(web, "SITE_FILES_KEPT", 5)
    monkeypatch.setattr(web, "SITE_FILES_MAX_BYTES", 100)
    files = FewSiteFiles()
    for number in range(9):
        files.put(a_file(number, size), 60)
    found = files.get([a_file(number).url for number in range(9)])
    assert list(found) == [a_file(number).url for number in range(9 - most, 9)]


def test_the_load_on_each_host_is_added_up_once():
    """Reports of a host add up, and what was taken is not told again."""
    desk = CountingHosts()
    desk.report("w", [HostReport("a.example", requests=2, bytes=10)])
    desk.report("w", [HostReport("a.example", 1, 5, 1), HostReport("b.example", requests=1)])
    assert desk.take_load() == {"a.example": Load(3, 15, 1), "b.example": Load(1, 0, 0)}
    assert desk.take_load() == {}


def test_the_contact_is_that_of_the_order_or_of_the_setting(monkeypatch):
    """--contact goes before CONTACT, which goes before the default."""
    monkeypatch.setenv("CONTACT", "ops@example.org")
    assert an_order(contact="me@example.org").reached_at == "me@example.org"
    assert an_order().reached_at == "ops@example.org"
    monkeypatch.delenv("CONTACT")
    assert an_order().reached_at.startswith("https://")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FETCH_ALLOW_ORIGINS", "nowhere"),
        ("OPT_OUT_IGNORE", "no-such-signal"),
        ("OPT_OUT_IGNORE", "robots.txt"),
        ("FETCH_HOST_AT_ONCE", "many"),
    ],
)
def test_settings_that_make_no_sense_are_told(monkeypatch, name, value):
    """A wrong setting of the environment is a mistake in words, not a surprise later."""
    monkeypatch.setenv(name, value)
    with pytest.raises(CannotFetch, match="makes no sense"):
        web_of(an_order())


def test_signals_that_are_ignored_are_not_said_to_be_checked(monkeypatch):
    """OPT_OUT_IGNORE leaves signals out, and the report names those that were looked at."""
    assert "robots.txt" in web_of(an_order()).checked
    [some, *_] = [name for name in web_of(an_order()).checked if name != "robots.txt"]
    monkeypatch.setenv("OPT_OUT_IGNORE", some)
    assert some not in web_of(an_order()).checked
