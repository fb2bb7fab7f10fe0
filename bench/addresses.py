"""How fast addresses are judged: keys a second of one core, beside other libraries if installed.

    ./dev bench addresses [ADDRESSES]

The mix is made from a seed: pages of engines as they come (many hosts, queries, escapes, sizes,
proxies, thumbnails, signed and refused addresses). Contenders take turns, five times after a
warm-up; prints the median with the least and the most. The others only write one form of an
address: they neither hash, nor unwrap, nor know sizes.
"""

from __future__ import annotations

import importlib
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from urllib.parse import quote

from pixcrawler.pipeline.discovery.addresses import MAX_CHARS, address_key, canonical

ADDRESSES = 20_000
RUNS = 5
SEED = 3
HOSTS = 2_000
TARGET_PER_S = 50_000
OTHERS = {
    "w3lib": ("w3lib.url", "canonicalize_url"),
    "url-normalize": ("url_normalize", "url_normalize"),
    "courlan": ("courlan", "clean_url"),
}
"""Name, module and function of what is measured as well where it is installed."""


def mix(count: int) -> list[str]:
    """Return ``count`` different addresses, the same for everybody."""
    chance = random.Random(SEED)
    makers = [_plain] * 45 + [_query] * 20 + [_escaped] * 8 + [_sized] * 10
    makers += [_proxied] * 6 + [_thumbnail] * 6 + [_signed] * 3 + [_refused] * 2
    return [chance.choice(makers)(chance, number) for number in range(count)]


def _host(chance: random.Random) -> str:
    name = (
        f"{chance.choice(('www', 'img', 'cdn', 'static', 'media'))}.site{chance.randrange(HOSTS)}"
    )
    return f"{name}.{chance.choice(('com', 'org', 'net', 'co.uk', 'de'))}"


def _plain(chance: random.Random, number: int) -> str:
    folder = f"wp-content/uploads/20{chance.randrange(10, 26)}/{chance.randrange(1, 13):02d}"
    return f"https://{_host(chance)}/{folder}/golden-retriever-puppy-{number}.jpg"


def _query(chance: random.Random, number: int) -> str:
    tracking = chance.choice(("", "&utm_source=feed&utm_medium=rss", "&fbclid=IwAR0abc"))
    return f"https://{_host(chance)}/image.php?w={number % 900}&id={number}&fm=jpg{tracking}"


def _escaped(chance: random.Random, number: int) -> str:
    return f"https://{_host(chance)}/fotos/M%c3%bcnchen%20Stra%C3%9Fe%20%28{number}%29.jpg"


def _sized(chance: random.Random, number: int) -> str:
    name = f"{number:08x}"
    commons = "https://upload.wikimedia.org/wikipedia/commons/thumb"
    return chance.choice(
        (
            f"{commons}/a/ab/Cat_{number}.jpg/640px-Cat_{number}.jpg",
            f"https://i.pinimg.com/564x/ab/cd/ef/{name}.jpg",
            f"https://live.staticflickr.com/65535/{number}_{name}_z.jpg",
            f"https://m.media-amazon.com/images/I/{name}._AC_SX300_.jpg",
            f"https://cdn.shopify.com/s/files/1/02/products/{name}_300x300.jpg?v={number}",
        )
    )


def _proxied(chance: random.Random, number: int) -> str:
    inner = _plain(chance, number)
    escaped = quote(inner, safe="")
    return chance.choice(
        (
            f"https://i0.wp.com/{inner.removeprefix('https://')}?resize=300%2C200&ssl=1",
            f"https://external-content.duckduckgo.com/iu/?u={escaped}&f=1&nofb=1",
            f"https://{_host(chance)}/_next/image?url={escaped}&w=640&q=75",
        )
    )


def _thumbnail(chance: random.Random, number: int) -> str:
    return f"https://tse{chance.randrange(1, 5)}.mm.bing.net/th?id=OIP.{number:022d}&pid=Api"


def _signed(chance: random.Random, number: int) -> str:
    query = f"X-Amz-Algorithm=AWS4&X-Amz-Date=20260101&X-Amz-Signature={number:064x}"
    return f"https://bucket{chance.randrange(9)}.s3.amazonaws.com/a/{number}.jpg?{query}"


def _refused(chance: random.Random, number: int) -> str:
    return f"data:image/png;base64,{'A' * chance.randrange(400)}{number}"


def contenders() -> dict[str, Callable[[str], object]]:
    """Return what can be measured here, by name."""
    found: dict[str, Callable[[str], object]] = {"key": address_key, "canonical": canonical}
    for name, (module, function) in OTHERS.items():
        try:
            found[name] = getattr(importlib.import_module(module), function)
        except ImportError:
            print(f"{name} is not installed: not measured")
    return found


def _seconds(work: Callable[[str], object], addresses: Iterable[str]) -> float:
    started = time.process_time()
    for address in addresses:
        try:
            work(address)
        except ValueError:
            continue  # Others raise for what is no address.
    return time.process_time() - started


def main() -> None:
    """Measure, and say whether the target is met."""
    addresses = mix(int(sys.argv[1]) if len(sys.argv) > 1 else ADDRESSES)
    works = contenders()
    rates: dict[str, list[float]] = {name: [] for name in works}
    for run in range(RUNS + 1):
        for name, work in works.items():
            rate = len(addresses) / _seconds(work, addresses)
            if run:
                rates[name].append(rate)
    print(f"{len(addresses)} addresses, {sum(map(len, addresses)) // len(addresses)} characters")
    for name, measured in rates.items():
        print(
            f"{name:<14}{statistics.median(measured):>9,.0f}/s of one core"
            f"  ({min(measured):,.0f} to {max(measured):,.0f})"
        )
    median = statistics.median(rates["key"])
    print(f"target {TARGET_PER_S:,}/s: {'met' if median > TARGET_PER_S else 'missed'}")
    long = [f"https://a.example/unsafe/{'é%2' * 1300}"[:MAX_CHARS]] * 50
    print(f"longest and oddest: {_seconds(address_key, long) / len(long) * 1000:.1f} ms each")


if __name__ == "__main__":
    main()
