# ruff: noqa: RUF001, S104 - letters that look like others, and 0.0.0.0, are what this is about
"""Redirects to where only we can go: in whatever notation, at whichever hop, nobody is reached."""

from __future__ import annotations

import gzip

import pytest

from tests.fakes.rawweb import PICTURE, End, Forever, answer, redirect
from tests.integration.web.attacks.conftest import DEADLINE_S, PUBLIC, Names, fetch

BLOCKED = "address_blocked"
BOMB = gzip.compress(bytes(4 * 1024 * 1024))
METADATA = "169.254.169.254"
PLACES = [
    METADATA,
    "127.0.0.1:{private}",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.130.1",
    "192.0.0.192",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "localhost",
    "LOCALHOST.",
    # Numbers as inet_aton reads them.
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "00000251.0376.000251.0376",
    "169.16689662",
    "169.254.43518",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "017700000001",
    "0",
    "4294967295",
    "3232235777",
    "1.1.1.1.1",
    "256.256.256.256",
    "999999999999999999999999999999",
    # Letters that become digits and dots.
    "１６９．２５４．１６９．２５４",
    "①⑥⑨.②⑤④.①⑥⑨.②⑤④",
    "169。254。169。254",
    "169｡254｡169｡254",
    "𝟏𝟔𝟗.𝟐𝟓𝟒.𝟏𝟔𝟗.𝟐𝟓𝟒",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "loc\u00adalhost",
    "%31%36%39.254.169.254",
    "169%2E254%2E169%2E254",
    "169.254.169.254.",
    "169.254.169.254..",
    "169.254.169.254%00.name.example",
    "169.254.169.254%0d%0aHost:%20x",
    # IPv6, and IPv4 within it.
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::FFFF:A9FE:A9FE]",
    "[0000:0000:0000:0000:0000:ffff:a9fe:a9fe]",
    "[::ffff:0:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:a9fe:a9fe::1]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[2606:4700::1%25lo]",
    "[fec0::1]",
    "[ff02::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[100::1]",
    "[2001:db8::1]",
    "::1",
    "[::1]169.254.169.254",
    # Who is the host, and who the user?
    "public@169.254.169.254",
    "169.254.169.254@name.example",
    "name.example:80@169.254.169.254",
    "169.254.169.254\\@name.example",
    "name.example\\@169.254.169.254",
    "169.254.169.254#@name.example",
    "name.example&@169.254.169.254#",
    "a:b@c:d@169.254.169.254",
    # Ports.
    "name.example:22",
    "name.example:0",
    "name.example:65536",
    "name.example:99999999999999999999",
    "name.example:-1",
    "name.example:８０80",
    "name.example:80:80",
    "169.254.169.254:80",
    # Odd bytes.
    "169.254.169.254\t",
    "169.254.\t169.254",
    "169.254.169.254\x7f",
    "\x01169.254.169.254",
    "\u2028169.254.169.254",
    "\udcff.example",
]


@pytest.mark.parametrize("place", PLACES, ids=ascii)
def test_no_notation_of_a_host_leads_inside(town, place):
    """A public page's redirect to a private, shared or metadata address is refused, unconnected."""
    target = f"http://{place.format(private=town.private.port)}/latest/meta-data/"
    town.public.scripts["/a.jpg"] = (redirect(target), End.KEEP)
    seen = fetch(town.url("/a.jpg"))
    assert (seen.reason, town.strangers()) == (BLOCKED, [])
    assert town.private.connections == 0


NOWHERE = {
    "١٦٩.٢٥٤.١٦٩.٢٥٤": "name_unresolved",
    "[v1.169.254.169.254]": "name_unresolved",
    "169.254.169.254.nip": "name_unresolved",
    "[169.254.169.254]": "bad_answer",
    "[::1": "bad_answer",
    "[::1]]": BLOCKED,
}


@pytest.mark.parametrize(
    ("place", "reason"), NOWHERE.items(), ids=[ascii(place) for place in NOWHERE]
)
def test_what_is_no_notation_of_a_host_leads_nowhere(town, place, reason):
    """What no reader of addresses takes for an address ends the visit, unconnected."""
    town.public.scripts["/a.jpg"] = (redirect(f"http://{place}/"), End.KEEP)
    seen = fetch(town.url("/a.jpg"))
    assert (seen.reason, town.strangers()) == (reason, [])


TARGETS = {
    "file:///etc/passwd": BLOCKED,
    "FILE:/etc/passwd": BLOCKED,
    "ftp://169.254.169.254/": BLOCKED,
    "gopher://169.254.169.254:80/_GET": BLOCKED,
    "data:image/png;base64,iVBORw0KGgo=": BLOCKED,
    "javascript:alert(1)": BLOCKED,
    "ws://169.254.169.254/": BLOCKED,
    "wss://name.example/": BLOCKED,
    "view-source:http://169.254.169.254/": BLOCKED,
    "blob:http://169.254.169.254/": BLOCKED,
    "jar:http://169.254.169.254!/": BLOCKED,
    "unix:/var/run/docker.sock": BLOCKED,
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/": BLOCKED,
    "//169.254.169.254/": BLOCKED,
    "//169.254.169.254": BLOCKED,
    "///169.254.169.254/": "gone_404_410",
    "http:///169.254.169.254/": "gone_404_410",
    "http:169.254.169.254": "gone_404_410",
    "http:/169.254.169.254/": "gone_404_410",
    "/\\169.254.169.254/": BLOCKED,
    "\\\\169.254.169.254\\": BLOCKED,
    "ht\ttp://169.254.169.254/": BLOCKED,
    "http:/\t/169.254.169.254/": BLOCKED,
    "\thttp://169.254.169.254/": BLOCKED,
    " http://169.254.169.254/ ": BLOCKED,
    "http://169.254.169.254 /": BLOCKED,
    "\x0bhttp://169.254.169.254/": BLOCKED,
    "http://": "too_many_redirects",
    "http://?": "too_many_redirects",
    "http://#": "too_many_redirects",
    "http://@": BLOCKED,
    "http://:80/": BLOCKED,
    "://": "gone_404_410",
    "?next": "too_many_redirects",
    "#fragment": "too_many_redirects",
    ".": "gone_404_410",
    "../../../..": "gone_404_410",
    "": "bad_answer",
    " ": "bad_answer",
    "http://name.example/" + "a" * 5000: BLOCKED,
    "http://" + "a" * 5000 + ".example/": BLOCKED,
    "http://" + "a" * 70 + ".example/": BLOCKED,
    "http://" + "a." * 150 + "test/": "name_unresolved",
    "http://" + "é" * 60 + ".example/": BLOCKED,
    "http://xn--" + "9" * 50 + ".test/": "name_unresolved",
    "http://a..b.example/": BLOCKED,
    "http://.example/": BLOCKED,
    "http://раураl.test/": "name_unresolved",
    "http://xn--a.test/": "name_unresolved",
    "http://*.example/": BLOCKED,
}


@pytest.mark.parametrize(
    ("target", "reason"), TARGETS.items(), ids=[f"{ascii(t)[1:40]} {len(t)}" for t in TARGETS]
)
def test_other_schemes_and_broken_addresses_lead_nowhere(town, target, reason):
    """Only http and https are spoken; what is no address is told as such, or as the site's."""
    town.public.scripts["/a.jpg"] = (redirect(target), End.KEEP)
    seen = fetch(town.url("/a.jpg"))
    assert (seen.reason, town.strangers()) == (reason, [])


@pytest.mark.parametrize("hop", [1, 2, 5])
@pytest.mark.parametrize(
    "status", ["301 M", "302 F", "303 S", "307 T", "308 P"], ids=lambda s: s[:3]
)
def test_each_hop_is_vetted(town, hop, status):
    """The way inside is closed at the first redirect and at the last one that is followed."""
    for number in range(1, hop):
        town.public.scripts[f"/{number}"] = (redirect(f"/{number + 1}", status), End.KEEP)
    inside = f"http://127.0.0.1:{town.private.port}/"
    town.public.scripts[f"/{hop}"] = (redirect(inside, status), End.KEEP)
    seen = fetch(town.url("/1"))
    assert (seen.reason, town.strangers(), town.public.pictures) == (BLOCKED, [], hop)


def test_a_redirect_to_another_name_is_looked_up_and_vetted(town):
    """A name that leads inside is refused when a redirect names it."""
    names = Names(inside_example=[["127.0.0.1"]], mixed_example=[[PUBLIC, "10.0.0.1"]])
    for name in ("inside", "mixed"):
        target = f"http://{name}.example:{town.public.port}/"
        town.public.scripts[f"/{name}"] = (redirect(target), End.KEEP)
        seen = fetch(town.url(f"/{name}"), names=names)
        assert (seen.reason, town.strangers()) == (BLOCKED, [])
        assert f"{name}.example" in seen.detail


def test_of_several_locations_none_leads_inside(town):
    """Whichever of two Location headers is read, it is vetted."""
    inside, outside = "Location: http://169.254.169.254/", "Location: /b.jpg"
    town.public.scripts["/b.jpg"] = (answer(), End.KEEP)
    for number, headers in enumerate([(inside, outside), (outside, inside)]):
        town.public.scripts[f"/{number}"] = (answer(b"", "302 Found", *headers), End.KEEP)
        seen = fetch(town.url(f"/{number}"))
        assert (seen.data == PICTURE or seen.reason == BLOCKED, town.strangers()) == (True, [])


def test_a_redirect_is_followed_without_anything_of_the_first_site(town):
    """What the first site set or was told goes to no other: no cookie, referrer or credentials."""
    town.public.scripts["/a.jpg"] = (
        answer(b"", "302 F", f"Location: {town.url('/b.jpg', 'other.example')}", "Set-Cookie: a=b"),
        End.KEEP,
    )
    town.public.scripts["/b.jpg"] = (answer(), End.KEEP)
    assert fetch(town.url("/a.jpg")).data == PICTURE
    sent = town.public.heads[-1].lower()
    assert b"host: other.example" in sent
    assert not [name for name in (b"cookie:", b"referer:", b"authorization:") if name in sent]


LOOPS = {
    "itself": lambda path, hits: path,
    "ping-pong": lambda path, hits: "/pong" if path == "/ping" else "/ping",
    "growing": lambda path, hits: f"{path}?{'a' * 700 * hits}",
    "new each time": lambda path, hits: f"{path}?{hits}",
}


@pytest.mark.parametrize("leads", LOOPS.values(), ids=LOOPS)
def test_loops_end_after_five_redirects(town, leads):
    """A redirect loop ends with its reason, after six requests."""
    for path in ("/ping", "/pong"):
        town.public.scripts[path] = lambda hits, path=path: (redirect(leads(path, hits)), End.KEEP)
    seen = fetch(town.url("/ping"))
    assert (seen.reason, town.public.pictures) == ("too_many_redirects", 6)


ODD_BODIES = {
    "endless": (b"HTTP/1.1 302 F\r\nLocation: /ok\r\n\r\n", Forever(bytes(4096))),
    "dripping": (b"HTTP/1.1 302 F\r\nLocation: /ok\r\n\r\n", Forever(b"a", 0.02)),
    "announced, never sent": (
        b"HTTP/1.1 302 F\r\nLocation: /ok\r\nContent-Length: 999999999\r\n\r\n",
        End.SILENT,
    ),
    "cut off": (b"HTTP/1.1 302 F\r\nLocation: /ok\r\nContent-Length: 99\r\n\r\nab",),
    "a bomb": (answer(BOMB, "302 F", "Location: /ok", "Content-Encoding: gzip"), End.KEEP),
}


@pytest.mark.parametrize("script", ODD_BODIES.values(), ids=ODD_BODIES)
def test_the_body_of_a_redirect_is_not_waited_for(town, script):
    """A redirect whose body never ends, or is broken, is followed at once."""
    town.public.scripts |= {"/a.jpg": script, "/ok": (answer(), End.KEEP)}
    assert fetch(town.url("/a.jpg"), deadline_s=DEADLINE_S).data == PICTURE
