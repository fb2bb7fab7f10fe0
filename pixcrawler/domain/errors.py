"""Everything that can go wrong, as one tree.

PixCrawlerError
|- Rejected                 the caller's fault: answered 4xx, never retried
|  |- InvalidRequest        422, with the field, the rule and the value
|  |- PayloadTooLarge       413
|  |- UnsupportedMediaType  415
|  |- Unauthenticated       401
|  |- Forbidden             403
|  |- NotFound              404, also for what belongs to somebody else
|  |- Conflict              409
|  `- TooManyRequests       429, with the seconds to wait
|- Transient                the world's fault, may heal: retried by the step's policy
|  |- SourceUnavailable     an engine or host could not be reached
|  |- StorageUnavailable
|  |- DatabaseUnavailable
|  `- KeysUnavailable       the keys that access tokens are checked with
|- Permanent                the world's fault, will not heal: recorded, the job says so
|  |- SourceBlocked         an engine refuses us
|  |- SourceChanged         an engine's answer has no known structure
|  `- ArchiveTooLarge
`- InvariantBroken          our fault: fails the job, alerts us

A bad image is not in this tree: it is an outcome with a reject reason (verdict.py).
"""

from __future__ import annotations

from typing import Any, ClassVar

from pixcrawler.domain.model import Value


class Violation(Value):
    """One broken rule of a request: which field, which rule, which value."""

    field: str
    rule: str
    value: Any = None
    message: str


class PixCrawlerError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, message: str = "", **details: Any) -> None:
        """Take a sentence for people (default: the class docstring) and facts for programs."""
        super().__init__(message or (type(self).__doc__ or "").strip().split("\n")[0])
        self.details = details


class Rejected(PixCrawlerError):
    """The request cannot be accepted as it stands."""

    code = "rejected"
    status = 400


class InvalidRequest(Rejected):
    """A field is missing or outside its limits."""

    code = "invalid_request"
    status = 422

    def __init__(self, message: str = "", *, violations: tuple[Violation, ...] = ()) -> None:
        """Take every violation found, not only the first."""
        super().__init__(message or "; ".join(f"{v.field}: {v.message}" for v in violations))
        self.violations = violations
        self.details = {"violations": [v.model_dump(mode="json") for v in violations]}


class PayloadTooLarge(InvalidRequest):
    """The request body is larger than allowed."""

    code = "payload_too_large"
    status = 413


class UnsupportedMediaType(InvalidRequest):
    """The request body's content type is not one that is understood."""

    code = "unsupported_media_type"
    status = 415


class Unauthenticated(Rejected):
    """The request carries no valid access token."""

    code = "unauthenticated"
    status = 401


class Forbidden(Rejected):
    """Only operators may do this."""

    code = "forbidden"
    status = 403


class NotFound(Rejected):
    """The thing named does not exist, or is not the caller's."""

    code = "not_found"
    status = 404


class Conflict(Rejected):
    """The thing named is in a state that does not allow this."""

    code = "conflict"
    status = 409


class TooManyRequests(Rejected):
    """More was asked for than there is within some time."""

    code = "too_many_requests"
    status = 429


class Transient(PixCrawlerError):
    """Trying again later may succeed."""

    code = "transient"
    status = 503


class SourceUnavailable(Transient):
    """A source could not be reached."""

    code = "source_unavailable"


class StorageUnavailable(Transient):
    """Blob or queue storage could not be reached."""

    code = "storage_unavailable"


class DatabaseUnavailable(Transient):
    """The database could not be reached."""

    code = "database_unavailable"


class KeysUnavailable(Transient):
    """The keys that access tokens are checked with could not be fetched."""

    code = "keys_unavailable"


class Permanent(PixCrawlerError):
    """Trying again cannot succeed."""

    code = "permanent"


class SourceBlocked(Permanent):
    """A source refuses us."""

    code = "source_blocked"


class SourceChanged(Permanent):
    """A source's answer has no known structure: its adapter needs mending."""

    code = "source_changed"


class ArchiveTooLarge(Permanent):
    """The dataset is larger than the archive format or the store allows."""

    code = "archive_too_large"


class InvariantBroken(PixCrawlerError):
    """Something we promised ourselves turned out false."""

    code = "invariant_broken"
