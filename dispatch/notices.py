"""Messages 消息: who is told what, and when it may ring.

The console tells at once; quiet hours and digests hold back what rings. An emergency is never held. Planning an alert
and marking it told is one transaction, and the database refuses the same message twice: a crash costs nothing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from dispatch import notice_texts
from dispatch.models import Alert, Channel, Notice
from dispatch.models.notice import settles
from dispatch.notice_texts import Text
from dispatch.recipients import AddressBook, AlertBook, Way, level_of
from workorders import quiet
from workorders.lifecycle import Grade, Level
from workorders.models import Policy, Unit, User
from workorders.policy import Rules

BATCH = 200
LONGEST = 20  # messages in one digest
FORGOTTEN_AT_ONCE = 5000
State = Notice.State


@dataclass(frozen=True)
class Message:
    """`key` says what it is about: the same key is told the same recipient by the same way once."""

    key: str
    text: Text
    urgent: bool = False
    alert: Alert | None = None

    @property
    def waits_for_the_digest(self) -> bool:
        return self.alert is not None and level_of(self.alert) <= Level.WARNING

    @property
    def is_settled(self) -> bool:
        return self.alert is not None and settles(self.alert)


def plan(now: datetime, batch: int = BATCH) -> int:
    """Make the messages of every alert that nobody was told of yet; of how many."""
    told = 0
    while found := _plan_batch(now, batch):
        told += found
    return told


@transaction.atomic
def _plan_batch(now: datetime, batch: int) -> int:
    untold = Alert.objects.filter(told_at=None).select_for_update(skip_locked=True, of=("self",)).order_by("id")
    related = ("clock", "breach__threshold", "order__category", "order__area", "order__lead_unit", "unit__parent")
    alerts = list(untold.select_related(*related)[:batch])
    if alerts:
        book, rules = AlertBook(alerts), Policy.objects.in_force(now).rules
        found = ((_about(alert, now), way) for alert in alerts for way in book.ways_of(alert))
        _write([_notice(message, way, rules, now) for message, way in found])
        Alert.objects.filter(pk__in=[alert.pk for alert in alerts]).update(told_at=now)
    return len(alerts)


def _about(alert: Alert, now: datetime) -> Message:
    is_emergency = alert.order is not None and alert.order.grade == Grade.EMERGENCY
    return Message(f"alert {alert.pk} {level_of(alert):d}", notice_texts.of_alert(alert, now), is_emergency, alert)


def tell(
    recipients: Iterable[User | Unit],
    subject: str,
    body: str,
    *,
    key: str,
    now: datetime,
    link: str = "",
    urgent: bool = False,
) -> None:
    """Tell these people and units, each once a key; `link` is a path of this site.

    In the transaction of whatever it is about, so that both are there or neither.
    """
    told = list(recipients)
    people = [one.pk for one in told if isinstance(one, User)]
    units = dict.fromkeys(one if isinstance(one, Unit) else one.unit for one in told)
    there = [unit for unit in units if unit]
    book, rules = AddressBook(Q(pk__in=people), there), Policy.objects.in_force(now).rules
    message = Message(key, Text(subject, body, link), urgent)
    users = [user for found in book.people.values() for user in found]
    _write([_notice(message, way, rules, now) for way in book.ways(users, there)])


def _write(notices: list[Notice]) -> None:
    Notice.objects.bulk_create(notices, ignore_conflicts=True)


def _notice(message: Message, way: Way, rules: Rules, now: datetime) -> Notice:
    text, alert = message.text, message.alert
    return Notice(
        key=message.key,
        user=way.user,
        unit=way.unit,
        channel=way.channel,
        alert=alert,
        level=level_of(alert) if alert else None,
        urgent=message.urgent,
        subject=text.subject[:200],
        body=text.body,
        link=text.link,
        created_at=now,
        **_begins(message, way, rules, now),
    )


def _begins(message: Message, way: Way, rules: Rules, now: datetime) -> dict[str, Any]:
    if way.is_console:
        return {"state": State.SENT, "sent_at": now}
    if message.is_settled:
        return {"state": State.DROPPED}
    at = now if message.urgent else _may_ring(rules, now, collected=message.waits_for_the_digest)
    return {"state": State.HELD if at > now else State.PENDING, "next_attempt_at": at}


def _may_ring(rules: Rules, now: datetime, *, collected: bool) -> datetime:
    local = timezone.localtime(now)
    return quiet.awake(quiet.following_digest(local, rules.digest_every) if collected else local, rules.quiet_hours)


def release(now: datetime) -> int:
    """Let go what was held long enough, what is for one recipient by one channel as one message; how many messages."""
    due = Notice.objects.filter(state=State.HELD, next_attempt_at__lte=now)
    return sum(
        _release(channel, now) for channel in due.order_by("channel").values_list("channel", flat=True).distinct()
    )


@transaction.atomic
def _release(channel: int, now: datetime) -> int:
    """The channel's row is the lock: two that release at once must not make two digests."""
    Channel.objects.select_for_update(no_key=True).get(pk=channel)
    due = Notice.objects.filter(channel=channel, state=State.HELD, next_attempt_at__lte=now)
    groups: dict[Any, list[Notice]] = defaultdict(list)
    for notice in due.to_read().order_by("pk"):
        groups["settled" if notice.is_settled else (notice.user_id, notice.unit_id)].append(notice)
    _move(groups.pop("settled", []), state=State.DROPPED, next_attempt_at=None)
    return sum(_let_go(notices, now) for notices in groups.values())


def _let_go(notices: list[Notice], now: datetime) -> int:
    _say_anew(notices, now)
    parts = [notices[first : first + LONGEST] for first in range(0, len(notices), LONGEST)]
    for part in parts:
        if len(part) == 1:
            _move(part, state=State.PENDING, next_attempt_at=now)
        else:
            _move(part, state=State.DIGESTED, next_attempt_at=None, digest=_digest(part, now))
    return len(parts)


def _say_anew(notices: list[Notice], now: datetime) -> None:
    """How much time is left was true when it was planned."""
    for notice in notices:
        if notice.alert:
            text = notice_texts.of_alert(notice.alert, now)
            notice.subject, notice.body = text.subject[:200], text.body
    Notice.objects.bulk_update(notices, ["subject", "body"])


def _digest(notices: list[Notice], now: datetime) -> Notice:
    first, text = notices[0], notice_texts.of_digest(notices)
    return Notice.objects.create(
        key=f"digest {first.pk}",
        user_id=first.user_id,
        unit_id=first.unit_id,
        channel_id=first.channel_id,
        level=max((notice.level for notice in notices if notice.level), default=None),
        subject=text.subject,
        body=text.body,
        link=text.link,
        state=State.PENDING,
        next_attempt_at=now,
        created_at=now,
    )


def _move(notices: list[Notice], **fields: Any) -> None:
    Notice.objects.filter(pk__in=[notice.pk for notice in notices]).update(**fields)


def prune(now: datetime) -> int:
    """Forget what came to its end long ago, parts before the digest they went out in; how many."""
    ended = Notice.objects.exclude(state__in=Notice.WAITING).filter(created_at__lt=now - settings.NOTICES_KEPT_FOR)
    return _forget(ended.exclude(digest=None)) + _forget(ended.filter(digest=None, parts=None))


def _forget(ended: Any) -> int:
    forgotten = 0
    while found := list(ended.order_by("pk").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        forgotten += Notice.objects.filter(pk__in=found).delete()[0]
    return forgotten


def pass_over(now: datetime) -> None:
    """Of what was raised so far nobody is told: a demo begins with alerts of sixty days."""
    Alert.objects.filter(told_at=None).update(told_at=now)


def try_out(channel: Channel, actor: User, *, now: datetime) -> None:
    """A message that is about nothing, for who sets a channel up."""
    with translation.override(settings.LANGUAGE_CODE):
        text = Text(_("Test message"), _("If you can read this, the channel works."), "")
    message = Message(f"test {now.isoformat()}", text, urgent=True)
    rules = Policy.objects.in_force(now).rules
    _write([_notice(message, Way(user=actor, channel=channel), rules, now)])
