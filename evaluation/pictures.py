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
from workorders.models import Area
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
    rows = _tallies(Measure.RECEIVED, period, Cut.CATEGORY).exclude(category=None)
    most = _first(_sums(rows, "category__code", "category__name"), CATEGORIES)
    bars = [{"name": name, **_number(count, period.link(Measure.RECEIVED, topic=code))} for (code, name), count in most]
    lines = [[_text(bar["name"]), bar] for bar in bars]
    return {"bars": bars, "table": _table([_("Category"), str(Measure.RECEIVED.label)], lines)}


def areas(period: Period) -> dict[str, Any]:
    """Districts with their streets. What is known only as somewhere in a district stands beside its streets."""
    rows = _tallies(Measure.RECEIVED, period, Cut.AREA).exclude(area=None)
    counts = _sums(rows, "area__level", "area__code", "area__name", "area__parent__code", "area__parent__name")
    tiles: dict[tuple[str, str, bool], list[dict[str, Any]]] = defaultdict(list)
    for (level, code, name, parent, parent_name), count in _first(counts, len(counts)):
        district = (parent, parent_name) if level == Area.Level.STREET and parent else (code, name)
        tile = {"name": name, **_number(count, period.link(Measure.RECEIVED, place=code))}
        tiles[*district, level == Area.Level.CITY].append(tile)
    districts = [_district(*key, streets, period) for key, streets in tiles.items()]
    districts.sort(key=lambda district: -district["value"])
    lines = [[_text(one["name"]), _text(tile["name"]), tile] for one in districts for tile in one["children"]]
    head = [_("District"), _("Street or township"), str(Measure.RECEIVED.label)]
    return {"districts": districts, "table": _table(head, lines)}


def _district(code: str, name: str, is_city: bool, streets: list[dict[str, Any]], period: Period) -> dict[str, Any]:
    """What is known only as somewhere in the city has no branch of its own."""
    where = {"place" if is_city else "area": code}
    total = sum(street["value"] for street in streets)
    return {"name": name, "children": streets, **_number(total, period.link(Measure.RECEIVED, **where))}


def lateness(period: Period) -> dict[str, Any]:
    """Units, the latest first, by the kinds of their clocks; the hotline's own clocks are nobody's in particular."""
    counts = _sums(_tallies(Measure.MISSED, period), "unit__code", "unit__name", "key")
    late: Counter[tuple[str | None, str | None]] = Counter()
    for (code, name, _kind), count in counts.items():
        late[code, name] += count
    units = [unit for unit, _count in _first(late, UNITS)]
    kinds = [kind for kind in ClockKind if kind in UNIT_CLOCKS or any(key == kind for *_unit, key in counts)]
    cells = [[_late(counts[*unit, kind], kind, unit[0], period) for kind in kinds] for unit in units]
    names, clocks = [name or _("Hotline") for _code, name in units], [str(kind.label) for kind in kinds]
    lines = [[_text(name), *row] for name, row in zip(names, cells, strict=True)]
    return {"units": names, "clocks": clocks, "cells": cells, "table": _table([_("Unit"), *clocks], lines)}


def _late(count: int, kind: ClockKind, unit: str | None, period: Period) -> dict[str, Any]:
    return _number(count, period.link(Measure.MISSED, key=kind.value, by=unit))


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
    said = (
        _("in all: median %(median)s · P90 %(p90)s") if stage == Status.CLOSED else _("median %(median)s · P90 %(p90)s")
    )
    number = _number(reached, period.link(Measure.STAGE, key=stage.value))
    return {"name": str(stage.label), "stay": said % shown, **number, **shown}


def _sums(rows: QuerySet[Tally], *keys: str) -> Counter[Any]:
    """{(keys…): count}"""
    return Counter({tuple(key): count for *key, count in rows.values_list(*keys).annotate(Sum("count"))})


def _first(counts: Counter[Any], number: int) -> list[tuple[Any, int]]:
    """The most frequent; among equals always the same, so that a refreshed picture stands still."""
    return sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))[:number]


def _number(count: int, to: str) -> dict[str, Any]:
    return {"value": count, "link": to}


def _text(words: str) -> dict[str, Any]:
    return {"text": words}


def _table(head: list[str], rows: Iterable[list[dict[str, Any]]]) -> dict[str, Any]:
    return {"head": head, "rows": list(rows)}
