"""The columns of the list and of its export: what is shown, and the plain value of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from workorders import numbers
from workorders.masking import masked
from workorders.selectors import FilterForm, pressing


@dataclass(frozen=True)
class Column:
    """`in_file` is the value as a file has it, where that is another: one form that is read back without a doubt."""

    name: str
    label: Promise
    value: Callable[[Any], Any]
    is_default: bool = True
    in_file: Callable[[Any], Any] | None = None

    def exported(self, order: Any) -> Any:
        return _in_local_time((self.in_file or self.value)(order))


def deadline(order: Any) -> datetime | None:
    clock = pressing(order.running_clocks)
    return clock.due_at if clock else None


def _coded(node: Any) -> str:
    """Return code and name: several places and matters of one name come back as the one they were."""
    return f"{node.code} {node.name}" if node else ""


def _in_local_time(value: Any) -> Any:
    """Return a moment as a person's spreadsheet takes it, without zone; anything else as it is."""
    if isinstance(value, datetime):
        return timezone.localtime(value).replace(tzinfo=None, microsecond=0)
    return "" if value is None else value


COLUMNS = (
    # As it is read out: thirteen bare digits are a number to a spreadsheet, which shows and saves 2.6112E+12.
    Column("number", _("Number"), lambda order: numbers.spoken(order.number)),
    Column("matter", _("Matter"), lambda order: masked(order.title)),
    Column("grade", _("Grade"), lambda order: str(order.get_grade_display())),
    Column("state", _("Status"), lambda order: order.state),
    Column("unit", _("Unit"), lambda order: str(order.lead_unit or "")),
    Column("deadline", _("Deadline"), deadline),
    Column("registered", _("Registered at"), lambda order: order.registered_at),
    Column("kind", _("Kind"), lambda order: str(order.get_kind_display()), False),
    Column(
        "category", _("Category"), lambda order: str(order.category or ""), False, lambda order: _coded(order.category)
    ),
    Column("area", _("Area"), lambda order: str(order.area or ""), False, lambda order: _coded(order.area)),
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
