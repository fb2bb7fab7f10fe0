"""Sends the person's own things to where the API says, in blocks that are tried again."""

from __future__ import annotations

import base64
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO, cast

import requests

from pixcrawler.cli.api import Api
from pixcrawler.cli.errors import CliError, Unreachable
from pixcrawler.cli.http import TROUBLE, Patience, in_short, new_session
from pixcrawler.cli.own import Own, Picture
from pixcrawler.cli.talk import Talk
from pixcrawler.cli.view import bytes_view

BLOCK_BYTES = 8 * 1024 * 1024
"""Tried again as a whole when the line breaks; 256 make the largest upload."""
_COPY_BYTES = 1024 * 1024
_ATTEMPTS = 6
_ANSWER_S = 300.0
"""For one block: 8 MiB at 0.2 Mbit/s."""
_CREATED = 201
_FORBIDDEN = 403
_MAY_HEAL = (408, 429, 500, 502, 503, 504)


def send_all(own: Sequence[Own], api: Api, talk: Talk, patience: Patience) -> dict[str, list[str]]:
    """Send everything; return the uploads' ids by category, as job files have them.

    Raises:
        Unreachable: the store cannot be reached.
        CliError: something cannot be read, or the store refuses it.
    """
    uploads: dict[str, list[str]] = {}
    for one in own:
        place = api.create_upload(one.bytes)
        with bytes_view(talk, f"uploading {one.words or one.path}", one.bytes) as show:
            try:
                _Sending(str(place["url"]), patience, show).run(blocks_of(one))
            except OSError as error:
                if not error.filename:
                    raise
                raise CliError(f"{error.filename}: {error.strerror}") from None
        uploads.setdefault(one.category, []).append(str(place["id"]))
    return uploads


def blocks_of(own: Own) -> Iterator[bytes]:
    """Yield what is sent, in blocks: a file as it is, pictures as a ZIP that is never on disk."""
    if own.pictures:
        yield from _packed(own.pictures)
        return
    with own.path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


class _Pipe:
    """Where a ZIP is written to, and taken from as it grows."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def full(self, block_bytes: int) -> Iterator[bytes]:
        """Yield what has come, in blocks of that size; the rest stays."""
        while len(self._bytes) >= block_bytes:
            yield bytes(self._bytes[:block_bytes])
            del self._bytes[:block_bytes]

    def rest(self) -> bytes:
        return bytes(self._bytes)


def _packed(pictures: Sequence[Picture]) -> Iterator[bytes]:
    """A ZIP of the pictures, stored as they are; the same pictures give the same bytes."""
    pipe = _Pipe()
    with zipfile.ZipFile(cast("IO[bytes]", pipe), "w") as archive:
        for picture in pictures:
            # Names that are no Unicode exist on some disks, but not in a ZIP.
            about = zipfile.ZipInfo(picture.name.encode("utf-8", "replace").decode())
            about.file_size = picture.bytes
            # What has grown since it was counted would make the whole upload too large.
            left = picture.bytes
            with picture.path.open("rb") as source, archive.open(about, "w") as member:
                while piece := source.read(min(_COPY_BYTES, left)):
                    member.write(piece)
                    left -= len(piece)
                    yield from pipe.full(BLOCK_BYTES)
    yield from pipe.full(BLOCK_BYTES)
    if rest := pipe.rest():
        yield rest


class _Sending:
    """One upload. Source: Azure's Put Block and Put Block List."""

    def __init__(self, url: str, patience: Patience, show: Callable[[int], None]) -> None:
        self._url, self._patience, self._show = url, patience, show

    def run(self, blocks: Iterator[bytes]) -> None:
        """Send block after block, then say that these are all."""
        # Links are for anyone who has them: no token goes along. Loopback needs no proxy.
        local = "//127.0.0.1" in self._url or "//localhost" in self._url
        names: list[str] = []
        sent = 0
        with new_session(proxies=not local) as session:
            for block in blocks:
                # Six digits become eight letters without signs that would need an escape.
                names.append(base64.b64encode(f"{len(names):06d}".encode()).decode())
                self._put(session, f"&comp=block&blockid={names[-1]}", block)
                sent += len(block)
                self._show(sent)
            listed = "".join(f"<Latest>{name}</Latest>" for name in names)
            document = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'
            self._put(session, "&comp=blocklist", document.encode())

    def _put(self, session: requests.Session, operation: str, body: bytes) -> None:
        trouble = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(self._patience.first_wait_s * 2**attempt)
            try:
                answer = session.put(
                    self._url + operation,
                    data=body,
                    timeout=(self._patience.connect_s, _ANSWER_S),
                    allow_redirects=False,
                )
            except TROUBLE as error:
                trouble = in_short(error)
                continue
            if answer.status_code == _CREATED:
                return
            trouble = f"the store answered {answer.status_code}"
            if answer.status_code == _FORBIDDEN:
                raise CliError("the store no longer takes the upload: its link has expired")
            if answer.status_code not in _MAY_HEAL:
                raise CliError(f"the upload was refused: {trouble}")
        raise Unreachable(f"the upload failed {_ATTEMPTS} times ({trouble})")
