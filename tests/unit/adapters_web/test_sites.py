"""Sites: their files are asked for once, kept for all workers, and judged before more is asked."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from pixcrawler.adapters.memory.site_files import MemorySiteFiles
from pixcrawler.adapters.web.visiting import sites as module
from pixcrawler.adapters.web.visiting.sites import Sites, origin_of
from pixcrawler.domain.errors import DatabaseUnavailable
from pixcrawler.pipeline.visits.ports import SiteFile

ORIGIN = "https://a.example"
ROBOTS = f"{ORIGIN}/robots.txt"
TDMREP = f"{ORIGIN}/.well-known/tdmrep.json"
DAY_S = 24 * 3600


class Web:
    """Sites that answer as they are told, and count who asks."""

    def __init__(self, **statuses: int | Exception | None) -> None:
        self.statuses = statuses
        self.asked: list[str] = []
        self.was_asked = asyncio.Event()
        self.opened = asyncio.Event()
        self.opened.set()
        self.body = b""

    async def get(self, url: str) -> SiteFile:
        """Answer, as soon as the web is open."""
        self.asked.append(url)
        self.was_asked.set()
        await self.opened.wait()
        status = self.statuses.get("robots" if url.endswith("robots.txt") else "tdmrep", 404)
        if isinstance(status, Exception):
            raise status
        return SiteFile(url, status, self.body if url.endswith("robots.txt") else b"")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Files(MemorySiteFiles):
    """Kept files, with a count of questions and of the threads that ask."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.lasts: dict[str, float] = {}
        self.questions: list[tuple[str, ...]] = []
        self.threads: set[int] = set()
        self.trouble: Exception | None = None

    def get(self, urls):
        """Look up, or fail."""
        self.questions.append(tuple(urls))
        self.threads.add(threading.get_ident())
        if self.trouble:
            raise self.trouble
        return super().get(urls)

    def put(self, found, lasts_s):
        """Keep, and note for how long."""
        self.lasts[found.url] = lasts_s
        super().put(found, lasts_s)


@pytest.fixture
def clock():
    """The time of the sites and of what keeps their files."""
    return Clock()


@pytest.fixture
def files(clock):
    """What all workers share."""
    return Files(clock)


def test_both_files_are_given(files, clock):
    """Of the site that an address is of, whatever its path."""

    async def story():
        web = Web(robots=200, tdmrep=200)
        web.body = b"User-agent: *\nDisallow: /x\n"
        return await Sites(files, web.get, clock).rules_of(f"{ORIGIN}/a/b.jpg?c"), web.asked

    rules, asked = asyncio.run(story())
    assert (rules.robots.url, rules.robots.status, rules.robots.body[:4]) == (ROBOTS, 200, b"User")
    assert (rules.tdmrep.url, rules.tdmrep.status) == (TDMREP, 200)
    assert asked == [ROBOTS, TDMREP]
    assert files.questions == [(ROBOTS, TDMREP)]


def test_twenty_visits_at_once_ask_once(files, clock):
    """Each site, for each of its files; later visits ask nobody at all."""

    async def story():
        web = Web()
        sites = Sites(files, web.get, clock)
        urls = [f"https://{host}.example/{n}.jpg" for n in range(20) for host in "ab"]
        first = await asyncio.gather(*map(sites.rules_of, urls))
        later = await asyncio.gather(*map(sites.rules_of, urls))
        return web.asked, {rules.robots.url for rules in (*first, *later)}

    asked, known = asyncio.run(story())
    assert sorted(asked) == [
        TDMREP,
        ROBOTS,
        "https://b.example/.well-known/tdmrep.json",
        "https://b.example/robots.txt",
    ]
    assert len(known) == 2
    assert len(files.questions) == 2


def test_what_another_worker_asked_is_not_asked_again(files, clock):
    """Its files are shared; the second worker asks no site."""

    async def story():
        first, second = Web(robots=200), Web()
        await Sites(files, first.get, clock).rules_of(f"{ORIGIN}/1.jpg")
        rules = await Sites(files, second.get, clock).rules_of(f"{ORIGIN}/2.jpg")
        return rules.robots.status, second.asked

    assert asyncio.run(story()) == (200, [])


def test_the_loop_is_never_held_up_by_what_keeps_the_files(files, clock):
    """It is asked in another thread."""
    asyncio.run(Sites(files, nothing, clock).rules_of(f"{ORIGIN}/1.jpg"))

    assert threading.get_ident() not in files.threads


async def nothing(url: str) -> SiteFile:
    """Nothing is there."""
    return SiteFile(url, 404)


@pytest.mark.parametrize(
    ("status", "lasts_s"),
    [(200, DAY_S), (301, DAY_S), (404, DAY_S), (403, DAY_S), (429, 300), (503, 300), (None, 300)],
    ids=str,
)
def test_an_answer_lasts_a_day_and_a_trouble_five_minutes(files, clock, status, lasts_s):
    """Whoever asks again by then is told the same; afterwards the site is asked anew."""

    async def story():
        web = Web(robots=status)
        sites = Sites(files, web.get, clock)
        await sites.rules_of(f"{ORIGIN}/1.jpg")
        counts = [web.asked.count(ROBOTS)]
        # A day has its last minutes in this process, so that both together are not more.
        for step in (lasts_s - 601 if lasts_s == DAY_S else lasts_s - 1, 602):
            clock.now += step
            await sites.rules_of(f"{ORIGIN}/1.jpg")
            counts.append(web.asked.count(ROBOTS))
        return counts

    assert asyncio.run(story()) == [1, 1, 2]
    assert files.lasts[ROBOTS] + (600 if lasts_s == DAY_S else 0) == lasts_s


@pytest.mark.parametrize("status", [None, 429, 500], ids=str)
def test_without_an_answer_nothing_more_is_asked(files, clock, status):
    """Where everything is refused, tdmrep.json is too."""

    async def story():
        web = Web(robots=status, tdmrep=200)
        return await Sites(files, web.get, clock).rules_of(f"{ORIGIN}/1.jpg"), web.asked

    rules, asked = asyncio.run(story())
    assert (rules.robots.status, rules.tdmrep.status) == (status, None)
    assert asked == [ROBOTS]
    assert TDMREP not in files.lasts


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"User-agent: *\nDisallow: /.well-known/\n", [ROBOTS]),
        (b"User-agent: *\nDisallow: /\n", [ROBOTS]),
        (b"User-agent: *\nDisallow: /images/\n", [ROBOTS, TDMREP]),
        (b"User-agent: *\nDisallow: /\nAllow: /.well-known/tdm\n", [ROBOTS, TDMREP]),
    ],
    ids=["folder", "everything", "other-folder", "allowed"],
)
def test_robots_txt_is_obeyed_for_the_other_file(files, clock, body, expected):
    """It is a file of the site like any other."""

    async def story():
        web = Web(robots=200)
        web.body = body
        await Sites(files, web.get, clock).rules_of(f"{ORIGIN}/1.jpg")
        return web.asked

    assert asyncio.run(story()) == expected


def test_who_gives_up_does_not_stop_the_others(files, clock):
    """One of two visits is cancelled, even the first; the answer still comes."""

    async def story():
        web = Web(robots=200)
        web.opened.clear()
        sites = Sites(files, web.get, clock)
        first, second = (asyncio.create_task(sites.rules_of(f"{ORIGIN}/{n}")) for n in range(2))
        await web.was_asked.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        web.opened.set()
        rules = await second
        return rules.robots.status, web.asked

    assert asyncio.run(story()) == (200, [ROBOTS, TDMREP])


def test_an_answer_that_nobody_waits_for_is_kept(files, clock):
    """The site was asked; the next visit need not ask again."""

    async def story():
        web = Web(robots=200)
        web.opened.clear()
        sites = Sites(files, web.get, clock)
        only = asyncio.create_task(sites.rules_of(f"{ORIGIN}/1"))
        await web.was_asked.wait()
        only.cancel()
        with pytest.raises(asyncio.CancelledError):
            await only
        web.opened.set()
        await sites.rules_of(f"{ORIGIN}/2")
        return web.asked

    assert asyncio.run(story()) == [ROBOTS, TDMREP]


def test_an_error_is_no_answer(files, clock, caplog):
    """Whatever asking raises, everything is refused, and it is told in the log."""

    async def story():
        web = Web(robots=RuntimeError("odd"))
        return await Sites(files, web.get, clock).rules_of(f"{ORIGIN}/1.jpg")

    with caplog.at_level(logging.ERROR):
        rules = asyncio.run(story())
    assert rules.robots == SiteFile(ROBOTS, None)
    assert [record.message for record in caplog.records] == ["site_file.failed"]


def test_a_database_that_is_away_is_no_wish_of_the_site(files, clock):
    """It is told as what it is to all who wait, keeps nothing, and heals."""

    async def story():
        web = Web(robots=200)
        sites = Sites(files, web.get, clock)
        files.trouble = DatabaseUnavailable()
        visits = (sites.rules_of(f"{ORIGIN}/{n}") for n in range(3))
        failures = await asyncio.gather(*visits, return_exceptions=True)
        asked = list(web.asked)
        files.trouble = None
        web.statuses["robots"] = DatabaseUnavailable()
        failures += await asyncio.gather(sites.rules_of(f"{ORIGIN}/4"), return_exceptions=True)
        web.statuses["robots"] = 200
        rules = await sites.rules_of(f"{ORIGIN}/5")
        return {type(failure) for failure in failures}, asked, rules.robots.status

    assert asyncio.run(story()) == ({DatabaseUnavailable}, [], 200)


def test_only_so_many_sites_are_remembered(files, clock, monkeypatch):
    """The one that was not visited for longest is looked up again."""
    monkeypatch.setattr(module, "ORIGINS_REMEMBERED", 3)

    async def story():
        sites = Sites(files, Web().get, clock)
        for host in "abcabadab":
            await sites.rules_of(f"https://{host}.example/1.jpg")
        return [question[0][8] for question in files.questions]

    assert asyncio.run(story()) == ["a", "b", "c", "d"]


def test_only_so_many_bytes_are_remembered(files, clock, monkeypatch):
    """Sites with large files push the oldest out before there are very many of them."""
    monkeypatch.setattr(module, "BYTES_REMEMBERED", 1000)

    async def story():
        web = Web(robots=200)
        web.body = b"#" * 400
        sites = Sites(files, web.get, clock)
        for host in "abababcca":
            await sites.rules_of(f"https://{host}.example/1.jpg")
        return [question[0][8] for question in files.questions]

    assert asyncio.run(story()) == ["a", "b", "c", "a"]


@pytest.mark.parametrize("is_waiting_for", ["files", "web"])
def test_what_is_broken_off_is_no_answer(files, clock, monkeypatch, is_waiting_for):
    """When visits end, nothing more is asked, and no worker is told that a site was silent."""

    async def story():
        web = Web(robots=200)
        web.opened.clear()
        asked, go_on = threading.Event(), threading.Event()
        known = files.get

        def get(urls):
            asked.set()
            go_on.wait(20)
            return known(urls)

        monkeypatch.setattr(files, "get", get)
        if is_waiting_for == "web":
            go_on.set()
        sites = Sites(files, web.get, clock)
        visit = asyncio.create_task(sites.rules_of(f"{ORIGIN}/1.jpg"))
        await asyncio.to_thread(asked.wait, 20)
        if is_waiting_for == "web":
            await web.was_asked.wait()
        async with asyncio.timeout(20):
            await sites.close()
        go_on.set()
        web.opened.set()
        [ended] = await asyncio.gather(visit, return_exceptions=True)
        await asyncio.to_thread(int)
        return type(ended), len(web.asked), known([ROBOTS])

    asked = int(is_waiting_for == "web")
    assert asyncio.run(story()) == (asyncio.CancelledError, asked, {})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/b/c.jpg?d#e", "https://a.example"),
        ("HTTPS://A.Example:443/b", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("http://a.example:443/", "http://a.example:443"),
        ("https://a.example:8443/x", "https://a.example:8443"),
        ("https://user:word@a.example/x", "https://a.example"),
        ("https://[2001:db8::1]:443/x", "https://[2001:db8::1]"),
        ("https://a.example:/x", "https://a.example"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url, expected):
    """Sites that differ in one of them have rules of their own."""
    assert origin_of(url) == expected
