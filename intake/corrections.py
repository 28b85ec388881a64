"""补正: asked for, reminded of, supplied or given up. Each beat does what is due, each act once, with its own step."""

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from intake import outbox
from intake.models import Correction, Message
from workorders import clocks
from workorders.lifecycle import Status
from workorders.moments import spelled, written
from workorders.recounts import recount_changed
from workorders.refusals import Refused
from workorders.transitions import perform

if TYPE_CHECKING:
    from workorders.models import Event, WorkOrder

logger = logging.getLogger(__name__)

BATCH = 100
End = Correction.End
ENDS = "。！？；….!?;"  # the marks a sentence ends with


@dataclass(frozen=True)
class Schedule:
    remind_at: list[datetime]
    closes_at: datetime
    provisional: bool  # the closing lies in a year whose holidays are not announced


def schedule(order: "WorkOrder", now: datetime) -> Schedule:
    """By the rules that the order runs under."""
    waits, closing = order.policy.rules.correction
    calendar = clocks.load_calendar(order.policy.rules, now, closing.reach + clocks.HORIZON)
    closes = clocks.end_of(closing, order.policy.rules, now)
    instants = sorted(wait.after(now, calendar) for wait in waits)
    return Schedule([instant for instant in instants if instant < closes.at], closes.at, closes.provisional)


def facts_of_asking(order: "WorkOrder", *, now: datetime) -> dict[str, Any]:
    """The deadline that the complainant is told stands in the ledger too."""
    return {"closes_at": written(schedule(order, now).closes_at)}


def ask(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    correction = _open(event, cleaned["missing"], event.reason, now)
    outbox.tell(event, Message.Kind.CORRECTION, partial(words_of, correction), now=now)


def remind(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    correction = _standing(event, now)
    correction.reminders += 1
    correction.next_at = next_act(correction)
    correction.save(update_fields=["reminders", "next_at"])
    outbox.tell(event, Message.Kind.REMINDER, partial(words_of, correction), now=now)


def lapse(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    correction = _standing(event, now)

    def words(order: "WorkOrder") -> str:
        return event.reason if order.pk == event.order_id else closing_words(correction, order)

    outbox.tell(event, Message.Kind.LAPSE, words, now=now)


def finish(event: "Event", *, now: datetime) -> None:
    """After each step: whatever ends the waiting ends the correction."""
    if event.source != Status.INCOMPLETE or event.target == Status.INCOMPLETE:
        return
    end = {"correct": End.SUPPLIED, "lapse_correction": End.LAPSED}.get(event.step, End.OTHERWISE)
    waiting = Correction.objects.filter(order=event.order_id, ended_at=None)
    waiting.update(ended_at=now, end=end, next_at=None)


def next_act(correction: Correction) -> datetime:
    """A reminder by hand stands for the next one that was planned."""
    left = correction.remind_at[correction.reminders :]
    return left[0] if left else correction.closes_at


def work_off(now: datetime) -> int:
    """Remind of and close what is due, earliest first; how many orders. What a killed run leaves over is found again.

    Days that were entered a moment ago move the dates first: nobody is closed on a holiday.
    """
    recount_changed(now)
    due = Correction.objects.filter(next_at__lte=now).select_related("order").order_by("next_at", "pk")
    return sum(_act(correction, now) for correction in due[:BATCH])


def _act(correction: Correction, now: datetime) -> bool:
    """The version makes sure that nobody did it between our reading and our doing; then the next beat looks again."""
    order = correction.order
    try:
        if correction.closes_at <= now:
            reason = closing_words(correction)
            perform(order.pk, "lapse_correction", actor=None, version=order.version, now=now, reason=reason)
        else:
            perform(order.pk, "remind_correction", actor=None, version=order.version, now=now)
    except Refused as refusal:
        logger.info("The correction of order %s was left as it is: %s", order.number, refusal)
        return False
    return True


def words_of(correction: Correction, order: "WorkOrder | None" = None) -> str:
    """Write the request, in the city's language, to who brought this order: the one that lacks it, or one merged into it."""
    with translation.override(settings.LANGUAGE_CODE):
        facts = {
            "number": (order or correction.order).spoken_number,
            "missing": "、".join(str(Correction.Element(name).label) for name in correction.missing),
            "until": spelled(correction.closes_at),
        }
        opening = (
            _("Hello. To handle your appeal (work order %(number)s) soon, we need you to add: %(missing)s.")
            if correction.missing
            else _("Hello. To handle your appeal (work order %(number)s) soon, we need you to add something.")
        )
        closing = _("Please call 12345 or use the channel you came by until %(until)s. Thank you for your help.")
        moving = _("The holidays of that year are not announced yet: if they move the date, we will tell you.")
        provisional = moving if correction.provisional else ""
        parts = [opening % facts, correction.words.strip(), provisional, closing % facts]
        return reduce(_in_a_row, filter(None, parts))


def _in_a_row(before: str, after: str) -> str:
    """Chinese has no blank between two sentences, English has; free words may lack their full stop."""
    joined = _("%(before)s %(after)s") if before[-1] in ENDS else _("%(before)s. %(after)s")
    return joined % {"before": before, "after": after}


def closing_words(correction: Correction, order: "WorkOrder | None" = None) -> str:
    """Write to the complainant that the order ends because nothing was added, in the city's language."""
    with translation.override(settings.LANGUAGE_CODE):
        return _(
            "Hello. Until %(until)s we have not received what we asked you to add to your appeal (work order "
            "%(number)s). It cannot be accepted yet, and this registration ends here. As soon as you have it, call "
            "12345 or use the channel you came by: we shall accept it without delay."
        ) % {"number": (order or correction.order).spoken_number, "until": spelled(correction.closes_at)}


def _standing(event: "Event", now: datetime) -> Correction:
    """The open one; of an order that waits since before corrections were kept, one that begins now."""
    found = Correction.objects.filter(order=event.order_id, ended_at=None).first()
    return found or _open(event, [], "", now)


def _open(event: "Event", missing: list[str], words: str, now: datetime) -> Correction:
    plan = schedule(event.order, now)
    correction = Correction(order=event.order, missing=missing, words=words, asked_at=now)
    correction.remind_at, correction.closes_at = plan.remind_at, plan.closes_at
    correction.provisional = plan.provisional
    correction.next_at = next_act(correction)
    correction.save(force_insert=True)
    return correction
