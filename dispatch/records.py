"""Dispatch's own record of a step: who handles the order."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Prefetch, Q

from dispatch import requests, telling
from dispatch.models import Assignment
from dispatch.return_windows import window_of
from workorders import clocks
from workorders.lifecycle import CO_HANDLING_CLOCKS

if TYPE_CHECKING:
    from workorders.models import Event


def assign(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    """The lead's clocks are started by the step; each co-handling unit gets its own here."""
    facts = {"instructions": cleaned["instructions"], "designated": event.step == "designate"}
    _assign_lead(event, cleaned["lead"], now, dispatched_by=event.actor, dispatched_at=now, **facts)
    for unit in cleaned["co_handling"]:
        _assign(event, unit, Assignment.Part.CO_HANDLING, now, **facts)
        clocks.start(event.order, CO_HANDLING_CLOCKS, now=now, unit=unit)
    if district := cleaned["copied_to"]:
        _assign(event, district, Assignment.Part.SUPERVISING, now, instructions=cleaned["instructions"])
        telling.of_copy(event, district, now=now)


def _assign_lead(event: "Event", unit: Any, now: datetime, **facts: Any) -> None:
    """The last moment for a return is a deadline: it is stored with what it runs for."""
    window = window_of(event.order.policy.rules, now)
    until = {"returnable_until": window.at, "provisional": window.provisional}
    _assign(event, unit, Assignment.Part.LEAD, now, **until, **facts)


def _assign(event: "Event", unit: Any, part: str, now: datetime, **facts: Any) -> None:
    Assignment.objects.create(order=event.order, unit=unit, part=part, assigned_at=now, **facts)


def unassign(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    _end(event, Assignment.End.RECALLED, now)


def take_back(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    requests.decide(event, cleaned, now=now)
    _end(event, Assignment.End.RETURNED, now)


def extend(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    requests.decide(event, cleaned, now=now)
    clocks.extend(event.order, event.data["length"], now=now)


def hand_down(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    """下派: the unit above goes on to see the order; what it was told not to do, the unit below may not do either."""
    giver, taker = event.unit, cleaned["lead"]
    assert giver is not None, "who hands down acts for the lead unit"
    ended = _end(event, Assignment.End.HANDED_DOWN, now, units=[giver, taker])
    before = next(one for one in ended if one.part == Assignment.Part.LEAD)
    as_before = {name: getattr(before, name) for name in ("designated", "dispatched_by", "dispatched_at")}
    _assign_lead(event, taker, now, instructions=cleaned["instructions"], **as_before)
    _assign(event, giver, Assignment.Part.CO_HANDLING, now)
    clocks.hand_down(event.order, giver, taker, now=now)


def _end(event: "Event", why: str, now: datetime, *, units: Any = None) -> list[Assignment]:
    found = Assignment.objects.filter(order=event.order, ended_at=None)
    ending = list(found if units is None else found.filter(unit__in=units))
    found.filter(pk__in=[one.pk for one in ending]).update(ended_at=now, end=why)
    return ending


def beside() -> Prefetch:
    """The assignments of an order as its page needs them."""
    return Prefetch("assignments", Assignment.objects.select_related("unit").order_by("id"))


def held_when_written(units: Any) -> Q:
    """Selects the events of orders these units held at the time and hold no more, the one that took it away included."""
    ended = Assignment.objects.filter(
        order=OuterRef("order"), unit__in=units, assigned_at__lte=OuterRef("at"), ended_at__gte=OuterRef("at")
    )
    return Q(Exists(ended))


def assigned_to(units: Any) -> Q:
    """In whatever part."""
    return Q(Exists(Assignment.objects.filter(order=OuterRef("pk"), unit__in=units, ended_at=None)))


def co_handled_by(units: Any) -> Q:
    ours = Assignment.objects.filter(
        order=OuterRef("pk"), unit__in=units, part=Assignment.Part.CO_HANDLING, ended_at=None
    )
    return Q(Exists(ours))
