"""Webhooks: a unit's subscriptions, and the walk along the feed that makes their deliveries.

Deliveries are made from the feed and not where an event is written: each webhook's place in the feed is stored, and
moves in the transaction that makes its deliveries, so that neither a crash nor a lost message can lose an event.
"""

import base64
import logging
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from dispatch import telling
from dispatch.models import Delivery, Webhook
from workorders import feed
from workorders.lifecycle import Role
from workorders.models import User

if TYPE_CHECKING:
    from workorders.models import Unit

logger = logging.getLogger(__name__)

OVERLAP = timedelta(hours=24)  # both secrets sign for so long after a rotation
PAGE, PAGES = 500, 20  # of the feed, for one webhook and walk
KEPT_FOR = timedelta(days=30)
IS_OFF = _("This webhook is switched off. Switch it on first.")


def subscribe(unit: "Unit", url: str, event_types: list[str], *, actor: User, now: datetime) -> Webhook:
    """It is told of what happens from now on; what was before is in the feed."""
    start = feed.settled()
    return Webhook.objects.create(
        unit=unit,
        url=url,
        event_types=event_types,
        secret=new_secret(),
        seen_transaction=start.transaction,
        seen_event=start.event,
        created_by=actor,
        created_at=now,
    )


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def rotate(webhook: Webhook, *, now: datetime) -> None:
    """The secret of before goes on to sign as well for a day, so that the receiver can change at its leisure."""
    webhook.previous_secret, webhook.secret = webhook.secret, new_secret()
    webhook.previous_secret_until = now + OVERLAP
    webhook.save(update_fields=["secret", "previous_secret", "previous_secret_until"])


@transaction.atomic
def switch_off(webhook: Webhook, notice: Webhook.Notice, *, now: datetime) -> None:
    """What is pending waits, and the place in the feed stands still: nothing is lost until it is switched on again."""
    off = Webhook.objects.filter(pk=webhook.pk, switched_off_at=None).update(switched_off_at=now, notice=notice)
    if off and notice != Webhook.Notice.OWNER:
        logger.warning("Webhook %s of %s is switched off: %s", webhook.pk, webhook.unit.code, notice.name)
        telling.of_webhook(webhook, notice, now=now)


def switch_on(webhook: Webhook) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(switched_off_at=None, notice="", failing_since=None)


def walk(now: datetime) -> int:
    """Make the deliveries of whatever has happened since; how many."""
    newest = feed.newest()
    hooks = Webhook.objects.active().select_related("unit").defer("secret", "previous_secret")
    return sum(_catch_up(webhook, now) for webhook in hooks if webhook.position < newest)


def _catch_up(webhook: Webhook, now: datetime) -> int:
    made = 0
    for _number in range(PAGES):
        page = feed.read(_reader(webhook), webhook.position, PAGE)
        made += _advance(webhook, page, now)
        if not page.more:
            break
    return made


def _reader(webhook: Webhook) -> User:
    """A webhook learns what the unit's own supervisor may see, whoever made it and wherever they are now."""
    return User(unit=webhook.unit, roles=[Role.SUPERVISOR])


@transaction.atomic
def _advance(webhook: Webhook, page: feed.Page, now: datetime) -> int:
    """Of two that walk at once, the one that finds the webhook where it left it goes on."""
    place = {"seen_transaction": page.next.transaction, "seen_event": page.next.event}
    # Nothing is joined here: the row is looked at anew after waiting for its lock, what it is joined with is not.
    here = Webhook.objects.filter(pk=webhook.pk, switched_off_at=None).at(webhook.position)
    moved = here.update(**place)
    webhook.seen_transaction, webhook.seen_event = page.next.transaction, page.next.event
    wanted = [event for event in page.events if webhook.wants(event.step)] if moved else []
    Delivery.objects.bulk_create(
        (Delivery(webhook=webhook, event=event, next_attempt_at=now, created_at=now) for event in wanted),
        ignore_conflicts=True,
    )
    return len(wanted)


def prune(now: datetime) -> int:
    """Forget what was finished long ago; the feed still has it."""
    finished = Delivery.objects.exclude(state=Delivery.State.PENDING)
    return finished.filter(created_at__lt=now - KEPT_FOR).delete()[0]
