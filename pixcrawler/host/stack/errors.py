"""What a person is told when a part of the stack cannot run."""

from __future__ import annotations


class CannotStart(Exception):
    """A part of the stack cannot start; the message says why and what to do."""


class FolderInUse(CannotStart):
    """Another process already runs this part on the same folder."""
