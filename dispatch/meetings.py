"""Joint meetings 联席会议 (rules.md A Art. 12, C): called, heard, concluded by the step that takes the order out of it.

Only this module writes a Meeting and its opinions.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from dispatch import telling
from dispatch.models import Meeting, Opinion
from workorders.lifecycle import Role, Status

if TYPE_CHECKING:
    from workorders.models import Event, User, WorkOrder

ENDS = {"designate": Meeting.End.DESIGNATED, "end_meeting": Meeting.End.UNDECIDED}
OPEN = Q(meeting__concluded_at=None)
PATIENCE = timedelta(days=1)  # with who does not answer in writing; then the dispatcher decides without them


# Reading


def heard() -> QuerySet[Meeting]:
    """With what was said, oldest first."""
    opinions = Prefetch("opinions", Opinion.objects.select_related("unit").order_by("id"))
    return Meeting.objects.prefetch_related(opinions).order_by("id")


def opinion_of(order: "WorkOrder", unit_id: int | None) -> Opinion | None:
    """What this unit has said so far in the meeting that is on."""
    return Opinion.objects.filter(OPEN, meeting__order=order, unit=unit_id).exclude(at=None).first()


def consulted_by(units: Any) -> Q:
    """While the meeting is on: who is asked has to know what about."""
    return Q(Exists(Opinion.objects.filter(OPEN, meeting__order=OuterRef("pk"), unit__in=units)))


def unheard() -> Any:
    """Of the order: the opinions that its meeting still waits for."""
    return Opinion.objects.filter(OPEN, meeting__order=OuterRef("pk"), at=None)


def not_heard(user: "User", now: datetime) -> Q:
    """For who concludes it: the meeting still waits for the hour it is held at or, in writing, a day for opinions."""
    if not user.has_role(Role.DISPATCHER):
        return Q(pk__in=[])
    silent = Exists(Opinion.objects.filter(meeting=OuterRef("pk"), at=None))
    in_writing = Q(silent, held_at=None, called_at__gt=now - PATIENCE)
    on = Meeting.objects.filter(order=OuterRef("pk"), concluded_at=None)
    return Q(Exists(on.filter(Q(held_at__gt=now) | in_writing)))


def waits_for(user: "User") -> Q:
    """Few are open at a time: their orders by number let the list keep to its index."""
    if not user.has_role(Role.HANDLER, Role.REVIEWER):
        return Q(pk__in=[])
    ours = Opinion.objects.filter(OPEN, unit=user.unit, at=None)
    return Q(pk__in=list(ours.values_list("meeting__order_id", flat=True)))


# Writing


def call(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    assert event.actor, "a dispatcher calls a meeting"
    facts = {"question": cleaned["reason"], "held_at": cleaned["held_at"]}
    meeting = Meeting.objects.create(order=event.order, called_by=event.actor, called_at=now, **facts)
    Opinion.objects.bulk_create(Opinion(meeting=meeting, unit=unit) for unit in cleaned["participants"])
    telling.of_meeting(meeting, cleaned["participants"], now=now)


def opine(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    opinions = Opinion.objects.filter(OPEN, meeting__order=event.order)
    said = {"duty": cleaned["duty"], "text": cleaned["text"], "by": event.actor, "at": now}
    opinions.filter(unit=event.unit).update(**said)
    if not opinions.filter(at=None).exists():
        telling.of_opinions(Meeting.objects.get(order=event.order, concluded_at=None), now=now)


def conclude(event: "Event", *, now: datetime) -> None:
    """However the order leaves its meeting, the meeting is over."""
    if event.source != Status.CONSULTING or event.target == Status.CONSULTING:
        return
    facts = {"conclusion": event.reason, "end": ENDS.get(event.step, Meeting.End.LAPSED)}
    Meeting.objects.filter(order=event.order, concluded_at=None).update(concluded_at=now, **facts)
