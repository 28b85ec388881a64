"""Evaluation's own record of a step: the callback of the round."""

from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from evaluation.models import Callback
from workorders.models import Event, WorkOrder


def open_callback(order: WorkOrder, *, now: datetime, round: int | None = None) -> Callback:
    """Running it twice opens one callback: the database knows one a round."""
    callback, _created = Callback.objects.get_or_create(
        order=order, round=round or order.round, defaults={"opened_at": now}
    )
    return callback


def without_callback() -> QuerySet[WorkOrder]:
    opened = Callback.objects.filter(order=OuterRef("pk"), round=OuterRef("round"))
    return WorkOrder.objects.filter(~Exists(opened), status="callback")


def count_attempt(event: Event, cleaned: dict[str, Any], *, now: datetime) -> None:
    callback = open_callback(event.order, now=now)
    Callback.objects.filter(pk=callback.pk).update(attempts=F("attempts") + 1, agent=event.actor)


def finish(event: Event, cleaned: dict[str, Any], *, now: datetime) -> None:
    """A rework starts the next round in the same step, so the callback belongs to the round before it."""
    asked = event.order.round - (event.step == "rework")
    callback = open_callback(event.order, now=now, round=asked)
    reached = cleaned.get("reached", "yes") == "yes"
    callback.reached, callback.finished_at, callback.agent = reached, now, event.actor
    callback.contacted = cleaned["contacted"] == "yes" if reached else None
    callback.solved, callback.satisfied = cleaned["solved"], cleaned["satisfied"]
    callback.words = cleaned["words"]
    callback.save()
