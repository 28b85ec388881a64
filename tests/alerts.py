"""Alerts and channels for the tests of messages."""

from datetime import datetime
from typing import Any

from dispatch.models import Alert, Channel
from workorders.models import Unit, WorkOrder


def raised(order: WorkOrder, kind: str, level: int, now: datetime, **more: Any) -> Alert:
    """An alert of the running clock of this kind, of the lead unit or of the hotline, as the scan writes it."""
    clock = order.clocks.running().exclude(unit__in=Unit.objects.exclude(pk=order.lead_unit_id)).get(kind=kind)
    facts = {"clock": clock, "order": order, "unit": clock.unit, "kind": kind, "level": level}
    return Alert.objects.create(**{**facts, "due_since": now, "raised_at": now, **more})


def channel(url: str = "json://127.0.0.1:9/x", **owner: Any) -> Channel:
    return Channel.objects.create(name=f"通道 {url[:12]}", url=url, **owner)
