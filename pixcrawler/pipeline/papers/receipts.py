"""Receipts as lines of canonical JSON, and the root of the Merkle tree over them."""

from __future__ import annotations

import hashlib
import json
from types import NoneType
from typing import Any

from pixcrawler.domain.dataset import ManifestImage
from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.filters import License
from pixcrawler.domain.job import JobSpec
from pixcrawler.domain.receipt import LicenseEvidence, LicenseSource, Receipt
from pixcrawler.domain.source import Provenance
from pixcrawler.domain.verdict import Verdict
from pixcrawler.pipeline.discovery.sift import OWN_LISTS

_MAX_INTEGER = 2**53 - 1
"""Largest whole number that every reader of JSON has exactly. Source: RFC 7493, section 2.2."""
_PLAIN = frozenset({str, bool, NoneType})


def receipt_of(image: ManifestImage, verdict: Verdict, spec: JobSpec) -> Receipt:
    """Return the receipt of an image of the manifest, out of the verdict that let it in."""
    outcome = verdict.outcome
    candidate, found = outcome.candidate, image.provenance
    return Receipt(
        id=image.id,
        path=image.path,
        sha256=image.facts.sha256,
        bytes=image.facts.bytes,
        category=image.category,
        keyword=image.keyword,
        query=candidate.query,
        engine=found.engine,
        engine_id=found.provider_id,
        page_url=found.page_url,
        title=found.title,
        image_url=candidate.url,
        fetched_url=outcome.address,
        final_url=outcome.final_url,
        purpose=spec.purpose,
        license=_evidence(found, spec.filters.license),
        visit=outcome.visit,
        also_found=image.also_found,
    )


def _evidence(found: Provenance, asked: License) -> LicenseEvidence:
    """Only what was stated for the image itself is evidence.

    A job that asks for a licence takes what states none from engines alone that look for nothing
    else, and from the person's own lists, which nobody asked for one.
    """
    is_own = found.engine in OWN_LISTS
    if found.license or found.license_url:
        source = LicenseSource.LIST if is_own else LicenseSource.API
    elif asked == "any" or is_own:
        source = LicenseSource.NONE
    else:
        source = LicenseSource.ENGINE_FILTER
    return LicenseEvidence(
        source=source,
        code=found.license,
        url=found.license_url,
        asked=asked if source is LicenseSource.ENGINE_FILTER else None,
        creator=found.creator,
        creator_url=found.creator_url,
        attribution=found.attribution,
    )


def line_of(receipt: Receipt) -> bytes:
    """Return the receipt as one canonical line, without its end."""
    return canonical(receipt.model_dump(mode="json", exclude_none=True))


def canonical(value: Any) -> bytes:
    """Return a value as canonical JSON: equal values give equal bytes, whoever writes them.

    For objects, lists, strings, whole numbers, true, false and null. Keys are of ASCII, so that
    their order is the same by code points and by UTF-16 units.

    Raises:
        InvariantBroken: there is something else in it, such as a fraction, whose digits writers of
            JSON do not agree about.

    Source: RFC 8785.
    """
    _check(value)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvariantBroken("A text for a receipt is no Unicode: it has half a pair") from None


def _check(value: Any) -> None:
    left = [value]
    while left:
        one = left.pop()
        if type(one) in _PLAIN:
            continue
        if isinstance(one, dict):
            if not all(isinstance(key, str) and key.isascii() for key in one):
                raise InvariantBroken("A key for a receipt is not of ASCII")
            left += one.values()
        elif isinstance(one, list):
            left += one
        elif not (isinstance(one, int) and abs(one) <= _MAX_INTEGER):
            raise InvariantBroken(f"A receipt cannot hold {type(one).__name__} {one!r:.40}")


class MerkleTree:
    """The root over leaves that come one by one; holds one hash for each doubling of their number.

    Source: RFC 9162, section 2.1.1.
    """

    def __init__(self) -> None:
        self.leaves = 0
        self._peaks: list[bytes] = []
        """Roots of the full trees that the leaves make so far, the largest first: one for each
        bit of their number."""

    def add(self, leaf: bytes) -> None:
        """Take the next leaf."""
        node = hashlib.sha256(b"\x00" + leaf).digest()
        self.leaves += 1
        full = self.leaves
        while full % 2 == 0:
            node = _above(self._peaks.pop(), node)
            full //= 2
        self._peaks.append(node)

    @property
    def root(self) -> str:
        """The root, lower-case hex; of no leaves it is the hash of nothing."""
        if not self._peaks:
            return hashlib.sha256().hexdigest()
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = _above(peak, node)
        return node.hex()


def _above(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
