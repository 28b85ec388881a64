"""Thresholds that leaders set: measured every minute, opening an alert when exceeded and closing it when it is over."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils.translation import gettext as _

from dispatch import alerts
from dispatch.models import Alert, Breach, Threshold
from workorders.lifecycle import HELD
from workorders.models import Area, Clock, Unit, WorkOrder


class Verdict(Enum):
    QUIET = "quiet"
    BEGINS = "begins"
    GOES_ON = "goes on"
    ENDS = "ends"


@dataclass(frozen=True)
class Subject:
    """What is measured on its own: an area or a unit with all below it; no code and no path is the whole city."""

    code: str = ""
    name: str = ""
    path: str = ""
    unit: int | None = None


@dataclass(frozen=True)
class Tally:
    counted: int = 0
    total: int = 0


def volume(counted: int, limit: int) -> tuple[Decimal, bool]:
    """(measure, exceeded) of a number of orders."""
    return Decimal(counted), counted > limit


def share(overdue: int, total: int, percent: int, least: int) -> tuple[Decimal, bool]:
    """(measure in per cent, exceeded); too few orders say nothing about a unit."""
    measure = (Decimal(100 * overdue) / total).quantize(Decimal("0.1")) if total else Decimal(0)
    return measure, total >= least and 100 * overdue > percent * total


def verdict(exceeded: bool, burning: bool) -> Verdict:
    if exceeded:
        return Verdict.GOES_ON if burning else Verdict.BEGINS
    return Verdict.ENDS if burning else Verdict.QUIET


def evaluate(now: datetime) -> None:
    """Measure every threshold in force, and those that were switched off while something was burning."""
    burning = Breach.objects.filter(threshold=OuterRef("pk"), ended_at=None)
    for pk in Threshold.objects.filter(Q(is_active=True) | Exists(burning)).values_list("pk", flat=True):
        _evaluate(pk, now)


@transaction.atomic
def _evaluate(pk: int, now: datetime) -> None:
    """One that another evaluation holds is left to it."""
    held = Threshold.objects.select_for_update(of=("self",), skip_locked=True)
    threshold = held.select_related("category", "area", "unit").filter(pk=pk).first()
    if threshold is None:
        return
    burning = {breach.subject: breach for breach in threshold.breaches.filter(ended_at=None)}
    found = measures(threshold, now) if threshold.is_active else {}
    for subject, (measure, exceeded) in found.items():
        _judge(threshold, subject, burning.pop(subject.code, None), measure, exceeded, now)
    for breach in burning.values():  # no longer measured: switched off, or set for something else
        _end(breach, Decimal(0), now)


def _judge(
    threshold: Threshold, subject: Subject, breach: Breach | None, measure: Decimal, exceeded: bool, now: datetime
) -> None:
    outcome = verdict(exceeded, breach is not None)
    if outcome == Verdict.BEGINS:
        _begin(threshold, subject, measure, now)
    elif outcome == Verdict.GOES_ON and breach:
        _go_on(breach, measure, now)
    elif outcome == Verdict.ENDS and breach:
        _end(breach, measure, now)


def _begin(threshold: Threshold, subject: Subject, measure: Decimal, now: datetime) -> None:
    breach = Breach.objects.create(
        threshold=threshold,
        subject=subject.code,
        name=subject.name,
        limit=threshold.limit,
        **dict.fromkeys(("began_at", "peak_at", "measured_at"), now),
        **dict.fromkeys(("began_with", "peak", "measure"), measure),
    )
    Alert.objects.create(breach=breach, unit_id=subject.unit, level=threshold.level, due_since=now, raised_at=now)


def _go_on(breach: Breach, measure: Decimal, now: datetime) -> None:
    breach.measure, breach.measured_at = measure, now
    if measure > breach.peak:
        breach.peak, breach.peak_at = measure, now
    breach.save(update_fields=["measure", "measured_at", "peak", "peak_at"])


def _end(breach: Breach, measure: Decimal, now: datetime) -> None:
    breach.measure, breach.measured_at, breach.ended_at = min(measure, breach.peak), now, now
    breach.save(update_fields=["measure", "measured_at", "ended_at"])
    facts = {"measure": breach.said(breach.measure), "peak": breach.said(breach.peak)}
    alerts.close(breach, _("Over: %(measure)s; the peak was %(peak)s.") % facts, now=now)


def measures(threshold: Threshold, now: datetime) -> dict[Subject, tuple[Decimal, bool]]:
    if threshold.kind == Threshold.Kind.VOLUME:
        counts = registered(threshold, now)
        return {subject: volume(one.counted, threshold.count) for subject, one in _of(threshold, counts)}
    counts, percent = in_hand(threshold, now), threshold.percent or 0
    return {subject: share(one.counted, one.total, percent, threshold.count) for subject, one in _of(threshold, counts)}


def registered(threshold: Threshold, now: datetime) -> dict[str, Tally]:
    """By path of the area: the window first, by the index of the times of registration, then what is in it."""
    since = now - timedelta(hours=threshold.window or 0)
    orders = WorkOrder.objects.filter(registered_at__gt=since, registered_at__lte=now, is_history=False)
    for column, node in (("category", threshold.category), ("area", threshold.area)):
        if node:
            orders = orders.filter(**{f"{column}__in": node.branch().values("pk")})
    found = orders.order_by().values_list("area__path").annotate(counted=Count("pk"))
    return {path or "": Tally(counted) for path, counted in found}


def in_hand(threshold: Threshold, now: datetime) -> dict[str, Tally]:
    """By path of the lead unit: the orders the units hold, and of these the ones with a deadline passed."""
    overdue = Clock.objects.overdue(now).filter(order=OuterRef("pk"))
    orders = WorkOrder.objects.filter(status__in=HELD)
    if threshold.unit:
        orders = orders.filter(lead_unit__in=threshold.unit.branch().values("pk"))
    counts = {"counted": Count("pk", Q(Exists(overdue))), "total": Count("pk")}
    found = orders.order_by().values_list("lead_unit__path").annotate(**counts)
    return {path: Tally(counted, total) for path, counted, total in found}


def _of(threshold: Threshold, counts: dict[str, Tally]) -> Iterable[tuple[Subject, Tally]]:
    for subject in subjects(threshold):
        ours = [one for path, one in counts.items() if path.startswith(subject.path)]
        yield subject, Tally(sum(one.counted for one in ours), sum(one.total for one in ours))


def subjects(threshold: Threshold) -> list[Subject]:
    volumes = threshold.kind == Threshold.Kind.VOLUME
    top: Any = threshold.area if volumes else threshold.unit
    if not threshold.each:
        return [_subject(top)] if top else [Subject()]
    nodes = Area.objects.filter(level=threshold.each) if volumes else Unit.objects.filter(kind=threshold.each)
    return [_subject(node) for node in nodes.filter(path__startswith=top.path if top else "/", is_active=True)]


def _subject(node: Any) -> Subject:
    return Subject(node.code, node.name, node.path, node.pk if isinstance(node, Unit) else None)
