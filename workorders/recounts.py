"""Deadlines after a change of calendar or grade: which orders are touched, and what the ledger says of it.

A stage that stores an instant of working time of its own registers it here, so that it moves with the clocks.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import TruncDate
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workorders import clocks, transitions
from workorders.models import CalendarChange
from workorders.moments import stamped
from workorders.refusals import NotVisible, WrongState

if TYPE_CHECKING:
    from workorders.models import Clock, Event, WorkOrder

# A paused clock is counted anew when it goes on.
TOUCHED = """
    SELECT clock.order_id FROM workorders_clock AS clock
    WHERE clock.stopped_at IS NULL AND clock.paused_at IS NULL AND EXISTS (
        SELECT FROM workorders_calendarchange AS changed
        WHERE changed.id <= %(last)s AND changed.date
            BETWEEN (clock.counted_from AT TIME ZONE %(zone)s)::date
                AND (clock.alerts_at[cardinality(clock.alerts_at)] AT TIME ZONE %(zone)s)::date
    )
    GROUP BY clock.order_id ORDER BY min(clock.due_at), clock.order_id
"""


@dataclass(frozen=True)
class Move:
    """An instant of working time before and after. They are equal where only `provisional` changes."""

    label: "str | Promise"
    before: datetime
    after: datetime


class Instants(Protocol):
    """Instants of working time that a stage stores beside an order. A module serves."""

    def touched(self, changed: QuerySet[CalendarChange]) -> Iterable[int]:
        """Keys of the open orders whose instants run across a changed day."""

    def moves(self, order: "WorkOrder", *, now: datetime) -> list[Move]:
        """The instants of this order that today's calendar would move."""

    def recount(self, event: "Event", *, now: datetime) -> None:
        """Move them, in the transaction of the step."""


_instants: list[Instants] = []
_others: list[Callable[[QuerySet[CalendarChange], datetime], int]] = []


def add_instants(instants: Instants) -> None:
    if instants not in _instants:
        _instants.append(instants)


def add_recount(recount: Callable[[QuerySet[CalendarChange], datetime], int]) -> None:
    """Register a recount of what belongs to no single order; it returns how many rows it moved."""
    if recount not in _others:
        _others.append(recount)


def running_across(rows: QuerySet[Any], changed: QuerySet[CalendarChange], start: str, end: str) -> QuerySet[Any]:
    """Narrow the rows to those with a changed day between two of their moments, by the city's calendar."""
    between = changed.filter(date__gte=OuterRef("first_day"), date__lte=OuterRef("last_day"))
    return rows.annotate(first_day=TruncDate(start), last_day=TruncDate(end)).filter(Exists(between))


def recount_changed(now: datetime) -> int:
    """Compute anew what runs across days that were changed, earliest deadline first; return how many were moved.

    One order, one transaction. What a killed run leaves over is found again, and what it has done has nothing to move.
    """
    last = CalendarChange.objects.order_by("-id").values_list("id", flat=True).first()
    if last is None:
        return 0
    changed = CalendarChange.objects.filter(id__lte=last)
    beside = [order_id for instants in _instants for order_id in instants.touched(changed)]
    moved = sum(_recount(order_id, now) for order_id in dict.fromkeys([*_touched(last), *beside]))
    moved += sum(recount(changed, now) for recount in _others)
    changed.delete()
    return moved


def _touched(last: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(TOUCHED, {"last": last, "zone": settings.TIME_ZONE})
        return [order_id for (order_id,) in cursor.fetchall()]


def _recount(order_id: int, now: datetime) -> bool:
    try:
        transitions.perform(order_id, "reckon", actor=None, now=now)
    except (WrongState, NotVisible):  # nothing to move, or the order has ended meanwhile
        return False
    return True


def why_not(order: "WorkOrder", *, now: datetime) -> "str | Promise | None":
    moves = clocks.recounted(order, now=now) or _moves(order, now)
    return None if moves else gettext_lazy("No deadline moves.")


def _moves(order: "WorkOrder", now: datetime) -> list[Move]:
    return [move for instants in _instants for move in instants.moves(order, now=now)]


def facts(order: "WorkOrder", *, now: datetime) -> dict[str, Any]:
    """For the ledger, in the city's language: each deadline that moves, before and after."""
    with translation.override(settings.LANGUAGE_CODE):
        lines = [_line(*pair) for pair in clocks.recounted(order, now=now) if pair[0].due_at != pair[1].due_at]
    return {"deadlines": lines} if lines else {}


def facts_of_reckoning(order: "WorkOrder", *, now: datetime) -> dict[str, Any]:
    """For the ledger: the clocks' deadlines, and the instants that the stages keep beside them."""
    with translation.override(settings.LANGUAGE_CODE):
        lines = [
            f"{move.label}: {stamped(move.before)} → {stamped(move.after)}"
            for move in _moves(order, now)
            if move.before != move.after
        ]
    deadlines = [*facts(order, now=now).get("deadlines", []), *lines]
    return {"deadlines": deadlines} if deadlines else {}


def recount_beside(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    for instants in _instants:
        instants.recount(event, now=now)


def _line(before: "Clock", after: "Clock") -> str:
    of = _("%(clock)s of %(unit)s") % {"clock": before.get_kind_display(), "unit": before.unit} if before.unit else ""
    return f"{of or before.get_kind_display()}: {stamped(before.due_at)} → {stamped(after.due_at)}"
