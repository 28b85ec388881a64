"""Sending: claim what is due, hand it to its gateway, write down what came of it.

A message is claimed before it is sent and never sent again by itself when whoever sent it died meanwhile: nobody gets it
twice, and the outbox says that it is unclear. What a gateway refused is tried again. No transaction is open meanwhile.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import F
from django.utils import timezone

from dispatch.models import Channel, Notice
from workorders import quiet
from workorders.models import Policy

if TYPE_CHECKING:
    from workorders.gateways import Answer, Message

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)  # longer than a batch can take
BATCH = 50
SHARE = 3  # of one channel in a batch: robots of chat services take twenty messages a minute
REST = timedelta(minutes=1)  # of a channel after a failure
# Waits after the first attempt and each further one; after the tenth, two days on, it is given up.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 10, 30, 60, 2 * 60, 4 * 60, 8 * 60, 12 * 60))
LASTING = timedelta(days=2)
LOGGED = 50

State = Notice.State

# A channel that fails is tried with one message at a time, and rests in between. Among all channels the urgent come first,
# then what has waited longest: none starves behind others that always have something.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT notice.id
    FROM dispatch_channel channel
    CROSS JOIN LATERAL (
        SELECT id, urgent, next_attempt_at FROM dispatch_notice
        WHERE channel_id = channel.id AND state = 'pending' AND next_attempt_at <= %(now)s
        ORDER BY urgent DESC, next_attempt_at, id
        LIMIT CASE WHEN channel.failing_since IS NULL THEN %(share)s ELSE 1 END
        FOR UPDATE SKIP LOCKED
    ) notice
    WHERE channel.is_active AND (channel.resting_until IS NULL OR channel.resting_until <= %(now)s)
    ORDER BY notice.urgent DESC, notice.next_attempt_at, notice.id
    LIMIT %(batch)s
)
UPDATE dispatch_notice SET state = 'sending', attempts = attempts + 1, next_attempt_at = %(lease)s
FROM due WHERE dispatch_notice.id = due.id
RETURNING dispatch_notice.id
"""


def send(now: datetime, batch: int = BATCH) -> int:
    """Send up to a batch of what is due; how many were tried."""
    from workorders import gateways  # loads a hundred services, for which only who sends has to wait

    give_up(now)
    claimed = _unsettled(claim(now, batch))
    answers = gateways.send_all([_message(notice) for notice in claimed])
    for notice, answer in zip(claimed, answers, strict=True):
        record(notice, answer, now)
    return len(claimed)


def give_up(now: datetime) -> None:
    """What waited too long, and what was being sent by somebody who died."""
    ended = {"next_attempt_at": None}
    Notice.objects.filter(state=State.SENDING, next_attempt_at__lte=now).update(state=State.UNCLEAR, **ended)
    waited = Notice.objects.filter(state=State.PENDING, next_attempt_at__lte=now - LASTING)
    waited.update(state=State.FAILED, **ended)


def claim(now: datetime, batch: int = BATCH) -> list[Notice]:
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "lease": now + LEASE, "share": SHARE, "batch": batch})
        claimed = [pk for (pk,) in cursor.fetchall()]
    related = Notice.objects.with_alerts().select_related("channel", "user", "unit")
    return list(related.filter(pk__in=claimed).order_by("-urgent", "pk"))


def _unsettled(claimed: Sequence[Notice]) -> list[Notice]:
    settled = [notice.pk for notice in claimed if notice.is_settled]
    if settled:
        dropped = {"state": State.DROPPED, "attempts": F("attempts") - 1, "next_attempt_at": None}
        Notice.objects.filter(pk__in=settled, state=State.SENDING).update(**dropped)
    return [notice for notice in claimed if notice.pk not in settled]


def _message(notice: Notice) -> "Message":
    from workorders.gateways import Message

    assert notice.channel
    return Message(notice.channel.url, str(notice.recipient), notice.pk, notice.subject, notice.text or notice.subject)


def record(notice: Notice, answer: "Answer", now: datetime) -> bool:
    """False where the lease ran out meanwhile."""
    due = None if answer.is_good else _following(notice, now)
    line = {"at": now.astimezone(UTC).isoformat(), "outcome": answer.error or "sent"}
    ours = Notice.objects.filter(pk=notice.pk, state=State.SENDING, next_attempt_at=notice.next_attempt_at)
    recorded = ours.update(
        state=State.SENT if answer.is_good else State.PENDING if due else State.FAILED,
        next_attempt_at=due,
        last_error=answer.error,
        log=[*notice.log, line][-LOGGED:],
        sent_at=now if answer.is_good else None,
    )
    if recorded:
        _judge(notice.channel, answer, now)
    return bool(recorded)


def _following(notice: Notice, now: datetime) -> datetime | None:
    """When to try again; not in quiet hours, if it is not urgent. None when it is to be given up."""
    wait = next(islice(WAITS, notice.attempts - 1, None), None)
    if wait is None or notice.urgent:
        return now + wait if wait else None
    return quiet.awake(timezone.localtime(now + wait), Policy.objects.in_force(now).rules.quiet_hours)


def _judge(channel: Any, answer: "Answer", now: datetime) -> None:
    this = Channel.objects.filter(pk=channel.pk)
    if answer.is_good:
        this.exclude(failing_since=None).update(failing_since=None, resting_until=None)
        return
    if this.filter(failing_since=None).update(failing_since=now):
        logger.warning("Message channel %s fails: %s", channel.pk, answer.error)
    this.update(resting_until=now + REST)


def retry(chosen: Any, *, now: datetime) -> int:
    """By hand: what was given up, or whose outcome is unclear, from the first attempt again; the log goes on."""
    unsent = chosen.filter(state__in=Notice.NOT_SENT)
    return int(unsent.update(state=State.PENDING, attempts=0, next_attempt_at=now))
