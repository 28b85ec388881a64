"""A correction's dates after a change of the calendar.

The closing never comes earlier than the complainant was promised; a later one is written to them at once.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from intake import corrections, outbox
from intake.models import Correction, Message
from workorders.models import CalendarChange
from workorders.moments import spelled
from workorders.recounts import Move, running_across

if TYPE_CHECKING:
    from workorders.models import Event, WorkOrder


def touched(changed: QuerySet[CalendarChange]) -> Iterable[int]:
    waiting = Correction.objects.filter(next_at__isnull=False)
    return running_across(waiting, changed, "asked_at", "closes_at").values_list("order_id", flat=True)


def moves(order: "WorkOrder", *, now: datetime) -> list[Move]:
    standing = _waiting(order)
    if standing is None:
        return []
    fresh = _recounted(standing, now)
    if _dates(fresh) == _dates(standing):
        return []
    return [Move(gettext_lazy("Correction wanted until"), standing.closes_at, fresh.closes_at)]


def recount(event: "Event", *, now: datetime) -> None:
    standing = _waiting(event.order)
    if standing is None:
        return
    fresh = _recounted(standing, now)
    if _dates(fresh) == _dates(standing):
        return
    fresh.save(update_fields=["remind_at", "closes_at", "next_at", "provisional"])
    if fresh.closes_at != standing.closes_at:
        outbox.tell(event, Message.Kind.POSTPONED, partial(_words_of, fresh), now=now)


def _waiting(order: "WorkOrder") -> Correction | None:
    return Correction.objects.filter(order=order, ended_at=None).first()


def _dates(correction: Correction) -> tuple[list[datetime], datetime, bool]:
    return correction.remind_at, correction.closes_at, correction.provisional


def _recounted(standing: Correction, now: datetime) -> Correction:
    """Return a copy counted from the day of asking; reminders that were sent stay."""
    plan = corrections.schedule(standing.order, standing.asked_at)
    fresh = Correction.objects.get(pk=standing.pk)
    fresh.closes_at = max(standing.closes_at, plan.closes_at)
    planned = plan.remind_at[standing.reminders :]
    to_come = [instant if instant in standing.remind_at else max(instant, now) for instant in planned]
    sent = standing.remind_at[: standing.reminders]
    fresh.remind_at = [*sent, *(instant for instant in to_come if instant < fresh.closes_at)]
    fresh.provisional = plan.provisional and fresh.closes_at == plan.closes_at
    fresh.next_at = corrections.next_act(fresh)
    return fresh


def _words_of(correction: Correction, order: "WorkOrder") -> str:
    with translation.override(settings.LANGUAGE_CODE):
        return _(
            "Hello, because working days have changed, you have until %(until)s to add what your appeal %(number)s "
            "still needs. Call 12345 or use the channel you came by."
        ) % {"number": order.spoken_number, "until": spelled(correction.closes_at)}
