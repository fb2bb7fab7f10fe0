"""What was left out of an upload, counted by reason and told with the first few places."""

from __future__ import annotations

from dataclasses import dataclass, field

_PLACES = 3
_PLACE_MAX_CHARS = 60


class UnreadableUpload(ValueError):
    """An upload is nothing that can be used; the message says what it should be."""


@dataclass
class Tally:
    """Counts what is left out.

    Args:
        unit: what one of them is called: ``line``, ``row``, ``file``.
    """

    unit: str
    _counts: dict[str, int] = field(default_factory=dict)
    _places: dict[str, list[str]] = field(default_factory=dict)

    def add(self, why: str, place: object) -> None:
        """Count one more; ``why`` goes on after "3 lines are left out: "."""
        self._counts[why] = self._counts.get(why, 0) + 1
        places = self._places.setdefault(why, [])
        if len(places) < _PLACES:
            places.append(_short(str(place)))

    @property
    def total(self) -> int:
        """How many were left out."""
        return sum(self._counts.values())

    def words(self) -> str:
        """Return a sentence, or nothing when nothing was left out."""
        if not self._counts:
            return ""
        reasons = [self._reason(why, count) for why, count in self._counts.items()]
        what = f"{self.unit} is" if self.total == 1 else f"{self.unit}s are"
        return f"{self.total:,} {what} left out: {'; '.join(reasons)}"

    def _reason(self, why: str, count: int) -> str:
        more = ", ..." if count > _PLACES else ""
        return f"{count:,} {why} ({self.unit} {', '.join(self._places[why])}{more})"


def _short(place: str) -> str:
    plain = "".join(char if char.isprintable() else "?" for char in place[: 2 * _PLACE_MAX_CHARS])
    return plain if len(plain) <= _PLACE_MAX_CHARS else f"...{plain[-_PLACE_MAX_CHARS:]}"
