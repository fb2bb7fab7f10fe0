"""The keys that sign access tokens: kept on disk, published as JWKS, rotated."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from pixcrawler.host.stack.auth.refusals import Refused
from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.files import read_json, write_json

_ALGORITHM = "ES256"


class SigningKeys:
    """ES256 keys in one file of mode 0600: the first signs, all of them verify."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._keys = _read(path)
        if not self._keys:
            self.rotate()

    def rotate(self) -> None:
        """Sign with a new key from now on; tokens of the older ones stay good."""
        with self._lock:
            new = (str(uuid.uuid4()), ec.generate_private_key(ec.SECP256R1()))
            self._keep([new, *self._keys])

    def revoke_old(self) -> None:
        """Distrust all keys but the one that signs."""
        with self._lock:
            self._keep(self._keys[:1])

    def jwks(self) -> dict[str, Any]:
        """Return the public keys, as /.well-known/jwks.json shows them."""
        return {
            "keys": [
                {
                    **ECAlgorithm.to_jwk(key.public_key(), as_dict=True),
                    "alg": _ALGORITHM,
                    "ext": True,
                    "key_ops": ["verify"],
                    "kid": kid,
                    "use": "sig",
                }
                for kid, key in self._keys
            ]
        }

    def sign(self, claims: dict[str, Any]) -> str:
        """Return ``claims`` as a signed token."""
        kid, key = self._keys[0]
        return jwt.encode(claims, key, algorithm=_ALGORITHM, headers={"kid": kid, "typ": "JWT"})

    def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of a token of ours that has not expired.

        Raises:
            Refused: it is none.
        """
        failed = "invalid JWT: unable to parse or verify signature"
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = dict(self._keys).get(str(kid))
            if key is None:
                raise Refused(403, "bad_jwt", f"{failed}, unrecognized JWT kid")
            claims: dict[str, Any] = jwt.decode(
                token, key.public_key(), algorithms=[_ALGORITHM], options={"verify_aud": False}
            )
        except jwt.PyJWTError as error:
            raise Refused(403, "bad_jwt", f"{failed}, {error}") from error
        return claims

    def _keep(self, keys: list[tuple[str, ec.EllipticCurvePrivateKey]]) -> None:
        pem = {
            kid: key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode()
            for kid, key in keys
        }
        write_json(self._path, pem, mode=0o600)
        self._keys = keys


def _read(path: Path) -> list[tuple[str, ec.EllipticCurvePrivateKey]]:
    keys = []
    for kid, pem in read_json(path).items():
        try:
            key = serialization.load_pem_private_key(str(pem).encode(), password=None)
        except ValueError as error:
            raise CannotStart(f"{path} holds no signing keys: move it away") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CannotStart(f"{path} holds a key that is not ES256: move it away")
        keys.append((kid, key))
    return keys
