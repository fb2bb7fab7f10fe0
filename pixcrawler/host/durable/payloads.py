"""Warns of payloads that would be dear in Azure, where here they cost nothing."""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)

BUDGET_BYTES = 45 * 1024
"""Above this, Azure Storage keeps a message as a blob, and each one costs round trips.

Source: MessageManager of DurableTask.AzureStorage.
"""


class PayloadBudget:
    """Says once for each function and direction that its payloads are large."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def check(self, function: str, what: str, text: str | None) -> None:
        """Look at one payload, JSON text; ``what`` is "input" or "result"."""
        # Nearly all JSON here is ASCII, so that characters are bytes; UTF-16 on the wire is larger.
        if text is None or len(text) <= BUDGET_BYTES or (function, what) in self._told:
            return
        self._told.add((function, what))
        _log.warning(
            "the %s of %s has %d KB; above 45 KB Azure keeps it as a blob, so pass a reference",
            what,
            function,
            len(text) // 1024,
        )
