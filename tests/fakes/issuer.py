"""A stand-in for Supabase Auth: keys that sign, and a real HTTP server that publishes them."""

from __future__ import annotations

import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PUBLISHABLE_KEY = "sb_publishable_test"
_ALGORITHMS: dict[str, Any] = {
    "ES256": jwt.algorithms.ECAlgorithm,
    "RS256": jwt.algorithms.RSAAlgorithm,
}


class Key:
    """A signing key with its name."""

    def __init__(self, algorithm: str = "ES256") -> None:
        self.kid = str(uuid.uuid4())
        self.algorithm = algorithm
        self.private: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )

    def jwk(self) -> dict[str, Any]:
        """Return the public half as Supabase publishes it."""
        described = _ALGORITHMS[self.algorithm].to_jwk(self.private.public_key(), as_dict=True)
        named = {"kid": self.kid, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"]}
        return {**described, **named}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Return a token over ``claims``."""
        named = {"kid": self.kid, **header}
        return jwt.encode(claims, self.private, self.algorithm, headers=named)


class Issuer:
    """Publishes ``keys``; counts the fetches; answers ``status`` and waits for ``gate``."""

    def __init__(self) -> None:
        self.keys = [Key()]
        self.fetches = 0
        self.status = 200
        self.document: Any = None
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """What SUPABASE_URL would be."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a good token, with changes; None leaves a claim out."""
        now = int(time.time())
        good = {
            "iss": f"{self.url}/auth/v1",
            "aud": "authenticated",
            "sub": str(uuid.uuid4()),
            "session_id": str(uuid.uuid4()),
            "role": "authenticated",
            "email": "ann@example.org",
            "aal": "aal1",
            "iat": now,
            "exp": now + 600,
            **changes,
        }
        return {name: value for name, value in good.items() if value is not None}

    def token(self, **changes: Any) -> str:
        """Return a signed token with such claims."""
        return self.keys[0].sign(self.claims(**changes))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches += 1
                issuer.asked.set()
                issuer.gate.wait(30)
                known = self.path == "/auth/v1/.well-known/jwks.json"
                status = issuer.status if known else 404
                document = issuer.document or {"keys": [key.jwk() for key in issuer.keys]}
                body = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Stay silent."""

        return Handler
