"""Engines: listed, looked at, tried on a saved answer, switched on and off."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pixcrawler.cli.api import Api
from pixcrawler.cli.connection import connected
from pixcrawler.cli.engine_view import show_engine, show_page, show_table
from pixcrawler.cli.errors import FAILED, OK, Mistake
from pixcrawler.cli.talk import Talk

ANSWER_MAX_BYTES = 8 * 1024 * 1024
_WELL = ("ok", "empty")
_ON = ("ready", "suspended")
_STATES = {"ready": "is ready", "switched_off": "is switched off", "suspended": "is suspended"}
_PLAIN = ("ready", "switched_off")
"""Who has just done it knows why."""


def engines(options: argparse.Namespace, talk: Talk) -> int:
    """Do what is asked of engines; without anything, list them.

    Raises:
        Mistake: the arguments do not fit together.
    """
    action = ACTIONS[options.action]
    _check(options)
    # Before anything is started: a file that is not there needs no stack.
    body = _read(options.file) if options.file else b""
    with connected(options, talk) as connection:
        return action(connection.api, options, talk, body)


def _check(options: argparse.Namespace) -> None:
    told = [name for name in (options.engine, options.file) if name is not None]
    needs = {"list": [], "parse": ["ENGINE", "FILE"]}.get(options.action, ["NAME"])
    if len(told) != len(needs):
        words = " ".join(["engines", options.action, *needs])
        raise Mistake(f"`{words}` is how it is written (see pixcrawler engines --help)")


def _read(name: str) -> bytes:
    try:
        if name == "-":
            body = sys.stdin.buffer.read(ANSWER_MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                body = file.read(ANSWER_MAX_BYTES + 1)
    except OSError as error:
        raise Mistake(f"{name}: cannot be read: {error.strerror}") from None
    if len(body) > ANSWER_MAX_BYTES:
        raise Mistake(f"{name}: an answer has {ANSWER_MAX_BYTES:,} bytes at most")
    return body


def _list(api: Api, options: argparse.Namespace, talk: Talk, body: bytes) -> int:  # noqa: ARG001
    items = api.engines()
    show_table(talk, items)
    talk.json(items)
    return OK


def _show(api: Api, options: argparse.Namespace, talk: Talk, body: bytes) -> int:  # noqa: ARG001
    engine = _found(api, options.engine)
    show_engine(talk, engine)
    talk.json(engine)
    return OK


def _parse(api: Api, options: argparse.Namespace, talk: Talk, body: bytes) -> int:
    page = api.parse_answer(_found(api, options.engine)["name"], body)
    show_page(talk, page)
    talk.json(page)
    return OK if page["status"] in _WELL else FAILED


def _enable(api: Api, options: argparse.Namespace, talk: Talk, body: bytes) -> int:  # noqa: ARG001
    engine = _found(api, options.engine)
    if engine["state"] in _ON:
        talk.line(f"{engine['name']} is on already")
        talk.json(engine)
        return OK
    if not _accepted(engine, options, talk):
        talk.note(f"{engine['name']} stays as it is")
        return FAILED
    wish = {"on": True, "terms_digest": engine["terms_digest"]}
    return _told(api.switch_engine(engine["name"], wish), talk)


def _accepted(engine: dict[str, Any], options: argparse.Namespace, talk: Talk) -> bool:
    """Show the terms and ask; nobody accepts them by accident or by a pipe.

    Raises:
        Mistake: there is nobody to ask.
    """
    if not engine.get("terms"):
        return True
    talk.note(f"{engine['title']} ({engine['name']}):")
    talk.note(str(engine["terms"]))
    if engine.get("terms_url"):
        talk.note(f"Its own terms: {engine['terms_url']}")
    if options.accept_terms:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Mistake("the terms above have to be accepted: say --accept-terms")
    talk.ask("Do you accept this for everybody who uses this deployment? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _disable(api: Api, options: argparse.Namespace, talk: Talk, body: bytes) -> int:  # noqa: ARG001
    name = _found(api, options.engine)["name"]
    return _told(api.switch_engine(name, {"on": False}), talk)


def _reopen(api: Api, options: argparse.Namespace, talk: Talk, body: bytes) -> int:  # noqa: ARG001
    return _told(api.reopen_engine(_found(api, options.engine)["name"]), talk)


def _told(engine: dict[str, Any], talk: Talk) -> int:
    state = str(engine["state"])
    told = _STATES.get(state, "cannot be asked")
    reason = f": {engine['reason']}" if state not in _PLAIN and engine.get("reason") else ""
    talk.line(f"{engine['name']} {told}{reason}")
    talk.json(engine)
    return OK


def _found(api: Api, name: str) -> dict[str, Any]:
    items = api.engines()
    for engine in items:
        if engine["name"] == name.lower():
            return engine
    known = ", ".join(sorted(str(engine["name"]) for engine in items))
    raise Mistake(f"there is no engine {name!r}; there are {known}")


ACTIONS: dict[str, Callable[[Api, argparse.Namespace, Talk, bytes], int]] = {
    "list": _list,
    "show": _show,
    "parse": _parse,
    "enable": _enable,
    "disable": _disable,
    "reopen": _reopen,
}
