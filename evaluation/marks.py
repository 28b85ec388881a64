"""Where an order counts, from its facts, its ledger and its clocks. Pure: values in, marks out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Protocol

from evaluation.buckets import bucket
from evaluation.models import Measure
from evaluation.models.tally import Tally
from workorders.lifecycle import MAIN_ROAD, OPEN, ClockKind, Status
from workorders.models import Clock

STAGES = tuple(stage for stage in MAIN_ROAD if stage != Status.ARCHIVED)
SENT = ("dispatch", "designate")
CONCLUDED = ("close", "answer")
Cut = Tally.Cut


class Happened(Protocol):
    step: str
    target: str
    at: datetime


class Stopped(Protocol):
    kind: str
    unit_id: int | None
    stopped_at: datetime | None
    outcome: str


@dataclass(frozen=True)
class Facts:
    registered_at: datetime
    category: int | None
    area: int | None


@dataclass(frozen=True)
class Counted:
    measure: str
    day: date
    key: str = ""
    bucket: int | None = None
    category: int | None = None
    area: int | None = None
    unit: int | None = None


@dataclass(frozen=True)
class Cell:
    """One counter."""

    measure: str
    cut: str
    day: date
    key: str
    bucket: int | None
    category: int | None
    area: int | None
    unit: int | None


def marks(facts: Facts, events: Sequence[Happened], clocks: Iterable[Stopped], zone: tzinfo) -> Iterator[Counted]:
    """`events` in their order, at least the first. Days are days in this zone."""
    received, status = facts.registered_at.astimezone(zone).date(), events[-1].target
    yield Counted(Measure.RECEIVED, received, category=facts.category, area=facts.area)
    if status in OPEN:
        yield Counted(Measure.OPEN, received, status)
    for stage, took in _stays(events).items():
        yield Counted(Measure.STAGE, received, stage, None if took is None else bucket(took))
    for measure, at in _acts(status, events):
        yield Counted(measure, at.astimezone(zone).date())
    yield from _limits([clock for clock in clocks if clock.stopped_at], zone)


def cells(mark: Counted) -> Iterator[Cell]:
    """The counters a mark counts in: an order received counts for the whole, for its category and for its area."""
    keys = (mark.day, mark.key, mark.bucket)
    yield Cell(mark.measure, Cut.WHOLE, *keys, None, None, mark.unit)
    if mark.measure == Measure.RECEIVED:
        yield Cell(mark.measure, Cut.CATEGORY, *keys, mark.category, None, None)
        yield Cell(mark.measure, Cut.AREA, *keys, None, mark.area, None)


def _stays(events: Sequence[Happened]) -> dict[str, timedelta | None]:
    """How long the order was in each stage it reached, all rounds together; none of the one it is in.

    Nobody waits for what is closed: there it is the whole way from the registration to the last closing.
    """
    stays: dict[str, timedelta | None] = {}
    moves = [*events[:1], *(event for before, event in pairwise(events) if before.target != event.target)]
    for event, after in pairwise(moves):
        stays[event.target] = (stays.get(event.target) or timedelta(0)) + (after.at - event.at)
    stays[moves[-1].target] = None
    for event in moves:
        if event.target == Status.CLOSED:
            stays[Status.CLOSED] = event.at - moves[0].at
    return {stage: stays[stage] for stage in STAGES if stage in stays}


def _acts(status: str, events: Sequence[Happened]) -> Iterator[tuple[Measure, datetime]]:
    """The last dispatch, and the conclusion that holds."""
    last = {event.step: event.at for event in events}
    sent = [last[step] for step in SENT if step in last]
    concluded = [last[step] for step in CONCLUDED if step in last]
    if sent:
        yield Measure.DISPATCHED, max(sent)
    if concluded and status not in OPEN:
        yield Measure.CLOSED, max(concluded)


def _limits(stopped: Sequence[Stopped], zone: tzinfo) -> Iterator[Counted]:
    """The last first contact, in time or late; and of every kind and unit the last limit that was missed."""
    judged = [clock for clock in stopped if clock.outcome != Clock.Outcome.VOID]
    judged.sort(key=lambda clock: clock.stopped_at)  # type: ignore[arg-type,return-value]
    contacts = [clock for clock in judged if clock.kind == ClockKind.CONTACT]
    for clock in contacts[-1:]:
        late = clock.outcome == Clock.Outcome.MISSED
        yield Counted(Measure.CONTACTED_LATE if late else Measure.CONTACTED, _day(clock, zone))
    missed = {(clock.kind, clock.unit_id): clock for clock in judged if clock.outcome == Clock.Outcome.MISSED}
    for (kind, unit), clock in missed.items():
        yield Counted(Measure.MISSED, _day(clock, zone), kind, unit=unit)


def _day(clock: Stopped, zone: tzinfo) -> date:
    assert clock.stopped_at
    return clock.stopped_at.astimezone(zone).date()
