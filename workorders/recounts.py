"""What a changed calendar or grade does to deadlines that run: who is touched, and what the ledger says of it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workorders import clocks, transitions
from workorders.models import CalendarChange
from workorders.moments import stamped
from workorders.refusals import NotVisible, WrongState

if TYPE_CHECKING:
    from workorders.models import Clock, WorkOrder

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


def recount_changed(now: datetime) -> int:
    """Compute anew what runs across days that were changed, earliest deadline first; how many orders were moved.

    One order, one transaction. What a killed run leaves over is found again, and what it has done has nothing to move.
    """
    last = CalendarChange.objects.order_by("-id").values_list("id", flat=True).first()
    if last is None:
        return 0
    moved = sum(_recount(order_id, now) for order_id in _touched(last))
    CalendarChange.objects.filter(id__lte=last).delete()
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
    return None if clocks.recounted(order, now=now) else gettext_lazy("No deadline moves.")


def facts(order: "WorkOrder", *, now: datetime) -> dict[str, Any]:
    """For the ledger, in the city's language: each deadline that moves, before and after."""
    with translation.override(settings.LANGUAGE_CODE):
        lines = [_line(*pair) for pair in clocks.recounted(order, now=now) if pair[0].due_at != pair[1].due_at]
    return {"deadlines": lines} if lines else {}


def _line(before: "Clock", after: "Clock") -> str:
    of = _("%(clock)s of %(unit)s") % {"clock": before.get_kind_display(), "unit": before.unit} if before.unit else ""
    return f"{of or before.get_kind_display()}: {stamped(before.due_at)} → {stamped(after.due_at)}"
