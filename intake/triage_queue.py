"""What waits at reception: orders of the web and of other channels, and those an operator left undecided."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Exists, F, OuterRef, Prefetch, Subquery, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull

from intake.models import Appeal, Correction
from workorders import leases
from workorders.lifecycle import ClockKind, Grade, Status
from workorders.models import Clock, Lease, WorkOrder

if TYPE_CHECKING:
    from workorders.models import User

SHOWN = 50


def to_decide(user: "User") -> Any:
    """Danger first and so on by grade; then who goes by the green channel (M08); then by the deadline of acceptance."""
    running = Clock.objects.running().filter(order=OuterRef("pk"), kind=ClockKind.ACCEPTANCE, paused_at=None)
    orders = WorkOrder.objects.visible_to(user).filter(status=Status.REGISTERED)
    ranked = orders.annotate(need=_by_grade(), green=_by_green_channel(), due=Subquery(running.values("due_at")[:1]))
    return ranked.order_by("need", "-green", F("due").asc(nulls_last=True), "id")


def _by_grade() -> Case:
    """As the grades are declared."""
    return Case(*(When(grade=grade, then=place) for place, grade in enumerate(Grade)), default=len(Grade))


def _by_green_channel() -> Any:
    """绿色通道: its own, or of what was merged into it. Not by EXISTS, for which PostgreSQL may read all there are."""
    green = Appeal.objects.exclude(green_channel="").order_by().values("pk")
    own, merged = (green.filter(**{path: OuterRef("pk")})[:1] for path in ("order", "order__parent"))
    return IsNull(Coalesce(Subquery(own), Subquery(merged)), False)


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
