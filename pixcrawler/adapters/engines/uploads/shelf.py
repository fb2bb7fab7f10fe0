"""Opened uploads: what each is, is found out from its bytes, once a worker."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from pixcrawler.adapters.engines.uploads.blob_file import BlobFile
from pixcrawler.adapters.engines.uploads.contents import CONTENTS, Contents, Member
from pixcrawler.adapters.engines.uploads.lists import LIST_FORM, Listing, read_list
from pixcrawler.adapters.engines.uploads.parquet import read_parquet
from pixcrawler.adapters.engines.uploads.tally import UnreadableUpload
from pixcrawler.adapters.engines.uploads.tars import (
    AHEAD_BYTES,
    gunzipped_head,
    is_tar,
    tar_contents,
    unpacked,
)
from pixcrawler.adapters.engines.uploads.zips import (
    AHEAD_BYTES as ZIP_AHEAD_BYTES,
)
from pixcrawler.adapters.engines.uploads.zips import DamagedMember, zip_contents, zip_member
from pixcrawler.domain.errors import NotFound
from pixcrawler.domain.storage import contents_ref, unpacked_ref, upload_ref
from pixcrawler.pipeline.limits import LIST_MAX_BYTES, UPLOAD_MAX_BYTES
from pixcrawler.pipeline.pictures.magic import kind_of
from pixcrawler.pipeline.ports import BlobStore

KEPT_OPEN = 3
"""Uploads a worker remembers: an archive of 100,000 members takes 54 MB, a list of 50,000 rows
80 MB."""

_HEAD_BYTES = 1024
_ZIPS = (b"PK\3\4", b"PK\5\6")
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_MAYBE_LISTS = ("text", "JSON", "unknown bytes")

Opened = Listing | Contents


class Shelf:
    """All users' uploads of a deployment; safe to use from several threads."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._opened: OrderedDict[tuple[str, str], Opened] = OrderedDict()

    def of(self, user_id: str) -> UserShelf:
        """Return one user's uploads, and no other's."""
        return UserShelf(self, user_id)

    def opened(self, user_id: str, upload_id: str) -> Opened:
        """Return what an upload holds."""
        at = (user_id, upload_id)
        with self._lock:
            if at in self._opened:
                self._opened.move_to_end(at)
                return self._opened[at]
        found = self._open(user_id, upload_id)
        with self._lock:
            self._opened[at] = found
            while len(self._opened) > KEPT_OPEN:
                self._opened.popitem(last=False)
        return found

    def read(self, user_id: str, upload_id: str, member: Member, *, is_unpacked: bool) -> bytes:
        """Return a member's bytes."""
        place = (unpacked_ref if is_unpacked else upload_ref)(user_id, upload_id)
        if member.crc is not None:
            return zip_member(lambda at, count: self._blobs.get_range(place, at, count), member)
        data = self._blobs.get_range(place, member.start, member.bytes)
        if len(data) < member.bytes:
            raise DamagedMember("the archive ends before it")
        return data

    def _open(self, user_id: str, upload_id: str) -> Opened:
        place = contents_ref(user_id, upload_id)
        try:
            return CONTENTS.validate_json(self._blobs.get(place))
        except NotFound:
            found = self._looked_into(user_id, upload_id)
        if isinstance(found, Contents):
            self._blobs.put_new(place, CONTENTS.dump_json(found))
        return found

    def _looked_into(self, user_id: str, upload_id: str) -> Opened:
        """Find out by its first bytes what an upload is, and read its list or directory."""
        place = upload_ref(user_id, upload_id)
        head = self._blobs.get_range(place, 0, _HEAD_BYTES)
        if self._blobs.size(place) > UPLOAD_MAX_BYTES:
            raise UnreadableUpload(f"it is larger than {UPLOAD_MAX_BYTES:,} bytes")
        if head.startswith(_ZIPS):
            return _with_members(zip_contents(BlobFile(self._blobs, place, ZIP_AHEAD_BYTES)))
        if head.startswith(_GZIP):
            return self._gzip(user_id, upload_id)
        if is_tar(head):
            return _with_members(tar_contents(BlobFile(self._blobs, place, AHEAD_BYTES)))
        _refuse_known(head)
        # Not its size, then all of it: its owner may send something else in between.
        data = self._blobs.get_range(place, 0, LIST_MAX_BYTES + 1)
        if len(data) > LIST_MAX_BYTES:
            raise UnreadableUpload(f"lists have at most {LIST_MAX_BYTES:,} bytes: send it in parts")
        if head.startswith(_PARQUET):
            return read_parquet(data)
        # The largest takes half a gigabyte while it is read.
        with self._reading:
            return read_list(data)

    def _gzip(self, user_id: str, upload_id: str) -> Contents:
        """A TAR.GZ is unpacked once: from within, nothing can be read without all before it."""
        packed = BlobFile(self._blobs, upload_ref(user_id, upload_id), AHEAD_BYTES)
        if not is_tar(gunzipped_head(packed)):
            raise UnreadableUpload(
                "it is compressed by gzip and no TAR archive: send a ZIP, a TAR, or the list itself"
            )
        place = unpacked_ref(user_id, upload_id)
        self._blobs.put_file(place, unpacked(packed), "application/x-tar")
        plain = BlobFile(self._blobs, place, AHEAD_BYTES)
        return _with_members(tar_contents(plain, is_unpacked=True))


@dataclass(frozen=True)
class UserShelf:
    """One user's uploads: no name leads to anybody else's."""

    shelf: Shelf
    user_id: str

    def opened(self, upload_id: str) -> Opened:
        """Return what an upload holds.

        Raises:
            NotFound: the user has no such upload, or no longer.
            UnreadableUpload: it is nothing that can be used; the message says what would be.
            StorageUnavailable: try again.
        """
        return self.shelf.opened(self.user_id, upload_id)

    def read(self, upload_id: str, place: int) -> bytes:
        """Return the bytes of a member of an archive.

        Raises:
            NotFound: there is no such member, or no such upload.
            DamagedMember: it cannot be read; the message says why.
            StorageUnavailable: try again.
        """
        try:
            contents = self.opened(upload_id)
        except UnreadableUpload as error:
            raise NotFound(str(error)) from None
        if not isinstance(contents, Contents) or place >= len(contents.members):
            raise NotFound("There is no such file in the upload")
        member = contents.members[place]
        return self.shelf.read(self.user_id, upload_id, member, is_unpacked=contents.is_unpacked)


def _with_members(contents: Contents) -> Contents:
    if not contents.members:
        found = f": {contents.told}" if contents.told else ""
        raise UnreadableUpload(f"the archive has no file that may be a picture{found}")
    return contents


def _refuse_known(head: bytes) -> None:
    """Name what people send by mistake."""
    if not head:
        raise UnreadableUpload("it is empty")
    kind = kind_of(head)
    if kind not in _MAYBE_LISTS:
        raise UnreadableUpload(f"it is {kind}: send pictures as a ZIP or TAR; {LIST_FORM}")
