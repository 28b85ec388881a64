"""标准话术 with an order's facts filled in. A name in braces is looked up here and nowhere else: no attribute of anything."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from workorders.lifecycle import ClockKind
from workorders.masking import masked
from workorders.models import StandardText
from workorders.moments import spelled
from workorders.policy_diff import amount
from workorders.transitions import STEPS, form_of

if TYPE_CHECKING:
    from workorders.models import User, WorkOrder

FIELD = re.compile(r"\{([^{}]*)\}")
INTO = ("text", "reason")  # the fields of a step that a text is put into


@dataclass(frozen=True)
class Case:
    """What the facts of a text are taken from."""

    order: "WorkOrder"
    user: "User"
    now: datetime


@dataclass(frozen=True)
class Field:
    """`fact(case)` in the site's language; empty where there is none yet. Whoever sees the order may read it."""

    name: str
    label: Promise
    fact: Callable[[Case], str]


@dataclass(frozen=True)
class Filled:
    title: str
    text: str


@dataclass(frozen=True)
class Offered:
    """Texts for one form, and the fields of it that they are put into."""

    fields: tuple[str, ...]
    texts: list[Filled]

    @property
    def texts_alone(self) -> list[str]:
        return [one.text for one in self.texts]


_fields: dict[str, Field] = {}
_read_out: set[str] = set()


def add_field(name: str, label: Promise, fact: Callable[[Case], str]) -> None:
    """Nothing that a page masks may be a fact: a text is copied to where nobody masks it."""
    _fields[name] = Field(name, label, fact)


def known_fields() -> list[Field]:
    return list(_fields.values())


def read_out_at(step: str) -> None:
    """A step whose texts are read to somebody, though its form takes none."""
    _read_out.add(step)


def takes_texts(step: str) -> bool:
    asked = form_of(step).base_fields
    return STEPS[step].reason or step in _read_out or any(name in asked for name in INTO)


def unknown_in(text: str) -> list[str]:
    return [name for name in FIELD.findall(text) if name not in _fields]


def preview(text: str) -> str:
    """With the names of the facts instead of facts."""
    return FIELD.sub(lambda found: f"〔{_fields[found[1]].label if found[1] in _fields else found[1]}〕", text)


def offered(form: forms.Form, order: "WorkOrder", step: str, user: "User", *, now: datetime) -> Offered | None:
    """None where the form has no place for a text, or no text is for it."""
    fields = tuple(name for name in INTO if name in form.fields)
    texts = texts_for(order, step, user, now=now) if fields else []
    return Offered(fields, texts) if texts else None


def texts_for(order: "WorkOrder", step: str, user: "User", *, now: datetime) -> list[Filled]:
    """The most specific first: by category, rework and kind. One query beside what the facts need."""
    rows = sorted(_rows(order, step), key=_place)
    with translation.override(settings.LANGUAGE_CODE):
        facts = _facts(rows, Case(order, user, now))
    return [Filled(row.title, fill(row.text, facts)) for row in rows]


def _rows(order: "WorkOrder", step: str) -> Iterable[StandardText]:
    chain = order.category.chain() if order.category else []
    fits = Q(category=None) | Q(category__code__in=chain)
    if order.round == 1:
        fits &= Q(again=False)
    in_use = StandardText.objects.filter(fits, step=step, kind__in=["", order.kind], is_active=True)
    return in_use.select_related("category")


def _place(row: StandardText) -> tuple[int, bool, bool, int, int]:
    """A deeper category has a longer path."""
    return -len(row.category.path) if row.category else 0, not row.again, not row.kind, row.position, row.pk


def _facts(rows: Iterable[StandardText], case: Case) -> dict[str, str]:
    """Each fact that some text names, once. One that is missing yet is a gap for the writer to fill."""
    named = {name for row in rows for name in FIELD.findall(row.text) if name in _fields}
    return {name: _fields[name].fact(case) or f"【{_fields[name].label}】" for name in named}


def fill(text: str, facts: dict[str, str]) -> str:
    """What stands in a fact is not looked at again; a name without a fact stays as it is."""
    return FIELD.sub(lambda found: facts.get(found[1], found[0]), text)


# The facts of the order itself


def _writer(case: Case) -> str:
    """Accounts that several share are called after their unit, which stands in a text by itself."""
    return str(case.user).removeprefix(str(case.user.unit or "")).strip()


def _staff_number(case: Case) -> str:
    """User names that are numbers are staff numbers; who has another name says the number by heart."""
    return case.user.username if case.user.username.isdigit() else ""


def _due(case: Case) -> str:
    clocks: list[Any] = [clock for clock in case.order.clocks.all() if clock.kind == ClockKind.RESOLUTION]
    latest = max(clocks, key=lambda clock: clock.started_at, default=None)
    return spelled(latest.due_at) if latest else ""


def _limit(case: Case) -> str:
    limit = case.order.policy.rules.limit(ClockKind.RESOLUTION, case.order.grade, case.order.round)
    return amount(limit.value, limit.unit) if limit else ""


def add_own() -> None:
    add_field("number", _("Number of the order"), lambda case: case.order.spoken_number)
    add_field("title", _("Title"), lambda case: masked(case.order.title))
    add_field("kind", _("Kind"), lambda case: case.order.get_kind_display())
    add_field("category", _("Category"), lambda case: str(case.order.category or ""))
    add_field("place", _("Place"), lambda case: masked(case.order.address) or str(case.order.area or ""))
    add_field("unit", _("Lead unit"), lambda case: str(case.order.lead_unit or ""))
    add_field("user", _("Who writes"), _writer)
    add_field("staff_number", _("Staff number of who writes"), _staff_number)
    add_field("own_unit", _("Unit of who writes"), lambda case: str(case.user.unit or ""))
    add_field("telephone", _("Telephone of who writes"), lambda case: case.user.telephone)
    add_field("today", _("Today"), lambda case: spelled(timezone.localdate(case.now)))
    add_field("received", _("Day of the registration"), lambda case: spelled(_day(case.order.registered_at)))
    add_field("due", _("Deadline of the resolution"), _due)
    add_field("limit", _("Limit of the resolution"), _limit)
    add_field("round", _("Round"), lambda case: str(case.order.round))


def _day(instant: datetime) -> date:
    return timezone.localdate(instant)
