"""What later stages and the rule book say of an order before it is one: the unit it would go to, the deadline it would have."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from workorders import clocks
from workorders.lifecycle import ClockKind
from workorders.models import Policy

if TYPE_CHECKING:
    from workorders.models import Area, Category, Unit


@dataclass(frozen=True)
class Advice:
    unit: "Unit"
    reason: str


Adviser = Callable[["Category", "Area | None"], Advice | None]

_advisers: list[Adviser] = []


def add_adviser(adviser: Adviser) -> None:
    if adviser not in _advisers:
        _advisers.append(adviser)


def advise(category: "Category", area: "Area | None") -> list[Advice]:
    found = (adviser(category, area) for adviser in _advisers)
    return [advice for advice in found if advice]


def resolution_due(grade: str, *, now: datetime) -> datetime:
    """When the citizen's clock would run out if the order were accepted now."""
    rules = Policy.objects.in_force(now).rules
    limit = rules.limit(ClockKind.RESOLUTION, grade)
    assert limit, "every grade has a limit of resolution"
    return limit.after(now, clocks.load_calendar(rules, now, limit.reach + clocks.HORIZON))
