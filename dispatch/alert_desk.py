"""Reading the alerts desk: what burns most comes first, then what has burnt longest; pages by cursor, without an end."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from dispatch.alerts import last_act, possible
from dispatch.models import Alert, AlertNote
from workorders import selectors
from workorders.forms import CodeField
from workorders.lifecycle import ClockKind, Grade, Level
from workorders.transitions import available

if TYPE_CHECKING:
    from dispatch.permissions import AlertQuerySet
    from workorders.models import User, WorkOrder

PAGE_SIZE = 25
EVENTS = 8
THRESHOLD = "threshold"


class FilterForm(forms.Form):
    STATUSES = [
        ("", _("Unresolved")),
        ("open", _("Not acknowledged")),
        ("acknowledged", _("Acknowledged")),
        ("resolved", _("Resolved")),
    ]
    WHO = [("", _("Anybody's")), ("mine", _("Mine")), ("nobody", _("Nobody's"))]
    KINDS = [("", _("Any kind")), *ClockKind.choices, (THRESHOLD, _("Threshold"))]

    status = forms.ChoiceField(label=_("Status"), choices=STATUSES, required=False)
    level = forms.TypedChoiceField(
        label=_("Level"), choices=[("", _("Any level")), *Level.choices[::-1]], coerce=int, required=False
    )
    who = forms.ChoiceField(label=_("Who has it"), choices=WHO, required=False)
    kind = forms.ChoiceField(label=_("Kind"), choices=KINDS, required=False)
    grade = forms.ChoiceField(label=_("Grade"), choices=[("", _("Any grade")), *Grade.choices], required=False)
    unit = CodeField("Unit", label=_("Unit and those below"), required=False)


class Cursor:
    """The place after a row, as text for an address: three values of what the list is sorted by."""

    @staticmethod
    def after(alert: Alert) -> str:
        return f"{alert.urgency}~{(alert.resolved_at or alert.due_since).isoformat()}~{alert.pk}"

    @staticmethod
    def read(text: str) -> tuple[int, datetime, int] | None:
        urgency, _sign, rest = text.partition("~")
        at, _sign, pk = rest.partition("~")
        if not (urgency.isdecimal() and pk.isdecimal() and len(urgency) < 3 and len(pk) < 19):
            return None
        try:
            instant = parse_datetime(at)
        except ValueError:
            return None
        return (int(urgency), instant, int(pk)) if instant and instant.tzinfo else None


@dataclass(frozen=True)
class Page:
    alerts: list[Alert]
    following: str


def page(user: "User", chosen: dict[str, Any], after: str = "") -> Page:
    found = list(_following(narrowed(user, chosen), chosen.get("status") == "resolved", after)[: PAGE_SIZE + 1])
    alerts = found[:PAGE_SIZE]
    return Page(alerts, Cursor.after(alerts[-1]) if len(found) > PAGE_SIZE else "")


def narrowed(user: "User", chosen: dict[str, Any]) -> "AlertQuerySet":
    alerts = _in_status(Alert.objects.visible_to(user), chosen.get("status"))
    if chosen.get("level"):
        alerts = alerts.filter(urgency=chosen["level"])
    if chosen.get("kind"):
        alerts = alerts.filter(Q(kind=chosen["kind"]) if chosen["kind"] != THRESHOLD else Q(clock=None))
    if chosen.get("grade"):
        alerts = alerts.filter(order__grade=chosen["grade"])
    if chosen.get("unit"):
        alerts = alerts.filter(unit__in=chosen["unit"].branch().values("pk"))
    who = {"mine": Q(assigned_to=user), "nobody": Q(assigned_to=None)}.get(chosen.get("who", ""), Q())
    return alerts.filter(who)


def _in_status(alerts: "AlertQuerySet", status: str | None) -> "AlertQuerySet":
    """The condition of the partial index stands in the query, whatever else is asked."""
    if status == "resolved":
        return alerts.filter(status="resolved")
    return alerts.unresolved().filter(status=status) if status else alerts.unresolved()


def _following(alerts: "AlertQuerySet", resolved: bool, after: str) -> "AlertQuerySet":
    """Work by level, then age; what is done by when it was done, the latest first."""
    place, rows = Cursor.read(after), _with_what_a_row_shows(alerts)
    if resolved:
        rows = rows.order_by("-resolved_at", "-pk")
        return rows.filter(Q(resolved_at=place[1], pk__lt=place[2]) | Q(resolved_at__lt=place[1])) if place else rows
    rows = rows.order_by("-urgency", "due_since", "pk")
    if place is None:
        return rows
    urgency, since, pk = place
    behind = Q(due_since__gt=since) | Q(due_since=since, pk__gt=pk)
    return rows.filter(Q(urgency__lt=urgency) | (Q(urgency=urgency) & behind), urgency__lte=urgency)


def _with_what_a_row_shows(alerts: "AlertQuerySet") -> "AlertQuerySet":
    related = ("order", "unit", "clock", "assigned_to", "breach__threshold__category", "breach__threshold__area")
    rows = alerts.select_related(*related, "breach__threshold__unit").defer(
        "order__tokens", "order__comparable", "order__matter"
    )
    return rows.annotate(seen=_seen(), comments=_comments())


def _seen() -> Any:
    notes = AlertNote.objects.filter(alert=OuterRef("pk")).order_by().values("alert")
    return Coalesce(Subquery(notes.annotate(last=last_act("")).values("last")), 0)


def _comments() -> Any:
    notes = AlertNote.objects.filter(alert=OuterRef("pk"), act="comment").order_by().values("alert")
    return Coalesce(Subquery(notes.annotate(count=Count("pk")).values("count")), 0)


def levels(user: "User") -> list[tuple[Level, int]]:
    """How many are unresolved at each level, the highest first."""
    found = Alert.objects.visible_to(user).unresolved().order_by().values_list("urgency").annotate(Count("pk"))
    counts = dict(found)
    return [(level, counts.get(level, 0)) for level in reversed(Level)]


def one(user: "User", pk: int) -> Alert | None:
    notes = AlertNote.objects.select_related("author", "to")
    visible = _with_what_a_row_shows(Alert.objects.visible_to(user))
    return visible.prefetch_related(Prefetch("notes", notes)).filter(pk=pk).first()


def beside(alert: Alert, user: "User") -> dict[str, Any]:
    """The chosen alert's own page: what may be done with it, its order as it stands and what happened last."""
    context = {"alert": alert, "possible": possible(alert, user), "notes": list(alert.notes.all())[::-1]}
    order = selectors.order_page(user, alert.order.number) if alert.order else None
    return {**context, **(_of_order(order, user) if order else {})}


def _of_order(order: "WorkOrder", user: "User") -> dict[str, Any]:
    every = list(order.clocks.all())
    return {
        "order": order,
        "events": list(order.events.all())[: -EVENTS - 1 : -1],
        "running": sorted((clock for clock in every if clock.stopped_at is None), key=lambda clock: clock.due_at),
        "stopped": [clock for clock in every if clock.stopped_at],
        "may_issue_slip": "issue_slip" in available(order, user),
    }


def typed(chosen: Iterable[str]) -> list[tuple[int, int]]:
    """(alert, what was seen of it) from the boxes that were ticked, each "pk-seen"."""
    pairs = [value.partition("-")[::2] for value in list(chosen)[:PAGE_SIZE]]
    if not all(pk.isdecimal() and seen.isdecimal() and max(len(pk), len(seen)) < 19 for pk, seen in pairs):
        raise ValidationError("")
    return [(int(pk), int(seen)) for pk, seen in pairs]
