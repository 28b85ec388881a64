"""Is the platform alive: database, Redis, the beat (with a worker behind it) by its last heartbeat, and what stages add."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.utils import timezone
from redis.exceptions import RedisError

from workorders.models import CalendarDay

KEY = "beat"
LATE_AFTER_S = 60
REACH = timedelta(days=45)  # the longest limit of the rule book, with a long holiday in it

Part = Callable[[datetime], dict[str, Any]]
_parts: dict[str, Part] = {}


def add_part(name: str, part: Part) -> None:
    """`part(now)` says `ok` and the figures it judges by; a database that does not answer is looked after here."""
    _parts[name] = part


def beat(now: datetime | None = None) -> None:
    cache.set(KEY, (now or timezone.now()).timestamp(), timeout=None)


def report(now: datetime | None = None) -> dict[str, Any]:
    """`ok` is whether everything answers and the last heartbeat is younger than a minute."""
    now = now or timezone.now()
    found = {"database": _database(), **_redis_and_beat(now)}
    found |= {name: _asked(part, now) for name, part in _parts.items()}
    return {"ok": all(part["ok"] for part in found.values()), **found}


def unannounced_year(today: date) -> int | None:
    """The year that limits started soon will reach into, if its holidays have not been entered yet."""
    soon = today + REACH
    return None if CalendarDay.objects.filter(date=soon).exists() else soon.year


def _database() -> dict[str, Any]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return {"ok": False, "error": type(error).__name__}
    return {"ok": True}


def _asked(part: Part, now: datetime) -> dict[str, Any]:
    try:
        return part(now)
    except DatabaseError as error:
        return {"ok": False, "error": type(error).__name__}


def _redis_and_beat(now: datetime) -> dict[str, Any]:
    try:
        last = cache.get(KEY)
    except RedisError as error:
        failed = {"ok": False, "error": type(error).__name__}
        return {"redis": failed, "beat": failed}
    age = round(now.timestamp() - last, 1) if last else None
    return {"redis": {"ok": True}, "beat": {"ok": age is not None and age < LATE_AFTER_S, "heartbeat_age_s": age}}
