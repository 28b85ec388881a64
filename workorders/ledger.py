"""The ledger 流转记录: each event is chained to the one before by SHA-256 over its canonical form (DESIGN §5)."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workorders.models import Event

if TYPE_CHECKING:
    from workorders.models import User, WorkOrder


def canonical(event: Event) -> bytes:
    """UTF-8 JSON, keys sorted, no blanks; times in UTC with microseconds; people and units as they were called then."""
    form = {
        "order": event.order.number,
        "number": event.number,
        "step": event.step,
        "source": event.source,
        "target": event.target,
        "round": event.round,
        "actor": [event.actor_id, event.actor_name],
        "unit": [event.unit_id, event.unit_code],
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "reason": event.reason,
        "data": event.data,
        "previous": event.previous_hash,
    }
    return json.dumps(form, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def fingerprint(event: Event) -> str:
    return hashlib.sha256(canonical(event)).hexdigest()


def append(
    order: "WorkOrder",
    step: str,
    *,
    actor: "User | None",
    at: datetime,
    source: str = "",
    reason: str = "",
    data: dict[str, Any] | None = None,
) -> Event:
    """Call it with the order's row locked (or just created): the number follows the last one."""
    last = Event.objects.filter(order=order).order_by("-number").only("number", "hash").first()
    data = data or {}
    if not _lasts(data):
        raise ValueError(
            f"{step}: the ledger keeps text, whole numbers and what comes back from the database unchanged"
        )
    event = Event(
        order=order,
        number=last.number + 1 if last else 1,
        step=step,
        source=source,
        target=order.status,
        round=order.round,
        actor=actor,
        unit=actor.unit if actor else None,
        actor_name=actor.username if actor else "",
        unit_code=actor.unit.code if actor and actor.unit else "",
        at=at,
        reason=reason,
        data=data,
        previous_hash=last.hash if last else "",
    )
    event.hash = fingerprint(event)
    event.save(force_insert=True)
    return event


def broken_link(events: Iterable[Event]) -> Event | None:
    """The first event of one order, given in order, that does not follow from the one before it; none if all do."""
    previous = ""
    for number, event in enumerate(events, start=1):
        if (event.number, event.previous_hash) != (number, previous) or event.hash != fingerprint(event):
            return event
        previous = event.hash
    return None


def verify(order: "WorkOrder") -> Event | None:
    """The first event that does not fit: changed, missing, or not what the order itself says; none if all do.

    Every event is one version of the order, so that a ledger cut off at its end shows; one that has gone on since the
    order was read does not.
    """
    events = list(order.events.select_related("order").order_by("number"))
    broken = broken_link(events)
    if broken or len(events) > order.version:
        return broken
    if len(events) < order.version:
        return Event(order=order, number=len(events) + 1)
    told, stands = (events[-1].target, events[-1].round), (order.status, order.round)
    return None if told == stands else events[-1]


def _lasts(value: Any) -> bool:
    """jsonb gives a very large float back as a whole number and forgets the sign of -0.0: the hash would not fit."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _lasts(one) for key, one in value.items())
    if isinstance(value, list):
        return all(_lasts(one) for one in value)
    if isinstance(value, float):
        return abs(value) < 1e15 and str(value) != "-0.0"
    return value is None or isinstance(value, str | int)
