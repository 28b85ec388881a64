"""How the clocks of stored orders ran: from the clocks, the ledger and the granted extensions, batch by batch."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Mod

from dispatch.models import Request
from evaluation.replay import Move, Past
from workorders.lifecycle import BY_GRADE, RESOLUTION_CLOCKS
from workorders.models import Clock, Event, WorkOrder
from workorders.transitions import STEPS

BATCH = 500
HAND_DOWN = "assign_down"
STOPS = {name: step.stops for name, step in STEPS.items() if step.stops}
PAUSES = {name: step.pauses for name, step in STEPS.items() if step.pauses}
RESUMES = {name: step.resumes for name, step in STEPS.items() if step.resumes}
READ = {*STOPS, *PAUSES, *RESUMES, HAND_DOWN}


@dataclass
class History:
    """All clocks of one order, first to last, and what befell them."""

    order_id: int
    grade: str
    policy_id: int
    clocks: list[Clock] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    extensions: list[dict[str, Any]] = field(default_factory=list)

    def past(self, clock: Clock, now: datetime, grade: str | None = None) -> Past:
        until = clock.stopped_at or now
        return Past(
            kind=clock.kind,
            grade=grade or self.grade,
            round=clock.round,
            started_at=clock.started_at,
            until=until,
            stopped=clock.stopped_at is not None,
            done=self._was_done(clock),
            moves=tuple(move for move in self._moves(clock) if clock.started_at <= move.at <= until),
        )

    def giver(self, clock: Clock) -> Clock | None:
        """The clock of the unit that handed the order down when this one started."""
        givers = {
            event["unit_id"] for event in self.events if event["step"] == HAND_DOWN and event["at"] == clock.started_at
        }
        for other in self.clocks:
            ended_then = other.pk < clock.pk and other.stopped_at == clock.started_at
            if ended_then and other.kind == clock.kind and other.unit_id in givers - {None}:
                return other
        return None

    def _was_done(self, clock: Clock) -> bool:
        """A clock that ran out before it was void is stored as missed, like one that was stopped too late."""
        return any(
            event["at"] == clock.stopped_at
            and clock.kind in STOPS.get(event["step"], ())
            and clock.unit_id in (None, event["unit_id"])
            for event in self.events
        )

    def _moves(self, clock: Clock) -> list[Move]:
        found = [
            Move(event["at"], what)
            for event in self.events
            for what, steps in (("pause", PAUSES), ("resume", RESUMES))
            if clock.kind in steps.get(event["step"], ())
        ]
        if clock.kind in RESOLUTION_CLOCKS:
            granted = (one for one in self.extensions if clock.unit_id in (None, one["unit_id"]))
            found += [Move(one["decided_at"], "extend", one["length"]) for one in granted]
        return sorted(found, key=lambda move: move.at)


def ran_since(since: datetime) -> Q:
    return Q(stopped_at=None) | Q(stopped_at__gte=since)


def orders_with_clocks(since: datetime, now: datetime) -> QuerySet[WorkOrder]:
    ran = Clock.objects.filter(ran_since(since), order=OuterRef("pk"), started_at__lte=now)
    return WorkOrder.objects.visible_to(None).filter(Exists(ran)).order_by("pk")


def histories(orders: QuerySet[WorkOrder], every: int = 1) -> Iterator[list[History]]:
    """Batches of every n-th order (by its key), with as much memory as one batch needs."""
    chosen = orders.annotate(part=Mod("pk", every)).filter(part=0) if every > 1 else orders
    last = 0
    while rows := list(chosen.filter(pk__gt=last).values_list("pk", "grade", "policy_id")[:BATCH]):
        last = rows[-1][0]
        yield _filled({pk: History(pk, grade, policy) for pk, grade, policy in rows})


def _filled(found: dict[int, History]) -> list[History]:
    clocks = _by_order(
        Clock.objects.filter(order__in=found, kind__in=BY_GRADE).order_by("pk"), lambda clock: clock.order_id
    )
    events = _by_order(
        Event.objects.filter(order__in=found, step__in=READ)
        .order_by("order", "number")
        .values("order_id", "step", "at", "unit_id"),
        lambda event: event["order_id"],
    )
    extensions = _by_order(
        Request.objects.filter(order__in=found, kind=Request.Kind.EXTENSION, status=Request.Status.GRANTED)
        .order_by("decided_at")
        .values("order_id", "unit_id", "decided_at", "length"),
        lambda request: request["order_id"],
    )
    for pk, history in found.items():
        history.clocks, history.events, history.extensions = clocks[pk], events[pk], extensions[pk]
    return list(found.values())


def _by_order(rows: Iterable[Any], key: Any) -> dict[int, list[Any]]:
    grouped: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[key(row)].append(row)
    return grouped
