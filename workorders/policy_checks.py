"""What a single value of a policy document may be: each check says in a line what is wrong with it."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

UNITS = ("minute", "hour", "natural_day", "working_day")


def limit_problems(path: str, entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict) or set(entry) != {"value", "unit"}:
        yield _("%(path)s: must have a value and a unit.") % {"path": path}
    elif entry["unit"] not in UNITS:
        yield _("%(path)s: the unit must be one of %(units)s.") % {"path": path, "units": ", ".join(UNITS)}
    elif not is_number(entry["value"]) or not 0 < entry["value"] <= 3660:
        yield _("%(path)s: the value must be a number above 0 and at most 3660.") % {"path": path}


def whole_number_problem(path: str, value: Any, low: int, high: int) -> Iterator[str]:
    yield from number_problem(path, None if isinstance(value, float) else value, low, high)


def number_problem(path: str, value: Any, low: float, high: float) -> Iterator[str]:
    if not is_number(value) or not low <= value <= high:
        yield _("%(path)s: must be a number from %(low)s to %(high)s.") % {"path": path, "low": low, "high": high}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
