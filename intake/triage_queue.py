"""What waits at reception: orders of the web and of other channels, and those an operator left undecided."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Prefetch

from intake.models import Correction
from intake.precedence import sorted_by_need
from workorders import leases
from workorders.lifecycle import ClockKind, Status
from workorders.models import Clock, Lease, WorkOrder

if TYPE_CHECKING:
    from workorders.models import User

SHOWN = 50


def to_decide(user: "User") -> Any:
    return sorted_by_need(WorkOrder.objects.visible_to(user).filter(status=Status.REGISTERED), ClockKind.ACCEPTANCE)


def to_be_corrected(user: "User") -> Any:
    """Those that close first come first."""
    orders = WorkOrder.objects.visible_to(user).filter(status=Status.INCOMPLETE)
    return orders.order_by("corrections__closes_at", "id").filter(corrections__ended_at=None)


def rows(orders: Any) -> list[WorkOrder]:
    clocks = Prefetch("clocks", Clock.objects.running(), to_attr="running_clocks")
    open_ones = Prefetch("corrections", Correction.objects.filter(ended_at=None), to_attr="open_corrections")
    related = orders.select_related("category", "area", "lease__user").defer("tokens", "matter")
    return list(related.prefetch_related(clocks, open_ones, "appeals")[:SHOWN])


def next_one(user: "User", *, now: datetime) -> WorkOrder | None:
    return leases.next_of(to_decide(user), user, now=now)


def next_after(order: WorkOrder, user: "User", *, now: datetime) -> WorkOrder | None:
    """Where the work goes on when this one is decided; nothing is taken by looking."""
    taken = Lease.objects.filter(order=OuterRef("pk"), until__gt=now).exclude(user=user)
    return to_decide(user).exclude(pk=order.pk).exclude(Exists(taken)).only("number").first()
