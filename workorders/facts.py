"""What people decide by, as it stood when they saw it: a form carries it, signed, so that a stale one can show both."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from workorders.lifecycle import Grade, Status
from workorders.masking import masked
from workorders.moments import day_and_time
from workorders.selectors import pressing

if TYPE_CHECKING:
    from workorders.models import WorkOrder


@dataclass(frozen=True)
class Fact:
    name: str
    label: Promise
    value: Callable[["WorkOrder"], str]
    words: Callable[[str], str] = str


@dataclass(frozen=True)
class Change:
    label: str
    before: str
    now: str


def _deadline(order: "WorkOrder") -> str:
    clock = pressing(clock for clock in order.clocks.all() if clock.stopped_at is None)
    return clock.due_at.isoformat() if clock else ""


def _label(choices: Any) -> Callable[[str], str]:
    return lambda value: str(choices(value).label) if value in choices.values else value


FACTS = (
    Fact("status", _("Status"), lambda order: order.status, _label(Status)),
    Fact("grade", _("Grade"), lambda order: order.grade, _label(Grade)),
    Fact("category", _("Category"), lambda order: str(order.category or "")),
    Fact("area", _("Area"), lambda order: str(order.area or "")),
    Fact("address", _("Place"), lambda order: masked(order.address)),
    Fact("title", _("Title"), lambda order: masked(order.title)),
    Fact("unit", _("Lead unit"), lambda order: str(order.lead_unit or "")),
    Fact("round", _("Round"), lambda order: str(order.round)),
    Fact(
        "deadline",
        _("Deadline"),
        _deadline,
        lambda value: day_and_time(datetime.fromisoformat(value), timezone.now()) if value else "",
    ),
)


def of(order: "WorkOrder") -> dict[str, str]:
    return {fact.name: fact.value(order) for fact in FACTS}


def sealed(order: "WorkOrder") -> str:
    return signing.dumps(of(order), salt=_salt(order), compress=True)


def opened(order: "WorkOrder", seal: str) -> dict[str, str]:
    """Empty where it is no seal of ours, or one of another order."""
    try:
        return dict(signing.loads(seal, salt=_salt(order)))
    except signing.BadSignature:
        return {}


def changes(before: dict[str, str], order: "WorkOrder") -> list[Change]:
    stands = of(order)
    changed: Iterable[Fact] = (fact for fact in FACTS if before.get(fact.name, stands[fact.name]) != stands[fact.name])
    return [
        Change(str(fact.label), fact.words(before[fact.name]) or "—", fact.words(stands[fact.name]) or "—")
        for fact in changed
    ]


def _salt(order: "WorkOrder") -> str:
    return f"seen:{order.number}"
