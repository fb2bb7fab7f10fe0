"""A small real HTTP server that behaves like the API, the auth issuer and the blob store."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any

from tests.fakes.api_neighbours import NeighbourHandler

JOB_ID = "1111aaaa-2222-4333-8444-555555555555"
DATASET_ID = "99999999-2222-4333-8444-555555555555"
TOKEN = "good-token"
ENGINE = "bing"


def an_archive(names: dict[str, bytes] | None = None) -> bytes:
    """Return a ZIP as the app makes it, small."""
    members = names or {"manifest.json": b"{}", "images/a/a/0001.png": b"picture" * 5000}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def a_job(**changes: Any) -> dict[str, Any]:
    """Return a job as the API shows it; ``progress`` is merged."""
    progress = {
        "round": 0,
        "chunks": {"total": 4, "active": 0, "completed": 4, "failed": 0},
        "candidates": 128,
        "downloaded": 110,
        "kept": 10,
        "rejected": 28,
        "reasons": {"gone_404_410": 18, "duplicate_near": 10},
        "bytes": 1_000_000,
        "success_rate": 0.8,
        "eta_s": None,
    }
    progress.update(changes.pop("progress", {}))
    job = {
        "id": JOB_ID,
        "name": "birds",
        "project": "default",
        "dataset_id": DATASET_ID,
        "version": 1,
        "status": "succeeded",
        "stage": "done",
        "wanted": 10,
        "engines": [{"engine": "local", "status": "ok", "candidates": 128, "detail": None}],
        "message": None,
        "error": None,
        "spec": {},
        "created_at": "2026-11-20T10:00:00Z",
        "started_at": None,
        "finished_at": None,
    }
    return {**job, **changes, "progress": progress}


def an_estimate() -> dict[str, Any]:
    """Return an estimate as the API shows it."""
    counts = {"low": 6, "expected": 9, "high": 10}
    engine = {
        "engine": "local",
        "status": "ok",
        "kind": None,
        "detail": None,
        "stands_by_for": None,
        "asked": 3,
        "queries": 12,
        "found": 40,
        "candidates": {"low": 40, "expected": 90, "high": 1200},
        "survival": {"low": 0.3, "expected": 0.8, "high": 1.0},
        "survival_from": "experience in general",
        "images": {"low": 12, "expected": 72, "high": 1200},
    }
    follower = {**engine, "engine": "mirror", "stands_by_for": "local", "found": 0}
    return {
        "wanted": 10,
        "found": 40,
        "overlap": 0.0,
        "candidates": engine["candidates"],
        "images": counts,
        "bytes": {"low": 500_000, "expected": 2_000_000, "high": 9_000_000},
        "minutes": {"low": 0.1, "expected": 0.5, "high": 2.5},
        "credits": counts,
        "engines": [engine, follower],
        "meaning": "Low and high are meant to hold in about four jobs out of five.",
        "assumptions": ["An image that is kept costs 1 credit."],
        "notes": [{"code": "filter_ignored", "subject": "local", "message": "local cannot colour"}],
        "created_at": "2026-11-20T10:00:00Z",
    }


def an_engine(**changes: Any) -> dict[str, Any]:
    """Return an engine as the API shows it."""
    engine = {
        "name": ENGINE,
        "title": "Bing Images",
        "access": "opt_in",
        "state": "switched_off",
        "reason": "an operator has to accept its terms first",
        "homepage": "https://www.bing.com/images",
        "index": ENGINE,
        "licensed": False,
        "operators": True,
        "filters": {"size": "searched", "type": "searched"},
        "lacks": {"type": ["face"]},
        "max_results": 1000,
        "quotas": [{"requests": 20, "seconds": 60, "used": 3}],
        "key_setting": None,
        "terms": "Microsoft does not want this.",
        "terms_url": "https://www.microsoft.com/terms",
        "terms_digest": "ab" * 32,
        "accepted_at": None,
        "last_status": None,
        "last_kind": None,
        "failures": 0,
        "last_asked_at": None,
        "last_ok_at": None,
        "suspended_until": None,
    }
    return {**engine, **changes}


def a_page(**changes: Any) -> dict[str, Any]:
    """Return what a saved answer yields, as the API shows it."""
    find = {"url": "https://e.example/a.jpg", "width": 640, "height": 480, "license": "by"}
    page = {
        "engine": ENGINE,
        "status": "ok",
        "kind": None,
        "detail": None,
        "retry_after_s": None,
        "total": 1234,
        "next_cursor": "2",
        "finds": [{**find, "creator": "Ann"}, {"url": "https://e.example/b.jpg"}],
    }
    return {**page, **changes}


@dataclass
class Behaviour:
    """What the server does; tests change it before and while it runs."""

    story: list[dict[str, Any]] = field(default_factory=lambda: [a_job()])
    """The job at each look; the last one stays."""
    archive: bytes = field(default_factory=an_archive)
    engines: list[dict[str, Any]] = field(default_factory=lambda: [an_engine()])
    switched: dict[str, Any] = field(default_factory=dict)
    """What else is said of an engine after it was switched."""
    parsed: dict[str, Any] = field(default_factory=lambda: a_page(total=1234))
    announced_sha256: str | None = None
    jobs: list[dict[str, Any]] = field(default_factory=lambda: [a_job()])
    refusal: tuple[int, dict[str, Any]] | None = None
    """Answer of POST /jobs instead of a job."""
    cancel_refusal: tuple[int, dict[str, Any]] | None = None
    after_cancel: list[dict[str, Any]] | None = None
    ill: list[str] = field(default_factory=list)
    """Trouble for the next API requests: 503, drop, hang, drip, page, 429 with a Retry-After."""
    break_after: list[int] = field(default_factory=list)
    """Bytes after which the next downloads break off."""
    expire_links: int = 0
    ranges: bool = True
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    users: dict[str, str] = field(default_factory=dict)
    token_life_s: int = 3600
    seen: list[tuple[str, str]] = field(default_factory=list)
    posted: list[Any] = field(default_factory=list)
    announced: list[int] = field(default_factory=list)
    """Bytes of each upload, as asked for."""
    blocks: dict[str, bytes] = field(default_factory=dict)
    """What was sent, by path and block."""
    uploaded: dict[str, bytes] = field(default_factory=dict)
    """Whole uploads, by path."""
    store_trouble: list[int] = field(default_factory=list)
    """Statuses of the next answers of the store to a PUT; 0 breaks the line."""
    keys: list[str | None] = field(default_factory=list)


class _Handler(NeighbourHandler):
    server: ApiServer

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        self._serve()

    def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
        self._serve()

    def do_PUT(self) -> None:  # noqa: N802 - the name that http.server calls
        self.put_blob()

    # -------------------------------------------------------------- routes

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self._body(length)
        path = self.path.partition("?")[0]
        will = self.server.will
        will.seen.append((self.command, self.path))
        if path.startswith("/auth/v1/"):
            self.auth(path, body)
        elif path.startswith("/blob/"):
            self.blob()
        elif path.startswith("/api/v1/"):
            if will.ill and self._be_ill(will.ill.pop(0)):
                return
            self._api(path.removeprefix("/api/v1"), body)
        else:
            self.send(404, b"<html>not here</html>", "text/html")

    def _body(self, length: int) -> Any:
        given = self.rfile.read(length) if length else None
        is_json = "json" in self.headers.get("Content-Type", "")
        return json.loads(given) if given and is_json else given

    def _be_ill(self, trouble: str) -> bool:
        if trouble == "503":
            self.error(503, "database_unavailable", "the database is away")
        elif trouble.startswith("429 "):
            busy = {"error": {"code": "too_many_requests", "message": "ask again in 50 min."}}
            self.answer(429, busy, Retry_After=trouble.removeprefix("429 "))
        elif trouble == "drop":
            self.close_connection = True
        elif trouble == "hang":
            self.server.released.wait(30)
        elif trouble == "page":
            self.send(200, b"<html>welcome</html>", "text/html")
        elif trouble == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            with contextlib.suppress(OSError):
                while not self.server.released.wait(0.02):
                    self.wfile.write(b" ")
                    self.wfile.flush()
        return trouble != "ok"

    def _api(self, path: str, body: Any) -> None:
        will = self.server.will
        if path == "/health":
            self.answer(200, {"status": "ok"})
            return
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in will.tokens:
            self.error(401, "unauthenticated", "the request carries no valid access token")
            return
        routes: dict[str, Callable[[Any], None]] = {
            "/jobs": self._jobs,
            "/jobs/estimate": self._estimate,
            f"/jobs/{JOB_ID}": self._job,
            f"/jobs/{JOB_ID}/cancel": self._cancel,
            f"/jobs/{JOB_ID}/retry": self._jobs,
            "/uploads": self._uploads,
            "/engines": self._engines,
            **{f"/engines/{ENGINE}/{act}": self._engine for act in ("parse", "switch", "reopen")},
            "/datasets": self._datasets,
            f"/datasets/{DATASET_ID}": self._dataset,
            f"/datasets/{DATASET_ID}/versions/1/link": self._link,
        }
        route = routes.get(path)
        if route is None:
            self.error(404, "not_found", "the thing named does not exist, or is not yours")
        else:
            route(body)

    def _jobs(self, body: Any) -> None:
        will = self.server.will
        if self.command == "GET":
            self.answer(200, {"items": will.jobs, "next_cursor": None})
            return
        will.posted.append(body)
        will.keys.append(self.headers.get("Idempotency-Key"))
        if will.refusal:
            status, error = will.refusal
            self.answer(status, {"error": error})
        else:
            self.answer(202, will.story[0])

    def _estimate(self, body: Any) -> None:
        will = self.server.will
        will.posted.append(body)
        if will.refusal:
            status, error = will.refusal
            self.answer(status, {"error": error})
        else:
            self.answer(200, an_estimate())

    def _job(self, _body: Any) -> None:
        story = self.server.will.story
        self.answer(200, story.pop(0) if len(story) > 1 else story[0])

    def _cancel(self, _body: Any) -> None:
        will = self.server.will
        if will.cancel_refusal:
            status, error = will.cancel_refusal
            self.answer(status, {"error": error})
            return
        if will.after_cancel is not None:
            will.story = will.after_cancel
        self.answer(202, {**a_job(), "status": "cancelling"})

    def _engines(self, _body: Any) -> None:
        self.answer(200, {"items": self.server.will.engines})

    def _engine(self, body: Any) -> None:
        will = self.server.will
        will.posted.append(body)
        if will.refusal:
            status, error = will.refusal
            self.answer(status, {"error": error})
        elif self.path.endswith("/parse"):
            self.answer(200, will.parsed)
        else:
            state = "ready" if body.get("on", True) else "switched_off"
            self.answer(200, an_engine(**{"state": state, "reason": "off", **will.switched}))

    def _uploads(self, body: Any) -> None:
        will = self.server.will
        will.announced.append(body["bytes"])
        upload = f"{len(will.announced):032x}"
        url = f"{self.server.address}/blob/uploads/{upload}?sig=secret"
        self.answer(201, {"id": upload, "url": url})

    def _datasets(self, _body: Any) -> None:
        self.answer(200, {"items": [self._shown_dataset()], "next_cursor": None})

    def _dataset(self, _body: Any) -> None:
        self.answer(200, self._shown_dataset())

    def _shown_dataset(self) -> dict[str, Any]:
        latest = {"dataset_id": DATASET_ID, "version": 1, "status": "packaged"}
        return {"id": DATASET_ID, "name": "birds", "project": "default", "latest_version": latest}

    def _link(self, _body: Any) -> None:
        will = self.server.will
        self.answer(
            200,
            {
                "url": f"{self.server.address}/blob/birds.zip?sig=secret",
                "expires_at": "2030-01-01T00:00:00Z",
                "filename": "birds-v1.zip",
                "bytes": len(will.archive),
                "sha256": will.announced_sha256 or hashlib.sha256(will.archive).hexdigest(),
            },
        )


class ApiServer(ThreadingHTTPServer):
    """The server; ``will`` says how it behaves."""

    daemon_threads = True

    def __init__(self, will: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.will = will
        self.released = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go away."""


@contextlib.contextmanager
def serving(will: Behaviour | None = None) -> Iterator[ApiServer]:
    """Run the server inside the block."""
    server = ApiServer(will or Behaviour())
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def wait_until(claim: Callable[[], bool], within_s: float = 20.0) -> None:
    """Return once ``claim`` holds; fail when it does not within ``within_s``."""
    deadline = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)
