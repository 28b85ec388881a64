"""First contact 首次联系 (Art. 15 (1)): an attempt is none; repeated ones, recorded and apart, are what a unit can do."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from workorders.lifecycle import ClockKind
from workorders.models import Clock, Event, WorkOrder
from workorders.templatetags.console import span

if TYPE_CHECKING:
    from workorders.models import Unit

UNREACHABLE = "unreachable"


def fulfils(event: Event, cleaned: dict[str, Any]) -> bool:
    """Whether the clock of the contact stops. The attempt that was just made is in the ledger already."""
    clock = _owed(event.order, event.order.lead_unit)
    if clock is None or cleaned["way"] != UNREACHABLE:
        return True
    needed, _share = event.order.policy.rules.contact_attempts
    return len(counted(_made(clock), apart(clock))) >= needed


def counted(moments: Iterable[datetime], apart: timedelta) -> list[datetime]:
    """Who calls three times within a minute has tried once."""
    found: list[datetime] = []
    for moment in sorted(moments):
        if not found or moment - found[-1] >= apart:
            found.append(moment)
    return found


def apart(clock: Clock) -> timedelta:
    _needed, share = clock.order.policy.rules.contact_attempts
    return (clock.due_at - clock.started_at) * share


def rule_for(order: WorkOrder) -> str:
    """For who is about to record a contact: when an attempt counts as one. Nothing where the first does."""
    clock, (needed, _share) = _owed(order, order.lead_unit), order.policy.rules.contact_attempts
    if clock is None or needed == 1:
        return ""
    return _(
        "An attempt that reached nobody is not a contact yet: %(needed)s of them are, each at least %(apart)s after "
        "the one before. So far: %(made)s."
    ) % {"needed": needed, "apart": span(apart(clock)), "made": len(counted(_made(clock), apart(clock)))}


def _owed(order: WorkOrder, unit: "Unit | None") -> Clock | None:
    running = Clock.objects.running().filter(order=order, unit=unit, kind=ClockKind.CONTACT)
    return running.select_related("order__policy").first()


def _made(clock: Clock) -> list[datetime]:
    """When the unit that owes the contact says it tried, since it owes it."""
    events = Event.objects.filter(order=clock.order_id, step="contact", unit=clock.unit_id, at__gte=clock.started_at)
    moments = (parse_datetime(event.data.get("when", "")) or event.at for event in events if _reached_nobody(event))
    return [max(moment, clock.started_at) for moment in moments]


def _reached_nobody(event: Event) -> bool:
    return event.data.get("way") == UNREACHABLE
