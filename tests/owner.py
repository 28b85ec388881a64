"""The suite runs under the web's role in the database; what only the owner may do stands below `as_owner`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection
from psycopg2.extensions import TRANSACTION_STATUS_INERROR

PLAIN = str(settings.DATABASE_PLAIN["USER"])
_depth = 1  # making and dropping the databases takes the owner


def take_plain_role(connection: Any, **_: Any) -> None:
    if not _depth:
        connection.connection.cursor().execute(f"SET ROLE {PLAIN}")


@contextmanager
def as_owner() -> Iterator[None]:
    """Let what follows change tables, as migrations do."""
    global _depth
    _depth += 1
    try:
        switch("RESET ROLE")
        yield
    finally:
        _depth -= 1
        if not _depth:
            switch(f"SET ROLE {PLAIN}")


@contextmanager
def as_web() -> Iterator[None]:
    """Take the web's role for the tests, between the making of the databases and their end."""
    global _depth
    _depth -= 1
    switch(f"SET ROLE {PLAIN}")
    try:
        yield
    finally:
        _depth += 1
        switch("RESET ROLE")


def switch(statement: str) -> None:
    """On a connection that is not there yet, `take_plain_role` does it; a failed transaction takes its role back by itself."""
    raw = connection.connection
    if raw and not raw.closed and raw.info.transaction_status != TRANSACTION_STATUS_INERROR:
        raw.cursor().execute(statement)
