"""Retries in the database: whose they are, and what becomes of them."""

from __future__ import annotations

import psycopg
import pytest

from tests.integration.conftest import TestDatabase
from tests.integration.postgres.test_rls import Owner, an_owner, as_service, as_user

RETRY = "update crawl_jobs set retry_of = %s, retry_reasons = '{throttled}' where id = %s"


@pytest.fixture
def owner(database: TestDatabase) -> Owner:
    return an_owner(database)


@pytest.fixture
def retry(database: TestDatabase, owner: Owner) -> str:
    """A second job of the owner, which retries the first."""
    with as_service(database) as c:
        c.execute(
            "insert into dataset_versions (dataset_id, version, user_id) values (%s, 2, %s)",
            (owner.dataset_id, owner.user_id),
        )
        row = c.execute(
            "insert into crawl_jobs (user_id, dataset_id, version, spec, wanted, retry_of,"
            " retry_reasons) values (%s, %s, 2, '{}', 1, %s, '{throttled}') returning id",
            (owner.user_id, owner.dataset_id, owner.job_id),
        ).fetchone()
    return str(row[0])


def test_a_retry_is_of_an_own_job(database: TestDatabase, owner: Owner) -> None:
    """Not even the service can make one user's job the retry of another's."""
    other = an_owner(database)
    with pytest.raises(psycopg.errors.ForeignKeyViolation), as_service(database) as c:
        c.execute(RETRY.encode(), (other.job_id, owner.job_id))


def test_no_job_retries_itself(database: TestDatabase, owner: Owner) -> None:
    """There is no end of a story that waits for its own."""
    with pytest.raises(psycopg.errors.CheckViolation), as_service(database) as c:
        c.execute(RETRY.encode(), (owner.job_id, owner.job_id))


def test_a_retry_has_reasons(database: TestDatabase, retry: str) -> None:
    """A retry of nothing cannot be written."""
    with pytest.raises(psycopg.errors.CheckViolation), as_service(database) as c:
        c.execute("update crawl_jobs set retry_reasons = '{}' where id = %s", (retry,))


def test_owners_see_what_their_job_retries(
    database: TestDatabase, owner: Owner, retry: str
) -> None:
    """In the table and in the view; users change neither column."""
    for relation in ("crawl_jobs", "crawl_job_entries"):
        with as_user(database, owner.user_id) as c:
            query = f"select retry_of::text, retry_reasons from {relation} where id = %s"  # noqa: S608 - our names
            assert c.execute(query.encode(), (retry,)).fetchone() == (owner.job_id, ["throttled"])
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        as_user(database, owner.user_id) as c,
    ):
        c.execute("update crawl_jobs set retry_of = null")


def test_a_retry_outlives_its_base(database: TestDatabase, owner: Owner, retry: str) -> None:
    """When the version before is removed with its job, the retry stays: it has all it needs."""
    database.rows("delete from dataset_versions where version = 1")
    assert database.rows("select id::text, retry_of from crawl_jobs") == [(retry, None)]


def test_a_user_leaves_with_retries(database: TestDatabase, owner: Owner, retry: str) -> None:
    """Jobs that refer to each other are removed together."""
    database.rows("delete from auth.users where id = %s", (owner.user_id,))
    assert database.count("crawl_jobs") == 0
