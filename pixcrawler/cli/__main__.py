"""Lets ``python -m pixcrawler.cli`` be the command line."""

from __future__ import annotations

import sys

from pixcrawler.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
