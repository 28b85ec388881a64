"""Whom to call next: the orders that await a callback, without those whose next attempt is not due yet."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, When
from django.db.models.functions import Least

from evaluation.models import Callback
from workorders import leases
from workorders.lifecycle import ClockKind, Grade, Status
from workorders.models import Clock, WorkOrder

if TYPE_CHECKING:
    from workorders.models import User
    from workorders.permissions import WorkOrderQuerySet

OF_ROUND = Callback.objects.filter(order=OuterRef("pk"), round=OuterRef("round"))
SHOWN = 10  # of those to be called again later


def waiting(user: "User", now: datetime) -> "WorkOrderQuerySet":
    """Danger first, then by the deadline of the callback or the time of the next attempt, whichever is earlier."""
    clock = Clock.objects.running().filter(order=OuterRef("pk"), kind=ClockKind.CALLBACK)
    orders: Any = WorkOrder.objects.visible_to(user).filter(status=Status.CALLBACK)
    return (
        orders.exclude(not_yet(user, now))
        .annotate(call_at=Least(Subquery(clock.values("due_at")[:1]), Subquery(OF_ROUND.values("next_attempt_at")[:1])))
        .order_by(Case(When(grade=Grade.EMERGENCY, then=0), default=1), "call_at", "id")
        .defer("tokens")
    )


def not_yet(user: "User", now: datetime) -> Q:
    """The next attempt lies ahead: agreed, or after the wait of the policy."""
    return Q(Exists(OF_ROUND.filter(next_attempt_at__gt=now)), status=Status.CALLBACK)


def later(user: "User", now: datetime) -> list[Callback]:
    """Those who are called again at their time, the soonest first."""
    orders = WorkOrder.objects.visible_to(user).filter(status=Status.CALLBACK)
    again = Callback.objects.filter(finished_at=None, next_attempt_at__gt=now, order__in=orders)
    ours = again.filter(round=F("order__round")).select_related("order").defer("order__tokens", "order__comparable")
    return list(ours.order_by("next_attempt_at", "id")[:SHOWN])


def in_hand(user: "User", now: datetime) -> WorkOrder | None:
    """The order this user took last and has not done yet: a page that is opened again shows the same."""
    return leases.held(waiting(user, now).order_by("-lease__until"), user, now=now)


def take_next(user: "User", now: datetime) -> WorkOrder | None:
    return leases.next_of(waiting(user, now), user, now=now)
