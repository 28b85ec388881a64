"""Dispatch's own record of a step: who handles the order."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Q

from dispatch.models import Assignment
from workorders import clocks
from workorders.lifecycle import CO_HANDLING_CLOCKS

if TYPE_CHECKING:
    from workorders.models import Event


def assign(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    """The lead's clocks are started by the step; each co-handling unit gets its own here."""
    _assign(event, cleaned["lead"], Assignment.Part.LEAD, cleaned["instructions"], now)
    for unit in cleaned["co_handling"]:
        _assign(event, unit, Assignment.Part.CO_HANDLING, cleaned["instructions"], now)
        clocks.start(event.order, CO_HANDLING_CLOCKS, now=now, unit=unit)


def _assign(event: "Event", unit: Any, part: str, instructions: str, now: datetime) -> None:
    designated = event.step == "designate"
    Assignment.objects.create(
        order=event.order, unit=unit, part=part, instructions=instructions, designated=designated, assigned_at=now
    )


def unassign(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    Assignment.objects.filter(order=event.order, ended_at=None).update(ended_at=now)


def co_handled_by(units: Any) -> Q:
    ours = Assignment.objects.filter(
        order=OuterRef("pk"), unit__in=units, part=Assignment.Part.CO_HANDLING, ended_at=None
    )
    return Q(Exists(ours))
