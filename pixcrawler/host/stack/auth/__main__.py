"""Runs the embedded Supabase Auth on 127.0.0.1 until a signal ends it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from pixcrawler.host.errors import HostError
from pixcrawler.host.stack.auth.server import AuthServer
from pixcrawler.host.stack.auth.settings import AuthSettings
from pixcrawler.host.stack.errors import CannotStart

# Secrets come through the environment: command lines can be seen by other users.
_SECRETS = ("PIXCRAWLER_AUTH_DSN", "PIXCRAWLER_AUTH_PUBLISHABLE", "PIXCRAWLER_AUTH_SECRET")


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; prints one JSON line with the address when ready."""
    parser = argparse.ArgumentParser(
        prog="python -m pixcrawler.host.stack.auth",
        description="Supabase Auth for one machine.",
        epilog=f"needs in the environment: {', '.join(_SECRETS)}",
    )
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1; 0 takes a free one")
    parser.add_argument("--keys", type=Path, required=True, help="file of the signing keys")
    options = parser.parse_args(argv)
    missing = [name for name in _SECRETS if not os.environ.get(name)]
    if missing:
        parser.error(f"not set: {', '.join(missing)}")
    dsn, publishable, secret = (os.environ[name] for name in _SECRETS)
    # Before the threads: they inherit the mask, so that only sigwait sees the signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    settings = AuthSettings(dsn, options.keys, publishable, secret, options.port)
    try:
        server = AuthServer(settings)
    except (CannotStart, HostError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    with server:
        sys.stdout.write(json.dumps({"ready": server.url}) + "\n")
        sys.stdout.flush()
        signal.sigwait([signal.SIGTERM, signal.SIGINT])
    return 0


if __name__ == "__main__":
    sys.exit(main())
