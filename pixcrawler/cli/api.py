"""The HTTP API as methods."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from pixcrawler.cli.errors import ApiRefused, Mistake, Unreachable
from pixcrawler.cli.http import Answer, Caller

_UNAUTHENTICATED = 401
_FIRST_ERROR = 400
_PAGE = 100
_PREFIX_CHARS = 4
"""Fewer would name a job by accident."""
_SEARCHED = 5000
"""Jobs or datasets looked through for a prefix or a name."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Tokens(Protocol):
    """Where access tokens come from."""

    def token(self, *, fresh: bool = False) -> str:
        """Return a token; ``fresh``: the last one was refused."""
        ...


class Api:
    """The API of one server for one person."""

    def __init__(self, base: Callable[[], str], tokens: Tokens, caller: Caller) -> None:
        self._base = base
        self._tokens = tokens
        self._caller = caller

    @property
    def address(self) -> str:
        """Where the API is now."""
        return self._base()

    # -------------------------------------------------------------- jobs

    def create_job(self, document: dict[str, Any], key: str) -> dict[str, Any]:
        """Start a job; the same ``key`` again gives the same job."""
        return self._call("POST", "/jobs", document, key=key)

    def estimate(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return what a job would give and cost."""
        return self._call("POST", "/jobs/estimate", document)

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job."""
        return self._call("GET", f"/jobs/{job_id}")

    def cancel_job(self, job_id: str) -> dict[str, Any]:
        """Ask for a job to be cancelled."""
        return self._call("POST", f"/jobs/{job_id}/cancel", {})

    def retry_job(self, job_id: str, reasons: Sequence[str], key: str) -> dict[str, Any]:
        """Start a job that fetches again what failed in another one; without reasons, the usual."""
        body = {"reasons": list(reasons)} if reasons else {}
        return self._call("POST", f"/jobs/{job_id}/retry", body, key=key)

    def jobs(self) -> Iterator[dict[str, Any]]:
        """Yield every job, the newest first."""
        return self._pages("/jobs")

    def find_job(self, name: str) -> str:
        """Return the id of the job that ``name`` is the id of, or the beginning of its id.

        Raises:
            Mistake: there is none, or several.
        """
        if _UUID.fullmatch(name):
            return name.lower()
        if len(name) < _PREFIX_CHARS or not re.fullmatch(r"[0-9a-fA-F-]+", name):
            raise Mistake(
                f"{name!r} is no job: give its id, or at least the first {_PREFIX_CHARS} characters"
            )
        ids = [str(job["id"]) for job in self.jobs()]
        return _only([found for found in ids if found.startswith(name.lower())], name, "job")

    # -------------------------------------------------------------- uploads

    def create_upload(self, count: int) -> dict[str, Any]:
        """Return where ``count`` bytes may be sent to, and the id that a job names them by."""
        return self._call("POST", "/uploads", {"bytes": count})

    # -------------------------------------------------------------- datasets

    def datasets(self) -> Iterator[dict[str, Any]]:
        """Yield every dataset."""
        return self._pages("/datasets")

    def find_dataset(self, name: str) -> dict[str, Any]:
        """Return the dataset of this id or name.

        Raises:
            Mistake: there is none, or several projects have one of this name.
        """
        if _UUID.fullmatch(name):
            return self._call("GET", f"/datasets/{name.lower()}")
        found = [d for d in self.datasets() if str(d["name"]).casefold() == name.casefold()]
        chosen = _only([str(dataset["id"]) for dataset in found], name, "dataset")
        return next(dataset for dataset in found if dataset["id"] == chosen)

    def version(self, dataset_id: str, number: int) -> dict[str, Any]:
        """Return a version of a dataset."""
        return self._call("GET", f"/datasets/{dataset_id}/versions/{number}")

    def link(self, dataset_id: str, number: int) -> dict[str, Any]:
        """Return a fresh download link of a version's archive."""
        return self._call("POST", f"/datasets/{dataset_id}/versions/{number}/link", {})

    # -------------------------------------------------------------- engines

    def engines(self) -> list[dict[str, Any]]:
        """Return every engine."""
        return list(self._call("GET", "/engines")["items"])

    def parse_answer(self, engine: str, body: bytes) -> dict[str, Any]:
        """Return what a saved answer of an engine yields."""
        return self._call("POST", f"/engines/{engine}/parse", body)

    def switch_engine(self, engine: str, wish: dict[str, Any]) -> dict[str, Any]:
        """Switch an engine on or off."""
        return self._call("POST", f"/engines/{engine}/switch", wish)

    def reopen_engine(self, engine: str) -> dict[str, Any]:
        """End an engine's suspension."""
        return self._call("POST", f"/engines/{engine}/reopen", {})

    # -------------------------------------------------------------- the wire

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        cursor = ""
        for _ in range(_SEARCHED // _PAGE):
            page = self._call("GET", f"{path}?limit={_PAGE}{cursor}")
            yield from page.get("items", [])
            if not page.get("next_cursor"):
                return
            cursor = f"&cursor={page['next_cursor']}"

    def _call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> dict[str, Any]:
        answer = self._send(method, path, body, key, fresh=False)
        if answer.status == _UNAUTHENTICATED:
            answer = self._send(method, path, body, key, fresh=True)
        if answer.status >= _FIRST_ERROR:
            raise _refusal(answer)
        value = answer.json()
        if not value:
            raise Unreachable(
                f"{self.address} does not speak PixCrawler's API (it answered {answer.status} to "
                f"{method} {path.partition('?')[0]}): is the address right?"
            )
        return value

    def _send(self, method: str, path: str, body: Any, key: str | None, *, fresh: bool) -> Answer:
        token = self._tokens.token(fresh=fresh)
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        return self._caller.call(
            method, lambda: f"{self._base()}/api/v1{path}", lambda: headers, body
        )


def _only(ids: list[str], name: str, kind: str) -> str:
    if not ids:
        raise Mistake(f"there is no {kind} {name!r}")
    if len(ids) > 1:
        raise Mistake(f"{name!r} fits several {kind}s: {', '.join(ids[:5])}", ids=ids)
    return ids[0]


def _refusal(answer: Answer) -> Exception:
    error = answer.json().get("error")
    if not isinstance(error, dict):
        return Unreachable(f"the server answered {answer.status} and nothing that we understand")
    details = error.get("details")
    return ApiRefused(
        answer.status,
        str(error.get("code", "unknown")),
        str(error.get("message", f"the server answered {answer.status}")),
        {**(details if isinstance(details, dict) else {}), "request_id": error.get("request_id")},
    )
