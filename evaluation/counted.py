"""The order list, narrowed to exactly the orders that a figure or a mark of a picture counts; and the links there."""

from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dispatch.models import Alert
from evaluation.models import Mark, Measure
from workorders import staffing
from workorders.lifecycle import ClockKind, Status
from workorders.models import Area, Category, Clock, Unit
from workorders.selectors import Narrowing, add_narrowing

OVERDUE = "overdue"  # no mark: a limit runs out without an event
UNATTENDED = "unattended"  # no mark either: people go without an event
COUNTED = [
    *Measure.choices,
    (OVERDUE, gettext_lazy("Overdue")),
    (UNATTENDED, gettext_lazy("Waiting for nobody")),
]
KEYS = {Measure.OPEN: Status, Measure.STAGE: Status, Measure.MISSED: ClockKind, OVERDUE: ClockKind}
COLUMNS = {
    "since": "day__gte",
    "until": "day__lte",
    "key": "key",
    "by": "unit",
    "topic": "category",
    "place": "area",
}


def link(**chosen: Any) -> str:
    """The list of orders with these filters; days, units, categories and areas as they are."""
    given = {name: getattr(value, "code", value) for name, value in chosen.items() if value not in (None, "")}
    return f"{reverse('orders')}?{urlencode({'view': 'all', **given})}"


def add() -> None:
    add_narrowing(Narrowing("counted", gettext_lazy("Counted"), fields, condition, words))


def fields() -> dict[str, forms.Field]:
    hidden: dict[str, Any] = {"widget": forms.HiddenInput, "required": False}
    coded: dict[str, Any] = {"by": Unit, "topic": Category, "place": Area}
    keys = [*Status.choices, *ClockKind.choices]
    return {
        "counted": forms.ChoiceField(choices=[("", ""), *COUNTED], **hidden),
        "since": forms.DateField(**hidden),
        "until": forms.DateField(**hidden),
        "key": forms.ChoiceField(choices=[("", ""), *keys], **hidden),
        **{
            name: forms.ModelChoiceField(model.objects.order_by(), to_field_name="code", **hidden)
            for name, model in coded.items()
        },
        "level": forms.IntegerField(**hidden),
    }


def condition(chosen: dict[str, Any], now: datetime) -> Q:
    if chosen["counted"] == OVERDUE:
        return _overdue(chosen, now)
    if chosen["counted"] == UNATTENDED:
        return staffing.waiting_for_nobody()
    columns = {column: chosen[name] for name, column in COLUMNS.items() if chosen.get(name)}
    return Q(pk__in=Mark.objects.filter(measure=chosen["counted"], **columns).values("order"))


def _overdue(chosen: dict[str, Any], now: datetime) -> Q:
    """An order is at the highest level that one of its overdue clocks has reached."""
    clocks = Clock.objects.overdue(now).filter(order=OuterRef("pk"))
    if chosen.get("key"):
        clocks = clocks.filter(kind=chosen["key"])
    if chosen.get("level") is None:
        return Q(Exists(clocks))
    at, above = clocks.filter(level=chosen["level"]), clocks.filter(level__gt=chosen["level"])
    return Q(Exists(at)) & ~Q(Exists(above))


def words(chosen: dict[str, Any]) -> str:
    counted, level = chosen["counted"], chosen.get("level")
    parts = [str(dict(COUNTED)[counted]), _period(chosen.get("since"), chosen.get("until"))]
    if chosen.get("key") and counted in KEYS:
        parts.append(str(dict(KEYS[counted].choices).get(chosen["key"], chosen["key"])))
    parts += [str(chosen[name]) for name in ("by", "topic", "place") if chosen.get(name)]
    if level is not None:
        parts.append(level_name(level))
    return " · ".join(part for part in parts if part)


def level_name(level: int) -> str:
    return str(Alert.Level(level).label) if level in Alert.Level.values else _("No alert yet")


def _period(since: date | None, until: date | None) -> str:
    shown = [date_format(day, _("M j, Y")) if day else "…" for day in (since, until)]
    return "" if since is until is None else shown[0] if since == until else " – ".join(shown)
