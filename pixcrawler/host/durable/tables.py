"""The tables of the task hub, each with the few statements that touch it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from pixcrawler.host.durable.history import Event

FINISHED = ("Completed", "Failed", "Terminated", "Canceled")
"""Runtime statuses from which an instance does not return, but for a rewind."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One orchestration instance; payloads are JSON text, times seconds since the epoch."""

    id: str
    execution: str
    name: str
    version: str | None
    input: str | None
    output: str | None
    custom_status: str | None
    status: str
    created: float
    updated: float
    parent_id: str | None
    parent_execution: str | None
    parent_task: int | None

    @property
    def is_finished(self) -> bool:
        """Whether it has come to its end."""
        return self.status in FINISHED

    @property
    def parent(self) -> tuple[str, str, int] | None:
        """Instance id, execution id and sequence id in the parent, if there is one."""
        if self.parent_id is None or self.parent_execution is None or self.parent_task is None:
            return None
        return self.parent_id, self.parent_execution, self.parent_task


@dataclass(frozen=True, slots=True)
class Task:
    """One activity attempt that has not ended; ``tries`` counts its starts before this one."""

    n: int
    id: str
    execution: str
    task_id: int
    name: str
    input: str | None
    tries: int = 0


def packed(value: Any) -> str:
    """``value`` as compact JSON text."""
    return json.dumps(value, separators=(",", ":"))


def storable(text: str | None) -> str | None:
    """Text that SQLite takes: half a surrogate pair, which JSON can carry, is spelt out."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


class Instances:
    """One row for each instance."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def get(self, instance_id: str) -> Instance | None:
        """The instance, or None."""
        row = self._db.execute("SELECT * FROM instances WHERE id=?", (instance_id,)).fetchone()
        return None if row is None else Instance(*row)

    def add(self, new: Instance) -> None:
        """A new row."""
        self._db.execute(
            "INSERT INTO instances VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
            astuple(new),
        )

    def progress(
        self, instance_id: str, status: str, output: str | None, custom_status: str | None
    ) -> None:
        """How an episode left it."""
        self._db.execute(
            "UPDATE instances SET status=?, output=?, custom_status=?, updated=? WHERE id=?",
            (status, storable(output), custom_status, time.time(), instance_id),
        )

    def renew(
        self, instance_id: str, execution: str, raw_input: str | None, custom_status: str | None
    ) -> None:
        """It goes on as a new execution."""
        self._db.execute(
            "UPDATE instances SET execution=?, input=?, custom_status=?, status='Running',"
            " updated=? WHERE id=?",
            (execution, raw_input, custom_status, time.time(), instance_id),
        )

    def select(self, where: str, values: Sequence[Any], limit: int) -> list[Instance]:
        """Instances by id order; ``where`` is made by `queries.condition`, never by a caller.

        Args:
            where: an SQL condition with placeholders.
            values: for the placeholders.
            limit: at most so many; -1 for all.
        """
        rows = self._db.execute(
            f"SELECT * FROM instances WHERE {where} ORDER BY id LIMIT ?",  # noqa: S608 - see above
            [*values, limit],
        )
        return [Instance(*row) for row in rows]


class History:
    """The events of each instance's present execution, in order."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def of(self, instance_id: str) -> list[Event]:
        """All events, oldest first."""
        rows = self._db.execute("SELECT event FROM history WHERE id=? ORDER BY seq", (instance_id,))
        return [json.loads(row[0]) for row in rows]

    def append(self, instance_id: str, first: int, events: Iterable[Event]) -> None:
        """Add events; ``first`` is how many there are already."""
        self._db.executemany(
            "INSERT INTO history VALUES(?,?,?)",
            [(instance_id, seq, packed(event)) for seq, event in enumerate(events, first)],
        )

    def clear(self, instance_id: str) -> None:
        """Forget all events."""
        self._db.execute("DELETE FROM history WHERE id=?", (instance_id,))


class Inbox:
    """Messages and timers on their way to instances."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def send(
        self, instance_id: str, event: Event, *, execution: str | None = None, due: float = 0.0
    ) -> None:
        """Leave a message.

        Args:
            instance_id: to whom.
            event: what.
            execution: drop it when the instance has moved on to another execution.
            due: not before this time; seconds since the epoch.
        """
        self._db.execute(
            "INSERT INTO inbox(id, execution, due, event) VALUES(?,?,?,?)",
            (instance_id, execution, due, packed(event)),
        )

    def due(self, instance_id: str, now: float) -> list[tuple[int, str | None, Event]]:
        """Row number, execution and event of what may be read by now, in order of arrival."""
        rows = self._db.execute(
            "SELECT n, execution, event FROM inbox WHERE id=? AND due<=? ORDER BY n",
            (instance_id, now),
        )
        return [(row[0], row[1], json.loads(row[2])) for row in rows]

    def drop(self, numbers: Iterable[int]) -> None:
        """These were read."""
        self._db.executemany("DELETE FROM inbox WHERE n=?", [(n,) for n in numbers])

    def drop_execution(self, instance_id: str, execution: str) -> None:
        """Nothing may reach this execution any more."""
        self._db.execute("DELETE FROM inbox WHERE id=? AND execution=?", (instance_id, execution))

    def alarms(self) -> list[tuple[str, float]]:
        """Instance id and due time of everything that waits."""
        return [(row[0], row[1]) for row in self._db.execute("SELECT DISTINCT id, due FROM inbox")]


class Tasks:
    """Activities that have not ended; at a start of the host all of them run again."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, task: tuple[str, str, int, str, str | None]) -> Task:
        """A new task: instance id, execution id, sequence id, activity, input (JSON text)."""
        *ids, name, value = task
        cursor = self._db.execute(
            "INSERT INTO tasks(id, execution, task_id, name, input) VALUES(?,?,?,?,?)",
            (*ids, storable(name), storable(value)),
        )
        return Task(cursor.lastrowid or 0, *task)

    def all(self) -> list[Task]:
        """Every task, oldest first."""
        rows = self._db.execute(
            "SELECT n, id, execution, task_id, name, input, tries FROM tasks ORDER BY n"
        )
        return [Task(*row) for row in rows]

    def begin(self, n: int) -> bool:
        """Count a start; False when the task is gone."""
        cursor = self._db.execute("UPDATE tasks SET tries=tries+1, running=1 WHERE n=?", (n,))
        return cursor.rowcount == 1

    def lose(self, n: int) -> None:
        """Its worker died under it: the start stays counted."""
        self._db.execute("UPDATE tasks SET running=0 WHERE n=?", (n,))

    def release(self, numbers: Iterable[int]) -> None:
        """The host stopped in good order: these starts do not count."""
        self._db.executemany(
            "UPDATE tasks SET tries=tries-1, running=0 WHERE n=? AND running=1",
            [(n,) for n in numbers],
        )

    def after_host_death(self, *, blame: bool) -> None:
        """Settle what ran when the host was last killed.

        Args:
            blame: whether an activity can have killed the host, because it ran inside it.
        """
        spare = "" if blame else "tries=tries-1, "
        self._db.execute(f"UPDATE tasks SET {spare}running=0 WHERE running=1")  # noqa: S608 - constants

    def finish(self, n: int) -> bool:
        """It ended; False when the task is gone, so that its result must be dropped."""
        return self._db.execute("DELETE FROM tasks WHERE n=?", (n,)).rowcount == 1


class Entities:
    """Entity states, and the operations on their way to them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def state(self, entity_id: str) -> tuple[bool, str | None]:
        """Whether the entity exists, and its state as JSON text."""
        row = self._db.execute(
            "SELECT state FROM entities WHERE id=? AND present=1", (entity_id,)
        ).fetchone()
        return (False, None) if row is None else (True, row[0])

    def save(self, entity_id: str, *, exists: bool, state: str | None) -> None:
        """The state after a batch of operations."""
        self._db.execute(
            "INSERT INTO entities VALUES(?,?,?,?) ON CONFLICT(id) DO UPDATE SET"
            " state=excluded.state, present=excluded.present, updated=excluded.updated",
            (entity_id, storable(state) if exists else None, int(exists), time.time()),
        )

    def named(self, prefix: str, limit: int) -> list[tuple[str, str | None, float]]:
        """Id, state and time of the last operation of the entities whose id starts so."""
        rows = self._db.execute(
            "SELECT id, state, updated FROM entities WHERE present=1 AND substr(id, 1, ?)=?"
            " ORDER BY id LIMIT ?",
            (len(prefix), prefix, limit),
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def send(self, entity_id: str, request: dict[str, Any], due: float = 0.0) -> None:
        """Leave an operation; ``due`` in seconds since the epoch."""
        self._db.execute(
            "INSERT INTO operations(id, request, due) VALUES(?,?,?)",
            (storable(entity_id), packed(request), due),
        )

    def waiting(self, entity_id: str, now: float, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Row number and request of the oldest operations that may run by now."""
        rows = self._db.execute(
            "SELECT n, request FROM operations WHERE id=? AND due<=? ORDER BY n LIMIT ?",
            (entity_id, now, limit),
        )
        return [(row[0], json.loads(row[1])) for row in rows]

    def drop(self, numbers: Iterable[int]) -> None:
        """These operations ran."""
        self._db.executemany("DELETE FROM operations WHERE n=?", [(n,) for n in numbers])

    def alarms(self) -> list[tuple[str, float]]:
        """Entity id and due time of everything that waits."""
        rows = self._db.execute("SELECT DISTINCT id, due FROM operations")
        return [(row[0], row[1]) for row in rows]
