"""Image addresses: which are refused unseen, and when two name the same picture."""

from pixcrawler.pipeline.discovery.addresses.form import MAX_CHARS
from pixcrawler.pipeline.discovery.addresses.keys import (
    KEY_CHARS,
    Address,
    address_key,
    canonical,
    judged,
)

__all__ = ["KEY_CHARS", "MAX_CHARS", "Address", "address_key", "canonical", "judged"]
