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
from django.db.models import Count, Prefetch, Q
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
from workorders.models import Policy, Unit
from workorders.policy import Limit, Rules
from workorders.refusals import Invalid, NotAllowed, NotVisible, WrongState

if TYPE_CHECKING:
    from workorders.models import User

BATCH = 200
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
    found.give_back(_due(rules, rules.rectification_again, now))


def _close(found: Rectification, cleaned: dict[str, Any], now: datetime) -> None:
    found.close()


def _demand_again(found: Rectification, cleaned: dict[str, Any], now: datetime) -> None:
    rules = Policy.objects.in_force(now).rules
    found.demand_again(_due(rules, rules.rectification_report, now))


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
LABELS = {"demand": gettext_lazy("Report demanded"), **{name: act.label for name, act in ACTS.items()}}


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


def _due(rules: Rules, limit: Limit, now: datetime) -> datetime:
    return limit.after(now, clocks.load_calendar(rules, now, limit.reach + clocks.HORIZON))


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
    due = _due(rules, rules.rectification_report, now)
    found = Rectification.objects.create(unit=unit, demanded_at=now, due_at=due, **subject)
    found.orders.set(finding.orders)
    _note(found, "demand", round=1, at=now)
    return True


def flag_overdue(now: datetime) -> int:
    """A report that is not there by its day is flagged once, and the unit has to account for it."""
    late = Rectification.objects.overdue(now).filter(overdue_at=None).order_by("due_at")
    return sum(_flag(pk, now) for pk in late.values_list("pk", flat=True)[:BATCH])


@transaction.atomic
def _flag(pk: int, now: datetime) -> bool:
    late = Rectification.objects.overdue(now).filter(pk=pk, overdue_at=None)
    found = late.select_for_update(of=("self",)).select_related("unit").first()
    if found is None:
        return False
    found.overdue_at = now
    found.save(update_fields=["overdue_at"])
    return accountability.hold_for_report(found, now=now)
