"""What stands beside the API in the test server: the blob store and the auth issuer."""

from __future__ import annotations

import json
import re
import secrets
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit


class NeighbourHandler(BaseHTTPRequestHandler):
    """Answers for the store and the issuer as ``server.will`` says."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""

    def answer(self, status: int, value: Any, **headers: str) -> None:
        self.send(status, json.dumps(value).encode(), "application/json", **headers)

    def send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def error(self, status: int, code: str, message: str, **details: Any) -> None:
        self.answer(
            status,
            {"error": {"code": code, "message": message, "details": details, "request_id": "r1"}},
        )

    def blob(self) -> None:
        will = self.server.will
        assert "Authorization" not in self.headers, "a link needs no token"
        if will.expire_links > 0:
            will.expire_links -= 1
            self.send(403, b"<Error>AuthenticationFailed</Error>", "application/xml")
            return
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and will.ranges else 0
        data = will.archive[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if will.break_after:
            self.wfile.write(data[: will.break_after.pop(0)])
            self.close_connection = True
            return
        self.wfile.write(data)

    def put_blob(self) -> None:
        """Take a block, or make a blob of those that are listed."""
        will = self.server.will
        assert "Authorization" not in self.headers, "a link needs no token"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        trouble = will.store_trouble.pop(0) if will.store_trouble else 201
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if trouble == 0:
            self.close_connection = True
            return
        if trouble == 201 and query["comp"] == "block":
            will.blocks[f"{parts.path} {query['blockid']}"] = body
        elif trouble == 201:
            names = re.findall("<Latest>(.*?)</Latest>", body.decode())
            will.uploaded[parts.path] = b"".join(
                will.blocks[f"{parts.path} {name}"] for name in names
            )
        self.send(trouble, b"", "application/xml")

    def auth(self, path: str, body: Any) -> None:
        will = self.server.will
        assert self.headers.get("apikey") == "sb_publishable_test"
        if path.endswith("/signup"):
            if body["email"] in will.users:
                self.answer(422, {"error_code": "user_already_exists"})
                return
            will.users[body["email"]] = body["password"]
        elif "refresh_token" in body:
            if body["refresh_token"] != "good-refresh":
                self.answer(400, {"error_code": "refresh_token_not_found"})
                return
        elif will.users.get(body["email"]) != body["password"]:
            self.answer(400, {"error_code": "invalid_credentials"})
            return
        token = f"token-{secrets.token_hex(8)}"
        will.tokens.add(token)
        self.answer(
            200,
            {
                "access_token": token,
                "refresh_token": "good-refresh",
                "expires_in": will.token_life_s,
                "token_type": "bearer",
            },
        )
