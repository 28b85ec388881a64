"""The web's role in the database can do what the product does, and nothing that would hide it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg2.errors import InsufficientPrivilege, QueryCanceled

from config import database
from config.database import APPEND_ONLY, ATTRIBUTES, grant_to_plain_role
from tests.owner import PLAIN, as_owner

EVENTS = "workorders_event"


@pytest.fixture
def plain(db: None) -> Iterator[Any]:
    """A connection as web, worker and beat make it."""
    log_in = {"user": PLAIN, "password": settings.DATABASE_PLAIN["PASSWORD"] or None}
    parameters = connection.get_connection_params() | {"cursor_factory": None} | log_in
    with closing(psycopg2.connect(**parameters)) as aside, aside.cursor() as cursor:
        aside.autocommit = True
        yield cursor


def answer(cursor: Any, query: str, *values: Any) -> Any:
    cursor.execute(query, values)
    return cursor.fetchone()


def test_the_role_has_no_attribute_that_reaches_past_its_rights(plain: Any) -> None:
    query = f"SELECT {', '.join(ATTRIBUTES)}, rolcanlogin FROM pg_roles WHERE rolname = current_user"
    assert answer(plain, query) == (False, False, False, False, False, True)
    plain.execute("SELECT roleid::regrole::text FROM pg_auth_members WHERE member = current_user::regrole")
    assert plain.fetchall() == [("pg_read_all_stats",)]


def test_it_reads_and_adds_events_and_cannot_change_remove_or_empty_them(plain: Any) -> None:
    rights = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES")
    query = f"SELECT {', '.join('has_table_privilege(%s, %s)' for _ in rights)}"
    assert answer(plain, query, *(value for right in rights for value in (EVENTS, right))) == (
        *(True, True),
        *(False, False, False, False, False),
    )


def test_the_same_holds_for_every_table_in_the_manner_of_the_ledger(plain: Any) -> None:
    plain.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
        "AND NOT has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'INSERT')"
    )
    unchangeable = {name for (name,) in plain.fetchall()}
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(APPEND_ONLY)
        assert unchangeable == {name for (name,) in cursor.fetchall()} >= {EVENTS, "dispatch_alertnote"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE workorders_event SET reason = 'better'",
        "DELETE FROM workorders_event",
        "TRUNCATE workorders_event CASCADE",
        "TRUNCATE workorders_workorder CASCADE",
        "UPDATE dispatch_alertnote SET text = 'better'",
        "DELETE FROM django_migrations",
        "ALTER TABLE workorders_event DISABLE TRIGGER ALL",
        "DROP TRIGGER event_append_only ON workorders_event",
        "SET session_replication_role = replica",
        "CREATE TABLE more (n int)",
        "CREATE TEMPORARY TABLE more (n int)",
        "CREATE SCHEMA more",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE more SUPERUSER",
        "CREATE DATABASE more",
        "DROP TABLE workorders_workorder CASCADE",
        "ALTER ROLE jiesu_app SUPERUSER",
        "SET ROLE jiesu",
        "SET SESSION AUTHORIZATION jiesu",
        "COPY workorders_event TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_the_database_itself_refuses(plain: Any, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        plain.execute(statement)


def test_a_statement_that_runs_too_long_is_ended(plain: Any) -> None:
    assert answer(plain, "SHOW statement_timeout") == ("30s",)
    plain.execute("SET statement_timeout = '50ms'")
    with pytest.raises(QueryCanceled):
        plain.execute("SELECT pg_sleep(5)")


def test_tables_of_later_migrations_are_open_to_it_without_a_word(db: None) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE later (id bigint GENERATED ALWAYS AS IDENTITY, n int)")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO later (n) VALUES (1)")
        cursor.execute("UPDATE later SET n = 2")
        cursor.execute("SELECT has_table_privilege('later', 'TRUNCATE'), n FROM later")
        assert cursor.fetchone() == (False, 2)


def test_a_ledger_of_a_later_migration_is_closed_by_its_trigger_alone(db: None) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE later (n int)")
        cursor.execute(
            "CREATE TRIGGER later_append_only BEFORE UPDATE OR DELETE ON later "
            "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        )
        grant_to_plain_role()
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('later', r) FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) r")
        assert cursor.fetchall() == [(True,), (False,), (False,)]


def test_a_role_that_was_a_superuser_is_one_no_more(db: None) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {PLAIN} SUPERUSER CREATEROLE")
        grant_to_plain_role()
        cursor.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = %s", [PLAIN])
        assert cursor.fetchone() == (False, False)


def test_reference_data_are_loaded_as_the_owner_and_the_plain_role_comes_back(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "DATABASE_OWNER", {**settings.DATABASE_OWNER, "USER": "somebody"})
    users = []
    monkeypatch.setattr("workorders.reference.load", lambda: users.append(connection.settings_dict["USER"]) or {})
    monkeypatch.setattr("dispatch.catalogue.load", lambda: 0)
    before = connection.settings_dict["USER"]
    call_command("load_reference", stdout=StringIO())
    assert users == ["somebody"]
    assert connection.settings_dict["USER"] == before


@pytest.mark.processes
def test_a_command_of_the_site_is_not_ended_by_the_time_limit_of_pages() -> None:
    code = (
        "from django.db import connection as c; q = c.cursor(); q.execute('SELECT current_user'); print(*q.fetchone());"
        "q.execute('SHOW statement_timeout'); print(*q.fetchone())"
    )
    done = subprocess.run([sys.executable, "manage.py", "shell", "-v0", "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == [PLAIN, "0"], done.stderr
    assert database.STATEMENT_TIMEOUT == "30s"
