"""The live figures of the supervisors' dashboard: pure reads of counters, marks and running clocks, at a cost that does not grow.

The city's figures come from the counters. A unit's supervisor has those of the orders they see: a day's marks and the
marks of what is open, so that a figure and the list behind it go by the same rule.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from dispatch import supervision
from dispatch.models import Alert
from evaluation import tally
from evaluation.counted import OVERDUE, UNATTENDED, level_name, link
from evaluation.models import Mark, Measure, Tally
from workorders import staffing
from workorders.lifecycle import OPEN, ClockKind, Role
from workorders.models import Clock, User, WorkOrder
from workorders.permissions import is_of_hotline
from workorders.selectors import COUNT_UP_TO, counted

AT_ONCE = 5000  # clocks that one figure looks at; beyond that it says "+"
BANDS = ((0, 1), (2, 3), (4, 7), (8, 15), (16, None))  # days since registration, both included
ALERTS = 6


@dataclass(frozen=True)
class Figure:
    label: str
    shown: str
    link: str
    tone: str = ""  # late, soon


@dataclass(frozen=True)
class Contact:
    """Of the contacts made today or owed by now, how many were made within the limit."""

    rate: str
    parts: list[Figure]


@dataclass(frozen=True)
class OpenOrders:
    bands: list[str]
    rows: list[tuple[str, list[Figure], Figure]]
    sums: list[Figure]
    total: Figure


@dataclass(frozen=True)
class Proof:
    heartbeat: str
    lag: str
    missed: int
    is_good: bool


@dataclass
class Running:
    """Orders by what their running clocks say; `cut_short` where there were more clocks than are looked at."""

    orders: dict[Any, set[int]] = field(default_factory=dict)
    cut_short: bool = False

    def shown(self, key: Any) -> str:
        count = len(self.orders.get(key, ()))
        if count > COUNT_UP_TO:
            return f"{COUNT_UP_TO}+"
        return f"{count}+" if self.cut_short else str(count)


def is_for(user: Any) -> bool:
    return bool(user.is_active and user.unit_id and user.has_role(Role.SUPERVISOR))


def is_of_the_city(user: Any) -> bool:
    """The counters and pictures are the whole city's, so they are for supervisors who see every order of it."""
    return is_for(user) and is_of_hotline(user, Role.SUPERVISOR)


def live(now: datetime, user: User | None = None) -> dict[str, Any]:
    """Of the orders that this supervisor sees; None sees all, as the city's do."""
    branch = None if user is None or is_of_the_city(user) else user
    today = timezone.localdate(now)
    overdue = _overdue(now, branch)
    done = _done_on(today, branch)
    return {
        "at": now,
        "branch": branch and branch.unit,
        "is_fresh": tally.is_fresh(now),
        "today": [_of_day(measure, today, done) for measure in (Measure.RECEIVED, Measure.DISPATCHED, Measure.CLOSED)],
        "due": _due(now, branch),
        "unattended": _unattended(branch),
        "overdue": Figure(_("All"), overdue.shown(OVERDUE), link(counted=OVERDUE), "late"),
        "levels": _levels(overdue),
        "contact": _contact(today, done, overdue),
        "open": _open(today, branch),
        "proof": _proof(now),
        "alerts": _alerts(branch),
        "warnings": [level for level in Alert.Level if level < Alert.Level.OVERDUE],
    }


def _seen_by(user: User) -> Exists:
    return Exists(WorkOrder.objects.visible_to(user).filter(pk=OuterRef("order")))


def _clocks(running: "QuerySet[Clock]", branch: User | None) -> "QuerySet[Clock]":
    return running.filter(_seen_by(branch)) if branch else running


def _done_on(day: date, branch: User | None) -> Counter[str]:
    measures = [one for one in Measure if one not in (Measure.OPEN, Measure.STAGE, Measure.MISSED)]
    if branch:
        marks = Mark.objects.filter(_seen_by(branch), measure__in=measures, day=day)
        return Counter(dict(marks.values_list("measure").annotate(Count("order"))))
    rows = Tally.objects.filter(measure__in=measures, cut=Tally.Cut.WHOLE, day=day, count__gt=0)
    return Counter(dict(rows.values_list("measure").annotate(Sum("count"))))


def _of_day(measure: Measure, day: date, done: Counter[str], label: str = "") -> Figure:
    return Figure(label or str(measure.label), str(done[measure]), link(counted=measure.value, since=day, until=day))


def _due(now: datetime, branch: User | None) -> list[Figure]:
    within = {"2h": now + timedelta(hours=2), "24h": now + timedelta(hours=24)}
    clocks = Clock.objects.running().filter(paused_at=None, due_at__gte=now, due_at__lt=within["24h"])
    rows = list(_clocks(clocks, branch).order_by("due_at").values_list("order", "due_at")[:AT_ONCE])
    labels = {"2h": _("Due in 2 hours"), "24h": _("Due in 24 hours")}
    figures = []
    for deadline, until in within.items():
        cut_short = len(rows) == AT_ONCE and rows[-1][1] < until
        running = Running({deadline: {order for order, due_at in rows if due_at < until}}, cut_short)
        figures.append(Figure(labels[deadline], running.shown(deadline), link(deadline=deadline), "soon"))
    return figures


def _unattended(branch: User | None) -> Figure:
    """Orders that nobody may move: the last who may do the next step is gone, or the unit is closed."""
    shown = counted(WorkOrder.objects.visible_to(branch).filter(staffing.waiting_for_nobody()), COUNT_UP_TO)
    return Figure(_("Waiting for nobody"), shown, link(counted=UNATTENDED), "" if shown == "0" else "late")


def _overdue(now: datetime, branch: User | None) -> Running:
    """By OVERDUE all, by level each order at its highest, by kind of clock each order under every kind."""
    clocks = _clocks(Clock.objects.overdue(now), branch)
    rows = list(clocks.order_by("due_at").values_list("order", "level", "kind")[:AT_ONCE])
    running = Running({OVERDUE: set()}, len(rows) == AT_ONCE)
    highest: dict[int, int] = {}
    for order, level, kind in rows:
        highest[order] = max(level, highest.get(order, 0))
        running.orders[OVERDUE].add(order)
        running.orders.setdefault(kind, set()).add(order)
    for order, level in highest.items():
        running.orders.setdefault(level, set()).add(order)
    return running


def _levels(overdue: Running) -> list[Figure]:
    levels = sorted(key for key in overdue.orders if isinstance(key, int))
    return [Figure(level_name(one), overdue.shown(one), link(counted=OVERDUE, level=one), "late") for one in levels]


def _contact(today: date, done: Counter[str], overdue: Running) -> Contact:
    in_time, late = done[Measure.CONTACTED], done[Measure.CONTACTED_LATE]
    owed = len(overdue.orders.get(ClockKind.CONTACT, ()))
    judged = in_time + late + owed
    kept_waiting = link(counted=OVERDUE, key=ClockKind.CONTACT.value)
    return Contact(
        f"{100 * in_time / judged:.1f}%" if judged else "–",
        [
            _of_day(Measure.CONTACTED, today, done, _("in time")),
            _of_day(Measure.CONTACTED_LATE, today, done, _("late")),
            Figure(_("not yet, overdue"), overdue.shown(ClockKind.CONTACT), kept_waiting, "late"),
        ],
    )


def _open(today: date, branch: User | None) -> OpenOrders:
    found: Counter[tuple[str, int]] = Counter()
    for status, day, count in _open_by_day(branch):
        found[status, _band((today - day).days)] += count
    statuses = [status for status in OPEN if any(found[status, band] for band in range(len(BANDS)))]
    lines = [(str(status.label), _line(found, [status], today, status.value)) for status in statuses]
    return OpenOrders(
        bands=[_band_name(*band) for band in BANDS],
        rows=[(label, cells[:-1], cells[-1]) for label, cells in lines],
        sums=_line(found, OPEN, today, "")[:-1],
        total=replace(_line(found, OPEN, today, "")[-1], label=_("Open orders")),
    )


def _open_by_day(branch: User | None) -> Iterable[tuple[str, date, int]]:
    if branch:
        marks = Mark.objects.filter(_seen_by(branch), measure=Measure.OPEN)
        return marks.values_list("key", "day").annotate(Count("order"))
    rows = Tally.objects.filter(measure=Measure.OPEN, cut=Tally.Cut.WHOLE, count__gt=0)
    return rows.values_list("key", "day", "count")


def _band(days: int) -> int:
    return next(number for number, (_first, last) in enumerate(BANDS) if last is None or days <= last)


def _band_name(first: int, last: int | None) -> str:
    return (
        _("%(first)s days and more") % {"first": first}
        if last is None
        else _("%(first)s–%(last)s days") % {"first": first, "last": last}
    )


def _line(found: Counter[tuple[str, int]], statuses: Iterable[str], today: date, key: str) -> list[Figure]:
    """A figure for each band of age, and one for all of them."""
    statuses = list(statuses)
    counts = [sum(found[status, band] for status in statuses) for band in range(len(BANDS))]
    figures = [
        Figure(_band_name(*band), str(count), link(counted=Measure.OPEN.value, key=key, **_days(band, today)))
        for band, count in zip(BANDS, counts, strict=True)
    ]
    return [*figures, Figure(_("All"), str(sum(counts)), link(counted=Measure.OPEN.value, key=key))]


def _days(band: tuple[int, int | None], today: date) -> dict[str, date | None]:
    """The youngest band also holds what a clock ahead of ours registered tomorrow."""
    first, last = band
    return {
        "since": None if last is None else today - timedelta(days=last),
        "until": today - timedelta(days=first) if first else None,
    }


def _proof(now: datetime) -> Proof:
    found = supervision.proof(now)
    age = found.heartbeat_age_s
    return Proof(
        heartbeat="–" if age is None else _("%(n)s s ago") % {"n": round(age)},
        lag=_("%(n)s s") % {"n": round(found.lag_s)},
        missed=found.missed,
        is_good=found.ok,
    )


def _alerts(branch: User | None) -> list[Alert]:
    """The newest that nobody has resolved, of clocks and of thresholds."""
    seen = Alert.objects.visible_to(branch) if branch else Alert.objects.all()
    return list(seen.unresolved().select_related("order", "unit", "breach__threshold").order_by("-id")[:ALERTS])
