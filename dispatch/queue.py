"""The dispatch desk's queue: what waits to be sent to a unit, by grade, green channel and deadline, and who has what."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Count, F, OuterRef, Prefetch, Subquery, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull

from dispatch import meetings
from intake.models import Appeal
from workorders import leases
from workorders.lifecycle import ClockKind, Grade, Status
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


def sorted_by_need(orders: Any, kind: str) -> Any:
    """By the deadline of the running clock of this kind, within what is needed most."""
    due = Clock.objects.running().filter(order=OuterRef("pk"), kind=kind, paused_at=None).order_by("due_at")
    return most_needed_first(orders.annotate(due=Subquery(due.values("due_at")[:1])))


def most_needed_first(found: Any, order: str = "") -> Any:
    """Danger first and so on by grade; then who goes by the green channel (M08); then what is `due` first."""
    prefix = f"{order}__" if order else ""
    ranked = found.annotate(need=by_grade(f"{prefix}grade"), green=by_green_channel(f"{prefix}pk"))
    return ranked.order_by("need", "-green", F("due").asc(nulls_last=True), "id")


def by_green_channel(order: str) -> Any:
    """绿色通道: of its own, or of what was merged into it. Not by EXISTS, which PostgreSQL may answer by reading all appeals."""
    green = Appeal.objects.exclude(green_channel="").order_by().values("pk")
    own, merged = (green.filter(**{path: OuterRef(order)})[:1] for path in ("order", "order__parent"))
    return IsNull(Coalesce(Subquery(own), Subquery(merged)), False)


def by_grade(field: str) -> Case:
    """As the grades are declared: danger first."""
    return Case(*(When(**{field: grade}, then=place) for place, grade in enumerate(Grade)), default=len(Grade))


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
