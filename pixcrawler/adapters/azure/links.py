"""Links: shared access signatures that let anyone read one blob, or write it, for a while."""

from __future__ import annotations

import threading
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from azure.storage.blob import (
    BlobSasPermissions,
    BlobServiceClient,
    UserDelegationKey,
    generate_blob_sas,
)

from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.storage import BlobRef, DownloadLink
from pixcrawler.pipeline.ports import Clock

_CLOCK_SKEW = timedelta(minutes=15)
"""A key that starts "now" fails where clocks differ."""
_KEY_LIFE = timedelta(days=7) - _CLOCK_SKEW
"""Azure gives a user delegation key for at most 7 days."""


def _now() -> datetime:
    return datetime.now(UTC)


class LinkSigner:
    """Signs links with the account's key if the client has it, else by user delegation.

    Safe to use from several threads; keeps one delegation key while it lasts.
    """

    def __init__(self, service: BlobServiceClient, clock: Clock = _now) -> None:
        self._service = service
        self._clock = clock
        self._lock = threading.Lock()
        self._key: UserDelegationKey | None = None
        self._key_ends = datetime.min.replace(tzinfo=UTC)

    def link(self, ref: BlobRef, expires_at: datetime, filename: str) -> DownloadLink:
        """Return a read-only address of one blob, good until ``expires_at``.

        Signatures know whole seconds: up to one second longer. Shorter where no key lasts that
        long. Only over https where the store itself is.

        Raises:
            InvariantBroken: ``expires_at`` has no time zone.
        """
        permission = BlobSasPermissions(read=True)
        return self._signed(ref, expires_at, permission, content_disposition=_attachment(filename))

    def upload_link(self, ref: BlobRef, expires_at: datetime) -> DownloadLink:
        """Return an address of one blob that may be written, whole or in blocks, and not read.

        Ends as a read-only link does.
        """
        return self._signed(ref, expires_at, BlobSasPermissions(create=True, write=True))

    def _signed(
        self, ref: BlobRef, expires_at: datetime, permission: BlobSasPermissions, **more: Any
    ) -> DownloadLink:
        if expires_at.tzinfo is None:
            raise InvariantBroken("A link's end must have a time zone")
        signing, ends = self._signing(_whole_second(expires_at.astimezone(UTC)))
        blob = self._service.get_blob_client(ref.container, ref.name)
        signature = generate_blob_sas(
            account_name=str(self._service.account_name),
            container_name=ref.container,
            blob_name=ref.name,
            permission=permission,
            expiry=ends,
            protocol="https" if blob.url.startswith("https:") else None,
            **more,
            **signing,
        )
        return DownloadLink(url=f"{blob.url}?{signature}", expires_at=ends)

    def _signing(self, expires_at: datetime) -> tuple[dict[str, Any], datetime]:
        account_key = getattr(self._service.credential, "account_key", None)
        if account_key:
            return {"account_key": account_key}, expires_at
        with self._lock:
            if expires_at > self._key_ends:
                now = self._clock()
                self._key_ends = (now + _KEY_LIFE).replace(microsecond=0)
                self._key = self._service.get_user_delegation_key(
                    key_start_time=now - _CLOCK_SKEW, key_expiry_time=self._key_ends
                )
            return {"user_delegation_key": self._key}, min(expires_at, self._key_ends)


def _whole_second(moment: datetime) -> datetime:
    return (moment + timedelta(microseconds=999_999)).replace(microsecond=0)


def _attachment(filename: str) -> str:
    """Return a Content-Disposition that saves under ``filename``, whatever is in it.

    Source: RFC 6266, section 4.3 and appendix D.
    """
    plain = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
    safe = "".join(char if char.isalnum() or char in " -_.()" else "_" for char in plain)
    return f"attachment; filename=\"{safe}\"; filename*=UTF-8''{quote(filename, safe='')}"
