"""Answers that break the rules of HTTP or bend them, as scripts, with what comes of each."""

from __future__ import annotations

import gzip
import zlib

from tests.fakes.rawweb import PICTURE, End, Forever, Script, answer
from tests.integration.web.attacks.conftest import CAP_BYTES

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SIZE = b"%x\r\n" % len(PICTURE)
CHUNKS = SIZE + PICTURE + b"\r\n0\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(PICTURE)
BIG = PICTURE + bytes(8 * CAP_BYTES)
FOLDED = gzip.compress(gzip.compress(BIG))


def packed(packing: str, body: bytes) -> Script:
    """An answer whose body is packed."""
    return (answer(body, "200 OK", f"Content-Encoding: {packing}"), End.KEEP)


def headed(line: bytes) -> Script:
    """A good answer with one more header line."""
    return (OK + LENGTH + line + b"\r\n\r\n" + PICTURE,)


def status(line: str, *headers: str) -> Script:
    """An answer of another status, with a body."""
    return (answer(b"a body", line, *headers), End.KEEP)


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


GOOD: dict[str, Script] = {
    "plain": (answer(), End.KEEP),
    "HTTP/1.0, until it hangs up": (b"HTTP/1.0 200 OK\r\n\r\n", PICTURE),
    "HTTP/1.0, with a length": (b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + PICTURE,),
    "HTTP/1.0, kept alive": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + LENGTH + b"\r\n" + PICTURE,
        End.KEEP,
    ),
    "HTTP/1.1, until it hangs up": (OK + b"\r\n", PICTURE),
    "byte by byte": ([bytes([byte]) for byte in answer()]),
    "chunked": (CHUNKED + CHUNKS, End.KEEP),
    "chunked, each byte a chunk": (
        CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in PICTURE) + b"0\r\n\r\n",
        End.KEEP,
    ),
    "chunked, with an extension": (CHUNKED + CHUNKS.replace(b"\r\n", b";a=b\r\n", 1), End.KEEP),
    "chunked, with a trailer": (CHUNKED + CHUNKS[:-2] + b"X-Sum: 1\r\n\r\n", End.KEEP),
    "chunked, size with zeros": (CHUNKED + b"0000" + CHUNKS, End.KEEP),
    "chunked, HTTP/1.0": (CHUNKED.replace(b"1.1", b"1.0") + CHUNKS,),
    "gzip": packed("gzip", gzip.compress(PICTURE)),
    "x-gzip": packed("X-GZip", gzip.compress(PICTURE)),
    "deflate": packed("deflate", zlib.compress(PICTURE)),
    "identity": packed("identity", PICTURE),
    "no packing at all": packed("", PICTURE),
    "100, then 200": (b"HTTP/1.1 100 Continue\r\n\r\n", answer(), End.KEEP),
    "103, then 200": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", answer(), End.KEEP),
    "three interim answers": (b"HTTP/1.1 102 Processing\r\n\r\n" * 3 + answer(), End.KEEP),
    "no reason phrase": (answer().replace(b" OK", b"", 1), End.KEEP),
    "reason of other bytes": (answer(PICTURE, "200 \udcff\udcfe"), End.KEEP),
    "a header of other bytes": headed(b"X-Name: \xff\xfe\x80"),
    "an empty header": headed(b"X-Name:"),
    "a type that is a lie": headed(b"Content-Type: text/html; charset=\xff"),
    "HTTP/2.0 in the status line": (answer().replace(b"/1.1", b"/2.0", 1),),
    "blank lines before": (b"\r\n" * 9 + answer(),),
    "control bytes in a header": headed(b"X-Name: a\x01\x7fb"),
    "folded": headed(b"X-Name: a\r\n b"),
    "a folded length": (answer().replace(b"Length: ", b"Length:\r\n "),),
    "lone LF": (answer().replace(b"\r\n", b"\n"),),
    "chunked twice": (OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + CHUNKS,),
    "a size with a space": (CHUNKED + CHUNKS.replace(b"\r", b" \r", 1),),
    "an extension of many bytes": (
        CHUNKED + CHUNKS.replace(b"\r", b";" + b"a" * 99_999 + b"\r", 1),
    ),
    "a cookie of other bytes": headed(b"Set-Cookie: \xff=\xfe; Expires=never; Domain=\x80"),
    "ninety headers": headed(b"\r\n".join(b"X-%d: a" % n for n in range(90))),
    "an upgrade on offer": headed(b"Upgrade: h2c\r\nConnection: Upgrade"),
    "an alternative on offer": headed(b'Alt-Svc: h3="169.254.169.254:80"'),
    "a refresh elsewhere": headed(b"Refresh: 0; url=http://169.254.169.254/"),
    "a location that is none": headed(b"Location: http://169.254.169.254/"),
    "a length with zeros": (OK + b"Content-Length: 000%d\r\n\r\n" % len(PICTURE) + PICTURE,),
}

# Name: script, reason, words.
BAD: dict[str, tuple[Script, str, str]] = {
    # Statuses.
    "204": ((b"HTTP/1.1 204 No Content\r\n\r\n", End.KEEP), "bad_answer", "status 204"),
    "205": (status("205 Reset Content"), "bad_answer", "status 205"),
    "206": (status("206 Partial Content", "Content-Range: bytes 0-5/99"), "bad_answer", "206"),
    "300": (status("300 Multiple Choices", "Location: /x"), "bad_answer", "300"),
    "304": ((b"HTTP/1.1 304 Not Modified\r\n\r\n", End.KEEP), "bad_answer", "status 304"),
    "305": (status("305 Use Proxy", "Location: http://127.0.0.1/"), "bad_answer", "305"),
    "306": (status("306 Switch Proxy", "Location: http://127.0.0.1/"), "bad_answer", "306"),
    "401": (status("401 No", "WWW-Authenticate: Basic"), "refused_401_403", "401"),
    "402": (status("402 Pay"), "bad_answer", "402"),
    "407": (status("407 Proxy", "Proxy-Authenticate: Basic"), "bad_answer", "407"),
    "418": (status("418 Teapot"), "bad_answer", "418"),
    "421": (status("421 Misdirected"), "bad_answer", "421"),
    "451": (status("451 Law"), "bad_answer", "451"),
    "511": (status("511 Sign In"), "server_error", "511"),
    "599": (status("599 Odd"), "server_error", "599"),
    "600": (status("600 Odd"), "bad_answer", ""),
    "999": (status("999 Request denied"), "bad_answer", ""),
    "101": (
        (b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + PICTURE,),
        "bad_answer",
        "101",
    ),
    "status of two digits": (status("20 OK"), "bad_answer", ""),
    "status of four digits": (status("2000 OK"), "bad_answer", ""),
    "status 000": (status("000 OK"), "bad_answer", ""),
    "status of no digits": (status("two hundred"), "bad_answer", ""),
    "negative status": (status("-200 OK"), "bad_answer", ""),
    # Redirects.
    "redirect without location": (status("302 Found"), "bad_answer", "302"),
    "redirect, location twice": (
        status("302 F", "Location: /a", "Location: /b"),
        "gone_404_410",
        "",
    ),
    # Not HTTP.
    "HTTP/0.9": ((b"<html>an old friend</html>",), "bad_answer", ""),
    "HTTP/2 preface": ((b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04",), "bad_answer", ""),
    "HTTP/2 frames": ((b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18),), "bad_answer", ""),
    "HTTP/9.9": ((answer().replace(b"/1.1", b"/9.9", 1),), "bad_answer", ""),
    "ICY": ((b"ICY 200 OK\r\n\r\n" + PICTURE,), "bad_answer", ""),
    "SSH": ((b"SSH-2.0-OpenSSH_9.9\r\n",), "bad_answer", ""),
    "TLS": ((b"\x15\x03\x01\x00\x02\x02\x46",), "bad_answer", ""),
    "a picture at once": ((PICTURE,), "bad_answer", ""),
    "zeros": ((bytes(9999),), "bad_answer", ""),
    "a request": ((b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",), "bad_answer", ""),
    "space before": ((b" " + answer(),), "bad_answer", ""),
    # Headers.
    "NUL in a header": (headed(b"X-Name: a\x00b"), "bad_answer", ""),
    "NUL in a name": (headed(b"X-N\x00me: a"), "bad_answer", ""),
    "a name with a space": (headed(b"X Name: a"), "bad_answer", ""),
    "a space before the colon": (headed(b"X-Name : a"), "bad_answer", ""),
    "no colon": (headed(b"X-Name"), "bad_answer", ""),
    "no name": (headed(b": a"), "bad_answer", ""),
    "lone CR": (headed(b"X-Name: a\rb"), "bad_answer", ""),
    "a name of other bytes": (headed(b"X-N\xff: a"), "bad_answer", ""),
    "a long line": (headed(b"X-Name: " + b"a" * CAP_BYTES), "bad_answer", "too long"),
    "a long name": (headed(b"X" * CAP_BYTES + b": a"), "bad_answer", "too long"),
    "a long status": ((answer(PICTURE, "200 " + "O" * CAP_BYTES),), "bad_answer", "too long"),
    "many headers": (
        headed(b"\r\n".join(b"X-%d: a" % n for n in range(100_000))),
        "bad_answer",
        "too many headers",
    ),
    "many large headers": (
        headed(b"\r\n".join(b"X-%d: " % n + b"a" * 7000 for n in range(90))),
        "bad_answer",
        "head",
    ),
    "many folds": (headed(b"X-Name: a" + b"\r\n b" * 50_000), "bad_answer", ""),
    # Lengths.
    "negative length": ((OK + b"Content-Length: -5\r\n\r\nabcde",), "bad_answer", ""),
    "length with a plus": ((OK + b"Content-Length: +5\r\n\r\nabcde",), "bad_answer", ""),
    "length that is no number": ((OK + b"Content-Length: five\r\n\r\nabcde",), "bad_answer", ""),
    "length in hex": ((OK + b"Content-Length: 0x5\r\n\r\nabcde",), "bad_answer", ""),
    "length of other digits": (
        (OK + b"Content-Length: \xd9\xa5\r\n\r\nabcde",),
        "bad_answer",
        "",
    ),
    "empty length": ((OK + b"Content-Length:\r\n\r\nabcde",), "bad_answer", ""),
    "the same length twice in one": (
        (OK + b"Content-Length: 5, 5\r\n\r\nabcde",),
        "bad_answer",
        "",
    ),
    "a fraction": ((OK + b"Content-Length: 5.0\r\n\r\nabcde",), "bad_answer", ""),
    "two lengths": (
        (OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",),
        "bad_answer",
        "",
    ),
    "two lengths in one": ((OK + b"Content-Length: 5, 6\r\n\r\nabcdef",), "bad_answer", ""),
    "a huge length": (
        (OK + b"Content-Length: 99999999999\r\n\r\n" + PICTURE, End.SILENT),
        "too_large_bytes",
        "larger than",
    ),
    "a length beyond 64 bits": (
        (OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n" + PICTURE,),
        "bad_answer",
        "",
    ),
    "a length of 5,000 digits": (
        (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + PICTURE,),
        "bad_answer",
        "",
    ),
    "a length that is too long": (
        (OK + b"Content-Length: 5000\r\n\r\n" + PICTURE,),
        "bad_answer",
        "before its announced length",
    ),
    "just over the cap": ((answer(PICTURE + bytes(CAP_BYTES)),), "too_large_bytes", "larger than"),
    "over the cap, not announced": (
        (OK + b"\r\n" + PICTURE + bytes(CAP_BYTES),),
        "too_large_bytes",
        "larger than",
    ),
    "empty": ((answer(b""), End.KEEP), "bad_answer", "empty"),
    "empty, chunked": ((CHUNKED + b"0\r\n\r\n", End.KEEP), "bad_answer", "empty"),
    "empty, until it hangs up": ((OK + b"\r\n",), "bad_answer", "empty"),
    "length and chunks": (
        (OK + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS, End.KEEP),
        "bad_answer",
        "",
    ),
    "chunks and length": (
        (OK + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + CHUNKS, End.KEEP),
        "bad_answer",
        "",
    ),
    "chunked, then identity": (
        (OK + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKS,),
        "not_an_image",
        "",
    ),
    "transferred as gzip": (
        (OK + b"Transfer-Encoding: gzip\r\n\r\n" + gzip.compress(PICTURE),),
        "not_an_image",
        "",
    ),
    "a transfer nobody knows": (
        (OK + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS,),
        "not_an_image",
        "",
    ),
    # Chunks.
    "a size that is no number": ((CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n",), "bad_answer", ""),
    "a negative size": ((CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",), "bad_answer", ""),
    "a size with 0x": ((CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",), "bad_answer", ""),
    "an empty size": ((CHUNKED + b"\r\nabc\r\n0\r\n\r\n",), "bad_answer", ""),
    "a size beyond 64 bits": ((CHUNKED + b"f" * 17 + b"\r\nabc",), "bad_answer", ""),
    "a size of 64 bits": ((CHUNKED + b"f" * 16 + b"\r\nabc",), "bad_answer", ""),
    "a chunk without an end": ((CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n",), "bad_answer", ""),
    "LF for CRLF": ((CHUNKED + b"3\nabc\n0\n\n",), "bad_answer", ""),
    "cut off in a size": ((CHUNKED + b"3\r\nabc\r\n1",), "bad_answer", ""),
    "cut off in a chunk": ((CHUNKED + b"99\r\nabc",), "bad_answer", ""),
    "cut off after a chunk": ((CHUNKED + b"3\r\nabc\r\n",), "bad_answer", ""),
    "cut off before the last line": ((CHUNKED + b"3\r\nabc\r\n0\r\n",), "bad_answer", ""),
    "many trailers": (
        (CHUNKED + CHUNKS[:-2] + b"X-Name: a\r\n" * 100_000 + b"\r\n",),
        "bad_answer",
        "",
    ),
    "a trailer of a megabyte": (
        (CHUNKED + CHUNKS[:-2] + b"X-Name: " + b"a" * CAP_BYTES + b"\r\n\r\n",),
        "bad_answer",
        "",
    ),
    # Packed bodies.
    "a gzip bomb": (packed("gzip", gzip.compress(BIG)), "too_large_bytes", "larger than"),
    "a deflate bomb": (packed("deflate", zlib.compress(BIG)), "too_large_bytes", "larger than"),
    "a bomb in a bomb": (packed("gzip, gzip", FOLDED), "bad_answer", "packed"),
    "a bomb in a bomb, told once": (packed("gzip", FOLDED), "not_an_image", "gzip"),
    "packed in two headers": (
        (
            answer(FOLDED, "200 OK", "Content-Encoding: gzip", "Content-Encoding: gzip"),
            End.KEEP,
        ),
        "not_an_image",
        "gzip",
    ),
    "deflate without its frame": (packed("deflate", _raw_deflate(PICTURE)), "bad_answer", ""),
    "brotli": (packed("br", b"\x8b\x00\x80a\x03"), "bad_answer", "packed as br"),
    "zstd": (packed("zstd", b"\x28\xb5\x2f\xfd"), "bad_answer", "packed as zstd"),
    "an unknown packing": (packed("\udcff" * 99, PICTURE), "bad_answer", "packed"),
    "gzip that is none": (packed("gzip", PICTURE), "bad_answer", "packed body is broken"),
    "gzip of nothing": (packed("gzip", gzip.compress(b"")), "bad_answer", "empty"),
    "gzip without a byte": (packed("gzip", b""), "bad_answer", "empty"),
    "gzip cut off": (packed("gzip", gzip.compress(PICTURE)[:-9]), "bad_answer", "too early"),
    "gzip with a wrong sum": (
        packed("gzip", gzip.compress(PICTURE)[:-8] + bytes(8)),
        "bad_answer",
        "broken",
    ),
    "gzip with a tail": (
        (
            OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(PICTURE),
            bytes(2 * CAP_BYTES),
        ),
        "too_large_bytes",
        "larger than",
    ),
    # Hanging up.
    "at once": ((), "unreachable", "closed without an answer"),
    "torn down at once": ((End.RESET,), "unreachable", "closed without an answer"),
    "in the status line": ((b"HTTP/1.1 2",), "bad_answer", ""),
    "after the status line": ((OK,), "bad_answer", ""),
    "in a header": ((OK + b"Content-Le",), "bad_answer", ""),
    "after a header": ((OK + LENGTH,), "bad_answer", ""),
    "before the body": ((OK + LENGTH + b"\r\n",), "bad_answer", "announced length"),
    "in the body": ((OK + LENGTH + b"\r\nabc",), "bad_answer", "announced length"),
    "torn down in a header": ((OK + b"Content-Le", 0.1, End.RESET), "unreachable", "closed"),
    "torn down in the body": (
        (OK + LENGTH + b"\r\n" + PICTURE[:50], 0.1, End.RESET),
        "bad_answer",
        "torn down",
    ),
    "torn down in chunks": (
        (CHUNKED + SIZE + PICTURE + b"\r\n", 0.1, End.RESET),
        "bad_answer",
        "torn down",
    ),
    "torn down in a body without an end": (
        (OK + b"\r\n" + PICTURE, 0.1, End.RESET),
        "bad_answer",
        "torn down",
    ),
    "after an interim answer": (
        (b"HTTP/1.1 100 Continue\r\n\r\n",),
        "unreachable",
        "closed without an answer",
    ),
    "too many interim answers": (
        (b"HTTP/1.1 102 Processing\r\n\r\n" * 17, 0.2, answer(), End.KEEP),
        "bad_answer",
        "more than 16 interim answers",
    ),
}

# They take as long as we let them.
HANGING: dict[str, Script] = {
    "silence": (End.SILENT,),
    "no more is sent": (OK + LENGTH, End.SILENT),
    "silence after the head": (OK + LENGTH + b"\r\n", End.SILENT),
    "silence in the body": (OK + LENGTH + b"\r\n\xff\xd8", End.SILENT),
    "silence without a length": (OK + b"\r\n" + PICTURE, End.SILENT),
    "silence in a chunk": (CHUNKED + SIZE + b"\xff", End.SILENT),
    "silence before the last chunk": (CHUNKED + SIZE + PICTURE + b"\r\n", End.SILENT),
    "silence in a packed body": (
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(PICTURE)[:50],
        End.SILENT,
    ),
    "silence after an interim answer": (b"HTTP/1.1 100 Continue\r\n\r\n", End.SILENT),
    "dripping status line": (b"HTTP/1.1 200 ", Forever(b"O", 0.02)),
    "dripping blank lines": (Forever(b"\r\n", 0.02),),
    "dripping headers": (OK, Forever(b"X-Drip: a\r\n", 0.02)),
    "a dripping header": (OK + b"X-Drip: ", Forever(b"a", 0.02)),
    "a dripping name": (OK, Forever(b"a", 0.02)),
    "a dripping fold": (OK + b"X-Drip: a", Forever(b"\r\n b", 0.02)),
    "dripping interim answers": (Forever(b"HTTP/1.1 102 P\r\n\r\n", 0.2),),
    "a dripping body": (OK + b"\r\n", Forever(b"\xff", 0.02)),
    "a dripping body of known length": (OK + LENGTH + b"\r\n", Forever(b"\xff", 0.02)),
    "dripping chunks": (CHUNKED, Forever(b"1\r\na\r\n", 0.02)),
    "a dripping size": (CHUNKED, Forever(b"0", 0.02)),
    "a dripping extension": (CHUNKED + b"3;", Forever(b"a", 0.02)),
    "dripping trailers": (CHUNKED + CHUNKS[:-2], Forever(b"X-Drip: a\r\n", 0.02)),
    "a dripping trailer": (CHUNKED + CHUNKS[:-2] + b"X-Drip: ", Forever(b"a", 0.02)),
    "a dripping packed body": (
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10],
        Forever(b"\x00\x00\x00\xff\xff", 0.02),
    ),
    "a packed body of empty blocks": (
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10],
        Forever(b"\x00\x00\x00\xff\xff" * 100, 0.02),
    ),
}

# They send as fast as we take it. Name: script, reason.
FLOODS: dict[str, tuple[Script, str]] = {
    "an endless status line": ((b"HTTP/1.1 200 ", Forever(b"O" * 65536)), "bad_answer"),
    "an endless header": ((OK + b"X-Name: ", Forever(b"a" * 65536)), "bad_answer"),
    "an endless name": ((OK, Forever(b"a" * 65536)), "bad_answer"),
    "endless headers": ((OK, Forever(b"X-Name: a\r\n" * 6000)), "bad_answer"),
    "endless folds": ((OK + b"X-Name: a", Forever(b"\r\n b" * 6000)), "bad_answer"),
    "endless blank lines": ((Forever(b"\r\n" * 30000),), "bad_answer"),
    "endless interim answers": ((Forever(b"HTTP/1.1 100 C\r\n\r\n" * 3000),), "bad_answer"),
    "an endless body": ((OK + b"\r\n" + PICTURE, Forever(bytes(65536))), "too_large_bytes"),
    "an endless page": ((OK + b"\r\n", Forever(b"<p>" * 9999)), "not_an_image"),
    "endless chunks": (
        (CHUNKED + SIZE + PICTURE + b"\r\n", Forever(b"8000\r\n" + bytes(32768) + b"\r\n")),
        "too_large_bytes",
    ),
    "endless small chunks": (
        (CHUNKED + CHUNKS[:-5], Forever(b"1\r\na\r\n" * 9000)),
        "bad_answer",
    ),
    "an endless size": ((CHUNKED, Forever(b"0" * 65536)), "bad_answer"),
    "an endless extension": ((CHUNKED + b"3;", Forever(b"a" * 65536)), "bad_answer"),
    "endless trailers": ((CHUNKED + CHUNKS[:-2], Forever(b"X-N: a\r\n" * 8000)), "bad_answer"),
    "an endless trailer": ((CHUNKED + CHUNKS[:-2] + b"X: ", Forever(b"a" * 65536)), "bad_answer"),
    "endless empty blocks": (
        (
            OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10],
            Forever(b"\x00\x00\x00\xff\xff" * 13000),
        ),
        "too_large_bytes",
    ),
    "endless gzip in gzip": (
        (
            OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(PICTURE),
            Forever(gzip.compress(BIG)),
        ),
        "too_large_bytes",
    ),
    "endless error pages": ((b"HTTP/1.1 404 N\r\n\r\n", Forever(bytes(65536))), "gone_404_410"),
}

# A good answer, and then more than was asked for.
TAILS: dict[str, Script] = {
    "further answers": (Forever(answer() * 50),),
    "more than announced": (answer(), 0.2, Forever(bytes(65536))),
    "more after the last chunk": (CHUNKED + CHUNKS, 0.2, Forever(bytes(65536))),
    "a flood, later": (answer(), 0.2, Forever(answer(b"") * 1000)),
    "interim answers, later": (answer(), 0.2, Forever(b"HTTP/1.1 100 C\r\n\r\n" * 3000)),
}
