"""Deadlines that never slip by unnoticed: the scan (DESIGN §3)."""

from datetime import datetime

from django.db import transaction

from dispatch.models import Alert
from workorders import clocks

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
    Alert.objects.bulk_create(
        Alert(clock_id=clock, level=level, due_since=since, raised_at=now) for clock, level, since in reached
    )
    return len(reached)
