"""One worker process as the host sees it."""

from __future__ import annotations

import asyncio
import sys

import pytest

from pixcrawler.host.errors import AppNotLoaded
from pixcrawler.host.frames import pack
from pixcrawler.host.processes import WorkerProcess


async def refusal_after_the_end() -> None:
    """A worker that is seen to end before the connection it opened is seen."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "pass"), stdout=asyncio.subprocess.PIPE
    )
    await process.wait()
    loop = asyncio.get_running_loop()
    connected: asyncio.Future = loop.create_future()
    worker = WorkerProcess(process, connected)
    reader = asyncio.StreamReader()
    reader.feed_data(b"".join(pack({"kind": "refused", "text": "Why it does not load."})))
    loop.call_later(0.05, connected.set_result, (reader, None))
    await worker.loaded()


def test_last_words_are_heard():
    """A worker that says why the app does not load, and ends at once, is heard."""
    with pytest.raises(AppNotLoaded, match="Why it does not load"):
        asyncio.run(refusal_after_the_end())
