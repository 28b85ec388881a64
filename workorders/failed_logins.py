"""Failed log-ins and the waits that follow them.

A try is counted before its password is looked at, so that tries sent side by side count as well. Two counters hold:
one for the account from this place, one for the address over all accounts. A browser in which this account logged in
before is a place of its own, whatever its address: a stranger behind the same address cannot keep its owner out.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from workorders.models import FailedLogins

FORGOTTEN_AFTER = timedelta(days=1)
FORGOTTEN_AT_ONCE = 50


@dataclass(frozen=True)
class Limit:
    """`free` failures cost nothing, then each doubles the wait; one is forgiven whenever `forgives` has passed."""

    free: int
    first: timedelta
    longest: timedelta
    forgives: timedelta


OF_ACCOUNT = Limit(4, timedelta(minutes=1), timedelta(minutes=30), timedelta(hours=1))
OF_ADDRESS = Limit(30, timedelta(seconds=30), timedelta(minutes=30), timedelta(minutes=2))


@dataclass(frozen=True)
class Held:
    """Until when the next try waits, and whether it is the first that came too early."""

    until: datetime
    first: bool


def wait_after(failures: int, limit: Limit) -> timedelta:
    over = failures - limit.free
    if over <= 0:
        return timedelta(0)
    return min(limit.longest, limit.first * 2 ** min(over - 1, 20))


def counters(username: str, browser: str, address: str) -> dict[str, Limit]:
    """Return the counters of a try. `browser` is empty unless this account has logged in with it before."""
    if browser:
        return {_key("browser", username, browser): OF_ACCOUNT}
    return {_key("account", username, address): OF_ACCOUNT, _key("address", address): OF_ADDRESS}


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def count_try(limits: Mapping[str, Limit], now: datetime) -> Held | None:
    """Count one more failure, to be taken back by `forgive_try` if it was none; or say until when to wait.

    What comes during a wait is refused and changes nothing: nobody can lengthen the wait of somebody else.
    """
    held = _count(limits, now)
    _forget(now)
    return held


@transaction.atomic
def _count(limits: Mapping[str, Limit], now: datetime) -> Held | None:
    fresh = [FailedLogins(key=key, counted_at=now) for key in limits]
    FailedLogins.objects.bulk_create(fresh, ignore_conflicts=True)
    rows = list(FailedLogins.objects.select_for_update().filter(key__in=limits).order_by("key"))
    waiting = [row for row in rows if row.wait_until and row.wait_until > now]
    if waiting:
        first = all(row.held_off == 0 for row in waiting)
        FailedLogins.objects.filter(pk__in=[row.pk for row in waiting]).update(held_off=F("held_off") + 1)
        return Held(max(row.wait_until for row in waiting if row.wait_until), first)
    for row in rows:
        limit = limits[row.key]
        row.failures = max(0, row.failures - (now - row.counted_at) // limit.forgives) + 1
        wait = wait_after(row.failures, limit)
        row.counted_at, row.held_off, row.wait_until = now, 0, now + wait if wait else None
        row.save()
    return None


def forgive_try(limits: Mapping[str, Limit]) -> None:
    """Take a try back that was none: all of the account's, of the address this one alone.

    The address keeps the rest, or whoever has one account would guess at others for ever.
    """
    accounts = [key for key, limit in limits.items() if limit is OF_ACCOUNT]
    FailedLogins.objects.filter(key__in=accounts).delete()
    addresses = FailedLogins.objects.filter(key__in=set(limits) - set(accounts))
    addresses.update(failures=Greatest(F("failures") - 1, 0), wait_until=None)


def _forget(now: datetime) -> None:
    """Drop some counters that nobody touched for a day: each try adds two at most, and takes away more."""
    with transaction.atomic():
        old = FailedLogins.objects.filter(counted_at__lt=now - FORGOTTEN_AFTER)
        some = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
        if some:
            FailedLogins.objects.filter(pk__in=some).delete()
