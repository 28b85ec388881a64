"""The dispatch desk's queue: what waits to be sent to a unit, by grade, green channel and deadline, and who has what."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Prefetch, Subquery
from django.db.models.functions import Coalesce

from dispatch import meetings
from intake.precedence import sorted_by_need
from workorders import leases
from workorders.lifecycle import ClockKind, Status
from workorders.models import Clock, Lease, WorkOrder

if TYPE_CHECKING:
    from workorders.models import User

SHOWN = 40
ALIKE = 50  # of one bulk dispatch
WAITING = (Status.ACCEPTED, Status.CONSULTING)


def rows(user: "User") -> list[WorkOrder]:
    """The head of the queue, with what a row shows."""
    clocks = Prefetch("clocks", Clock.objects.running(), to_attr="running_clocks")
    related = sorted_by_need(waiting(user), ClockKind.DISPATCH).select_related("category", "area", "lease__user")
    unheard = meetings.unheard().order_by().values("meeting").annotate(count=Count("pk")).values("count")
    found = related.annotate(unheard=Coalesce(Subquery(unheard), 0)).defer("tokens", "matter")
    return list(found.prefetch_related(clocks)[:SHOWN])


def waiting(user: "User") -> Any:
    return WorkOrder.objects.visible_to(user).filter(status__in=WAITING)


def ready(user: "User", *, now: datetime) -> Any:
    return waiting(user).exclude(meetings.not_heard(user, now))


def next_one(user: "User", *, now: datetime) -> WorkOrder | None:
    """What they have taken already, or else the first that nobody has."""
    orders = sorted_by_need(ready(user, now=now), ClockKind.DISPATCH)
    return leases.held(orders, user, now=now) or leases.next_of(orders, user, now=now)


def take(order: WorkOrder, user: "User", *, now: datetime) -> bool:
    """Who chooses one has this one in hand, and lets go of the others of the queue."""
    taken = leases.take(order, user, now=now)
    if taken:
        Lease.objects.filter(user=user, order__status__in=WAITING).exclude(order=order).delete()
    return taken


def alike(user: "User", order: WorkOrder) -> Any:
    """Accepted ones of the same category and area, this one among them."""
    orders = WorkOrder.objects.visible_to(user).filter(status=Status.ACCEPTED)
    return orders.filter(category=order.category_id, area=order.area_id)


def alike_rows(user: "User", order: WorkOrder) -> list[WorkOrder]:
    """Oldest deadline first, with what a row shows."""
    clocks = Prefetch("clocks", Clock.objects.running(), to_attr="running_clocks")
    found = sorted_by_need(alike(user, order), ClockKind.DISPATCH).select_related("lease__user")
    return list(found.defer("tokens").prefetch_related(clocks)[:ALIKE])
