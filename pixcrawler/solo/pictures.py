"""Pictures: what came is looked at as closely as was ordered."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from pixcrawler.domain.image import ImageFacts
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.pictures.imaging import Flaw, examine
from pixcrawler.pipeline.pictures.magic import OTHER_IMAGES, WANTED
from pixcrawler.pipeline.ports import Fetched, Unfetched
from pixcrawler.pipeline.validate import DECODERS
from pixcrawler.pipeline.visits.body import Body
from pixcrawler.solo.order import Level
from pixcrawler.solo.outcomes import Row, Settled


@dataclass(frozen=True)
class Looker:
    """Says of what came whether it is a picture; any thread may ask."""

    level: Level
    min_size_px: int
    _decoders: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(DECODERS)
    )

    def settle(self, row: Row, came: Fetched | Unfetched) -> Settled:
        """Return what became of a row."""
        if isinstance(came, Unfetched):
            return Settled(
                row,
                came.reason,
                came.detail,
                final_url=came.final_url,
                status=came.status,
                elapsed_ms=came.elapsed_ms,
                visit=came.visit,
            )
        body = came.body
        found = self._looked_at(body)
        is_flaw = isinstance(found, Flaw)
        if is_flaw:
            body.close()
        return Settled(
            row,
            found.reason if isinstance(found, Flaw) else None,
            found.detail if isinstance(found, Flaw) else None,
            body=None if is_flaw else body,
            bytes=body.size,
            sha256=body.sha256,
            kind=body.kind,
            facts=found if isinstance(found, ImageFacts) else None,
            final_url=came.final_url,
            status=came.status,
            elapsed_ms=came.elapsed_ms,
            visit=came.visit,
        )

    def _looked_at(self, body: Body) -> ImageFacts | Flaw | None:
        if self.level is Level.NONE:
            if body.kind in WANTED | OTHER_IMAGES:
                return None
            return Flaw(RejectReason.NOT_AN_IMAGE, f"is {body.kind}")
        with self._decoders:
            found = examine(body.read())
        if isinstance(found, ImageFacts) and min(found.width, found.height) < self.min_size_px:
            detail = f"{found.width} x {found.height}: a side is less than {self.min_size_px}"
            return Flaw(RejectReason.TOO_SMALL, detail)
        return found
