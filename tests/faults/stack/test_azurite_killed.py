import base64
import contextlib
import hashlib
import hmac
import os
import random
import signal
import threading
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest
import requests
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobBlock, ContainerClient, generate_blob_sas
from azure.storage.queue import QueueClient

from pixcrawler.host.stack.azurite import ACCOUNT, ACCOUNT_KEY, Azurite

pytestmark = pytest.mark.faults
FAST_FAILURE = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 20}


@pytest.fixture
def storage(tmp_path, azurite_cache):
    """Start (again) an Azurite on one folder; killed with SIGKILL by `kill`."""
    running = []

    def start(**options):
        running.append(Azurite(tmp_path / "az", cache=azurite_cache, **options).start())
        return running[-1]

    yield start
    for azurite in running:
        azurite.stop()


def kill(azurite):
    """End Azurite without a chance to save."""
    os.kill(azurite.process.pid, signal.SIGKILL)
    azurite.process.wait()
    azurite.stop()


def container(azurite):
    """Open the container of these tests."""
    return ContainerClient.from_connection_string(azurite.connection_string, "kept", **FAST_FAILURE)


def queue(azurite):
    """Open the queue of these tests."""
    return QueueClient.from_connection_string(azurite.connection_string, "kept", **FAST_FAILURE)


def test_every_acknowledged_write_survives(storage):
    """Right after each acknowledgement of a blob and a message, SIGKILL loses neither."""
    for turn in range(4):
        azurite = storage()
        with container(azurite) as blobs, queue(azurite) as messages:
            if turn == 0:
                blobs.create_container()
                messages.create_queue()
            blobs.upload_blob(f"b{turn}", os.urandom(300_000) + bytes([turn]))
            messages.send_message(f"m{turn}")
        kill(azurite)
    azurite = storage()
    with container(azurite) as blobs, queue(azurite) as messages:
        assert [blob.name for blob in blobs.list_blobs()] == ["b0", "b1", "b2", "b3"]
        for turn in range(4):
            content = blobs.download_blob(f"b{turn}").readall()
            assert (len(content), content[-1]) == (300_001, turn)
        assert [m.content for m in messages.receive_messages()] == ["m0", "m1", "m2", "m3"]


def change_everything(blobs):
    """Make one blob of every kind of change; return the lease that one of them has."""
    for name in ("over", "gone", "meta", "tier", "lease", "tags"):
        blobs.upload_blob(name, b"one")
    blobs.upload_blob("over", b"two", overwrite=True)
    blobs.delete_blob("gone")
    blobs.get_blob_client("meta").set_blob_metadata({"colour": "red"})
    blobs.get_blob_client("tier").set_standard_blob_tier("Archive")
    blobs.get_blob_client("tags").set_blob_tags({"kind": "fish"})
    blocks = blobs.get_blob_client("blocks")
    blocks.stage_block("MDE=", b"first ")
    blocks.stage_block("MDI=", b"second")
    blocks.commit_block_list([BlobBlock("MDE="), BlobBlock("MDI=")])
    log = blobs.get_blob_client("log")
    log.create_append_blob()
    log.append_block(b"a")
    log.append_block(b"b")
    blobs.get_blob_client("copy").start_copy_from_url(blocks.url + "?" + sas(blocks))
    return blobs.get_blob_client("lease").acquire_lease(-1)


def seen(blobs):
    """Return everything that a listing says of each blob."""
    found = blobs.list_blobs(include=["metadata", "tags"])
    return {blob.name: str(dict(blob)) for blob in found}


def test_every_kind_of_change_survives(storage):
    """Overwriting, appending, blocks, copies, leases, tags, tiers, deletes: all are kept."""
    azurite = storage()
    with container(azurite) as blobs:
        blobs.create_container(metadata={"made": "here"})
        lease = change_everything(blobs)
        before = seen(blobs)
    kill(azurite)
    with container(storage()) as blobs:
        assert seen(blobs) == before
        read = {name: blobs.download_blob(name).readall() for name in ("over", "copy", "log")}
        assert read == {"over": b"two", "copy": b"first second", "log": b"ab"}
        with pytest.raises(AzureError, match="lease"):
            blobs.delete_blob("lease")
        blobs.delete_blob("lease", lease=lease)
        assert blobs.get_container_properties().metadata == {"made": "here"}


def sas(blob):
    """Return a token that lets Azurite read the source of a copy."""
    return generate_blob_sas(
        ACCOUNT,
        blob.container_name,
        blob.blob_name,
        account_key=ACCOUNT_KEY,
        permission="r",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )


def test_messages_stay_consistent(storage):
    """A received message stays hidden with its count, a deleted one stays away, the rest remain."""
    azurite = storage()
    with queue(azurite) as messages:
        messages.create_queue()
        for word in ("hidden", "deleted", "updated", "waiting"):
            messages.send_message(word)
        messages.receive_message(visibility_timeout=600)
        messages.delete_message(messages.receive_message(visibility_timeout=600))
        held = messages.receive_message(visibility_timeout=600)
        messages.update_message(held, content="new words", visibility_timeout=0)
    kill(azurite)
    azurite = storage()
    with queue(azurite) as messages:
        found = {m.content: m.dequeue_count for m in messages.receive_messages(max_messages=10)}
        assert found == {"new words": 2, "waiting": 1}
        assert messages.get_queue_properties().approximate_message_count == 3


def test_killed_in_the_middle_of_many(storage):
    """Under concurrent writes, with saves in between, whatever was acknowledged is there."""
    chance = random.Random(7)
    acknowledged = {}
    for turn in range(3):
        azurite = storage(checkpoint_bytes=20_000)
        with container(azurite) as blobs:
            if turn == 0:
                blobs.create_container()
        enough = threading.Event()
        threads = [
            threading.Thread(target=write_until_killed, args=(azurite, f"{turn}-{i}", acknowledged))
            for i in range(4)
        ]
        goal = len(acknowledged) + chance.randint(100, 150)
        for thread in threads:
            thread.start()
        while len(acknowledged) < goal and any(thread.is_alive() for thread in threads):
            enough.wait(0.005)
        os.kill(azurite.process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
        azurite.process.wait()
        azurite.stop()
    azurite = storage()
    with container(azurite) as blobs:
        there = {blob.name for blob in blobs.list_blobs()}
        assert acknowledged.keys() - there == set()
        for name in chance.sample(sorted(acknowledged), 60):
            assert blobs.download_blob(name).readall() == acknowledged[name]


def write_until_killed(azurite, prefix, acknowledged):
    """Write blobs of random length, some over others, until the connection breaks."""
    chance = random.Random(prefix)
    with container(azurite) as blobs, contextlib.suppress(AzureError):
        for number in range(10_000):
            name = f"{prefix}-{number // 2}"
            content = chance.randbytes(chance.randint(1, 20_000))
            acknowledged.pop(name, None)
            blobs.upload_blob(name, content, overwrite=True)
            acknowledged[name] = content


def test_torn_journal(storage, tmp_path):
    """A last line that was cut off by the kill is dropped, everything before it is kept."""
    azurite = storage()
    with container(azurite) as blobs:
        blobs.create_container()
        blobs.upload_blob("whole", b"x")
    kill(azurite)
    (journal,) = (tmp_path / "az" / "data").glob("__azurite_db_blob__.json.journal.*")
    with journal.open("a") as file:
        file.write('[["$BLOBS_COLLECTION$",1,nu')
    with container(storage()) as blobs:
        assert [blob.name for blob in blobs.list_blobs()] == ["whole"]


def test_tables_survive(storage):
    """A new table and its rows survive, a deleted table stays away."""
    azurite = storage()
    for name in ("kept", "gone"):
        assert table_call(azurite, "POST", "Tables", {"TableName": name}) == 201
    row = {"PartitionKey": "a", "RowKey": "b", "value": 1}
    assert table_call(azurite, "POST", "kept", row) == 201
    assert table_call(azurite, "DELETE", "Tables('gone')") == 204
    kill(azurite)
    azurite = storage()
    assert table_call(azurite, "GET", "kept(PartitionKey='a',RowKey='b')") == 200
    assert table_call(azurite, "GET", "gone()") == 404


def table_call(azurite, method, path, body=None):
    """Return the status of a signed call of the table service."""
    date = formatdate(usegmt=True)
    text = f"{date}\n/{ACCOUNT}/{ACCOUNT}/{path}"
    key = base64.b64decode(ACCOUNT_KEY)
    signature = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
    headers = {
        "x-ms-date": date,
        "x-ms-version": "2020-12-06",
        "Accept": "application/json;odata=nometadata",
        "Authorization": f"SharedKeyLite {ACCOUNT}:{signature}",
    }
    address = f"{azurite.endpoint('table')}/{path}"
    return requests.request(method, address, json=body, headers=headers, timeout=20).status_code
