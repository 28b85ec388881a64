"""What differs between two policy documents, in the words of those who decide on it. Pure: documents in, changes out."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from workorders.lifecycle import ClockKind, Grade

GONE = object()
HOURS = {"minute": 1 / 60, "hour": 1, "natural_day": 24}
SECTION_NAMES = {
    "limits": gettext_lazy("Limits"),
    "ladder": gettext_lazy("Ladder of alerts"),
    "rework": gettext_lazy("Rework"),
    "contact": gettext_lazy("First contact"),
    "correction": gettext_lazy("Corrections"),
    "returns": gettext_lazy("Returns"),
    "extension": gettext_lazy("Extensions"),
    "callback": gettext_lazy("Callbacks"),
    "replies": gettext_lazy("Replies"),
    "archive": gettext_lazy("Archiving"),
    "retention_years": gettext_lazy("Retention"),
}
NAMES = {
    "title": gettext_lazy("Title"),
    "working_hours": gettext_lazy("Working hours"),
    "rework.share": gettext_lazy("Share of the limit in a round of rework"),
    "rework.clocks": gettext_lazy("Limits that a rework shortens"),
    "contact.attempts": gettext_lazy("Unanswered attempts that count as the first contact"),
    "contact.apart": gettext_lazy("Time between two of these attempts, as a share of the limit"),
    "correction.remind_after.1": gettext_lazy("First reminder of a correction after"),
    "correction.remind_after.2": gettext_lazy("Second reminder of a correction after"),
    "correction.close_after": gettext_lazy("An order whose correction does not come is closed after"),
    "returns.window": gettext_lazy("A return may be asked for within"),
    "returns.per_order": gettext_lazy("Returns of one order"),
    "returns.per_unit": gettext_lazy("Returns by one unit"),
    "extension.notice": gettext_lazy("An extension is asked for before the deadline by"),
    "extension.per_round": gettext_lazy("Extensions in one round"),
    "extension.longest_days": gettext_lazy("Longest extension in working days"),
    "callback.attempts": gettext_lazy("Unanswered attempts before an order may be closed"),
    "callback.wait": gettext_lazy("Time until the next attempt"),
    "replies.forbidden": gettext_lazy("Words that may not stand in a reply"),
    "archive.after_days": gettext_lazy("Days from the end to the archive"),
    "retention_years.general": gettext_lazy("Years that general orders are kept"),
    "retention_years.major": gettext_lazy("Years that major orders are kept"),
}
RUNGS = {
    "reminder": gettext_lazy("reminder at this share of the limit"),
    "warning": gettext_lazy("warning at this share of the limit"),
    "escalation": gettext_lazy("escalation after the deadline"),
    "escalations": gettext_lazy("escalation %(number)s after the deadline"),
}


@dataclass(frozen=True)
class Change:
    path: str
    name: str
    before: str
    after: str
    direction: str

    @property
    def section(self) -> str:
        return str(SECTION_NAMES.get(self.path.partition(".")[0], _("General")))


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """In the order of the sections, as the documents have them."""
    old, new = dict(_settings(before)), dict(_settings(after))
    paths = sorted({*old, *new}, key=_place)
    compared = ((path, old.get(path, GONE), new.get(path, GONE)) for path in paths)
    return [
        Change(path, name_of(path), shown(path, was), shown(path, becomes), direction(was, becomes))
        for path, was, becomes in compared
        if was != becomes
    ]


def by_section(found: list[Change]) -> list[tuple[str, list[Change]]]:
    return [(section, list(group)) for section, group in groupby(found, lambda change: change.section)]


def _settings(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, setting): an amount of time and a list of plain values are one setting each."""
    if isinstance(value, dict) and set(value) != {"value", "unit"}:
        for key, inner in value.items():
            yield from _settings(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value, 1):
            yield from _settings(inner, f"{path}.{number}")
    else:
        yield path, value


def _place(path: str) -> tuple[int, list[int], str]:
    section, *rest = path.split(".")
    sections, known = list(SECTION_NAMES), [*Grade.values, *ClockKind.values, "default", *RUNGS]
    place = sections.index(section) + 1 if section in sections else 0
    return place, [known.index(part) if part in known else 99 for part in rest], path


# In words


def name_of(path: str) -> str:
    section, *rest = path.split(".")
    if section == "limits" and len(rest) == 2:
        return _("%(kind)s, %(grade)s") % {"kind": _label(ClockKind, rest[0]), "grade": _label(Grade, rest[1])}
    if section == "ladder" and len(rest) >= 2:
        return _name_of_rung(*rest)
    return str(NAMES.get(path, path))


def _name_of_rung(whose_ladder: str, rung: str, *rest: str) -> str:
    whose = _("All others") if whose_ladder == "default" else _label(ClockKind, _label(Grade, whose_ladder))
    name = str(RUNGS.get(rung, rung))
    if "%(number)s" in name:
        name, rest = name % {"number": rest[0] if rest else ""}, rest[1:]
    return _("%(whose)s: %(rung)s") % {"whose": whose, "rung": " ".join([name, *rest])}


def shown(path: str, value: Any) -> str:
    if value is GONE:
        return "—"
    if isinstance(value, dict):
        return amount(value["value"], value["unit"]) if set(value) == {"value", "unit"} else "—"
    if isinstance(value, list):
        return ", ".join(_label(ClockKind, one) for one in value) or "—"
    if isinstance(value, float | int) and path.startswith(("ladder.", "rework.share")):
        return f"{value * 100:g}%"
    return f"{value:g}" if isinstance(value, float) else str(value)


def amount(value: float, unit: str) -> str:
    if unit == "hour" and value < 1:
        value, unit = value * 60, "minute"
    number = 1 if value == 1 else 2
    texts = {
        "minute": ngettext("%(value)s minute", "%(value)s minutes", number),
        "hour": ngettext("%(value)s hour", "%(value)s hours", number),
        "natural_day": ngettext("%(value)s day", "%(value)s days", number),
        "working_day": ngettext("%(value)s working day", "%(value)s working days", number),
    }
    return texts.get(unit, f"%(value)s {unit}") % {"value": f"{value:g}"}


def _label(choices: Any, value: Any) -> str:
    return str(choices(value).label) if value in choices.values else str(value)


def direction(before: Any, after: Any) -> str:
    if before is GONE or after is GONE:
        return _("added") if before is GONE else _("removed")
    if isinstance(before, dict) and isinstance(after, dict):
        return _direction_of_time(before, after)
    if isinstance(before, int | float) and isinstance(after, int | float):
        return _("higher") if after > before else _("lower")
    return _("changed")


def _direction_of_time(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Hours and days compare with one another; working time compares with working time only."""
    if before["unit"] != after["unit"] and not {before["unit"], after["unit"]} <= set(HOURS):
        return _("counted in another way")
    old, new = (entry["value"] * HOURS.get(entry["unit"], 1) for entry in (before, after))
    if old == new:
        return _("the same, counted in another way")
    return _("longer") if new > old else _("shorter")
