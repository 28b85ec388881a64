"""Who goes first in the queues of the desks."""

from typing import Any

from django.db.models import Case, F, OuterRef, Subquery, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull

from intake.models import Appeal
from workorders.lifecycle import Grade
from workorders.models import Clock


def sorted_by_need(orders: Any, kind: str) -> Any:
    """By the deadline of the running clock of this kind, within what is needed most."""
    due = Clock.objects.running().filter(order=OuterRef("pk"), kind=kind, paused_at=None).order_by("due_at")
    return most_needed_first(orders.annotate(due=Subquery(due.values("due_at")[:1])))


def most_needed_first(found: Any, order: str = "") -> Any:
    """Danger first and so on by grade; then who goes by the green channel (M08); then what is `due` first."""
    prefix = f"{order}__" if order else ""
    ranked = found.annotate(need=_by_grade(f"{prefix}grade"), green=_by_green_channel(f"{prefix}pk"))
    return ranked.order_by("need", "-green", F("due").asc(nulls_last=True), "id")


def _by_green_channel(order: str) -> Any:
    """绿色通道: of its own, or of what was merged into it. Not by EXISTS, which PostgreSQL may answer by reading all appeals."""
    green = Appeal.objects.exclude(green_channel="").order_by().values("pk")
    own, merged = (green.filter(**{path: OuterRef(order)})[:1] for path in ("order", "order__parent"))
    return IsNull(Coalesce(Subquery(own), Subquery(merged)), False)


def _by_grade(field: str) -> Case:
    """As the grades are declared: danger first."""
    return Case(*(When(**{field: grade}, then=place) for place, grade in enumerate(Grade)), default=len(Grade))
