import os
import tempfile
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def azurite_cache():
    """Where Azurite is installed, once for all tests of this machine."""
    named = os.environ.get("PIXCRAWLER_CACHE")
    return Path(named) if named else Path(tempfile.gettempdir()) / "pixcrawler-test-cache"
