"""Deadlines that never slip by unnoticed: the scan (DESIGN §3)."""

from datetime import datetime

from django.db import transaction

from dispatch.models import Alert
from workorders import clocks
from workorders.models import Clock

BATCH = 500


def scan(now: datetime, batch: int = BATCH) -> int:
    """Raise every alert that has come due, each once, however late; batch by batch. Returns how many were raised."""
    raised = 0
    while found := _scan_batch(now, batch):
        raised += found
    return raised


@transaction.atomic
def _scan_batch(now: datetime, batch: int) -> int:
    reached = clocks.advance_due(now, batch)
    found = Clock.objects.in_bulk({clock for clock, _level, _since in reached})
    Alert.objects.bulk_create(_alert(found[clock], level, since, now) for clock, level, since in reached)
    return len(reached)


def _alert(clock: Clock, level: int, since: datetime, now: datetime) -> Alert:
    of_clock = {"order_id": clock.order_id, "unit_id": clock.unit_id, "kind": clock.kind}
    return Alert(clock=clock, level=level, due_since=since, raised_at=now, **of_clock)
