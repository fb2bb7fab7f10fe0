import contextlib
import os
import signal

import psutil
import psycopg
import pytest
import requests
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

pytestmark = pytest.mark.faults


def settings_of(ready):
    """Return the environment of the app."""
    return requests.get(f"{ready['api']}/api/settings", timeout=20).json()


def everything_of(stack):
    """Return the stack's process and all below it."""
    root = psutil.Process(stack.process.pid)
    return [root, *root.children(recursive=True)]


def is_gone(process):
    """Say whether a process has ended."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def write(settings, turn):
    """Store one blob, one message, one row and one user; each is acknowledged."""
    storage = settings["DataStorage"]
    with (
        ContainerClient.from_connection_string(storage, "kept") as blobs,
        QueueClient.from_connection_string(storage, "kept") as queue,
        psycopg.connect(settings["DATABASE_WORKER_URL"]) as database,
    ):
        if turn == 0:
            blobs.create_container()
            queue.create_queue()
        blobs.upload_blob(f"b{turn}", b"x" * 100_000)
        queue.send_message(f"m{turn}")
        database.execute("insert into public.kept values (%s)", (turn,))
    sign(settings, "signup", turn)


def sign(settings, path, turn):
    """Sign a user up or in; return the status."""
    body = {"email": f"u{turn}@x.io", "password": "correct horse"}
    headers = {"apikey": settings["SUPABASE_PUBLISHABLE_KEY"]}
    address = f"{settings['SUPABASE_URL']}/auth/v1/{path}"
    return requests.post(address, json=body, headers=headers, timeout=20).status_code


def kept(settings):
    """Return how many blobs, messages and rows there are."""
    storage = settings["DataStorage"]
    with (
        ContainerClient.from_connection_string(storage, "kept") as blobs,
        QueueClient.from_connection_string(storage, "kept") as queue,
        psycopg.connect(settings["DATABASE_WORKER_URL"]) as database,
    ):
        return (
            len(list(blobs.list_blobs())),
            queue.get_queue_properties().approximate_message_count,
            database.execute("select count(*) from public.kept").fetchone()[0],
        )


def test_killed_stack(start_stack):
    """Killed with SIGKILL right after writing, it leaves no process and loses nothing."""
    for turn, whom in enumerate(("stack", "everything")):
        stack = start_stack()
        settings = settings_of(stack.ready())
        write(settings, turn)
        processes = everything_of(stack)
        for process in processes[: 1 if whom == "stack" else None]:
            with contextlib.suppress(ProcessLookupError):  # it may have died with its parent
                os.kill(process.pid, signal.SIGKILL)
        stack.process.wait(30)
        assert (stack.state / "stack.json").exists()
    last = start_stack()
    settings = settings_of(last.ready())
    assert kept(settings) == (2, 2, 2)
    assert [sign(settings, "token?grant_type=password", turn) for turn in (0, 1)] == [200, 200]
    assert all(is_gone(process) for process in processes)


def test_killed_while_starting(start_stack):
    """Killed at any moment of the first start, it starts all the same afterwards."""
    for files in ("lock", "secrets.json", "postgres/data/PG_VERSION", "processes/auth.json"):
        stack = start_stack("--no-website")
        while not (stack.state / files).exists():
            assert stack.process.poll() is None
        stack.end(signal.SIGKILL)
    assert settings_of(start_stack("--no-website").ready())
