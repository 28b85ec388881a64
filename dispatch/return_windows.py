"""The window for a return 退单 after a change of the calendar: it is counted anew from the assignment."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from dispatch.models import Assignment
from workorders import clocks
from workorders.lifecycle import HELD
from workorders.models import CalendarChange
from workorders.recounts import Move, running_across

if TYPE_CHECKING:
    from workorders.models import Event, WorkOrder
    from workorders.policy import Rules


def window_of(rules: "Rules", start: datetime) -> clocks.Instant:
    return clocks.end_of(rules.return_window, rules, start)


def touched(changed: QuerySet[CalendarChange]) -> Iterable[int]:
    leading = Assignment.objects.filter(ended_at=None, returnable_until__isnull=False, order__status__in=HELD)
    return running_across(leading, changed, "assigned_at", "returnable_until").values_list("order_id", flat=True)


def moves(order: "WorkOrder", *, now: datetime) -> list[Move]:
    standing = _open(order, now)
    if standing is None or standing.returnable_until is None:
        return []
    fresh = _recounted(standing, now)
    if _stands_as(standing, fresh):
        return []
    return [Move(gettext_lazy("May be returned until"), standing.returnable_until, fresh.at)]


def recount(event: "Event", *, now: datetime) -> None:
    standing = _open(event.order, now)
    if standing is None:
        return
    fresh = _recounted(standing, now)
    if not _stands_as(standing, fresh):
        Assignment.objects.filter(pk=standing.pk).update(returnable_until=fresh.at, provisional=fresh.provisional)


def _open(order: "WorkOrder", now: datetime) -> Assignment | None:
    """The lead unit's window while it is open: one that has closed stays closed."""
    return Assignment.objects.filter(order=order, ended_at=None, returnable_until__gt=now).first()


def _recounted(standing: Assignment, now: datetime) -> clocks.Instant:
    fresh = window_of(standing.order.policy.rules, standing.assigned_at)
    return clocks.Instant(max(fresh.at, now), fresh.provisional)


def _stands_as(standing: Assignment, fresh: clocks.Instant) -> bool:
    return (standing.returnable_until, standing.provisional) == (fresh.at, fresh.provisional)
