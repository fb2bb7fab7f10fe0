import secrets
import stat
from pathlib import Path

import psycopg
import pytest

from pixcrawler.host.stack.bootstrap import make_operator, prepare
from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.migrations import MigrationFailed, MigrationRefused
from pixcrawler.host.stack.person import local_user
from pixcrawler.host.stack.pgservers import installed
from pixcrawler.host.stack.postgres import Postgres

pytestmark = pytest.mark.integration

MIGRATIONS = Path(__file__).resolve().parents[3] / "supabase" / "migrations"
TABLE = """
create table public.notes (id int primary key, user_id uuid not null, text text);
alter table public.notes enable row level security;
grant select, insert on public.notes to authenticated;
create policy own on public.notes to authenticated using ((select auth.uid()) = user_id);
"""
ROLES = """
do $$ begin
  if not exists (select from pg_roles where rolname = 'pixcrawler_api') then
    create role pixcrawler_api login noinherit;
    grant authenticated, anon to pixcrawler_api;
    create role pixcrawler_worker login noinherit;
    grant service_role to pixcrawler_worker;
  end if;
end $$;
"""


@pytest.fixture
def database(server):
    """The name of a database of its own."""
    name = f"db_{secrets.token_hex(4)}"
    yield name
    with server.connect() as connection:
        connection.execute(f"drop database if exists {name} with (force)")


@pytest.fixture
def folder(tmp_path):
    """A folder of two migrations."""
    (tmp_path / "20260101000000_roles.sql").write_text(ROLES)
    (tmp_path / "20260102000000_notes.sql").write_text(TABLE)
    return tmp_path


def test_applied_once_in_order(server, database, folder):
    """Migrations are applied oldest first, recorded as Supabase records them, and only once."""
    assert [m.name for m in prepare(server, folder, database)] == ["roles", "notes"]
    assert prepare(server, folder, database) == []
    with server.connect("postgres", database) as connection:
        recorded = connection.execute(
            "select version, name, statements[1] from supabase_migrations.schema_migrations"
            " order by version"
        ).fetchall()
    assert recorded[0] == ("20260101000000", "roles", ROLES)
    assert recorded[1][:2] == ("20260102000000", "notes")


def test_edited_file_is_refused(server, database, folder):
    """An edit of an applied file is noticed, and nothing new is applied."""
    prepare(server, folder, database)
    (folder / "20260102000000_notes.sql").write_text(TABLE + "-- edited")
    (folder / "20260103000000_more.sql").write_text("create table public.more ();")
    with pytest.raises(MigrationRefused, match=r"20260102000000_notes\.sql was edited"):
        prepare(server, folder, database)
    with server.connect("postgres", database) as connection:
        assert connection.execute("select to_regclass('public.more')").fetchone() == (None,)


def test_late_file_is_refused(server, database, folder):
    """A new file older than an applied one is refused."""
    prepare(server, folder, database)
    (folder / "20251231000000_late.sql").write_text("select 1;")
    with pytest.raises(MigrationRefused, match="older than 20260102000000"):
        prepare(server, folder, database)


def test_missing_file_is_refused(server, database, folder):
    """A database that is ahead of the folder is refused."""
    prepare(server, folder, database)
    (folder / "20260102000000_notes.sql").unlink()
    with pytest.raises(MigrationRefused, match="newer version of the app"):
        prepare(server, folder, database)


def test_failing_file_leaves_nothing(server, database, folder):
    """A file that fails is rolled back whole; the message names file and line."""
    (folder / "20260103000000_bad.sql").write_text("create table public.half ();\nselect oops;")
    with pytest.raises(MigrationFailed, match=r'20260103000000_bad\.sql, line 2: .*"oops"'):
        prepare(server, folder, database)
    with server.connect("postgres", database) as connection:
        assert connection.execute("select to_regclass('public.half')").fetchone() == (None,)
        assert connection.execute("select to_regclass('public.notes')").fetchone() != (None,)
    (folder / "20260103000000_bad.sql").write_text("create table public.half ();")
    assert [m.name for m in prepare(server, folder, database)] == ["bad"]


def test_settings_of_a_file_stay_in_it(server, database, folder):
    """A role or setting that a file chooses does not reach the next file."""
    (folder / "20260103000000_a.sql").write_text(
        "set statement_timeout = '1s'; grant service_role to postgres; set role service_role;"
    )
    (folder / "20260104000000_b.sql").write_text(
        "create table public.who as select current_user::text as name,"
        " current_setting('statement_timeout') as timeout;"
    )
    prepare(server, folder, database)
    with server.connect("postgres", database) as connection:
        assert connection.execute("table public.who").fetchall() == [("postgres", "0")]


def test_migrations_run_without_superuser(server, database, folder):
    """What hosted Supabase forbids is forbidden here."""
    (folder / "20260103000000_su.sql").write_text("create table auth.mine ();")
    with pytest.raises(MigrationFailed, match="permission denied for schema auth"):
        prepare(server, folder, database)


def test_login_roles_have_no_rights_of_their_own(server, database, folder):
    """The app's login roles log in, see nothing by themselves, and as a user only its rows."""
    prepare(server, folder, database)
    owner = "00000000-0000-0000-0000-000000000001"
    with server.connect("pixcrawler_worker", database) as worker, worker.transaction():
        worker.execute("set local role service_role")
        worker.execute(
            "insert into public.notes values (1, %s, 'mine'), (2, gen_random_uuid(), '')", (owner,)
        )
    with server.connect("pixcrawler_api", database) as api:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            api.execute("table public.notes")
        with api.transaction():
            api.execute(
                "select set_config('role', 'authenticated', true),"
                " set_config('request.jwt.claims', %s, true)",
                (f'{{"sub": "{owner}"}}',),
            )
            assert api.execute("select text from public.notes").fetchall() == [("mine",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            api.execute("set role service_role")


def test_realtime_message_is_stored(server, database):
    """A trigger can send a message, big ones too."""
    prepare(server, None, database)
    with server.connect("postgres", database) as connection:
        for size in (10, 20_000):
            connection.execute(
                "select realtime.send(jsonb_build_object('x', repeat('a', %s)), 'e', 't')", (size,)
            )
        assert connection.execute("select count(*) from realtime.messages").fetchone() == (2,)


@pytest.mark.parametrize("major", [found.major for found in installed()])
def test_shim_on_every_version(tmp_path, monkeypatch, folder, major):
    """The Supabase look works on every installed server, and may be applied again."""
    found = next(found for found in installed() if found.major == major)
    monkeypatch.setenv("PIXCRAWLER_PG_BIN", str(found.programs))
    with Postgres(tmp_path / "pg", durable=False) as server:
        prepare(server, folder)
        with server.connect("supabase_admin", "pixcrawler") as connection:
            connection.execute("comment on schema supabase_migrations is 'older'")
        assert prepare(server, folder) == []


@pytest.fixture
def ours(server, database):
    """The name of a database with the app's own migrations."""
    prepare(server, MIGRATIONS, database)
    return database


def roles(server, database):
    """Address and role of every profile."""
    with server.connect("postgres", database) as connection:
        found = connection.execute("select email, role from public.profiles order by email")
        return dict(found.fetchall())


def sign_up(server, database, email):
    with server.connect("supabase_admin", database) as connection:
        connection.execute(
            "insert into auth.users (id, email) values (gen_random_uuid(), %s)", (email,)
        )


def test_the_person_at_this_machine_is_the_operator(server, ours):
    """The local user may switch engines, whenever it signs up; nobody else may."""
    sign_up(server, ours, "early@pixcrawler.test")
    sign_up(server, ours, "ann@example.org")
    make_operator(server, "early@pixcrawler.test", ours)
    make_operator(server, "late'; --@pixcrawler.test", ours)
    make_operator(server, "late'; --@pixcrawler.test", ours)
    sign_up(server, ours, "late'; --@pixcrawler.test")
    sign_up(server, ours, "bob@example.org")
    assert roles(server, ours) == {
        "ann@example.org": "user",
        "bob@example.org": "user",
        "early@pixcrawler.test": "admin",
        "late'; --@pixcrawler.test": "admin",
    }


def test_an_app_without_profiles_has_no_operator(server, database, folder):
    """A stack may run another app: nothing is changed in its database."""
    prepare(server, folder, database)
    make_operator(server, "ann@example.org", database)
    with server.connect("postgres", database) as connection:
        found = connection.execute("select to_regclass('public.profiles')").fetchone()
    assert found == (None,)


def test_the_local_user_is_made_once(tmp_path):
    """Every start finds the same address, in a file that only its owner reads."""
    email = local_user(tmp_path)
    assert local_user(tmp_path) == email
    assert email.endswith("@pixcrawler.test")
    assert stat.S_IMODE((tmp_path / "user.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["user.json"]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"email": 5}'])
def test_a_damaged_local_user_is_named(tmp_path, text):
    """A damaged file is told with its path."""
    (tmp_path / "user.json").write_text(text)
    with pytest.raises(CannotStart, match=r"user\.json"):
        local_user(tmp_path)
