"""Messages to complainants: written in the step's transaction, sent afterwards by the one gateway of the settings.

As with those to staff: claimed before it is sent, and never sent again by itself when whoever sent it died meanwhile.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from intake.models import Appeal, Message
from intake.panels import appeals_under
from workorders import telephones

if TYPE_CHECKING:
    from workorders.gateways import Answer
    from workorders.models import Event, WorkOrder

BATCH = 50
LEASE = timedelta(minutes=2)  # longer than a batch can take
# Waits after each failed attempt; after the last one it is given up.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 8 * 60))
SPOKEN_TO = (Appeal.Channel.PHONE, Appeal.Channel.COUNTER)  # who stands there hears the reply at once
State = Message.State


def tell(
    event: "Event",
    kind: str,
    text_for: "Callable[[WorkOrder], str]",
    *,
    now: datetime,
    appeals: QuerySet[Appeal] | None = None,
) -> None:
    """Write to everybody who asked for this, here or in an order merged into it, and left a telephone: once each.

    `text_for` gives the text for who brought that order: it has the number that they know.
    """
    found = appeals_under(event.order) if appeals is None else appeals
    # The last of a dictionary's equal keys stays: by their first appeal.
    people = {
        telephones.read(appeal.complainant.phone).for_messages: appeal
        for appeal in reversed(found)
        if appeal.complainant
    }
    rows = [
        Message(
            order_id=event.order_id,
            event=event,
            complainant=appeal.complainant,
            kind=kind,
            text=text_for(appeal.order),
            phone=telephone,
            created_at=now,
            next_attempt_at=now,
        )
        for telephone, appeal in sorted(people.items(), key=lambda pair: pair[1].pk)
        if telephone
    ]
    Message.objects.bulk_create(rows)


def reply(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    """Who is not on the telephone now gets what was decided in writing: nothing is refused in silence."""
    written = appeals_under(event.order).exclude(channel__in=SPOKEN_TO, order=event.order_id)
    tell(event, Message.Kind.REPLY, lambda _order: cleaned["text"], now=now, appeals=written)


def send(now: datetime, batch: int = BATCH) -> int:
    """Send up to a batch of what is due; how many were tried. Without a gateway they wait."""
    if not settings.COMPLAINANT_GATEWAY:
        return 0
    from workorders import gateways  # loads a hundred services, for which only who sends has to wait

    claimed = claim(now, batch)
    answers = gateways.send_all([_to_gateway(message) for message in claimed])
    for message, answer in zip(claimed, answers, strict=True):
        record(message, answer, now)
    return len(claimed)


@transaction.atomic
def claim(now: datetime, batch: int = BATCH) -> Sequence[Message]:
    overdue = Message.objects.filter(state=State.SENDING, next_attempt_at__lte=now)
    overdue.update(state=State.UNCLEAR, next_attempt_at=None)
    due = Message.objects.filter(state=State.PENDING, next_attempt_at__lte=now).order_by("next_attempt_at", "pk")
    chosen = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:batch])
    ours = Message.objects.filter(pk__in=chosen)
    ours.update(state=State.SENDING, attempts=F("attempts") + 1, next_attempt_at=now + LEASE)
    return list(ours.order_by("pk"))


def record(message: Message, answer: "Answer", now: datetime) -> None:
    wait = None if answer.is_good else next(islice(WAITS, message.attempts - 1, None), None)
    ours = Message.objects.filter(pk=message.pk, state=State.SENDING, next_attempt_at=message.next_attempt_at)
    ours.update(
        state=State.SENT if answer.is_good else State.PENDING if wait else State.FAILED,
        next_attempt_at=now + wait if wait else None,
        last_error=answer.error[:200],
        sent_at=now if answer.is_good else None,
    )


def retry(chosen: QuerySet[Message], *, now: datetime) -> int:
    """By hand: what was given up, or whose outcome is unclear."""
    unsent = chosen.filter(state__in=[State.FAILED, State.UNCLEAR])
    return unsent.update(state=State.PENDING, attempts=0, next_attempt_at=now)


def _to_gateway(message: Message) -> Any:
    from workorders.gateways import Message as Outgoing

    with translation.override(settings.LANGUAGE_CODE):
        subject = _("12345 hotline")
    return Outgoing(settings.COMPLAINANT_GATEWAY, message.phone, message.pk, subject, message.text)
