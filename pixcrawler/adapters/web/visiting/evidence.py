"""Evidence: what is kept of a visit for its receipt, whatever became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from pixcrawler.domain.visit import KEPT_HEADERS, Finding, Hop, Visit
from pixcrawler.pipeline.visits.load import Loads

HEADERS_MAX = 40
"""Kept of one answer: each may come again and again."""
FINDINGS_MAX = 50
_VALUE_MAX_CHARS = 500
_URL_MAX_CHARS = 4096
_KEPT = frozenset(KEPT_HEADERS)


class Trail:
    """The requests of a visit's last try, in order, and what signals said on the way.

    Of earlier tries their number is kept, and how many requests they made to each host.
    """

    def __init__(self) -> None:
        self.tries = 0
        self.sha256: str | None = None
        self._at = datetime.now(UTC)
        self._hops: list[Hop] = []
        self._before = Loads()
        self._findings: dict[Finding, None] = {}
        self._url = ""
        self._addresses: list[str] = []

    def begin(self) -> None:
        """Begin another try: what the one before saw is no evidence of what came, and counted."""
        self.tries += 1
        self._at = datetime.now(UTC)
        self._before.add_hops(self._hops)
        self._hops.clear()

    def forget(self) -> None:
        """Begin to listen anew: signals are heard again in each try, before its first request."""
        self._findings.clear()

    def asking(self, url: str) -> list[str]:
        """Begin a hop; return the list that the IP address is written into."""
        self._url, self._addresses = url, []
        return self._addresses

    def asked(self, status: int | None = None, headers: Mapping[str, str] | None = None) -> None:
        """End the hop, with the head of its answer if there was one."""
        # These values are our own, made for each image: checking them would cost more than they.
        self._hops.append(
            Hop.model_construct(
                url=plain(self._url, _URL_MAX_CHARS),
                address=self._addresses[-1] if self._addresses else None,
                status=status,
                headers=_kept(headers.items()) if headers else (),
            )
        )

    def found(self, findings: Iterable[Finding]) -> None:
        """Keep what signals said; of the same thing said at each hop, one is enough."""
        for finding in findings:
            if len(self._findings) < FINDINGS_MAX or finding.refuses:
                self._findings[finding] = None

    def visit(self, checked: tuple[str, ...] | None) -> Visit:
        """Return what is kept, given the names of the signals that were looked at.

        None: not all could be; then those that said something were.
        """
        if checked is None:
            checked = tuple(dict.fromkeys(finding.signal for finding in self._findings))
        return Visit.model_construct(
            at=self._at,
            hops=tuple(self._hops),
            tries=self.tries,
            beside=self._before.all(),
            sha256=self.sha256,
            findings=tuple(self._findings),
            checked=checked,
        )


def plain(text: str, max_chars: int) -> str:
    """Return text of a stranger, bounded, as something that can be printed and stored."""
    text = text[:max_chars]
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "?" for char in text)


def _kept(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    kept: list[tuple[str, str]] = []
    for name, value in headers:
        lower = name.lower()
        if lower in _KEPT and len(kept) < HEADERS_MAX:
            kept.append((lower, plain(value, _VALUE_MAX_CHARS)))
    return tuple(kept)
