"""A simulation's result in words and tables, the same for the page and the command."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dispatch.models import Alert
from workorders.lifecycle import ClockKind, Grade
from workorders.models import Unit
from workorders.moments import day_and_time

HOUR, DAY = 60, 24 * 60  # in minutes


@dataclass(frozen=True)
class Figure:
    """One number of the summary: as it was (where there is such a thing), as it would have been, and which way it goes."""

    label: str
    before: str
    after: str
    direction: str


@dataclass(frozen=True)
class Table:
    title: str
    headers: list[str]
    rows: list[list[str]]
    folded: bool = False  # what nothing happens to is there for who asks


@dataclass(frozen=True)
class Report:
    scope: str
    figures: list[Figure]
    tables: list[Table]
    remarks: list[str]


def report_of(result: dict[str, Any]) -> Report:
    return Report(_scope(result), _figures(result), [*_tables(result)], [*_remarks(result)])


def _scope(result: dict[str, Any]) -> str:
    return ngettext(
        "%(clocks)s clocks of %(orders)s order that ran from %(since)s to %(until)s, run again under this version.",
        "%(clocks)s clocks of %(orders)s orders that ran from %(since)s to %(until)s, run again under this version.",
        result["orders"],
    ) % {
        "clocks": result["all"]["clocks"],
        "orders": result["orders"],
        "since": _moment(result["since"]),
        "until": _moment(result["until"]),
    }


def _figures(result: dict[str, Any]) -> list[Figure]:
    every, turned = result["all"], result["turned"]
    before, after = every["before"], every["after"]
    moved = every["earlier"] + every["later"] + every["removed"]
    words = _("%(earlier)s earlier, %(later)s later") % every
    turns = _("%(late)s late that were not, %(in_time)s late no more") % turned
    return [
        Figure(_("Deadlines that move"), "", str(moved), words),
        Figure(_("On-time rate"), rate(before), rate(after), _compared(_share(before), _share(after))),
        Figure(_("Limits missed"), str(before["late"]), str(after["late"]), turns),
        Figure(_("Alerts"), str(before["alerts"]), str(after["alerts"]), _compared(before["alerts"], after["alerts"])),
    ]


def _tables(result: dict[str, Any]) -> Iterator[Table]:
    groups, heads = _sorted(result["groups"]), _heads_of_groups()
    touched = [_row(group) for group in groups if _is_touched(group)]
    yield Table(_("Limits whose deadlines, outcomes or alerts change"), heads, touched)
    yield Table(
        _("Alerts by level"),
        [_("Level"), _("As it was"), _("As it would have been"), _("Difference")],
        [[_level(level), str(was), str(becomes), f"{becomes - was:+d}"] for level, was, becomes in result["levels"]],
    )
    of_units = [_("Unit"), _("Outcomes that turn"), _("On-time rate"), "→", _("Alerts"), "→"]
    yield Table(_("Units most affected"), of_units, _unit_rows(result["units"]))
    same = [_row(group) for group in groups if not _is_touched(group)]
    yield Table(_("Limits that stay as they are"), heads, same, folded=True)


def _is_touched(group: dict[str, Any]) -> bool:
    return bool(group["earlier"] or group["later"] or group["removed"]) or group["before"] != group["after"]


def _heads_of_groups() -> list[str]:
    moves = [_("Earlier"), _("Later"), _("Median shift")]
    return [_("Limit"), _("Grade"), _("Clocks counted"), *moves, _("On-time rate"), "→", _("Alerts"), "→"]


def _row(group: dict[str, Any]) -> list[str]:
    names = [str(ClockKind(group["kind"]).label), str(Grade(group["grade"]).label)]
    counts = [str(group[name]) for name in ("clocks", "earlier", "later")]
    return [*names, *counts, shift_in_words(group["shift"]), *_sides(group)]


def _sides(group: dict[str, Any]) -> list[str]:
    before, after = group["before"], group["after"]
    return [rate(before), rate(after), str(before["alerts"]), str(after["alerts"])]


def _sorted(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds, grades = ClockKind.values, Grade.values
    return sorted(groups, key=lambda group: (kinds.index(group["kind"]), grades.index(group["grade"])))


def _unit_rows(units: list[dict[str, Any]]) -> list[list[str]]:
    names = dict(Unit.objects.filter(pk__in=[one["unit"] for one in units]).values_list("pk", "name"))
    hotline = _("The hotline itself")
    return [[names.get(one["unit"], hotline), str(one["turned"]), *_sides(one)] for one in units]


def _remarks(result: dict[str, Any]) -> Iterator[str]:
    if result["every"] > 1:
        yield _("A sample: every %(every)s-th of %(total)s orders, so each one here stands for %(every)s.") % result
    yield _("What people did stays as and when they did it; orders ran under version %(versions)s.") % {
        "versions": ", ".join(map(str, result["versions"])) or "—"
    }
    apart = sum(result["apart"].values())
    if apart:
        yield ngettext(
            "%(apart)s clock is left out: its stored deadline is not what its rules and the ledger give.",
            "%(apart)s clocks are left out: their stored deadlines are not what their rules and the ledger give.",
            apart,
        ) % {"apart": apart}
    for kind, grade in result["unknown"]:
        names = {"kind": ClockKind(kind).label, "grade": Grade(grade).label}
        yield _("%(kind)s, %(grade)s: a limit that is new. Nobody can tell who would have kept it.") % names
    yield _("Answers of complainants do not depend on limits: the three rates of callbacks stay as they are.")


# In words


def rate(side: dict[str, int]) -> str:
    share = _share(side)
    return "—" if share is None else f"{100 * share:.1f}%"


def _share(side: dict[str, int]) -> float | None:
    judged = side["in_time"] + side["late"]
    return side["in_time"] / judged if judged else None


def _compared(before: float | None, after: float | None) -> str:
    if before is None or after is None or before == after:
        return _("unchanged")
    return _("higher") if after > before else _("lower")


def _counted(before: int, after: int) -> str:
    if before == after:
        return _("unchanged")
    return _("more") if after > before else _("fewer")


def shift_in_words(minutes: int | None) -> str:
    if minutes is None:
        return "—"
    days, rest = divmod(abs(minutes), DAY)
    amount = {"days": days, "hours": rest // HOUR, "minutes": rest % HOUR}
    return ("−" if minutes < 0 else "+") + _pattern(days, rest) % amount


def _pattern(days: int, rest: int) -> str:
    if days:
        return _("%(days)s d %(hours)s h")
    return _("%(hours)s h %(minutes)s min") if rest % HOUR else _("%(hours)s h")


def _level(level: int) -> str:
    known = dict(Alert.Level.choices)
    return str(known[level]) if level in known else _("Level %(level)s") % {"level": level}


def _moment(text: str) -> str:
    return day_and_time(datetime.fromisoformat(text), timezone.now())
