"""Supervision slips 督办单 beside the order (rules.md F): issued, answered, accepted, or rejected and risen.

Blue, orange, red; each colour has a clock of its own. Only this module writes a Slip. What the system does, it does by the
steps of the order as everybody else, found by state: run twice, it does it once.
"""

from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Count, Exists, F, Max, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dispatch import accountability, requests, telling
from dispatch.models import Alert, Slip
from workorders import clocks
from workorders.lifecycle import ClockKind, Role, steps_of
from workorders.models import Event, Policy, WorkOrder
from workorders.moments import spelled
from workorders.refusals import WrongState
from workorders.transitions import perform

if TYPE_CHECKING:
    from workorders.models import Unit, User

BATCH = 200
TARGETS = {name: set(targets) for name, _step, targets in steps_of(WorkOrder)}
ISSUED_IN, STANDS_IN = TARGETS["issue_slip"], TARGETS["answer_slip"]
BEGINNING = datetime(1970, 1, 1, tzinfo=timezone.get_fixed_timezone(0))


# Reading


def beside() -> Prefetch:
    """The slips of an order, oldest first, as its page needs them."""
    people = ("issued_by", "answered_by", "closed_by")
    return Prefetch("slips", Slip.objects.select_related("unit", "clock", *people).order_by("id"))


def open_of(order: Any) -> Slip | None:
    return next((slip for slip in order.slips.all() if slip.is_open), None)


def waits_for(user: "User") -> Q:
    """Few are open at a time: their orders by number let the list keep to its index."""
    waiting = Q(pk__in=[])
    if user.has_role(Role.SUPERVISOR):
        waiting |= Q(status=Slip.Status.ANSWERED)
    if user.has_role(Role.HANDLER, Role.REVIEWER):
        waiting |= Q(status=Slip.Status.DEMANDED, unit=user.unit)
    orders = Slip.objects.open().filter(waiting).values_list("order_id", flat=True) if waiting != Q(pk__in=[]) else []
    return Q(pk__in=list(orders))


# Writing


def issue(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    order, unit = event.order, event.order.lead_unit
    assert unit, "a slip is issued to the lead unit"
    clock = _start(order, unit, cleaned["days"], now)
    facts = {"demand": cleaned["demand"], "clock": clock, "issued_by": event.actor, "issued_at": now}
    telling.of_slip(Slip.objects.create(order=order, unit=unit, **facts), event, now=now)


def answer(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    slip = _open(event)
    clocks.settle(slip.clock, now=now)
    slip.give_answer(by=event.actor, at=now, words=cleaned["text"])
    slip.save()
    telling.of_slip(slip, event, now=now)


def accept(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    slip = _open(event)
    slip.accept(by=event.actor, at=now, words=cleaned["reason"])
    slip.save()
    telling.of_slip(slip, event, now=now)


def rise(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    """Rejected, overdue, or by a supervisor's will: the next colour, with a limit of its own."""
    slip = _open(event)
    clocks.void(event.order, [ClockKind.SLIP], now=now, units=[slip.unit])
    days = event.order.policy.rules.slip_days(slip.next_colour)
    slip.rise(words=cleaned["reason"], clock=_start(event.order, slip.unit, days, now))
    slip.save()
    telling.of_slip(slip, event, now=now)


def withdraw(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    """Issued in error: its clock stops, and whoever had to act on it hears so."""
    slip = _open(event)
    clocks.void(event.order, [ClockKind.SLIP], now=now, units=[slip.unit])
    slip.withdraw(by=event.actor, at=now, words=cleaned["reason"])
    slip.save()
    accountability.excuse(slip, now=now)
    telling.of_slip(slip, event, now=now)


def lapse(event: "Event", *, now: datetime) -> None:
    """What was demanded of an order that has ended, or of a unit that leads it no more, is demanded no longer."""
    if event.source == event.target and event.step != "hand_over":
        return
    order = event.order
    for slip in Slip.objects.open().filter(order=order).select_related("unit"):
        if order.status not in STANDS_IN or slip.unit_id != order.lead_unit_id:
            clocks.void(order, [ClockKind.SLIP], now=now, units=[slip.unit])
            slip.lapse(by=event.actor, at=now)
            slip.save()


def _open(event: "Event") -> Slip:
    return Slip.objects.open().select_related("clock", "unit").get(order=event.order)


def _start(order: WorkOrder, unit: "Unit", days: float, now: datetime) -> Any:
    return clocks.start_own(order, ClockKind.SLIP, days, now=now, unit=unit)


# The rules: why not, in a sentence; none where it may be done


def why_not_issue(order: WorkOrder, *, now: datetime) -> str | None:
    return _("There is an open supervision slip on this order.") if open_of(order) else None


def why_not_answer(order: WorkOrder, *, now: datetime) -> str | None:
    return None if _is(order, Slip.Status.DEMANDED) else _("No supervision slip waits for an answer.")


def why_not_decide(order: WorkOrder, *, now: datetime) -> str | None:
    return None if _is(order, Slip.Status.ANSWERED) else _("No answer to a supervision slip waits to be decided.")


def why_not_withdraw(order: WorkOrder, *, now: datetime) -> str | None:
    return None if open_of(order) else _("No supervision slip is open on this order.")


def why_not_raise(order: WorkOrder, *, now: datetime) -> str | None:
    slip = open_of(order)
    if slip and slip.colour == Slip.Colour.RED:
        return _("The slip is red: there is no higher colour.")
    return why_not_answer(order, now=now)


def why_not_hand_down(order: WorkOrder, *, now: datetime) -> str | None:
    """Nobody hands down what they were told to answer for."""
    if open_of(order):
        return _("A supervision slip to your unit is open: answer it first.")
    return requests.why_not_hand_down(order, now=now)


def _is(order: WorkOrder, status: Slip.Status) -> bool:
    slip = open_of(order)
    return slip is not None and slip.status == status


# For the ledger


def facts_of_issue(order: WorkOrder, *, now: datetime) -> dict[str, Any]:
    return {"colour": Slip.Colour.BLUE.value}


def facts_of_rise(order: WorkOrder, *, now: datetime) -> dict[str, Any]:
    slip = open_of(order)
    assert slip, "checked before"
    return {"colour": slip.next_colour.value, "days": order.policy.rules.slip_days(slip.next_colour)}


# What the system does


def issue_by_ladder(now: datetime) -> int:
    """For unit clocks that have gone up to the ladder's last level and still run."""
    alerts = {alert.order_id: alert for alert in _gone_up()[:BATCH]}
    return sum(_issue(order, now, _demand_of(alert)) for order, alert in alerts.items())


def _gone_up() -> Any:
    dealt_with = Slip.objects.filter(
        Q(status__in=Slip.OPEN) | Q(closed_at__gte=OuterRef("raised_at")),
        order=OuterRef("order"),
        unit=OuterRef("unit"),
    )
    highest = Alert.objects.exclude(status=Alert.Status.RESOLVED).filter(level=max(Alert.Level.values))
    ours = highest.filter(unit=F("order__lead_unit"), order__status__in=ISSUED_IN, clock__stopped_at=None)
    switched_on = ours.filter(order__policy__document__slips__by_ladder=True).exclude(kind=ClockKind.SLIP)
    return switched_on.filter(~Exists(dealt_with)).select_related("clock").order_by("-due_since", "pk")


def _demand_of(alert: Alert) -> str:
    assert alert.clock
    return _("%(clock)s: due on %(due)s and not done yet. Handle it at once, and answer what was done.") % {
        "clock": alert.clock.get_kind_display(),
        "due": spelled(alert.clock.due_at),
    }


def issue_after_urging(now: datetime) -> int:
    """催办: so many times since the last slip on the order."""
    return sum(_issue(order, now, _demand_after(urges)) for order, urges in _urged()[:BATCH])


def _urged() -> Any:
    """(order, how often) of orders at work whose count of urges has reached what their policy says."""
    slips = Slip.objects.filter(order=OuterRef("order"))
    last = slips.order_by().values("order").annotate(last=Max("issued_at")).values("last")
    urges = Event.objects.filter(step="urge", order__status__in=ISSUED_IN).exclude(Exists(slips.open()))
    since = urges.annotate(since=Coalesce(Subquery(last), BEGINNING)).filter(at__gt=F("since"))
    counted = since.order_by().values("order", "order__policy").annotate(urges=Count("id"))
    return counted.filter(_enough()).values_list("order", "urges")


def _enough() -> Q:
    """By the few policies that there are: their documents are too large to be read with every urge."""
    counts = {policy.pk: policy.rules.urges_for_slip for policy in Policy.objects.all()}
    reached = (Q(order__policy=policy, urges__gte=count) for policy, count in counts.items() if count)
    return reduce(or_, reached, Q(order=None))


def _demand_after(urges: int) -> str:
    return ngettext(
        "The complainant has pressed %(count)s time. Handle it at once, and answer what was done.",
        "The complainant has pressed %(count)s times. Handle it at once, and answer what was done.",
        urges,
    ) % {"count": urges}


def _issue(order_id: int, now: datetime, demand: str) -> bool:
    return _by_system(order_id, "issue_slip", now, demand=demand)


def watch(now: datetime) -> int:
    """Slips whose answer is overdue rise; where a red one is, the unit has to account for it."""
    moved = 0
    overdue = Slip.objects.overdue(now).filter(accountability=None).select_related("clock", "unit")
    for slip in overdue.order_by("clock__due_at")[:BATCH]:
        if slip.colour == Slip.Colour.RED:
            moved += accountability.hold_for_slip(slip, now=now)
        else:
            moved += _by_system(slip.order_id, "raise_slip", now, reason=_why_raised(slip))
    return moved


def _why_raised(slip: Slip) -> str:
    return _("No answer by %(due)s.") % {"due": spelled(slip.clock.due_at)}


def _by_system(order_id: int, step: str, now: datetime, **data: Any) -> bool:
    try:
        perform(order_id, step, actor=None, now=now, **data)
    except WrongState:  # somebody was quicker
        return False
    return True


def supervise(now: datetime) -> int:
    """All of it, in the city's language: it is written into the ledger."""
    with translation.override(settings.LANGUAGE_CODE):
        return watch(now) + issue_by_ladder(now) + issue_after_urging(now)
