import shutil
import threading

import pytest

from pixcrawler.host.stack import node
from pixcrawler.host.stack.errors import CannotStart

PROGRAM = "node_modules/azurite/dist/src/azurite.js"


@pytest.fixture
def fake_npm(tmp_path):
    """A Node whose npm makes the one file that counts, slowly enough to overlap."""
    script = tmp_path / "npm"
    script.write_text(
        f'#!/bin/sh\n[ -f "$3/package.json" ] || exit 9\nmkdir -p "$3/{PROGRAM[:-10]}"\n'
        f'sleep 0.2\necho "$*" > "$3/{PROGRAM}"\n'
    )
    script.chmod(0o755)
    return node.Node(tmp_path / "node", (str(script),))


def test_installed_once(tmp_path, fake_npm):
    """Azurite is installed once, without scripts and development packages."""
    said = []
    program = node.install_azurite(tmp_path / "c", fake_npm, said.append)
    assert "--ignore-scripts" in program.read_text()
    assert "--omit=dev" in program.read_text()
    assert len(said) == 2
    assert node.install_azurite(tmp_path / "c", fake_npm, said.append) == program
    assert len(said) == 2


def test_two_at_once(tmp_path, fake_npm):
    """Two installations at once both succeed and leave one, with no drafts."""
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(node.install_azurite(tmp_path / "c", fake_npm))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 1
    assert results[0].exists()
    assert len(list((tmp_path / "c").iterdir())) == 1


def test_failure_says_why(tmp_path):
    """When npm fails, its words are shown and nothing is left that looks installed."""
    script = tmp_path / "npm"
    script.write_text("#!/bin/sh\necho ENOTFOUND registry; exit 1\n")
    script.chmod(0o755)
    with pytest.raises(CannotStart, match=r"registry reachable\?.*\n.*ENOTFOUND"):
        node.install_azurite(tmp_path / "c", node.Node(script, (str(script),)))
    assert list((tmp_path / "c").iterdir()) == []


def test_cache_folder(tmp_path, monkeypatch):
    """Downloads are kept in the state folder, or where PIXCRAWLER_CACHE says."""
    monkeypatch.delenv("PIXCRAWLER_CACHE", raising=False)
    assert node.cache_folder(tmp_path) == tmp_path / "cache"
    monkeypatch.setenv("PIXCRAWLER_CACHE", str(tmp_path / "shared"))
    assert node.cache_folder(tmp_path) == tmp_path / "shared"


def test_old_node_is_not_used(tmp_path, monkeypatch):
    """A Node.js that is too old is passed over."""
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\necho v18.19.0\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(node, "_WHEEL", "no_such_package")
    with pytest.raises(CannotStart, match=r"Node\.js 20 or newer"):
        node.find_node()
    assert shutil.which("node") == str(tmp_path / "node")
