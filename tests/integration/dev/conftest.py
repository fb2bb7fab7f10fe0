"""Checkouts around the real ./dev, set up once for all tests."""

import shutil
from pathlib import Path

import pytest

from tests.fakes.dev_checkout import a_checkout, run


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Return a checkout that is set up; tests work on copies of it."""
    folder = a_checkout(tmp_path_factory.mktemp("dev") / "a b")
    done = run(folder, "run")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def checkout(prepared, tmp_path):
    """Return a checkout that was set up in another place and then moved here."""
    return Path(shutil.copytree(prepared, tmp_path / "moved here", symlinks=True))
