"""Sending: claim what is due, post it signed (Standard Webhooks), write down what came of it.

A claim is a lease of two minutes; no lock is held and no transaction is open while the receiver takes its time.
"""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection
from rest_framework.renderers import JSONRenderer
from standardwebhooks.webhooks import Webhook as Signer

from dispatch import webhooks
from dispatch.models import Delivery, Webhook
from dispatch.posting import Answer, Message, post_all
from workorders import feed
from workorders.feed_api import FeedEventSerializer
from workorders.refusals import WrongState

LEASE = timedelta(minutes=2)  # longer than a batch can take
BATCH = 100
SHARE = 20  # of one webhook in a batch
# Waits after the first attempt and each further one; after the tenth, more than three days on, it is given up.
WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
LASTING = timedelta(days=3)
LOGGED = 50

State = Delivery.State

# A receiver that fails is tried with one delivery at a time, so that it does not keep the others waiting.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT delivery.id
    FROM dispatch_webhook webhook JOIN workorders_unit unit ON unit.id = webhook.unit_id
    CROSS JOIN LATERAL (
        SELECT id FROM dispatch_delivery
        WHERE webhook_id = webhook.id AND state = 'pending' AND next_attempt_at <= %(now)s
        ORDER BY next_attempt_at, id
        LIMIT CASE WHEN webhook.failing_since IS NULL THEN %(share)s ELSE 1 END
        FOR UPDATE SKIP LOCKED
    ) delivery
    WHERE webhook.switched_off_at IS NULL AND unit.is_active
    LIMIT %(batch)s
)
UPDATE dispatch_delivery SET next_attempt_at = %(lease)s FROM due WHERE dispatch_delivery.id = due.id
RETURNING dispatch_delivery.id
"""


def send(now: datetime, batch: int = BATCH) -> int:
    """Send up to a batch of what is due; how many were tried."""
    claimed = claim(now, batch)
    answers = post_all([message(delivery, now) for delivery in claimed])
    for delivery, answer in zip(claimed, answers, strict=True):
        record(delivery, answer, now)
    return len(claimed)


def claim(now: datetime, batch: int = BATCH) -> list[Delivery]:
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "lease": now + LEASE, "share": SHARE, "batch": batch})
        claimed = [pk for (pk,) in cursor.fetchall()]
    related = Delivery.objects.select_related("webhook__unit", "event__order")
    return list(
        related.defer("event__order__matter", "event__order__tokens", "event__order__comparable")
        .filter(pk__in=claimed)
        .order_by("pk")
    )


def message(delivery: Delivery, now: datetime) -> Message:
    body = JSONRenderer().render(payload(delivery))
    signed_at = now.astimezone(UTC)
    secrets = delivery.webhook.secrets(now)
    signatures = (Signer(secret).sign(delivery.message_id, signed_at, body.decode()) for secret in secrets)
    headers = {
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(int(signed_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    return Message(delivery.webhook.url, headers, body)


def payload(delivery: Delivery) -> dict[str, Any]:
    """The event as the feed tells it; a test has the same form and says nothing."""
    if delivery.event:
        return feed.shown(delivery.event)
    nothing: dict[str, Any] = dict.fromkeys(FeedEventSerializer().fields)
    return {**nothing, "step": "test", "at": delivery.created_at, "data": {}}


def record(delivery: Delivery, answer: Answer, now: datetime) -> bool:
    """False where the lease ran out meanwhile and somebody else has it now."""
    due = None if answer.is_good else following(delivery.attempts + 1, now)
    state = State.DELIVERED if answer.is_good else State.PENDING if due else State.FAILED
    ours = Delivery.objects.filter(pk=delivery.pk, state=State.PENDING, next_attempt_at=delivery.next_attempt_at)
    recorded = ours.update(
        state=state,
        attempts=delivery.attempts + 1,
        next_attempt_at=due,
        last_code=answer.code,
        last_error=answer.error,
        log=[*delivery.log, answer.logged(now)][-LOGGED:],
        delivered_at=now if answer.is_good else None,
    )
    if recorded:
        _judge(delivery.webhook, answer, now, given_up=state == State.FAILED)
    return bool(recorded)


def following(attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many attempts; none when it is to be given up."""
    wait = next(islice(WAITS, attempts - 1, None), None)
    return now + wait if wait else None


def _judge(webhook: Webhook, answer: Answer, now: datetime, *, given_up: bool) -> None:
    """What an answer says about the receiver: well, failing, gone, or failing for so long that it is switched off."""
    this = Webhook.objects.filter(pk=webhook.pk)
    if answer.is_good:
        this.exclude(failing_since=None).update(failing_since=None)
        return
    this.filter(failing_since=None).update(failing_since=now)
    if answer.code == 410:
        webhooks.switch_off(webhook, Webhook.Notice.GONE, now=now)
    elif given_up and this.filter(failing_since__lte=now - LASTING).exists():
        webhooks.switch_off(webhook, Webhook.Notice.FAILING, now=now)


def replay(delivery: Delivery, *, now: datetime) -> None:
    """By hand: from the first attempt again, under the same message id; the log goes on."""
    _refuse_off(delivery.webhook)
    delivery.state, delivery.attempts, delivery.next_attempt_at, delivery.delivered_at = State.PENDING, 0, now, None
    delivery.save(update_fields=["state", "attempts", "next_attempt_at", "delivered_at"])


def try_out(webhook: Webhook, *, now: datetime) -> Delivery:
    """A delivery that is about nothing, for who sets up a receiver."""
    _refuse_off(webhook)
    return Delivery.objects.create(webhook=webhook, next_attempt_at=now, created_at=now)


def _refuse_off(webhook: Webhook) -> None:
    if not webhook.is_active:
        raise WrongState(webhooks.IS_OFF)
