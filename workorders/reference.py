"""Reference data that the product ships: areas, units, categories, the announced calendar, policy version 1, texts.

Loading adds what is missing and never touches a row that is there: what an administrator changed stays changed.
"""

import csv
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import chinese_calendar
from django.db import transaction

from workorders.models import Area, CalendarDay, Category, Policy, StandardText, Unit
from workorders.policy import DEFAULT, default_document

FOLDER = Path(__file__).parent / "reference"
FIRST_YEAR = 2004  # the first one whose arrangement is on record
IN_FORCE_SINCE = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@transaction.atomic
def load() -> dict[str, int]:
    """How many rows were added, by kind of data."""
    return {
        "areas": _load_tree(Area, "areas", ("name", "level")),
        "units": _load_tree(Unit, "units", ("name", "kind", "sector"), linked=True),
        "categories": _load_tree(Category, "categories", ("name", "name_en", "grade", "sector", "retention")),
        "calendar days": _load_calendar(),
        "policy versions": _load_policy(),
        "standard texts": _load_texts(),
    }


def _load_tree(model: Any, name: str, columns: tuple[str, ...], linked: bool = False) -> int:
    """Level by level, since children need their parents' keys; `path` is what `Tree.save()` would have made it."""
    known = {node.code: node for node in model.objects.all()}
    areas = dict(Area.objects.values_list("code", "pk")) if linked else {}
    missing = [row for row in rows(name) if row["code"] not in known]
    left = missing
    while left:
        ready = [row for row in left if not row["parent"] or row["parent"] in known]
        nodes = [_node(model, row, known.get(row["parent"]), columns, areas) for row in ready]
        known.update({node.code: node for node in model.objects.bulk_create(nodes)})
        left = [row for row in left if row not in ready]
    return len(missing)


def _node(model: Any, row: dict[str, str], parent: Any, columns: tuple[str, ...], areas: dict[str, int]) -> Any:
    node = model(code=row["code"], parent=parent, **{column: row[column] for column in columns})
    node.path = node.path_below(parent)
    if areas:
        node.area_id = areas.get(row["area"])
    return node


def _load_calendar() -> int:
    known = set(CalendarDay.objects.values_list("date", flat=True))
    missing = [day for day in announced_days() if day.date not in known]
    CalendarDay.objects.bulk_create(missing)
    return len(missing)


def announced_days() -> Iterator[CalendarDay]:
    """Every day of the years whose arrangement of holidays 放假安排 has been announced."""
    day = date(FIRST_YEAR, 1, 1)
    while day.year <= max(chinese_calendar.constants.holidays).year:
        working = chinese_calendar.is_workday(day)
        holiday = chinese_calendar.constants.holidays.get(day, "")
        note = "调休上班" if working and day.weekday() > 4 else holiday
        yield CalendarDay(date=day, is_working=working, note=note)
        day += timedelta(days=1)


def _load_policy() -> int:
    if Policy.objects.exists():
        return 0
    document = default_document()
    policy = Policy(version=1, title=document["title"], document=document, effective_from=IN_FORCE_SINCE)
    policy.source, policy.state = DEFAULT.read_text(encoding="utf-8"), Policy.State.APPROVED
    policy.full_clean()
    policy.save()
    return 1


def _load_texts() -> int:
    """Known by their codes: whoever renames, rewrites or switches off one keeps it as it is."""
    with (FOLDER / "texts.toml").open("rb") as file:
        shipped = [StandardText(position=place, **row) for place, row in enumerate(tomllib.load(file)["texts"], 1)]
    known = set(StandardText.objects.exclude(code="").values_list("code", flat=True))
    taken = set(StandardText.objects.filter(category=None).values_list("step", "kind", "title"))
    missing = [one for one in shipped if one.code not in known and (one.step, one.kind, one.title) not in taken]
    return len(StandardText.objects.bulk_create(missing))
