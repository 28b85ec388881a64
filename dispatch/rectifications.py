"""Rectification 整改 (M46): demanded by rules, reported by the unit with measures and a date, reviewed, checked again later.

M38: the unit's handler writes the report, its head signs it, a supervisor above the unit decides. Only this module writes
a Rectification.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import transaction
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dispatch import accountability, telling
from dispatch.models import Rectification, RectificationEntry
from dispatch.models.of_units import stands_above
from dispatch.rectification_forms import AcceptForm, CheckForm, ReportForm, WordsForm
from dispatch.rectification_rules import Finding, findings
from workorders import clocks
from workorders.lifecycle import Role
from workorders.models import CalendarChange, Policy, Unit
from workorders.policy import Rules
from workorders.recounts import running_across
from workorders.refusals import Invalid, NotAllowed, NotVisible, WrongState

if TYPE_CHECKING:
    from workorders.models import User

BATCH = 200
BEGINNINGS = ("demand", "give_back", "demand_again")  # of the report's limit
Status = Rectification.Status
UNIT = (Role.HANDLER, Role.REVIEWER)


@dataclass(frozen=True)
class Act:
    """`above` is done by a supervisor of a body above the unit, the others by the unit itself."""

    label: Promise
    sources: tuple[str, ...]
    roles: tuple[Role, ...]
    do: Callable[[Rectification, dict[str, Any], datetime], None]
    form: type[forms.Form] = forms.Form
    above: bool = False


def _report(found: Rectification, cleaned: dict[str, Any], now: datetime) -> None:
    found.report(cleaned["date"])


def _sign(found: Rectification, cleaned: dict[str, Any], now: datetime) -> None:
    found.sign()


def _accept(found: Rectification, cleaned: dict[str, Any], now: datetime) -> None:
    found.accept(cleaned["date"])


def _give_back(found: Rectification, cleaned: dict[str, Any], now: datetime) -> None:
    rules = Policy.objects.in_force(now).rules
    _set_due(found, found.give_back, clocks.end_of(rules.rectification_again, rules, now))


def _set_due(found: Rectification, move: Callable[[datetime], None], due: clocks.Instant) -> None:
    move(due.at)
    found.provisional = due.provisional


def _close(found: Rectification, cleaned: dict[str, Any], now: datetime) -> None:
    found.close()


def _demand_again(found: Rectification, cleaned: dict[str, Any], now: datetime) -> None:
    rules = Policy.objects.in_force(now).rules
    _set_due(found, found.demand_again, clocks.end_of(rules.rectification_report, rules, now))


ABOVE = (Role.SUPERVISOR,)
ACTS: dict[str, Act] = {
    "report": Act(gettext_lazy("Write the report"), tuple(Rectification.WITH_UNIT), UNIT, _report, ReportForm),
    "sign": Act(gettext_lazy("Sign and hand in"), (Status.DRAFTED,), (Role.REVIEWER,), _sign),
    "accept": Act(gettext_lazy("Accept the report"), (Status.REPORTED,), ABOVE, _accept, AcceptForm, above=True),
    "give_back": Act(gettext_lazy("Give it back"), (Status.REPORTED,), ABOVE, _give_back, WordsForm, above=True),
    "close": Act(gettext_lazy("Checked: it is mended"), (Status.ACCEPTED,), ABOVE, _close, CheckForm, above=True),
    "demand_again": Act(
        gettext_lazy("Checked: not mended"), (Status.ACCEPTED,), ABOVE, _demand_again, WordsForm, above=True
    ),
}
LABELS = {
    "demand": gettext_lazy("Report demanded"),
    "recount": gettext_lazy("Date moved with the calendar"),
    **{name: act.label for name, act in ACTS.items()},
}


# Reading


def listed(user: "User") -> Any:
    rows = Rectification.objects.visible_to(user).select_related("unit", "category", "area")
    return rows.annotate(cases=Count("orders")).order_by("-id")


def waiting(user: "User") -> Any:
    return Rectification.objects.visible_to(user).filter(_waits_for(user))


def _waits_for(user: "User") -> Q:
    waits = Q(pk__in=[])
    if user.has_role(*UNIT):
        waits |= Q(unit=user.unit, status__in=Rectification.WITH_UNIT)
    if user.has_role(Role.SUPERVISOR):
        waits |= Q(status__in=[Status.REPORTED, Status.ACCEPTED]) & ~Q(unit=user.unit)
    return waits


def page(user: "User", pk: int) -> Rectification:
    entries = Prefetch("entries", RectificationEntry.objects.select_related("by"))
    ours = Rectification.objects.visible_to(user).select_related("unit", "category", "area")
    found = ours.prefetch_related(entries, "accountabilities").filter(pk=pk).first()
    if found is None:
        raise NotVisible(_("There is no such rectification, or it is not yours to see."))
    return found


def available(found: Rectification, user: "User") -> Iterator[tuple[str, Act]]:
    return ((name, act) for name, act in ACTS.items() if found.status in act.sources and _may(act, found, user))


def _may(act: Act, found: Rectification, user: "User") -> bool:
    of_place = stands_above(user, found.unit) if act.above else user.unit_id == found.unit_id
    return of_place and user.has_role(*act.roles)


# Writing


@transaction.atomic
def perform(pk: int, name: str, *, actor: "User", now: datetime, data: Any) -> Rectification:
    """One act on one rectification: lock, check, write. Raises a `Refused`."""
    found = _lock(pk, actor)
    act = ACTS.get(name)
    if act is None:
        raise NotVisible(_("There is no such act."))
    if not _may(act, found, actor):
        raise NotAllowed(_("Your role or unit may not do this."))
    if found.status not in act.sources:
        raise WrongState(_("Somebody has moved it on in the meantime. Look at it as it stands now."))
    cleaned = _cleaned(act, data, now)
    round = found.round
    act.do(found, cleaned, now)
    found.save()
    _note(found, name, round=round, by=actor, at=now, words=cleaned.get("words", ""), date=cleaned.get("date"))
    return found


def _lock(pk: int, actor: "User") -> Rectification:
    rows = Rectification.objects.visible_to(actor).select_for_update(of=("self",)).select_related("unit")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotVisible(_("There is no such rectification, or it is not yours to see."))
    return found


def _cleaned(act: Act, data: Any, now: datetime) -> dict[str, Any]:
    form = act.form(data)
    if form.is_valid() and "date" in form.cleaned_data and form.cleaned_data["date"] < timezone.localdate(now):
        form.add_error("date", _("The date must not lie in the past."))
    if form.errors:
        raise Invalid(fields={field: [str(error) for error in errors] for field, errors in form.errors.items()})
    return form.cleaned_data


def _note(found: Rectification, act: str, *, round: int, at: datetime, **facts: Any) -> None:
    entry = RectificationEntry.objects.create(rectification=found, act=act, round=round, at=at, **facts)
    telling.of_rectification(found, entry, now=at)


# What the system does


def demand(now: datetime) -> int:
    """Open what the policy in force demands; where one on the same subject is open, it waits for that one's end."""
    rules = Policy.objects.in_force(now).rules
    return sum(_demand(finding, rules, now) for finding in findings(rules, now))


@transaction.atomic
def _demand(finding: Finding, rules: Rules, now: datetime) -> bool:
    unit = Unit.objects.select_for_update(no_key=True).get(pk=finding.unit)  # two that demand at once wait here
    subject = {"cause": finding.cause, "category_id": finding.category, "area_id": finding.area}
    if Rectification.objects.open().filter(unit=unit, **subject).exists():
        return False
    due = clocks.end_of(rules.rectification_report, rules, now)
    found = Rectification.objects.create(
        unit=unit, demanded_at=now, due_at=due.at, provisional=due.provisional, **subject
    )
    found.orders.set(finding.orders)
    _note(found, "demand", round=1, at=now)
    return True


def flag_overdue(now: datetime) -> int:
    """A report that is not there by its day is flagged once, and the unit has to account for it."""
    late = Rectification.objects.overdue(now).filter(overdue_at=None).order_by("due_at")
    return sum(_flag(pk, now) for pk in late.values_list("pk", flat=True)[:BATCH])


def recount(changed: QuerySet[CalendarChange], now: datetime) -> int:
    """Count the dates of reports anew that a changed day lies before; return how many moved. The unit is told."""
    waiting = Rectification.objects.filter(status__in=Rectification.WITH_UNIT, overdue_at=None, due_at__gt=now)
    began = RectificationEntry.objects.filter(rectification=OuterRef("pk"), act__in=BEGINNINGS).order_by("-id")
    since = waiting.annotate(began=Subquery(began.values("at")[:1]))
    keys = running_across(since, changed, "began", "due_at").values_list("pk", flat=True)
    return sum(_recount(pk, now) for pk in list(keys))


@transaction.atomic
def _recount(pk: int, now: datetime) -> bool:
    waiting = Rectification.objects.filter(status__in=Rectification.WITH_UNIT, overdue_at=None, due_at__gt=now)
    found = waiting.select_for_update(of=("self",)).select_related("unit").filter(pk=pk).first()
    entry = RectificationEntry.objects.filter(rectification=pk, act__in=BEGINNINGS).order_by("-id").first()
    if found is None or entry is None:
        return False
    rules = Policy.objects.in_force(entry.at).rules
    limit = rules.rectification_again if entry.act == "give_back" else rules.rectification_report
    due = clocks.end_of(limit, rules, entry.at)
    before = (found.due_at, found.provisional)
    found.due_at, found.provisional = max(due.at, now), due.provisional
    if before == (found.due_at, found.provisional):
        return False
    found.save(update_fields=["due_at", "provisional"])
    if before[0] != found.due_at:
        _note(found, "recount", round=found.round, at=now)
    return True


@transaction.atomic
def _flag(pk: int, now: datetime) -> bool:
    late = Rectification.objects.overdue(now).filter(pk=pk, overdue_at=None)
    found = late.select_for_update(of=("self",)).select_related("unit").first()
    if found is None:
        return False
    found.overdue_at = now
    found.save(update_fields=["overdue_at"])
    return accountability.hold_for_report(found, now=now)
