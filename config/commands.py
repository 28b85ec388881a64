"""manage.py for people: tables that are missing are made or asked for, and no server that is away ends in a traceback."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command, execute_from_command_line
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from kombu.exceptions import OperationalError as BrokerError
from psycopg2.errors import InsufficientPrivilege, UndefinedColumn, UndefinedTable
from redis.exceptions import RedisError

from config.away import is_away

WITHOUT_TABLES = {
    *(
        "migrate",
        "makemigrations",
        "showmigrations",
        "sqlmigrate",
        "squashmigrations",
        "optimizemigration",
        "inspectdb",
    ),
    *("check", "diffsettings", "help", "version", "shell", "dbshell", "startapp", "startproject", "test", "testserver"),
    *("catalogues", "openapi", "graph_transitions", "collectstatic", "findstatic", "makemessages", "compilemessages"),
}
MAKE_TABLES = "Run first: python manage.py migrate && python manage.py load_reference"


def main(argv: list[str]) -> None:
    try:
        if needs_tables(argv):
            make_tables()
        execute_from_command_line(argv)
    except KeyboardInterrupt:
        sys.exit(130)
    except (DatabaseError, InterfaceError, RedisError, BrokerError, ImproperlyConfigured) as error:
        if "--traceback" in argv or not (line := in_words(error)):
            raise
        sys.exit(line)


def needs_tables(argv: list[str]) -> bool:
    name = argv[1] if len(argv) > 1 else "help"
    return name not in WITHOUT_TABLES and not name.startswith("-") and not {"-h", "--help"} & set(argv)


def make_tables() -> None:
    """Set up an embedded database that is new; another one is somebody's, who is told what to do."""
    import django

    django.setup()
    loader = MigrationLoader(connection)
    missing = set(loader.disk_migrations) - set(loader.applied_migrations)
    connection.close()
    if os.environ.get("EMBEDDED") and missing:
        sys.stderr.write("Setting up the database first.\n")
        call_command("migrate", verbosity=0)
        call_command("load_reference")
    elif not loader.applied_migrations:
        sys.exit(f"The database has no tables yet. {MAKE_TABLES}")


def in_words(error: Exception) -> str:
    """One line for what somebody at a terminal can mend; nothing for what is a fault of the program."""
    cause, first = error.__cause__, (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, ImproperlyConfigured):
        return first
    if isinstance(cause, UndefinedTable | UndefinedColumn):
        return f"The database is older than this program ({first}). {MAKE_TABLES}"
    if isinstance(cause, InsufficientPrivilege):
        return f"The database refuses that to the role in DATABASE_URL ({first}). The owner may: DATABASE_OWNER_URL."
    if is_away(error) or isinstance(error, RedisError | BrokerError):
        server = "The database" if isinstance(error, DatabaseError | InterfaceError) else "Redis"
        return f"{server} cannot be reached: {first}"
    return ""
