"""Azurite, Microsoft's storage emulator, as a child that loses nothing it acknowledged."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path

from typing_extensions import override

from pixcrawler.host.stack import processes
from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.node import cache_folder, find_node, install_azurite
from pixcrawler.host.stack.ports import Ports
from pixcrawler.host.stack.resident import Resident

ACCOUNT = "devstoreaccount1"
# Published by Microsoft for emulators: every Azurite has it.
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
SERVICES = ("blob", "queue", "table")
_PRELOAD = Path(__file__).with_name("durable.cjs")
_READY_TIMEOUT_S = 60
_POLL_S = 0.03
_LOG_TAIL_CHARS = 2000
_STOPPING = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 10.0))
_MARK_FILE = "process.json"


class Azurite(Resident):
    """Blob, queue and table storage on 127.0.0.1 whose data live in one folder.

    What it has acknowledged survives SIGKILL (see durable.cjs). Ports are chosen once and
    remembered in the folder. It ends when this process ends, however that happens.

    Args:
        folder: holds data/, azurite.log, ports.json; made when missing; one owner at a time.
        cache: where Azurite is installed; default $PIXCRAWLER_CACHE, else ``folder``/cache.
        log: where its output goes; default ``folder``/azurite.log.
        say: told what takes long, in words for a person.
        checkpoint_bytes: how much is journaled before its databases are saved; for tests.
    """

    stopping = _STOPPING

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path | None = None,
        log: Path | None = None,
        say: Callable[[str], None] = lambda _: None,
        checkpoint_bytes: int | None = None,
    ) -> None:
        super().__init__(folder)
        self.ports: dict[str, int] = {}
        self._cache = cache or cache_folder(self.folder)
        self._log = log or self.folder / "azurite.log"
        self._say = say
        self._environment = dict(os.environ)
        if checkpoint_bytes:
            self._environment["PIXCRAWLER_AZURITE_CHECKPOINT_BYTES"] = str(checkpoint_bytes)

    @property
    def connection_string(self) -> str:
        """The storage connection string, with the endpoints of all three services."""
        endpoints = "".join(
            f"{service.capitalize()}Endpoint={self.endpoint(service)};" for service in SERVICES
        )
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};"
            f"AccountKey={ACCOUNT_KEY};{endpoints}"
        )

    def endpoint(self, service: str) -> str:
        """Return the address of ``blob``, ``queue`` or ``table``, account included."""
        return f"http://127.0.0.1:{self.ports[service]}/{ACCOUNT}"

    @override
    def _start(self) -> None:
        node = find_node()
        program = install_azurite(self._cache, node, self._say)
        # It got a signal when its owner died: most often it is gone.
        data = str(self.folder / "data")
        processes.end_remembered(self.folder / _MARK_FILE, data, _STOPPING)
        if not self.ports:  # a restart keeps them: others know them by now
            remembered = Ports(self.folder / "ports.json", self._say)
            self.ports = {service: remembered.claim(service) for service in SERVICES}
        argv: list[str | Path] = [
            *(node.program, "--no-deprecation", "--require", _PRELOAD, program),
            *("-s", "-l", self.folder / "data", "--skipApiVersionCheck", "--disableTelemetry"),
        ]
        for service, port in self.ports.items():
            argv += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
        written = self._log.stat().st_size if self._log.exists() else 0
        start = processes.Launch("self", signal.SIGKILL, self._log, self._environment)
        self.process = processes.spawn(argv, start)
        processes.remember(self.folder / _MARK_FILE, self.process.pid)
        self._wait_until_ready(written)

    def _wait_until_ready(self, written: int) -> None:
        deadline = time.monotonic() + _READY_TIMEOUT_S
        waiting = list(SERVICES)
        while waiting:
            if not self.is_alive() or time.monotonic() > deadline:
                with self._log.open("rb") as log:
                    log.seek(written)
                    text = log.read().decode(errors="replace")[-_LOG_TAIL_CHARS:]
                raise CannotStart(f"Azurite did not start:\n{text}")
            if _answers(self.ports[waiting[0]]):
                waiting.pop(0)
            else:
                time.sleep(_POLL_S)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        # Any answer will do; unsigned requests get 403.
        connection.request("GET", f"/{ACCOUNT}?x={secrets.token_hex(2)}")
        return connection.getresponse().status > 0
    return False
