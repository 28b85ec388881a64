"""Working off alerts: acknowledge, assign, comment, escalate, resolve; and settling what no longer burns.

Every act carries what its actor had seen (the last act before theirs, `last_act()`); whoever comes second hears who was first.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dispatch.models import Alert, AlertNote
from dispatch.permissions import may_act
from workorders.lifecycle import Level, Role
from workorders.models import Unit, User
from workorders.refusals import Invalid, NotAllowed, NotVisible, Refused, StaleVersion, WrongState

if TYPE_CHECKING:
    from dispatch.models import Breach

Act = AlertNote.Act
Status = Alert.Status
TOP = max(Level)
NOT_YOURS = gettext_lazy("This is for the supervisors of the level the alert has reached.")
NO_SUCH = gettext_lazy("There is no such alert, or it is not yours to see.")
IS_RESOLVED = gettext_lazy("The alert is resolved already.")
SAY_WHY = gettext_lazy("Please say why.")


def last_act(prefix: str = "notes__") -> Any:
    """What somebody who looks at an alert has seen of what was done: the last act; a comment changes nothing."""
    return Max(f"{prefix}pk", filter=~Q(**{f"{prefix}act": Act.COMMENT}))


@transaction.atomic
def acknowledge(pk: int, *, actor: User, now: datetime, seen: int | None = None, text: str = "") -> AlertNote:
    """确认预警: somebody looks after it."""
    alert = _lock(pk, "acknowledge", actor, seen)
    if alert.status != Status.OPEN:
        raise WrongState(_("The alert is acknowledged already."))
    alert.acknowledge(by=actor, at=now)
    alert.save(update_fields=["status", "acknowledged_by", "acknowledged_at", "assigned_to"])
    return _note(alert, Act.ACKNOWLEDGE, actor, now, text)


@transaction.atomic
def assign(
    pk: int, *, actor: User, now: datetime, to: User | None, seen: int | None = None, text: str = ""
) -> AlertNote:
    alert = _lock(pk, "assign", actor, seen)
    if to is None or not assignable(alert).filter(pk=to.pk).exists():
        raise Invalid(fields={"to": [_("Choose a supervisor whom the alert concerns.")]})
    alert.assigned_to = to
    alert.save(update_fields=["assigned_to"])
    return _note(alert, Act.ASSIGN, actor, now, text, to=to)


@transaction.atomic
def comment(pk: int, *, actor: User, now: datetime, text: str, seen: int | None = None) -> AlertNote:
    """Whatever happened meanwhile, what somebody has to say is not refused for it."""
    alert = _lock(pk, "comment", actor, None)
    return _note(alert, Act.COMMENT, actor, now, _needed(text, _("Please write the comment.")))


@transaction.atomic
def escalate(pk: int, *, actor: User, now: datetime, text: str, seen: int | None = None) -> AlertNote:
    """升级: to the next level of the ladder at once; the ladder of the clock goes on as it would have."""
    alert = _lock(pk, "escalate", actor, seen)
    if alert.level_now == TOP:
        raise WrongState(_("The alert is at the highest level already."))
    reason = _needed(text, SAY_WHY)
    alert.escalated_to, alert.escalated_at, alert.told_at = alert.level_now + 1, now, None
    alert.save(update_fields=["escalated_to", "escalated_at", "told_at"])
    return _note(alert, Act.ESCALATE, actor, now, reason, level=alert.escalated_to)


@transaction.atomic
def resolve(pk: int, *, actor: User, now: datetime, text: str, seen: int | None = None) -> AlertNote:
    """解除: with a reason, which stays with the alert."""
    alert = _lock(pk, "resolve", actor, seen)
    reason = _needed(text, SAY_WHY)
    alert.resolve(by=actor, at=now, why=reason)
    alert.save(update_fields=["status", "resolved_by", "resolved_at", "resolution"])
    return _note(alert, Act.RESOLVE, actor, now, reason)


ACTS: dict[str, Callable[..., AlertNote]] = {
    "acknowledge": acknowledge,
    "assign": assign,
    "comment": comment,
    "escalate": escalate,
    "resolve": resolve,
}


@dataclass
class Together:
    done: list[int] = field(default_factory=list)
    refused: dict[int, Refused] = field(default_factory=dict)


def together(act: str, chosen: Iterable[tuple[int, int]], **given: Any) -> Together:
    """The act on each of (alert, what was seen of it) for itself: one that is refused does not hold up the others."""
    outcome = Together()
    for pk, seen in chosen:
        try:
            ACTS[act](pk, seen=seen, **given)
            outcome.done.append(pk)
        except Refused as refusal:
            outcome.refused[pk] = refusal
    return outcome


def possible(alert: Alert, actor: User) -> list[str]:
    """The acts this user may do on it as it stands."""
    if alert.status == Status.RESOLVED:
        return ["comment"]
    not_now = {"acknowledge": alert.status != Status.OPEN, "escalate": alert.level_now == TOP}
    return [act for act in ACTS if may_act(act, alert, actor) and not not_now.get(act)]


def assignable(alert: Alert) -> QuerySet[User]:
    """The supervisors of the hotline, of the alert's unit and of the units above it."""
    above = alert.unit.chain() if alert.unit else []
    return supervisors().filter(Q(unit__kind=Unit.Kind.CITY) | Q(unit__code__in=above))


def supervisors() -> QuerySet[User]:
    return User.objects.filter(is_active=True, roles__contains=[Role.SUPERVISOR]).select_related("unit")


def _lock(pk: int, act: str, actor: User, seen: int | None) -> Alert:
    """Lock, then read, so that what the actor had seen is compared with what stands there now."""
    visible = Alert.objects.visible_to(actor).filter(pk=pk)
    locked = visible.select_for_update(of=("self",)).values_list("pk", flat=True).order_by().first()
    if locked is None:
        raise NotVisible(NO_SUCH)
    alert = Alert.objects.select_related("unit").get(pk=locked)
    if not may_act(act, alert, actor):
        raise NotAllowed(NOT_YOURS)
    _compare(alert, act, seen)
    return alert


def _compare(alert: Alert, act: str, seen: int | None) -> None:
    last = alert.notes.exclude(act=Act.COMMENT).select_related("author").last()
    if seen is not None and last and last.pk != seen:
        raise StaleVersion(_first(last))
    if alert.status == Status.RESOLVED and act != "comment":
        raise WrongState(IS_RESOLVED)


def _first(note: AlertNote) -> str:
    """Who was first, in a sentence."""
    when = f"{timezone.localtime(note.at):%H:%M}"
    if note.author is None:
        return _("Meanwhile the alert resolved itself at %(time)s: %(text)s") % {"time": when, "text": note.text}
    facts = {"who": note.author, "act": note.get_act_display(), "time": when}
    return _("%(who)s was first at %(time)s: %(act)s. Look at it as it stands now, then decide again.") % facts


def _needed(text: str, message: Any) -> str:
    if not text.strip():
        raise Invalid(fields={"text": [str(message)]})
    return text.strip()


def _note(alert: Alert, act: str, actor: User, now: datetime, text: str, **facts: Any) -> AlertNote:
    return AlertNote.objects.create(alert=alert, author=actor, at=now, act=act, text=text.strip(), **facts)


# The partial index of the unresolved ones brings the alerts, the primary key their clocks.
SETTLE = """
    WITH stopped AS (
        SELECT alert.id, clock.outcome FROM dispatch_alert AS alert
        JOIN workorders_clock AS clock ON clock.id = alert.clock_id
        WHERE alert.status <> 'resolved' AND clock.stopped_at IS NOT NULL
        FOR UPDATE OF alert SKIP LOCKED
    ), settled AS (
        UPDATE dispatch_alert AS alert
        SET status = 'resolved', resolved_at = %(now)s, resolution = %(texts)s::jsonb ->> stopped.outcome
        FROM stopped WHERE alert.id = stopped.id
        RETURNING alert.id, alert.resolution
    )
    INSERT INTO dispatch_alertnote (alert_id, at, act, text)
    SELECT id, %(now)s, 'settle', resolution FROM settled ORDER BY id
"""


def settle(now: datetime) -> int:
    """Resolve every alert whose clock has stopped, so that the desk shows what still burns. Returns how many."""
    texts = {
        "met": _("The clock stopped: done in time."),
        "missed": _("The clock stopped: done, after the deadline."),
        "void": _("The clock stopped: it no longer applies."),
    }
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, {"now": now, "texts": json.dumps(texts)})
        return cursor.rowcount


def close(breach: "Breach", text: str, *, now: datetime) -> None:
    """What a threshold raised is over; one that somebody has resolved before keeps their reason."""
    alert = Alert.objects.select_for_update().get(breach=breach)
    if alert.status == Status.RESOLVED:
        return
    alert.resolve(by=None, at=now, why=text)
    alert.save(update_fields=["status", "resolved_at", "resolution"])
    AlertNote.objects.create(alert=alert, at=now, act=Act.SETTLE, text=text)
