"""Bulk dispatch of alike orders: each by `perform()`, in a transaction and under a version of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from dispatch.queue import ALIKE
from workorders import leases
from workorders.models import Event, Lease, WorkOrder
from workorders.refusals import Refused, StaleVersion
from workorders.transitions import perform

if TYPE_CHECKING:
    from workorders.models import User


@dataclass(frozen=True)
class Outcome:
    """`why` is empty where the order went; then `event` is its dispatch."""

    order: WorkOrder
    why: str = ""
    event: Event | None = None


def typed(ticked: Sequence[str]) -> dict[str, int]:
    """number → version as it was shown, from the boxes that were ticked, each "number-version"."""
    pairs = [one.partition("-")[::2] for one in ticked[:ALIKE]]
    return {number: int(version) for number, version in pairs if version.isdecimal() and len(version) < 10}


def dispatch(versions: Mapping[str, int], data: Mapping[str, Any], *, actor: "User", now: datetime) -> list[Outcome]:
    """In the order of their numbers: two that send the same orders never wait for each other in a circle."""
    orders = WorkOrder.objects.visible_to(actor).filter(number__in=versions).order_by("number")
    return [_sent(order, versions[order.number], data, actor, now) for order in orders.defer("tokens")]


def _sent(order: WorkOrder, version: int, data: Mapping[str, Any], actor: "User", now: datetime) -> Outcome:
    if not leases.take(order, actor, now=now):
        return Outcome(order, _why_taken(order))
    try:
        event = perform(order.pk, "dispatch", actor=actor, version=version, now=now, **data)
    except Refused as refusal:
        return Outcome(order, str(refusal.message))
    return Outcome(order, event=event)


def _why_taken(order: WorkOrder) -> str:
    """Who let go of it in the meantime has done something with it."""
    lease = Lease.objects.select_related("user").filter(order=order).first()
    if lease is None:
        return str(StaleVersion.message)
    return _("%(who)s has taken this order to work on it.") % {"who": lease.user}
