"""Shows engines: a table of all, one in full, and what a saved answer yields."""

from __future__ import annotations

from typing import Any

from pixcrawler.cli.talk import Talk, plain_table, plural, row

_STRETCHES = ((86_400, "day"), (3_600, "h"), (60, "min"))
_TIMES = ("last_asked_at", "last_ok_at", "suspended_until", "accepted_at")


def show_table(talk: Talk, items: list[dict[str, Any]]) -> None:
    """Show one line an engine."""
    table = plain_table("engine", "state", "used", "what it searches, or why it cannot")
    for engine in items:
        state = str(engine["state"]).replace("_", " ")
        row(table, str(engine["name"]), state, _use(engine), _told(engine))
    talk.table(table)


def _told(engine: dict[str, Any]) -> str:
    until = engine.get("suspended_until")
    parts = [engine["title"], until and f"until {_moment(until)}", engine.get("reason")]
    return ": ".join(str(part) for part in parts if part)


def _use(engine: dict[str, Any]) -> str:
    return ", ".join(
        f"{quota['used']:,} of {quota['requests']:,}/{_stretch(float(quota['seconds']))}"
        for quota in engine.get("quotas") or []
    )


def _stretch(seconds: float) -> str:
    for size, unit in _STRETCHES:
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return unit if count == 1 else f"{count} {unit}s"
    return "s" if seconds == 1 else f"{seconds:g} s"


def _moment(at: Any) -> str:
    return f"{str(at)[:16].replace('T', ' ')} UTC"


def show_engine(talk: Talk, engine: dict[str, Any]) -> None:
    """Show all that is known of an engine."""
    talk.line(f"engine    {engine['name']}: {engine['title']}")
    talk.line(f"state     {str(engine['state']).replace('_', ' ')}")
    told = {
        "reason": engine.get("reason"),
        "homepage": engine.get("homepage"),
        "key": engine.get("key_setting"),
        "index": engine["index"] if engine["index"] != engine["name"] else None,
        "licences": "told for each picture" if engine.get("licensed") else "not told",
        "filters": _filters(engine),
        "results": f"at most {engine['max_results']:,} a query" if engine["max_results"] else None,
        "quotas": _use(engine),
        "terms": engine.get("terms_url"),
    }
    for name, value in told.items():
        if value:
            talk.line(f"{name:9} {value}")
    for name in _TIMES:
        if engine.get(name):
            talk.line(f"{name.removesuffix('_at').replace('_', ' '):9} {_moment(engine[name])}")
    if engine.get("terms"):
        talk.line()
        talk.line(str(engine["terms"]))


def _filters(engine: dict[str, Any]) -> str:
    lacks = engine.get("lacks") or {}
    told = []
    for name, honour in (engine.get("filters") or {}).items():
        but = f", not {' or '.join(lacks[name])}" if lacks.get(name) else ""
        told.append(f"{name} ({honour}{but})")
    return ", ".join(told) or "none"


def show_page(talk: Talk, page: dict[str, Any]) -> None:
    """Show what a saved answer yields."""
    kind = f" ({page['kind']})" if page.get("kind") else ""
    talk.line(f"answer    {page['status']}{kind}")
    if page.get("detail"):
        talk.line(f"detail    {page['detail']}")
    finds = page.get("finds") or []
    talk.line(f"finds     {plural(len(finds), 'picture')}")
    if page.get("total") is not None:
        talk.line(f"total     {page['total']:,} by its own count")
    talk.line(f"goes on   {page.get('next_cursor') or 'no'}")
    if not finds:
        return
    table = plain_table("size", "licence", "creator", "address")
    for find in finds:
        size = f"{find['width']}x{find['height']}" if find.get("width") else ""
        creator = str(find.get("creator") or "")[:24]
        row(table, size, str(find.get("license") or ""), creator, str(find["url"]))
    talk.line()
    talk.table(table)
