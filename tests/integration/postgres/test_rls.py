"""Row-level security and grants: what each role may see, change and execute."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from psycopg.types.json import Jsonb

from pixcrawler.host.stack.bootstrap import API_ROLE, WORKER_ROLE
from tests.integration.conftest import TestDatabase

Connection = psycopg.Connection[tuple[object, ...]]
Denied = psycopg.errors.InsufficientPrivilege

TABLES = {
    "profiles",
    "projects",
    "datasets",
    "dataset_versions",
    "archives",
    "crawl_jobs",
    "job_chunks",
    "estimates",
}
VIEWS = {"crawl_job_progress", "crawl_job_entries", "dataset_version_entries", "dataset_entries"}
CLIENT_UPDATES = {("profiles", "full_name"), ("profiles", "avatar_url")}
"""All that a browser may change by itself."""


@dataclass(frozen=True)
class Owner:
    """A user with one row in every table."""

    user_id: str
    project_id: str
    dataset_id: str
    job_id: str


@contextmanager
def acting(
    database: TestDatabase, login: str, role: str, claims: dict[str, object] | None = None
) -> Iterator[Connection]:
    """Yield a transaction as the app would: a login role that takes a role and claims."""
    login_connection = psycopg.connect(database.dsn(login), autocommit=True)
    with login_connection as connection, connection.transaction():
        connection.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
            (role, json.dumps(claims) if claims else ""),
        )
        yield connection


def as_user(database: TestDatabase, user_id: str, **claims: object):
    return acting(
        database, API_ROLE, "authenticated", {"sub": user_id, "role": "authenticated", **claims}
    )


def as_service(database: TestDatabase):
    return acting(database, WORKER_ROLE, "service_role", {"role": "service_role"})


@pytest.fixture
def owners(database: TestDatabase) -> tuple[Owner, Owner]:
    return an_owner(database), an_owner(database)


def an_owner(database: TestDatabase) -> Owner:
    user, _ = database.sign_up()
    with as_service(database) as c:
        project = one(c, "insert into projects (user_id, name) values (%s, 'p') returning id", user)
        dataset = one(
            c,
            "insert into datasets (user_id, project_id, name) values (%s, %s, 'd') returning id",
            user,
            project,
        )
        c.execute(
            "insert into dataset_versions (dataset_id, version, user_id) values (%s, 1, %s)",
            (dataset, user),
        )
        job = one(
            c,
            "insert into crawl_jobs (user_id, dataset_id, version, spec, wanted)"
            " values (%s, %s, 1, %s, 5) returning id",
            user,
            dataset,
            Jsonb({}),
        )
        c.execute(
            "insert into job_chunks (job_id, round, chunk, user_id, candidates)"
            " values (%s, 0, 0, %s, 9)",
            (job, user),
        )
        c.execute(
            "insert into archives (user_id, dataset_id, version, format, container, name, bytes,"
            " sha256, tier) values (%s, %s, 1, 'zip', 'archives', 'x.zip', 1, %s, 'hot')",
            (user, dataset, "ab" * 32),
        )
        c.execute(
            "insert into estimates (user_id, spec_hash, estimate) values (%s, %s, %s)",
            (user, bytes(32), Jsonb({})),
        )
    return Owner(user, str(project), str(dataset), str(job))


def one(connection: Connection, query: str, *values: object) -> object:
    row = connection.execute(query.encode(), values).fetchone()
    assert row is not None
    return row[0]


def test_a_profile_is_made_at_sign_up(database: TestDatabase) -> None:
    """A new user has a profile, an ordinary one, whose mail follows the user's."""
    user, _ = database.sign_up("ann@example.org")
    database.rows("update auth.users set email = 'bob@example.org' where id = %s", (user,))
    with as_user(database, user) as c:
        assert c.execute("select id::text, email, role, tier from profiles").fetchall() == [
            (user, "bob@example.org", "user", "free")
        ]


def test_a_sign_up_is_never_refused(database: TestDatabase) -> None:
    """Whatever metadata a user brings, the user is made."""
    database.sign_up()
    database.rows(
        "insert into auth.users (id, email, raw_user_meta_data)"
        " values (gen_random_uuid(), 'x', %s), (gen_random_uuid(), null, '[]')",
        (Jsonb({"full_name": "n" * 5000}),),
    )
    assert database.count("profiles") == 3


def queries() -> dict[str, bytes]:
    """Return a query for the owners of every row, by table and view."""
    columns = {name: "id" if name == "profiles" else "user_id" for name in sorted(TABLES | VIEWS)}
    return {
        name: f"select {column}::text from {name}".encode()  # noqa: S608 - our names
        for name, column in columns.items()
    }


def test_everybody_sees_only_their_own(database: TestDatabase, owners: tuple[Owner, Owner]) -> None:
    """Each table and view shows a user the user's rows, and all rows to the service."""
    for owner in owners:
        with as_user(database, owner.user_id) as c:
            seen = {name: c.execute(query).fetchall() for name, query in queries().items()}
        assert seen == {name: [(owner.user_id,)] for name in queries()}
    with as_service(database) as c:
        counts = {name: len(c.execute(query).fetchall()) for name, query in queries().items()}
    assert counts == dict.fromkeys(queries(), 2)


def test_nobody_sees_anything_without_claims(
    database: TestDatabase, owners: tuple[Owner, Owner]
) -> None:
    """Without claims no row, without a role no access, and anonymous visitors have none."""
    with acting(database, API_ROLE, "authenticated") as c:
        seen = {name: c.execute(query).fetchall() for name, query in queries().items()}
    assert seen == {name: [] for name in queries()}
    for query in queries().values():
        with pytest.raises(Denied), acting(database, API_ROLE, "anon") as c:
            c.execute(query)
        for login in (API_ROLE, WORKER_ROLE):
            with pytest.raises(Denied), psycopg.connect(database.dsn(login)) as c:
                c.execute(query)


def test_claims_do_not_outlive_their_transaction(
    database: TestDatabase, owners: tuple[Owner, Owner]
) -> None:
    """The next transaction of the same connection is nobody again."""
    with psycopg.connect(database.dsn(API_ROLE), autocommit=True) as c:
        with c.transaction():
            c.execute("select set_config('role', 'authenticated', true)")
            c.execute("select set_config('request.jwt.claims', '{\"sub\": \"x\"}', true)")
        row = c.execute(
            "select current_user, coalesce(current_setting('request.jwt.claims', true), '')"
        ).fetchone()
        assert row == (API_ROLE, "")


@pytest.mark.parametrize("role", ["service_role", "postgres", "supabase_auth_admin"])
def test_the_api_cannot_become_more(database: TestDatabase, role: str) -> None:
    """The login role that acts for users cannot take a role that sees everything."""
    with pytest.raises(Denied), acting(database, API_ROLE, role):
        pass


def test_the_worker_cannot_become_an_owner(database: TestDatabase) -> None:
    """The service's login role cannot change tables."""
    with pytest.raises(Denied), acting(database, WORKER_ROLE, "postgres"):
        pass


@pytest.mark.parametrize(
    "statement",
    [
        "insert into {relation} select * from {relation}",
        "update {relation} set {column} = {column}",
        "delete from {relation}",
        "truncate {relation}",
    ],
)
def test_users_write_nothing(
    database: TestDatabase, owners: tuple[Owner, Owner], statement: str
) -> None:
    """Users have no right to write, except two columns of their profile."""
    for relation in sorted(TABLES):
        column = "role" if relation == "profiles" else "user_id"
        text = statement.format(relation=relation, column=column)
        with pytest.raises(Denied), as_user(database, owners[0].user_id) as c:
            c.execute(text.encode())


def test_users_edit_their_own_profile(database: TestDatabase, owners: tuple[Owner, Owner]) -> None:
    """A user may change the own name, not another's, and neither role nor tier."""
    first, second = owners
    with as_user(database, first.user_id) as c:
        assert c.execute("update profiles set full_name = 'Ann'").rowcount == 1
        other = "update profiles set full_name = 'x' where id = %s"
        assert c.execute(other, (second.user_id,)).rowcount == 0
    for column, value in (("role", "admin"), ("tier", "enterprise"), ("email", "x")):
        change = f"update profiles set {column} = '{value}'"  # noqa: S608 - our names
        with pytest.raises(Denied), as_user(database, first.user_id) as c:
            c.execute(change.encode())


def test_what_a_user_claims_is_no_authority(
    database: TestDatabase, owners: tuple[Owner, Owner]
) -> None:
    """Claims that a user can edit, and admin rights in the token, open no other rows."""
    for claims in (
        {"user_metadata": {"role": "admin"}},
        {"app_metadata": {"role": "admin"}},
        {"role": "service_role"},
    ):
        with as_user(database, owners[0].user_id, **claims) as c:
            assert one(c, "select count(*) from crawl_jobs") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update datasets set project_id = %(project)s where id = %(dataset)s",
        "update dataset_versions set user_id = %(user)s where dataset_id = %(dataset)s",
        "update crawl_jobs set user_id = %(user)s where id = %(job)s",
        "update job_chunks set user_id = %(user)s where job_id = %(job)s",
        "update archives set user_id = %(user)s where dataset_id = %(dataset)s",
        "insert into job_chunks values (%(job)s, 1, 0, %(user)s, 'queued', 1)",
    ],
)
def test_owners_cannot_be_mixed(
    database: TestDatabase, owners: tuple[Owner, Owner], statement: str
) -> None:
    """Even the service cannot put one user's row under another user's."""
    mine, other = owners
    values = {
        "user": other.user_id,
        "project": other.project_id,
        "dataset": mine.dataset_id,
        "job": mine.job_id,
    }
    with pytest.raises(psycopg.errors.ForeignKeyViolation), as_service(database) as c:
        c.execute(statement.encode(), values)


def test_a_deleted_user_leaves_nothing(database: TestDatabase, owners: tuple[Owner, Owner]) -> None:
    """Deleting the user of Supabase Auth removes every row of that user, and no other's."""
    database.rows("delete from auth.users where id = %s", (owners[0].user_id,))
    assert {table: database.count(table) for table in TABLES} == dict.fromkeys(TABLES, 1)


def test_live_names_are_unique(database: TestDatabase, owners: tuple[Owner, Owner]) -> None:
    """A user has one live project and one live dataset of a name; deleted ones do not count."""
    mine = owners[0]
    twice = (
        ("projects", "insert into projects (user_id, name) values (%s, 'P')", (mine.user_id,)),
        (
            "datasets",
            "insert into datasets (user_id, project_id, name) values (%s, %s, 'D')",
            (mine.user_id, mine.project_id),
        ),
    )
    for table, statement, values in twice:
        with pytest.raises(psycopg.errors.UniqueViolation), as_service(database) as c:
            c.execute(statement.encode(), values)
        database.rows(f"update {table} set deleted_at = now()")  # noqa: S608 - our names
        with as_service(database) as c:
            c.execute(statement.encode(), values)


def test_every_table_has_row_security(superuser: Connection) -> None:
    """No table in public is without row-level security, and none is missing here."""
    found = dict(
        superuser.execute(
            "select relname, relrowsecurity from pg_class"
            " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        ).fetchall()
    )
    assert found == dict.fromkeys(TABLES, True)


def test_views_ask_as_the_caller(superuser: Connection) -> None:
    """Every view runs with the rights of whoever asks."""
    found = superuser.execute(
        "select relname, 'security_invoker=true' = any(reloptions) from pg_class"
        " where relnamespace = 'public'::regnamespace and relkind = 'v'"
    ).fetchall()
    assert dict(found) == dict.fromkeys(VIEWS, True)


def test_grants_are_these(superuser: Connection) -> None:
    """Anonymous visitors have no grant; users may read, and update two columns."""
    grants = superuser.execute(
        "select grantee, table_name, privilege_type from information_schema.role_table_grants"
        " where table_schema = 'public' and grantee in ('anon', 'authenticated', 'PUBLIC')"
    ).fetchall()
    # Of crawl_jobs, users may read named columns only.
    readable = (TABLES - {"crawl_jobs"}) | VIEWS
    assert set(grants) == {("authenticated", name, "SELECT") for name in readable}
    updates = superuser.execute(
        "select table_name, column_name from information_schema.column_privileges"
        " where table_schema = 'public' and privilege_type <> 'SELECT'"
        " and grantee in ('anon', 'authenticated', 'PUBLIC')"
    ).fetchall()
    assert set(updates) == CLIENT_UPDATES


def test_idempotency_keys_are_not_shown(
    database: TestDatabase, owners: tuple[Owner, Owner]
) -> None:
    """Keys and request hashes cannot be read by users, not even their own."""
    with pytest.raises(Denied), as_user(database, owners[0].user_id) as c:
        c.execute("select idempotency_key from crawl_jobs")


def test_policies_ask_once_a_query(superuser: Connection) -> None:
    """Every policy wraps auth.uid() in a sub-select, which is evaluated once, not for each row."""
    policies = superuser.execute(
        "select coalesce(qual, '') || coalesce(with_check, '') from pg_policies"
        " where schemaname = 'public'"
    ).fetchall()
    assert len(policies) == len(TABLES) + 1
    for (text,) in policies:
        assert not re.search(r"(?<!SELECT )auth\.(uid|jwt|role)\(\)", str(text)), text


def test_functions_are_for_the_service(superuser: Connection) -> None:
    """No function of ours can be executed by visitors or users: EXECUTE is given to all by default.

    The default privileges of a schema cannot take that back (PostgreSQL, ALTER DEFAULT
    PRIVILEGES), so every function is looked at.
    """
    allowed = superuser.execute(
        "select r.rolname, p.proname from pg_proc p"
        " cross join (values ('anon'), ('authenticated'), ('service_role')) r (rolname)"
        " where p.pronamespace in ('private'::regnamespace, 'public'::regnamespace)"
        " and has_function_privilege(r.rolname, p.oid, 'execute')"
    ).fetchall()
    functions = {
        *("session_is_live", "admit_request", "settle_request"),
        *("allotted_places", "share_host", "share_hosts", "report_hosts", "sweep_hosts"),
    }
    assert set(allowed) == {("service_role", name) for name in functions}


def test_a_new_function_is_private(own_database: TestDatabase) -> None:
    """A function that a later migration forgets to revoke cannot be called by users."""
    owner = an_owner(own_database)
    with own_database.server.connect("postgres", own_database.name) as c:
        for schema in ("private", "public"):
            c.execute(
                f"create function {schema}.mint() returns int language sql as 'select 1'".encode()
            )
    for schema in ("private", "public"):
        with pytest.raises(Denied), as_user(own_database, owner.user_id) as c:
            c.execute(f"select {schema}.mint()".encode())


def test_a_new_table_is_private(own_database: TestDatabase) -> None:
    """A table that a later migration forgets to protect cannot be read by users."""
    owner = an_owner(own_database)
    with own_database.server.connect("postgres", own_database.name) as c:
        c.execute("create table public.forgotten (id int)")
    with pytest.raises(Denied), as_user(own_database, owner.user_id) as c:
        c.execute("select * from forgotten")


def test_private_is_closed(database: TestDatabase, owners: tuple[Owner, Owner]) -> None:
    """Users cannot even look into the schema private, nor ask about sessions."""
    with pytest.raises(Denied), as_user(database, owners[0].user_id) as c:
        c.execute("select private.session_is_live(gen_random_uuid(), gen_random_uuid())")
    with pytest.raises(Denied), as_user(database, owners[0].user_id) as c:
        c.execute("select * from auth.sessions")


def test_security_definer_functions_have_a_fixed_path(superuser: Connection) -> None:
    """No function of ours resolves names by the caller's search path."""
    loose = superuser.execute(
        "select proname from pg_proc where pronamespace = 'private'::regnamespace"
        " and not coalesce('search_path=\"\"' = any(proconfig), false)"
    ).fetchall()
    assert loose == []


def test_foreign_keys_have_indexes(superuser: Connection) -> None:
    """Every foreign key is led by an index, so that deleting a parent stays quick."""
    bare = superuser.execute(
        "select conrelid::regclass::text, conname from pg_constraint"
        " where contype = 'f' and connamespace = 'public'::regnamespace and not exists ("
        "  select from pg_index where indrelid = conrelid"
        "  and (string_to_array(indkey::text, ' ')::int2[])[1:cardinality(conkey)] @> conkey)"
    ).fetchall()
    assert bare == []
