"""A server of pictures for measurements: any number, no two alike, the same for everybody.

    python -m bench.corpus.pictures SCHEME LATENCY_MS FOLDER

Prints its port and serves until standard input ends. With https each answer ends its connection.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import random
import ssl
import struct
import sys
import zlib
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import certifi
import numpy as np
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

SEED = 11
DRAWN = 40
FILES_KEPT = ("jpg",) * 14 + ("png",) * 3 + ("webp",) * 3
"""Of the web's pictures about seven in ten are JPEG."""
_FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}


@cache
def drawn(number: int, suffix: str) -> bytes:
    """One of the drawn pictures: soft noise of 640 x 480 to 2000 x 1500 pixels."""
    chance = np.random.default_rng(SEED + number)
    width = random.Random(SEED + number).randint(640, 2000 if suffix == "jpg" else 900)
    height = width * 3 // 4
    field = np.zeros((height, width, 3))
    for cells in (3, 12, 60, 200):
        coarse = chance.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        layer = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        field += np.asarray(layer, dtype=np.float64) / cells**0.4
    field -= field.min()
    picture = Image.fromarray((field * (255 / field.max())).astype(np.uint8))
    buffer = io.BytesIO()
    picture.save(buffer, _FORMATS[suffix], quality=88)
    return buffer.getvalue()


def numbered(data: bytes, suffix: str, number: int) -> bytes:
    """The file with its number in a comment, so that no two are alike."""
    note = b"no %d" % number
    if suffix == "jpg":
        return data[:2] + struct.pack(">HH", 0xFFFE, len(note) + 2) + note + data[2:]
    if suffix == "png":
        body = b"tEXtNumber\0" + note
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return data[:33] + chunk + data[33:]
    note += b" " * (len(note) % 2)
    chunk = b"NOTE" + struct.pack("<I", len(note)) + note
    return b"RIFF" + struct.pack("<I", len(data) + len(chunk) - 8) + data[8:] + chunk


def certificate_in(folder: Path) -> str:
    """Write a certificate for 127.0.0.1 with its key, and a bundle that trusts it; return that."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # Beside all the usual ones: reading those again and again is what contexts cost.
    (folder / "public.pem").write_bytes(certifi.contents().encode() + public)
    (folder / "both.pem").write_bytes(private + public)
    return str(folder / "public.pem")


async def serve(scheme: str, latency_s: float, folder: Path) -> None:
    """Serve until standard input ends."""

    async def picture(request: web.Request) -> web.Response:
        await asyncio.sleep(latency_s)
        number, suffix = int(request.match_info["number"]), request.match_info["suffix"]
        body = numbered(drawn(number % DRAWN, suffix), suffix, number)
        answer = web.Response(body=body, content_type=f"image/{_FORMATS[suffix].lower()}")
        if scheme == "https":
            answer.force_close()
        return answer

    app = web.Application()
    app.router.add_get(r"/{number:\d+}.{suffix:\w+}", picture)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    context = None
    if scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "both.pem")
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context, backlog=512)
    for number in range(DRAWN * len(FILES_KEPT)):
        drawn(number % DRAWN, FILES_KEPT[number % len(FILES_KEPT)])
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]) / 1000, Path(sys.argv[3])))
