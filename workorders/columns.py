"""The columns of the list and of its export: what is shown, and the plain value of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from workorders.masking import masked
from workorders.selectors import FilterForm, pressing

# Some spreadsheets take the full-width ones for the others.
BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Column:
    name: str
    label: Promise
    value: Callable[[Any], Any]
    is_default: bool = True


def deadline(order: Any) -> datetime | None:
    clock = pressing(order.running_clocks)
    return clock.due_at if clock else None


COLUMNS = (
    Column("number", _("Number"), lambda order: order.number),
    Column("matter", _("Matter"), lambda order: masked(order.title)),
    Column("grade", _("Grade"), lambda order: str(order.get_grade_display())),
    Column("state", _("Status"), lambda order: str(order.get_status_display())),
    Column("unit", _("Unit"), lambda order: str(order.lead_unit or "")),
    Column("deadline", _("Deadline"), deadline),
    Column("registered", _("Registered at"), lambda order: order.registered_at),
    Column("kind", _("Kind"), lambda order: str(order.get_kind_display()), False),
    Column("category", _("Category"), lambda order: str(order.category or ""), False),
    Column("area", _("Area"), lambda order: str(order.area or ""), False),
    Column("address", _("Place"), lambda order: masked(order.address), False),
    Column("words", _("Matter in full"), lambda order: masked(order.matter), False),
    Column("round", _("Round"), lambda order: order.round, False),
    Column("ended", _("Ended at"), lambda order: order.ended_at, False),
)
NAMES = {column.name: column for column in COLUMNS}
DEFAULT = [column.name for column in COLUMNS if column.is_default]


class ListForm(FilterForm):
    columns = forms.MultipleChoiceField(
        label=_("Columns"), choices=[(column.name, column.label) for column in COLUMNS], required=False
    )


def chosen(names: list[str]) -> list[Column]:
    """In the order of the list; the usual ones where none was chosen. The number leads to the order, so it is always there."""
    wanted = {*(names or DEFAULT), "number"}
    return [column for column in COLUMNS if column.name in wanted]


def cell(value: Any) -> Any:
    """A value as a person's spreadsheet takes it: local time without zone; never the beginning of a formula."""
    if isinstance(value, datetime):
        return timezone.localtime(value).replace(tzinfo=None, microsecond=0)
    if isinstance(value, str) and value[:1] in BEGINS_A_FORMULA:
        return f"'{value}"
    return "" if value is None else value
