"""What the dashboard's pictures show, with the link of every mark to the orders it counts, and the same as a table."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from evaluation.buckets import percentile
from evaluation.counted import link
from evaluation.marks import STAGES
from evaluation.models import Measure, Tally
from workorders.lifecycle import UNIT_CLOCKS, ClockKind, Status
from workorders.models import Area, Category, Unit
from workorders.templatetags.console import span

DAYS = 30  # with today
A_YEAR = timedelta(days=364)  # the same day of the week
CATEGORIES, UNITS = 10, 12
SHARES = {"median": 0.5, "p90": 0.9}
Cut = Tally.Cut


@dataclass(frozen=True)
class Period:
    since: date
    until: date

    @property
    def days(self) -> list[date]:
        return [self.since + timedelta(days=number) for number in range((self.until - self.since).days + 1)]

    def link(self, measure: Measure, **chosen: Any) -> str:
        return link(counted=measure.value, since=self.since, until=self.until, **chosen)


def pictures(now: datetime) -> dict[str, Any]:
    today = timezone.localdate(now)
    period = Period(today - timedelta(days=DAYS - 1), today)
    return {
        "trend": trend(period),
        "funnel": funnel(period),
        "areas": areas(period),
        "lateness": lateness(period),
        "categories": categories(period),
    }


def _tallies(measure: Measure, period: Period, cut: str = Cut.WHOLE) -> QuerySet[Tally]:
    days = (period.since, period.until)
    return Tally.objects.filter(measure=measure, cut=cut, day__range=days, count__gt=0)


def trend(period: Period) -> dict[str, Any]:
    before = Period(period.since - A_YEAR, period.until - A_YEAR)
    lines = {
        "received": (str(Measure.RECEIVED.label), Measure.RECEIVED, period),
        "closed": (str(Measure.CLOSED.label), Measure.CLOSED, period),
        "before": (_("Received a year before"), Measure.RECEIVED, before),
    }
    counts = _by_day(period, before)
    series: list[dict[str, Any]] = [
        {"id": name, "name": label, "points": [_point(measure, day, counts) for day in days.days]}
        for name, (label, measure, days) in lines.items()
    ]
    days = [date_format(day, _("M j")) for day in period.days]
    head = [_("Day"), *[one["name"] for one in series]]
    rows = [[_text(day), *[one["points"][at] for one in series]] for at, day in enumerate(days)]
    return {"days": days, "series": series, "table": _table(head, rows[::-1])}


def _by_day(*periods: Period) -> Counter[tuple[str, date]]:
    days = [day for period in periods for day in period.days]
    measures = [Measure.RECEIVED, Measure.CLOSED]
    rows = Tally.objects.filter(measure__in=measures, cut=Cut.WHOLE, day__in=days, count__gt=0)
    return Counter({(measure, day): count for measure, day, count in rows.values_list("measure", "day", "count")})


def _point(measure: Measure, day: date, counts: Counter[tuple[str, date]]) -> dict[str, Any]:
    return _number(counts[measure, day], link(counted=measure.value, since=day, until=day))


def categories(period: Period) -> dict[str, Any]:
    counts = _sums(_tallies(Measure.RECEIVED, period, Cut.CATEGORY), "category")
    most = _first(counts, CATEGORIES)
    found = Category.objects.in_bulk([pk for (pk,), _count in most])
    bars = [
        {"name": found[pk].name, **_number(count, period.link(Measure.RECEIVED, topic=found[pk]))}
        for (pk,), count in most
    ]
    rows = [[_text(bar["name"]), bar] for bar in bars]
    return {"bars": bars, "table": _table([_("Category"), str(Measure.RECEIVED.label)], rows)}


def areas(period: Period) -> dict[str, Any]:
    """Districts with their streets. What is known only as somewhere in a district stands beside its streets."""
    counts = _sums(_tallies(Measure.RECEIVED, period, Cut.AREA), "area")
    places = Area.objects.select_related("parent").in_bulk([pk for (pk,) in counts])
    tiles: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for (pk,), count in _first(counts, len(counts)):
        place = places[pk]
        district = place.parent if place.level == Area.Level.STREET and place.parent else place
        tiles[district].append({"name": place.name, **_number(count, period.link(Measure.RECEIVED, place=place))})
    districts = [_district(area, streets, period) for area, streets in tiles.items()]
    districts.sort(key=lambda district: -district["value"])
    rows = [[_text(one["name"]), _text(tile["name"]), tile] for one in districts for tile in one["children"]]
    head = [_("District"), _("Street or township"), str(Measure.RECEIVED.label)]
    return {"districts": districts, "table": _table(head, rows)}


def _district(area: Area, streets: list[dict[str, Any]], period: Period) -> dict[str, Any]:
    all_of_it = area.level == Area.Level.DISTRICT
    where = {"area": area} if all_of_it else {"place": area}
    total = sum(street["value"] for street in streets)
    return {"name": area.name, "children": streets, **_number(total, period.link(Measure.RECEIVED, **where))}


def lateness(period: Period) -> dict[str, Any]:
    """Units, the latest first, by the kinds of their clocks; the hotline's own clocks are nobody's in particular."""
    counts = _sums(_tallies(Measure.MISSED, period), "unit", "key")
    late: Counter[int | None] = Counter()
    for (unit, _kind), count in counts.items():
        late[unit] += count
    most = [unit for unit, _count in _first(late, UNITS)]
    units = Unit.objects.in_bulk([unit for unit in most if unit])
    kinds = [kind for kind in ClockKind if kind in UNIT_CLOCKS or any(key == kind for _unit, key in counts)]
    names = [units[unit].name if unit else _("Hotline") for unit in most]
    cells = [
        [
            _number(counts[unit, kind], period.link(Measure.MISSED, key=kind.value, by=units.get(unit or 0)))
            for kind in kinds
        ]
        for unit in most
    ]
    clocks = [str(kind.label) for kind in kinds]
    rows = [[_text(name), *row] for name, row in zip(names, cells, strict=True)]
    return {"units": names, "clocks": clocks, "cells": cells, "table": _table([_("Unit"), *clocks], rows)}


def funnel(period: Period) -> dict[str, Any]:
    """Of the orders received in the period: how many reached each stage, and how long those that left it were there."""
    counts = _sums(_tallies(Measure.STAGE, period), "key", "bucket")
    stages = [_stage(stage, counts, period) for stage in STAGES]
    head = [_("Stage"), _("Orders"), _("Median stay"), _("90th percentile")]
    rows = [[_text(one["name"]), one, _text(one["median"]), _text(one["p90"])] for one in stages]
    return {"stages": stages, "table": _table(head, rows)}


def _stage(stage: Status, counts: Counter[Any], period: Period) -> dict[str, Any]:
    stays = {bucket: count for (key, bucket), count in counts.items() if key == stage and bucket is not None}
    reached = sum(count for (key, _bucket), count in counts.items() if key == stage)
    lengths = {name: percentile(stays, share) for name, share in SHARES.items()}
    shown = {name: "–" if length is None else span(length) for name, length in lengths.items()}
    return {"name": str(stage.label), **_number(reached, period.link(Measure.STAGE, key=stage.value)), **shown}


def _sums(rows: QuerySet[Tally], *keys: str) -> Counter[Any]:
    """{(keys…): count}, without those that lie nowhere."""
    sums = rows.values_list(*keys).annotate(Sum("count"))
    first_may_be_none = "unit" in keys
    return Counter({tuple(key): count for *key, count in sums if first_may_be_none or key[0] is not None})


def _first(counts: Counter[Any], number: int) -> list[tuple[Any, int]]:
    """The most frequent; among equals always the same, so that a refreshed picture stands still."""
    return sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))[:number]


def _number(count: int, to: str) -> dict[str, Any]:
    return {"value": count, "link": to}


def _text(words: str) -> dict[str, Any]:
    return {"text": words}


def _table(head: list[str], rows: Iterable[list[dict[str, Any]]]) -> dict[str, Any]:
    return {"head": head, "rows": list(rows)}
