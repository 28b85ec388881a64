"""Graded accountability 问责 of units (M44): held by the system, decided by a supervisor above the unit, then carried out."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from dispatch import telling
from dispatch.models import Accountability, Rectification, Slip
from dispatch.models.of_units import stands_above
from workorders.lifecycle import Role
from workorders.refusals import NotAllowed, NotVisible, WrongState

if TYPE_CHECKING:
    from workorders.models import User

LOOKED_BACK = timedelta(days=365)
Measure = Accountability.Measure
BY_SEVERITY = (Measure.TALK, Measure.CIRCULAR, Measure.DISCIPLINE)


def hold_for_slip(slip: Slip, *, now: datetime) -> bool:
    facts = {"unit": slip.unit, "cause": Accountability.Cause.SLIP, "due_at": slip.clock.due_at, "raised_at": now}
    return _held(*Accountability.objects.get_or_create(slip=slip, defaults=facts))


def hold_for_report(rectification: Rectification, *, now: datetime) -> bool:
    facts = {"unit": rectification.unit, "cause": Accountability.Cause.RECTIFICATION, "raised_at": now}
    of_report = {"rectification": rectification, "due_at": rectification.due_at}
    return _held(*Accountability.objects.get_or_create(**of_report, defaults=facts))


def _held(found: Accountability, is_new: bool) -> bool:
    if is_new:
        telling.of_accountability(found, now=found.raised_at)
    return is_new


def suggested(accountability: Accountability) -> Accountability.Measure:
    """Graded: a talk the first time within a year, then a circular, then discipline."""
    earlier = Accountability.objects.filter(
        unit=accountability.unit, pk__lt=accountability.pk, raised_at__gte=accountability.raised_at - LOOKED_BACK
    )
    counted = earlier.exclude(measure=Measure.NONE).count()
    return BY_SEVERITY[min(counted, len(BY_SEVERITY) - 1)]


def may_decide(user: "User", accountability: Accountability) -> bool:
    return user.has_role(Role.SUPERVISOR) and stands_above(user, accountability.unit)


@transaction.atomic
def decide(pk: int, *, measure: str, words: str, actor: "User", now: datetime) -> Accountability:
    found = _lock(pk, actor, Accountability.Status.OPEN)
    _decide(found, measure, words, actor, now)
    return found


def excuse(slip: Slip, *, now: datetime) -> None:
    """容错: nobody accounts for a slip that was issued in error. What was decided before stays decided."""
    assert slip.closed_by, "withdrawn by somebody"
    held = Accountability.objects.select_for_update(of=("self",)).select_related("unit")
    for found in held.filter(slip=slip, status=Accountability.Status.OPEN):
        _decide(found, Measure.NONE, slip.words, slip.closed_by, now)


def _decide(found: Accountability, measure: str, words: str, actor: "User", now: datetime) -> None:
    found.decide(measure=measure, words=words, by=actor, at=now)
    if measure == Measure.NONE:  # nothing is left to be carried out
        found.close(by=actor, at=now)
    found.save()
    telling.of_accountability(found, now=now)


@transaction.atomic
def close(pk: int, *, actor: "User", now: datetime) -> Accountability:
    found = _lock(pk, actor, Accountability.Status.DECIDED)
    found.close(by=actor, at=now)
    found.save()
    return found


def _lock(pk: int, actor: "User", expected: str) -> Accountability:
    ours = Accountability.objects.visible_to(actor).select_for_update(of=("self",)).select_related("unit")
    found = ours.filter(pk=pk).first()
    if found is None:
        raise NotVisible(_("There is no such row, or it is not yours to see."))
    if not may_decide(actor, found):
        raise NotAllowed(_("A supervisor above the unit decides on this."))
    if found.status != expected:
        raise WrongState(_("Somebody has decided on it already."))
    return found
