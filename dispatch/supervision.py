"""Deadlines that never slip by unnoticed: the scan, and the proof that it scans (DESIGN §3)."""

import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from dispatch.models import Heartbeat
from workorders import clocks

logger = logging.getLogger(__name__)

BATCH = 500
SCAN = "scan"
LATE_AFTER_S = 60  # two periods of the beat
LAG_AFTER_S = 120
GRACE = timedelta(seconds=60)  # before an alert that is not there counts as missed
RECENT = timedelta(days=7)  # how long before the last scan a clock may have ended to be still checked
BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)

# The second half of the statement that moves the clocks on. An alert that is there already is an error, never passed over.
RAISE = """
    raised AS (
        INSERT INTO dispatch_alert
            (clock_id, order_id, unit_id, kind, level, due_since, raised_at, status, resolution)
        SELECT id, order_id, unit_id, kind, level, at, %(now)s, 'open', '' FROM reached ORDER BY at, id, level
        RETURNING id
    )
    SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM raised)
"""
# What the clocks say should have been raised, without asking what the scan believes it did (`level`, `next_alert_at`).
MISSED = """
    SELECT count(*) FROM (
        SELECT id, alerts_at, paused_at, stopped_at FROM workorders_clock WHERE stopped_at IS NULL
        UNION ALL
        SELECT id, alerts_at, paused_at, stopped_at FROM workorders_clock WHERE stopped_at > %(recent)s
    ) AS clock, unnest(clock.alerts_at) WITH ORDINALITY AS owed (at, level)
    WHERE owed.at <= LEAST(%(until)s, clock.stopped_at, clock.paused_at) AND NOT EXISTS (
        SELECT FROM dispatch_alert AS alert WHERE alert.clock_id = clock.id AND alert.level = owed.level
    )
"""
PULSE = """
    SELECT (SELECT at FROM dispatch_heartbeat WHERE name = %s),
        (SELECT min(next_alert_at) FROM workorders_clock WHERE next_alert_at IS NOT NULL)
"""


def scan(now: datetime, batch: int = BATCH) -> int:
    """Raise every alert that has come due, each once, however late; batch by batch. Returns how many were raised."""
    total, due = 0, 1
    while due:
        due, raised = scan_batch(now, batch)
        total += raised
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=SCAN, at=now)], update_conflicts=True, unique_fields=["name"], update_fields=["at"]
    )
    return total


@transaction.atomic
def scan_batch(now: datetime, batch: int = BATCH) -> tuple[int, int]:
    return clocks.advance_due(now, batch, raising=RAISE)


@dataclass(frozen=True)
class Pulse:
    """`heartbeat_age_s` since the last scan came to its end, none before the first; `lag_s` of the oldest due clock."""

    heartbeat_age_s: float | None
    lag_s: float

    @property
    def ok(self) -> bool:
        return self.heartbeat_age_s is not None and self.heartbeat_age_s <= LATE_AFTER_S and self.lag_s <= LAG_AFTER_S


@dataclass(frozen=True)
class Proof(Pulse):
    """`missed`: alerts that should exist by now and do not."""

    missed: int

    @property
    def ok(self) -> bool:
        return super().ok and self.missed == 0


def pulse(now: datetime) -> Pulse:
    """Two rows by index: cheap enough for every page."""
    with connection.cursor() as cursor:
        cursor.execute(PULSE, [SCAN])
        beat, oldest = cursor.fetchone()
    age = round((now - beat).total_seconds(), 1) if beat else None
    return Pulse(age, round(max((now - oldest).total_seconds(), 0.0), 1) if oldest else 0.0)


def _last_beat() -> datetime | None:
    return Heartbeat.objects.filter(name=SCAN).values_list("at", flat=True).first()


def proof(now: datetime) -> Proof:
    """Costs as much as clocks run or ended lately, however many are stored."""
    last = _last_beat()
    recent = min(last, now) - RECENT if last else BEFORE_ALL
    with connection.cursor() as cursor:
        cursor.execute(MISSED, {"until": now - GRACE, "recent": recent})
        missed = cursor.fetchone()[0]
    return Proof(**asdict(pulse(now)), missed=missed)


def alarm(now: datetime) -> Proof:
    """The proof; where it fails, whoever asked for it says so in the log, once a minute."""
    found = proof(now)
    if not found.ok:
        _say(f"{now:%Y-%m-%d %H:%M}", found.heartbeat_age_s, found.lag_s, found.missed)
    return found


@lru_cache(maxsize=1)
def _said(minute: str) -> list[str]:
    return []


def _say(minute: str, age: float | None, lag: float, missed: int) -> None:
    if not _said(minute):
        _said(minute).append(minute)
        logger.error("The scan is late: last heartbeat %s s ago, lag %s s, %s alerts missed", age, lag, missed)


def health(now: datetime) -> dict[str, Any]:
    found = alarm(now)
    return {"ok": found.ok, **asdict(found)}


def banner(now: datetime) -> str | None:
    """For those who have to act on it."""
    found = pulse(now)
    if found.ok:
        return None
    if found.heartbeat_age_s is None:
        return _("The scan of the deadlines has not run yet: alerts are not raised.")
    return _(
        "The scan of the deadlines is late: it last ran %(age)s s ago, and the oldest alert waits for %(lag)s s."
    ) % {
        "age": round(found.heartbeat_age_s),
        "lag": round(found.lag_s),
    }
