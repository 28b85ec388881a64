"""What forces a unit to rectify 整改, found by state: who has too many orders of a kind that were not evidence before.

Each rule is one statement over the orders of its window, by an index.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Exists, F, OuterRef, QuerySet

from dispatch.models import Accountability, Alert, Rectification
from workorders.lifecycle import Grade, Kind
from workorders.models import Event, WorkOrder
from workorders.policy import Rules

BATCH = 200
Cause = Rectification.Cause
OF_WRONGS = (Kind.COMPLAINT, Kind.REPORT, Kind.HELP)


@dataclass(frozen=True)
class Finding:
    cause: str
    unit: int
    orders: list[int]
    category: int | None = None
    area: int | None = None


def findings(rules: Rules, now: datetime) -> Iterator[Finding]:
    for cause, (rows, subject) in _rows(rules, now).items():
        most, _window = rules.forces_rectification(cause)
        for unit, *of_subject, orders in _grouped(rows, cause, subject, most):
            yield Finding(cause, unit, orders, **dict(zip(("category", "area"), of_subject, strict=False)))


def _rows(rules: Rules, now: datetime) -> dict[str, tuple[Any, tuple[str, ...]]]:
    """cause: (rows that each name their order as `case` and its unit as `of`, what they are grouped by besides)."""
    since = {cause: now - rules.forces_rectification(cause)[1] for cause in Cause}
    return {
        Cause.REPEATED_COMPLAINTS: (_complained(since[Cause.REPEATED_COMPLAINTS]), ("category", "area")),
        Cause.REPEATED_REDO: (_redone(since[Cause.REPEATED_REDO]), ()),
        Cause.GRAVE_MISS: (_gravely_missed(since[Cause.GRAVE_MISS]), ()),
    }


def _complained(since: datetime) -> QuerySet[Any]:
    orders = WorkOrder.objects.visible_to(None).filter(registered_at__gte=since, kind__in=OF_WRONGS)
    led = orders.filter(lead_unit__isnull=False, category__isnull=False).exclude(status="withdrawn")
    return led.annotate(case=F("pk"), of=F("lead_unit"))


def _redone(since: datetime) -> QuerySet[Any]:
    events = Event.objects.filter(step__in=["rework", "uphold"], at__gte=since, order__lead_unit__isnull=False)
    return events.annotate(case=F("order"), of=F("order__lead_unit"))


def _gravely_missed(since: datetime) -> QuerySet[Any]:
    """An emergency's clock at the ladder's last level, or a red slip overdue: both stand in the orders' own records."""
    alerts = Alert.objects.filter(level=max(Alert.Level.values), raised_at__gte=since, order__grade=Grade.EMERGENCY)
    of_slips = Accountability.objects.filter(cause=Accountability.Cause.SLIP, raised_at__gte=since)
    of_slips = of_slips.exclude(measure=Accountability.Measure.NONE)  # excused
    missed = alerts.filter(unit=F("order__lead_unit")).values("order").union(of_slips.values("slip__order"))
    orders = WorkOrder.objects.visible_to(None).filter(pk__in=missed, lead_unit__isnull=False)
    return orders.annotate(case=F("pk"), of=F("lead_unit"))


def _grouped(rows: Any, cause: str, subject: tuple[str, ...], least: int) -> Any:
    """(unit, *subject, orders) where there are enough orders that no rectification of this cause has shown yet."""
    shown = Rectification.orders.through.objects.filter(
        rectification__cause=cause, rectification__unit=OuterRef("of"), workorder=OuterRef("case")
    )
    fresh = rows.filter(~Exists(shown)).order_by().values("of", *subject)
    counted = fresh.annotate(enough=Count("case", distinct=True), cases=ArrayAgg("case", distinct=True))
    return counted.filter(enough__gte=least).values_list("of", *subject, "cases")[:BATCH]
