"""The rule book 规则: one versioned document (DESIGN §4), checked on entry, read through `Rules`.

Version 1 is `policy/default.toml`. A document is plain JSON data; every problem is reported with the path to it.
"""

import operator
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from workorders import policy_contact, policy_correction, policy_words
from workorders.calendar import WorkCalendar
from workorders.lifecycle import BY_GRADE, ClockKind, Grade
from workorders.policy_checks import is_number, limit_problems, number_problem, whole_number_problem
from workorders.quiet import SPAN, Hours, quiet_problems

DEFAULT = Path(__file__).parent / "policy" / "default.toml"
SECTIONS = (
    *("limits", "rework", "ladder", "returns", "extension", "slips", "rectification"),
    *("callback", "archive", "retention_years", "notices"),
)
BOUNDS = {
    ("returns", "per_order"): (0, 100),
    ("returns", "per_unit"): (0, 100),
    ("extension", "per_round"): (0, 100),
    ("extension", "longest_days"): (1, 366),
    ("slips", "urges"): (0, 100),
    ("callback", "attempts"): (1, 10),
    ("archive", "after_days"): (0, 3660),
    ("notices", "digest_minutes"): (5, 1440),
}
AMOUNTS = ("returns.window", "extension.notice", "callback.wait", "rectification.report", "rectification.again")
COLOURS = ("blue", "orange", "red")
CAUSES = {"repeated_complaints": (2, 1000), "repeated_redo": (2, 1000), "grave_miss": (1, 100)}
LIMITED_RETENTION = ("general", "major")  # of Category.Retention; the third is for ever


def default_document() -> dict[str, Any]:
    return tomllib.loads(DEFAULT.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Limit:
    """An amount of time: `minute`, `hour` and `natural_day` run round the clock, `working_day` in working time only."""

    value: float
    unit: str

    @property
    def in_working_time(self) -> bool:
        return self.unit == "working_day"

    @property
    def reach(self) -> timedelta:
        """Natural days that surely hold it."""
        return timedelta(days=2 * self.days) if self.unit.endswith("day") else timedelta(days=self.days)

    @property
    def days(self) -> float:
        return self.value / {"minute": 1440, "hour": 24}.get(self.unit, 1)

    def scaled(self, share: float) -> "Limit":
        return Limit(self.value * share, self.unit)

    def span(self, calendar: WorkCalendar) -> timedelta:
        whole = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "natural_day": timedelta(days=1)}
        return whole.get(self.unit, calendar.day_length) * self.value

    def after(self, start: datetime, calendar: WorkCalendar, share: float = 1.0) -> datetime:
        """The moment when this share of the limit has been used up."""
        span = self.span(calendar) * share
        return calendar.add(start, span) if self.in_working_time else start + span


@dataclass(frozen=True)
class Course:
    """What a clock counts: time from `start` on, without its pauses (ascending, apart), and working days granted on top."""

    start: datetime
    calendar: WorkCalendar
    pauses: tuple[tuple[datetime, datetime], ...] = ()
    extra_days: int = 0

    def after(self, limit: Limit, share: float = 1.0) -> datetime:
        reached = self._count(self.start, limit.span(self.calendar) * share, limit.in_working_time)
        extra = self.extra_days * self.calendar.day_length
        return self._count(reached, extra, in_working_time=True) if extra else reached

    def _count(self, start: datetime, amount: timedelta, in_working_time: bool) -> datetime:
        add = self.calendar.add if in_working_time else operator.add
        for begin, end in self.pauses:
            if end <= start:
                continue
            if begin >= (reached := add(start, amount)):
                return reached
            used = self.calendar.between(start, begin) if in_working_time else max(begin - start, timedelta(0))
            start, amount = end, amount - used
        return add(start, amount)


@dataclass(frozen=True)
class Ladder:
    """Reminder and warning at shares of the limit used up, then how long after the deadline the matter goes up, twice."""

    reminder: float
    warning: float
    higher: Limit
    supervision: Limit

    @property
    def reach(self) -> timedelta:
        return max(self.higher.reach, self.supervision.reach)

    def before(self, limit: Limit, course: Course) -> list[datetime]:
        """Reminder, warning, overdue."""
        return [course.after(limit, share) for share in (self.reminder, self.warning, 1.0)]

    def beyond(self, due: datetime, calendar: WorkCalendar) -> list[datetime]:
        """Higher authority and supervision, never in the other order."""
        higher = self.higher.after(due, calendar)
        return [higher, max(higher, self.supervision.after(due, calendar))]


@dataclass(frozen=True)
class Rules:
    document: dict[str, Any]

    @property
    def hours(self) -> tuple[tuple[time, time], ...]:
        spans = (span.split("-") for span in self.document["working_hours"])
        return tuple((time.fromisoformat(start), time.fromisoformat(end)) for start, end in spans)

    def limit(self, kind: str, grade: str, round: int = 1) -> Limit | None:
        """None where no grade sets it: arrival on site for anything but an emergency, a slip's limit by its colour."""
        entry = self.document["limits"].get(kind, {}).get(grade)
        if entry is None:
            return None
        limit = Limit(entry["value"], entry["unit"])
        rework = self.document["rework"]
        return limit.scaled(rework["share"]) if round > 1 and kind in rework["clocks"] else limit

    def alerts(self, kind: str, grade: str, start: datetime, limit: Limit, calendar: WorkCalendar) -> list[datetime]:
        """The instants of the ladder's levels, ascending, of a clock that nothing has stopped or moved."""
        ladder = self.ladder(kind, grade)
        before = ladder.before(limit, Course(start, calendar))
        return [*before, *ladder.beyond(before[-1], calendar)]

    def ladder(self, kind: str, grade: str) -> Ladder:
        """The grade's own, else the kind's, else the one for all: danger goes before habit."""
        tables = self.document["ladder"]
        table = tables.get(grade) or tables.get(kind) or tables["default"]
        higher, supervision = (Limit(**wait) for wait in table["escalations"])
        return Ladder(table["reminder"], table["warning"], higher, supervision)

    @property
    def correction(self) -> tuple[list[Limit], Limit]:
        """补正: after how long the complainant is reminded, and when the order is closed, both from the question on."""
        section = self.document.get("correction", policy_correction.DEFAULT)
        return [Limit(**wait) for wait in section["remind_after"]], Limit(**section["close_after"])

    @property
    def contact_attempts(self) -> tuple[int, float]:
        """How many that reached nobody count as the contact, and how far apart they are, as a share of its limit."""
        section = self.document.get("contact", policy_contact.DEFAULT)
        return section["attempts"], section["apart"]

    @property
    def return_window(self) -> Limit:
        """How long after its dispatch a unit may ask for a return."""
        return Limit(**self.document["returns"]["window"])

    @property
    def returns_per_order(self) -> int:
        return self.document["returns"]["per_order"]

    @property
    def returns_per_unit(self) -> int:
        return self.document["returns"]["per_unit"]

    @property
    def extension_notice(self) -> Limit:
        """How long before its deadline a unit must have asked for an extension."""
        return Limit(**self.document["extension"]["notice"])

    @property
    def extensions_per_round(self) -> int:
        return self.document["extension"]["per_round"]

    def longest_extension(self, grade: str, round: int = 1) -> int:
        """In whole working days; no longer than the limit that is extended."""
        limit = self.limit(ClockKind.UNIT_RESOLUTION, grade, round)
        return min(self.document["extension"]["longest_days"], int(limit.days)) if limit else 0

    @property
    def slips_by_ladder(self) -> bool:
        return self.document["slips"]["by_ladder"]

    @property
    def urges_for_slip(self) -> int:
        """After so many urges the system issues a slip; 0 is never."""
        return self.document["slips"]["urges"]

    def slip_days(self, colour: str) -> float:
        """Working days."""
        return self.document["slips"]["days"][colour]

    def forces_rectification(self, cause: str) -> tuple[int, timedelta]:
        """So many orders within so long."""
        rule = self.document["rectification"][cause]
        return rule["orders"], timedelta(days=rule["days"])

    @property
    def rectification_report(self) -> Limit:
        return Limit(**self.document["rectification"]["report"])

    @property
    def rectification_again(self) -> Limit:
        """For a report that was given back."""
        return Limit(**self.document["rectification"]["again"])

    @property
    def callback_attempts(self) -> int:
        return self.document["callback"]["attempts"]

    @property
    def callback_wait(self) -> Limit:
        return Limit(**self.document["callback"]["wait"])

    @property
    def archive_after(self) -> timedelta:
        return timedelta(days=self.document["archive"]["after_days"])

    @property
    def quiet_hours(self) -> Hours | None:
        """When only an emergency may ring; none where the site has no such hours."""
        return Hours.of(self.document["notices"]["quiet"])

    @property
    def digest_every(self) -> timedelta:
        return timedelta(minutes=self.document["notices"]["digest_minutes"])

    @property
    def forbidden_words(self) -> list[str]:
        """What no reply to a complainant may hold."""
        return policy_words.forbidden(self.document, default_document)

    def retention_years(self, retention: str) -> int | None:
        """None is for ever."""
        return self.document["retention_years"].get(retention)


def problems_of(document: Any) -> list[str]:
    """What is wrong with a policy document, one line each; empty when it may be put in force."""
    if not isinstance(document, dict):
        return [_("The document must be a table of settings.")]
    return list(_shape_problems(document)) or list(_problems(document))


def _shape_problems(document: dict[str, Any]) -> Iterator[str]:
    for section in SECTIONS:
        if section not in document:
            yield _("%(path)s: is missing.") % {"path": section}
        elif not isinstance(document[section], dict):
            yield _("%(path)s: must be a table of settings.") % {"path": section}


def _problems(document: dict[str, Any]) -> Iterator[str]:
    yield from _hour_problems(document.get("working_hours"))
    yield from _limits_problems(document["limits"])
    yield from _ladder_problems(document["ladder"])
    yield from policy_contact.problems(document.get("contact", policy_contact.DEFAULT))
    yield from policy_correction.problems(document.get("correction", policy_correction.DEFAULT))
    for path in AMOUNTS:
        section, key = path.split(".")
        yield from limit_problems(path, document[section].get(key))
    yield from _slips_problems(document["slips"])
    yield from _rectification_problems(document["rectification"])
    yield from _number_problems(document)
    yield from _retention_problems(document["retention_years"])
    yield from quiet_problems(document["notices"].get("quiet"))
    yield from policy_words.problems_of(document)


def _hour_problems(hours: Any) -> Iterator[str]:
    previous = ""
    for span in hours if isinstance(hours, list) and hours else [""]:
        span = span if isinstance(span, str) else ""
        start, _dash, end = span.partition("-")
        if not (SPAN.fullmatch(span) and previous <= start < end):
            yield _("working_hours: “%(span)s” is not a span such as 09:00-12:00, after the one before it.") % {
                "span": span
            }
        previous = end


def _limits_problems(limits: dict[str, Any]) -> Iterator[str]:
    for kind in limits:
        if kind not in BY_GRADE:
            yield _("%(path)s: there is no clock “%(kind)s”.") % {"path": "limits", "kind": kind}
    for kind in map(str, BY_GRADE):
        if kind not in limits:
            yield _("%(path)s: is missing.") % {"path": f"limits.{kind}"}
        elif not isinstance(limits[kind], dict):
            yield _("%(path)s: must be a table of settings.") % {"path": f"limits.{kind}"}
        else:
            yield from _grades_problems(kind, limits[kind])


def _grades_problems(kind: str, entries: dict[str, Any]) -> Iterator[str]:
    """No order goes without a limit (Art. 13); only an emergency has to be arrived at."""
    for grade in [Grade.EMERGENCY.value] if kind == ClockKind.ARRIVAL else Grade.values:
        if grade not in entries:
            yield _("%(path)s: is missing.") % {"path": f"limits.{kind}.{grade}"}
    for grade, entry in entries.items():
        yield from limit_problems(f"limits.{kind}.{grade}", entry)
        if grade not in Grade.values:
            yield _("%(path)s: there is no such grade.") % {"path": f"limits.{kind}.{grade}"}


def _ladder_problems(ladder: dict[str, Any]) -> Iterator[str]:
    if "default" not in ladder:
        yield _("%(path)s: is missing.") % {"path": "ladder.default"}
    for name, levels in ladder.items():
        if name not in ("default", *Grade.values, *ClockKind.values):
            yield _("%(path)s: there is no such grade and no such clock.") % {"path": f"ladder.{name}"}
        if isinstance(levels, dict):
            yield from _levels_problems(f"ladder.{name}", levels)
        else:
            yield _("%(path)s: must be a table of settings.") % {"path": f"ladder.{name}"}


def _levels_problems(path: str, levels: dict[str, Any]) -> Iterator[str]:
    shares: dict[str, Any] = {name: levels.get(name) for name in ("reminder", "warning")}
    wrong = [name for name, share in shares.items() if not is_number(share) or not 0 < share < 1]
    for name in wrong:
        yield _("%(path)s: must be a share between 0 and 1.") % {"path": f"{path}.{name}"}
    if not wrong and shares["reminder"] > shares["warning"]:
        yield _("%(path)s: must not come after the warning.") % {"path": f"{path}.reminder"}
    for name in sorted(set(levels) - {*shares, "escalations"}):
        yield _("%(path)s: there is no such level.") % {"path": f"{path}.{name}"}
    waits = levels.get("escalations")
    if not isinstance(waits, list) or len(waits) != 2:
        yield _("%(path)s: must be two limits, counted from the deadline.") % {"path": f"{path}.escalations"}
        return
    for number, wait in enumerate(waits, start=1):
        yield from limit_problems(f"{path}.escalations.{number}", wait)


def _slips_problems(slips: dict[str, Any]) -> Iterator[str]:
    if not isinstance(slips.get("by_ladder"), bool):
        yield _("%(path)s: must be true or false.") % {"path": "slips.by_ladder"}
    days = slips.get("days")
    if not isinstance(days, dict):
        yield _("%(path)s: must be a table of settings.") % {"path": "slips.days"}
        return
    for colour in COLOURS:
        yield from number_problem(f"slips.days.{colour}", days.get(colour), 0.25, 60)
    for colour in sorted(set(days) - set(COLOURS)):
        yield _("%(path)s: there is no such colour.") % {"path": f"slips.days.{colour}"}


def _rectification_problems(rectification: dict[str, Any]) -> Iterator[str]:
    for cause, (least, most) in CAUSES.items():
        path, rule = f"rectification.{cause}", rectification.get(cause)
        if not isinstance(rule, dict):
            yield _("%(path)s: must be a table of settings.") % {"path": path}
            continue
        yield from whole_number_problem(f"{path}.orders", rule.get("orders"), least, most)
        yield from whole_number_problem(f"{path}.days", rule.get("days"), 1, 366)


def _number_problems(document: dict[str, Any]) -> Iterator[str]:
    yield from number_problem("rework.share", document["rework"].get("share"), 0.05, 1)
    for (section, key), (low, high) in BOUNDS.items():
        yield from whole_number_problem(f"{section}.{key}", document[section].get(key), low, high)
    clocks = document["rework"].get("clocks")
    for kind in clocks if isinstance(clocks, list) else [""]:
        if kind not in ClockKind.values:
            shown = kind if isinstance(kind, str) else ""
            yield _("%(path)s: there is no clock “%(kind)s”.") % {"path": "rework.clocks", "kind": shown}


def _retention_problems(years: dict[str, Any]) -> Iterator[str]:
    """A class that nobody knows would leave the one that was meant to be kept for ever, in silence."""
    for name, value in years.items():
        path = f"retention_years.{name}"
        if name not in LIMITED_RETENTION:
            yield _("%(path)s: there is no such retention class that ends.") % {"path": path}
        yield from whole_number_problem(path, value, 1, 200)
