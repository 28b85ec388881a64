"""Reading the feed where other test processes write in databases of their own on the same server.

A transaction that runs there holds the feed up here too, for the transactions of a server are numbered together. At a site
that is a matter of milliseconds; a test would see an event later than it expects.
"""

import time
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from django.db import connection

from workorders import feed
from workorders.models import Event

NEWEST = "SELECT max(transaction) FROM workorders_event"
ELSEWHERE = """
SELECT count(*) FROM pg_stat_activity
WHERE datname <> current_database() AND backend_xid IS NOT NULL AND backend_xid::text::bigint <= %s
"""


@pytest.fixture(autouse=True)
def undisturbed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`feed.settled()` waits for older transactions of other databases, on a connection that nobody counts."""
    if "transactional_db" not in request.fixturenames:
        yield
        return
    settled = feed.settled
    with closing(psycopg2.connect(**connection.get_connection_params() | {"cursor_factory": None})) as aside:
        aside.autocommit = True

        def patient() -> feed.Position:
            with aside.cursor() as cursor:
                cursor.execute(NEWEST)
                (newest,) = cursor.fetchone()
                busy = newest is not None
                while busy:
                    cursor.execute(ELSEWHERE, [newest])
                    (busy,) = cursor.fetchone()
                    time.sleep(0.02 if busy else 0)
            return settled()

        monkeypatch.setattr(feed, "settled", patient)
        yield


# The snapshot is older than what is read of the sessions: whoever began before it is still among them, or is done.
SETTLED_HERE = """
SELECT LEAST(pg_snapshot_xmax(pg_current_snapshot())::text::bigint, min(backend_xid::text::bigint))
FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL
"""


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what reads the feed: nobody waits for other databases, for all its rows are written in this one."""
    if "transactional_db" not in request.fixturenames:
        return

    def settled() -> feed.Position:
        with connection.cursor() as cursor:
            cursor.execute(SETTLED_HERE)
            return feed.Position(cursor.fetchone()[0])

    monkeypatch.setattr(feed, "settled", settled)


@pytest.fixture
def own_is_settled(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that never commit: what they wrote is told by the feed, although their transaction is still open."""

    def last() -> feed.Position:
        event = Event.objects.order_by("-transaction", "-id").first()
        return feed.Position.of(event) if event else feed.START

    monkeypatch.setattr(feed, "settled", last)
