"""The feed: every change of a reader's orders, in order, never skipping, resumable for ever (decision 9).

Identities are handed out before the commit, so a reader that went by them would pass over what is committed late. The
feed goes by transactions, and ends before the oldest one that still runs.
"""

import base64
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import connection
from django.db.models import BigIntegerField, Exists, F, Func, OuterRef, Q, QuerySet, Value
from django.db.models.lookups import GreaterThan, LessThanOrEqual
from django.forms.fields import BaseTemporalField
from django.utils.dateparse import parse_datetime

from workorders import stages
from workorders.forms import CodeField, OrderField
from workorders.models import Event, WorkOrder
from workorders.transitions import form_of

if TYPE_CHECKING:
    from workorders.models import User

# So many events, anybody's, are looked through for one page at most: a reader that few of them concern gets an empty
# page and a cursor that is further on, instead of a page that takes minutes.
WINDOW = 10_000
COLUMNS = ("transaction", "number", "step", "source", "target", "round", "at", "data", "unit_code", "order__number")
# Only these kinds of input are told: what somebody wrote in their own words may name people.
IMPERSONAL = (
    CodeField,
    OrderField,
    forms.ChoiceField,
    forms.BooleanField,
    forms.IntegerField,
    BaseTemporalField,
)

HELD_TOO_LONG_S = 10 * 60  # what forgets its transaction is ended sooner by idle_in_transaction_session_timeout
HELD = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)::float
FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
"""
AHEAD = """
SELECT greatest(0, max(transaction) - greatest(
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint, pg_current_xact_id_if_assigned()::text::bigint
)) FROM workorders_event
"""

_held: list[Callable[[Any], Q]] = []


@dataclass(frozen=True, order=True)
class Position:
    """Behind this event of this transaction; as text, the opaque cursor that readers keep."""

    transaction: int = 0
    event: int = 0

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(struct.pack(">qq", self.transaction, self.event)).decode().rstrip("=")

    @classmethod
    def typed(cls, cursor: str) -> "Position":
        """Raises ValueError for what was never a cursor."""
        packed = base64.b64decode(f"{cursor}==", altchars=b"-_", validate=True)
        if len(packed) != 16 or str(found := cls(*struct.unpack(">qq", packed))) != cursor:
            raise ValueError(cursor)
        return found

    @classmethod
    def of(cls, event: Event) -> "Position":
        return cls(event.transaction, event.pk)


START = Position()


@dataclass(frozen=True)
class Page:
    """`next` is behind the last event that was looked at; `more` says that others are already there behind it."""

    events: list[Event]
    next: Position
    more: bool


def holding(condition: Callable[[Any], Q]) -> None:
    """`condition(units)` selects the events of orders that these units held then and hold no more."""
    _held[:] = [condition]


def read(user: "User | None", after: Position, limit: int) -> Page:
    """The next events that are this user's to know. As many queries for every page."""
    end = settled()
    seen = _window_end(after, end)
    mine = concerning(user).filter(_beyond(after), _up_to(seen)).select_related("order").only(*COLUMNS)
    events = list(mine.order_by("transaction", "id")[:limit])
    if len(events) == limit:
        return Page(events, Position.of(events[-1]), True)
    return Page(events, max(after, seen), seen < end)


def settled() -> Position:
    """Everything before it is decided: no transaction still running, and none to come, can write there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return Position(cursor.fetchone()[0])


def health(now: datetime) -> dict[str, Any]:
    """How long the oldest writer has held the feed up, and how far stored transactions are ahead of the server's own.

    They are ahead after a dump was restored on a new server: until its numbers are lifted, nobody is told anything.
    """
    with connection.cursor() as cursor:
        cursor.execute(HELD)
        held = round(cursor.fetchone()[0], 1)
        cursor.execute(AHEAD)
        ahead = cursor.fetchone()[0] or 0
    return {"ok": held < HELD_TOO_LONG_S and not ahead, "held_s": held, "ahead": ahead}


def newest() -> Position:
    """Of the last event that is settled."""
    rows = Event.objects.filter(_up_to(settled())).order_by("-transaction", "-id")
    last = rows.values_list("transaction", "id").first()
    return Position(*last) if last else START


def concerning(user: "User | None") -> QuerySet[Event]:
    """The events of orders visible now, and what happened to others while the user's units held them."""
    if user is None:
        return Event.objects.all()
    visible = WorkOrder.objects.visible_to(user)
    if visible.query.is_empty() or user.unit is None:
        return Event.objects.none()
    return Event.objects.filter(Q(Exists(visible.filter(pk=OuterRef("order")))) | _once_held_by(user.unit.branch()))


def shown(event: Event) -> dict[str, Any]:
    """An event as feed and webhooks tell it: no names, no free text. `version` is the order's after it."""
    return {
        "cursor": str(Position.of(event)),
        "order": event.order.number,
        "version": event.number,
        "step": event.step,
        "source": event.source,
        "target": event.target,
        "status": event.target,
        "round": event.round,
        "at": event.at,
        "unit": event.unit_code or None,
        "data": _impersonal(event),
    }


def _impersonal(event: Event) -> dict[str, Any]:
    fields: dict[str, forms.Field] = form_of(event.step).base_fields
    facts = stages.of_step(event.step).labels
    return {
        name: _code(value) if isinstance(fields.get(name), CodeField) else value
        for name, value in event.data.items()
        if isinstance(fields.get(name), IMPERSONAL) or (name in facts and _is_measure(value))
    }


def _code(value: Any) -> Any:
    """The ledger keeps a name beside each code, as it was called then."""
    return [_code(one) for one in value] if isinstance(value, list) else value.split(" ")[0]


def _is_measure(value: Any) -> bool:
    """Of what the system itself found out: numbers and instants, no sentences."""
    return parse_datetime(value) is not None if isinstance(value, str) else not isinstance(value, dict | list)


def _once_held_by(units: QuerySet[Any]) -> Q:
    return _held[0](units.values("pk")) if _held else Q(pk__in=[])


def _window_end(after: Position, end: Position) -> Position:
    rows = Event.objects.filter(_beyond(after), _up_to(end)).order_by("transaction", "id")
    last = rows.values_list("transaction", "id")[WINDOW - 1 : WINDOW].first()
    return Position(*last) if last else end


def _place(transaction: Any, event: Any) -> Func:
    """One row comparison is one range of the index, however many events a transaction wrote."""
    return Func(transaction, event, function="ROW", output_field=BigIntegerField())


def _beyond(position: Position) -> GreaterThan:
    return GreaterThan(_place(F("transaction"), F("id")), _place(Value(position.transaction), Value(position.event)))


def _up_to(position: Position) -> LessThanOrEqual:
    return LessThanOrEqual(
        _place(F("transaction"), F("id")), _place(Value(position.transaction), Value(position.event))
    )
