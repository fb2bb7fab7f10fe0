"""The task hub's file: transactions, versions, one host at a time."""

from __future__ import annotations

import sqlite3

import pytest

from pixcrawler.host.durable.errors import StoreUnusable
from pixcrawler.host.durable.history import Kind, event
from pixcrawler.host.durable.store import SCHEMA_VERSION, Store


@pytest.fixture
def path(tmp_path):
    """Where a hub is kept."""
    return tmp_path / "deep" / "hub.db"


@pytest.fixture
def store(path):
    """An open, empty hub."""
    opened = Store(path)
    yield opened
    opened.close()


def test_a_transaction_is_all_or_nothing(store):
    """An error undoes everything, inner transactions included."""

    def broken() -> None:
        with store.tx():
            with store.tx():
                store.inbox.send("a", event(Kind.GENERIC))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert store.inbox.alarms() == []


def test_what_was_committed_is_there_after_opening_again(path):
    """Events come back as they were, in order."""
    store = Store(path)
    with store.tx():
        store.history.append("a", 0, [{"n": 1}, {"n": 2}])
        store.history.append("a", 2, [{"n": 3}])
    store.close()
    again = Store(path)
    assert again.history.of("a") == [{"n": 1}, {"n": 2}, {"n": 3}]
    again.close()


def test_a_hub_in_use_is_refused(store, path):
    """Two hosts on one hub would run everything twice."""
    with pytest.raises(StoreUnusable, match="in use by another host"):
        Store(path)


def test_a_closed_hub_can_be_opened(path):
    """The lock goes with the host."""
    Store(path).close()
    Store(path).close()


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 99])
def test_another_schema_version_is_refused(path, version):
    """The message says both versions; the file is not touched and the lock is free again."""
    Store(path).close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version={version}")
    db.close()
    for _ in range(2):
        with pytest.raises(
            StoreUnusable, match=f"schema version {version}.*needs {SCHEMA_VERSION}"
        ):
            Store(path)


def test_a_database_of_somebody_else_is_refused(path):
    """Tables without a version are not ours to fill."""
    path.parent.mkdir()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs(x)")
    db.commit()
    db.close()
    with pytest.raises(StoreUnusable, match="schema version 0"):
        Store(path)


def test_a_file_that_is_no_database_is_refused(path):
    """With a sentence, not a traceback of SQLite."""
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreUnusable, match="cannot be opened"):
        Store(path)


def test_messages_are_read_when_they_are_due_and_in_order_of_arrival(store):
    """A timer of later stays until its time."""
    with store.tx():
        for name, due in (("b", 5.0), ("a", 0.0), ("c", 9.0)):
            store.inbox.send("i", {"name": name}, due=due)
    assert [item["name"] for _, _, item in store.inbox.due("i", 5.0)] == ["b", "a"]


def test_a_start_counts_unless_the_stop_was_orderly(store):
    """Beginning counts, releasing takes back, losing does not."""
    with store.tx():
        task = store.tasks.add(("i", "e", 0, "work", None))
        assert store.tasks.begin(task.n)
        store.tasks.release([task.n])
    assert store.tasks.all()[0].tries == 0
    with store.tx():
        store.tasks.begin(task.n)
        store.tasks.lose(task.n)
        store.tasks.release([task.n])
    assert store.tasks.all()[0].tries == 1


@pytest.mark.parametrize(("blame", "tries"), [(True, 1), (False, 0)])
def test_the_death_of_the_host_counts_only_for_what_ran_inside_it(store, blame, tries):
    """What was running when it died keeps its count, or gets it back; what waited has none."""
    with store.tx():
        running = store.tasks.add(("i", "e", 0, "work", None))
        store.tasks.add(("i", "e", 1, "work", None))
        store.tasks.begin(running.n)
        store.tasks.after_host_death(blame=blame)
    assert [task.tries for task in store.tasks.all()] == [tries, 0]


def test_a_finished_task_is_finished_once(store):
    """The second result of one task is refused, and a task that is gone cannot begin."""
    with store.tx():
        task = store.tasks.add(("i", "e", 0, "work", None))
        assert store.tasks.finish(task.n)
        assert not store.tasks.finish(task.n)
        assert not store.tasks.begin(task.n)


def test_a_deleted_entity_has_no_state(store):
    """Existence and state go together."""
    with store.tx():
        store.entities.save("@a@b", exists=True, state="1")
        assert store.entities.state("@a@b") == (True, "1")
        store.entities.save("@a@b", exists=False, state="null")
    assert store.entities.state("@a@b") == (False, None)
