"""A program that lives in a folder of its own: one owner at a time, ended with its owner."""

from __future__ import annotations

import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from pixcrawler.host.stack import processes
from pixcrawler.host.stack.files import FolderLock


class Resident(ABC):
    """Starts and stops one child process; also a context manager.

    Args:
        folder: made when missing; everything of the program lives in it.
    """

    stopping: ClassVar[Sequence[tuple[signal.Signals, float]]]
    """Signals that end it, with the seconds each is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.process: subprocess.Popen[bytes] | None = None
        self._lock = FolderLock(self.folder)

    def start(self) -> Self:
        """Start it; returns when it answers.

        Raises:
            CannotStart: it could not be started, in one sentence (its last words are shown).
            FolderInUse: another process runs it on this folder.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock.take()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop it after it has written everything; safe when it does not run."""
        if self.process is not None:
            processes.stop(self.process, self.stopping)
            self.process = None
        self._lock.release()

    def is_alive(self) -> bool:
        """Say whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def _start(self) -> None:
        """Set ``process`` to a child that answers."""
