"""The two roles of the database: the owner, who changes tables, and the plain one of web, worker and beat.

DATABASE_URL is the plain role's, DATABASE_OWNER_URL the owner's; web, worker and beat never get the latter.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import InternalError, connection, transaction

LOG_IN = ("USER", "PASSWORD", "HOST", "PORT")
# A page that takes longer has been given up by whoever asked. Workers and commands set their own by PGOPTIONS.
STATEMENT_TIMEOUT = "30s"
ATTRIBUTES = ("rolsuper", "rolcreatedb", "rolcreaterole", "rolreplication", "rolbypassrls")
# Tables of a ledger's manner carry a trigger of this name; their rows are added and read, nothing else.
APPEND_ONLY = """
SELECT DISTINCT event_object_table FROM information_schema.triggers
WHERE trigger_schema = 'public' AND trigger_name LIKE '%%\\_append\\_only'
"""
READ_ONLY = ("django_migrations",)
WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # seconds


@contextmanager
def as_owner() -> Iterator[None]:
    """Connect as the owner for a while, where the environment names one and no transaction is under way."""
    owner = settings.DATABASE_OWNER
    plain = connection.settings_dict
    if not owner or owner["USER"] == plain["USER"] or connection.in_atomic_block:
        yield
        return
    before = {name: plain[name] for name in LOG_IN}
    connection.close()
    plain.update({name: owner[name] for name in LOG_IN})
    try:
        yield
    finally:
        connection.close()
        plain.update(before)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other process migrates this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtext('jiesu.migrate'))")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('jiesu.migrate'))")


def plain_log_in() -> dict[str, Any]:
    """The log-in of web, worker and beat, or nothing where the owner is all there is."""
    plain = settings.DATABASE_PLAIN
    return plain if settings.DATABASE_OWNER.get("USER") not in (None, plain["USER"]) else {}


def grant_to_plain_role() -> None:
    """Give the plain role what the product needs and no more, on the tables of today and of later migrations.

    A role belongs to the whole server, where no lock of one database holds: what another one changes at the same
    moment is tried again.
    """
    if not (plain := plain_log_in()):
        return
    for wait in WAITS:
        try:
            _grant(plain)
            return
        except InternalError as problem:
            if "concurrently updated" not in str(problem):
                raise
            time.sleep(wait)
    _grant(plain)


@transaction.atomic
def _grant(plain: dict[str, Any]) -> None:
    name, quoted = plain["USER"], connection.ops.quote_name
    role, database = quoted(name), quoted(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        make_role(cursor, name, plain["PASSWORD"])
        cursor.execute(f"ALTER ROLE {role} SET statement_timeout = '{STATEMENT_TIMEOUT}'")
        cursor.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
        cursor.execute(f"REVOKE ALL ON DATABASE {database} FROM {role}")
        cursor.execute(f"GRANT CONNECT ON DATABASE {database} TO {role}")
        # /healthz says for how long a writer holds the feed up, also one of another role.
        cursor.execute(f"GRANT pg_read_all_stats TO {role}")
        cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        cursor.execute(f"REVOKE ALL ON SCHEMA public FROM {role}")
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        for kind, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE, SELECT")):
            cursor.execute(f"REVOKE ALL ON ALL {kind} IN SCHEMA public FROM {role}")
            cursor.execute(f"GRANT {rights} ON ALL {kind} IN SCHEMA public TO {role}")
            cursor.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON {kind} TO {role}")
        cursor.execute(APPEND_ONLY)
        for (table,) in cursor.fetchall():
            cursor.execute(f"REVOKE UPDATE, DELETE ON {quoted(table)} FROM {role}")
        for table in READ_ONLY:
            cursor.execute(f"REVOKE INSERT, UPDATE, DELETE ON {quoted(table)} FROM {role}")


def make_role(cursor: Any, name: str, password: str) -> None:
    """Make the role, or take from it what a role of the web must not have; its password is the one in DATABASE_URL."""
    role = connection.ops.quote_name(name)
    cursor.execute(f"SELECT {', '.join(ATTRIBUTES)} FROM pg_roles WHERE rolname = %s", [name])  # noqa: S608  our own names
    attributes = cursor.fetchone()
    if attributes is None:
        cursor.execute(f"CREATE ROLE {role} LOGIN")
    elif any(attributes):
        cursor.execute(f"ALTER ROLE {role} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS")
    if password:
        cursor.execute(f"ALTER ROLE {role} PASSWORD %s", [password])
