"""Every error of psycopg has a place in our tree."""

from __future__ import annotations

import psycopg
import psycopg_pool
import pytest
from psycopg import errors

from pixcrawler.adapters.postgres.errors import (
    AWAY_CLASSES,
    AWAY_STATES,
    BROKEN_CLASSES,
    translated,
    translating,
)
from pixcrawler.domain.errors import DatabaseUnavailable, InvariantBroken


def subclasses(root: type[Exception]) -> list[type[Exception]]:
    """Every class below ``root``, and itself."""
    return [root, *(deeper for child in root.__subclasses__() for deeper in subclasses(child))]


ALL = sorted(set(subclasses(psycopg.Error)), key=lambda found: found.__qualname__)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__qualname__)
def test_every_class_is_translated(kind: type[psycopg.Error]) -> None:
    """Each class, the pool's included, becomes one of two errors of ours."""
    told = translated(kind("text with data"))
    assert type(told) in (DatabaseUnavailable, InvariantBroken)
    assert "data" not in str(told)


def test_every_state_has_been_thought_about() -> None:
    """A new SQLSTATE class must be put on one of the two lists by somebody."""
    states = {kind.sqlstate for kind in ALL if kind.sqlstate}
    assert len(states) > 200
    assert {state[:2] for state in states} <= AWAY_CLASSES | BROKEN_CLASSES
    assert not AWAY_CLASSES & BROKEN_CLASSES
    assert states >= AWAY_STATES


@pytest.mark.parametrize(
    "error",
    [
        errors.AdminShutdown(),
        errors.CannotConnectNow(),
        errors.ConnectionFailure(),
        errors.DeadlockDetected(),
        errors.InvalidPassword(),
        errors.LockNotAvailable(),
        errors.QueryCanceled(),
        errors.ReadOnlySqlTransaction(),
        errors.SerializationFailure(),
        errors.TooManyConnections(),
        errors.IdleInTransactionSessionTimeout(),
        psycopg.OperationalError("server closed the connection"),
        psycopg.errors.ConnectionTimeout(),
        psycopg_pool.PoolTimeout(),
        psycopg_pool.PoolClosed(),
        psycopg_pool.TooManyRequests(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_heal(error: psycopg.Error) -> None:
    """Outages, overload and collisions are worth another try."""
    assert isinstance(translated(error), DatabaseUnavailable)


@pytest.mark.parametrize(
    "error",
    [
        errors.CheckViolation(),
        errors.ForeignKeyViolation(),
        errors.InsufficientPrivilege(),
        errors.InvalidTextRepresentation(),
        errors.SyntaxError(),
        errors.UndefinedColumn(),
        errors.UniqueViolation(),
        psycopg.ProgrammingError("mistake"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_will_not_heal(error: psycopg.Error) -> None:
    """Refused statements are our bugs."""
    assert isinstance(translated(error), InvariantBroken)


def test_other_errors_pass() -> None:
    """What is not psycopg's leaves as it is."""
    with pytest.raises(KeyError), translating():
        raise KeyError
