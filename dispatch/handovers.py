"""Handing over 转交: another unit goes on, because this one is closed or nobody there can act.

The beat hands over what closed units hold, found by state. A hand-over is no wrong dispatch, and no deadline gets later by it.
"""

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from dispatch.models import ApiClient, Assignment, Rectification, Responsibility, Slip
from workorders import clocks
from workorders.lifecycle import CO_HANDLING_CLOCKS, HELD, UNIT_CLOCKS
from workorders.models import Unit, WorkOrder
from workorders.refusals import Refused
from workorders.transitions import perform

if TYPE_CHECKING:
    from workorders.models import Event

logger = logging.getLogger(__name__)

BATCH = 200
End, Part = Assignment.End, Assignment.Part


def hand_over(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    """Record the new lead unit; the one before has nothing more to do with the order."""
    order, taker = event.order, cleaned["lead"]
    standing = {one.unit_id: one for one in _in_force(order)}
    before = next(one for one in standing.values() if one.part == Part.LEAD)
    _end(order, [before.unit, taker], now)
    facts = {name: getattr(before, name) for name in ("designated", "dispatched_by", "dispatched_at")}
    window = {name: getattr(before, name) for name in ("returnable_until", "provisional")}
    _assign(event, taker, Part.LEAD, now, instructions=cleaned["instructions"], **facts, **window)
    clocks.hand_down(order, before.unit, taker, now=now)


def replace_co_handling(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    order, giver, taker = event.order, cleaned["unit"], cleaned["successor"]
    _end(order, [giver], now)
    clocks.void(order, UNIT_CLOCKS, now=now, units=[giver])
    if taker:
        _assign(event, taker, Part.CO_HANDLING, now, instructions=event.reason)
        clocks.start(order, CO_HANDLING_CLOCKS, now=now, unit=taker)


def is_assigned(order: WorkOrder, unit: Unit, *parts: str) -> bool:
    return _in_force(order).filter(unit=unit, part__in=parts).exists()


def _in_force(order: WorkOrder) -> Any:
    return Assignment.objects.filter(order=order, ended_at=None).select_related("unit")


def _end(order: WorkOrder, units: list[Unit], now: datetime) -> None:
    _in_force(order).filter(unit__in=units).update(ended_at=now, end=End.HANDED_OVER)


def _assign(event: "Event", unit: Unit, part: str, now: datetime, **facts: Any) -> None:
    Assignment.objects.create(order=event.order, unit=unit, part=part, assigned_at=now, **facts)


# What hangs on a unit beside the orders it leads


def co_handled(unit: Unit) -> int:
    return Assignment.objects.filter(unit=unit, ended_at=None, part=Part.CO_HANDLING, order__status__in=HELD).count()


def open_slips(unit: Unit) -> int:
    return Slip.objects.open().filter(unit=unit).count()


def open_rectifications(unit: Unit) -> int:
    return Rectification.objects.open().filter(unit=unit).count()


def clients_in_use(unit: Unit) -> int:
    return ApiClient.objects.filter(unit=unit, revoked_at=None).count()


def catalogue_lines(unit: Unit) -> int:
    return Responsibility.objects.filter(unit=unit).count()


# What the system does


def hand_over_from_closed_units(now: datetime) -> int:
    """Hand over what closed units hold to those that took them over; return how many orders moved."""
    closed = Unit.objects.filter(is_active=False, successor__isnull=False).select_related("successor")
    moved = 0
    for unit in closed:
        heir = unit.heir()
        if heir is None:
            logger.warning("Unit %s is closed, and so is whoever took it over: its orders wait.", unit.code)
            continue
        moved += sum(_perform(order_id, "hand_over", unit, now, lead=heir) for order_id in _led_by(unit))
        for order_id, lead in _co_handled_by(unit):
            successor = None if lead == heir.pk or _has_part(order_id, heir) else heir
            moved += _perform(order_id, "replace_co_handling", unit, now, unit=unit, successor=successor)
    return moved


def _led_by(unit: Unit) -> list[int]:
    orders = WorkOrder.objects.filter(lead_unit=unit, status__in=HELD).order_by("pk")
    return list(orders.values_list("pk", flat=True)[:BATCH])


def _co_handled_by(unit: Unit) -> Iterator[tuple[int, int | None]]:
    beside = Assignment.objects.filter(unit=unit, ended_at=None, part=Part.CO_HANDLING, order__status__in=HELD)
    yield from beside.order_by("pk").values_list("order_id", "order__lead_unit")[:BATCH]


def _has_part(order_id: int, unit: Unit) -> bool:
    return Assignment.objects.filter(order=order_id, unit=unit, ended_at=None).exists()


def _perform(order_id: int, step: str, closed: Unit, now: datetime, **data: Any) -> bool:
    """The ledger speaks the city's language, whoever closed the unit."""
    with translation.override(settings.LANGUAGE_CODE):
        reason = _("%(unit)s was closed.") % {"unit": closed}
    try:
        perform(order_id, step, actor=None, now=now, reason=reason, **data)
    except Refused as refusal:
        logger.info("Order %s stayed with the closed unit %s: %s", order_id, closed.code, refusal)
        return False
    return True
