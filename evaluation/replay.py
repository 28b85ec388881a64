"""One clock run again under other rules: what people did stays as and when they did it. Pure: no database, no `now`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from workorders.calendar import WorkCalendar
from workorders.policy import Limit, Rules


class State(StrEnum):
    IN_TIME = "in_time"  # done by its deadline
    LATE = "late"  # done late, or not done and past its deadline
    VOID = "void"  # no longer owed before its deadline came
    RUNNING = "running"


@dataclass(frozen=True)
class Move:
    """What befell a clock on its way: `days` working days more, or none of them where it was paused or resumed."""

    at: datetime
    what: str  # pause, resume, extend
    days: int = 0


@dataclass(frozen=True)
class Past:
    """A stored clock as it ran. `done` is whether its order did what it asked for; then `until` is when."""

    kind: str
    grade: str
    round: int
    started_at: datetime
    until: datetime
    stopped: bool
    done: bool
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True)
class Replayed:
    due_at: datetime
    alerts_at: tuple[datetime, ...]
    raised: int  # how many levels of the ladder it reached while it ran
    state: State


def replay(past: Past, rules: Rules, calendar: WorkCalendar, taken_over: Replayed | None = None) -> Replayed | None:
    """None where the rules set no such limit. `taken_over` is what the unit that handed the order down still owed."""
    limit = rules.limit(past.kind, past.grade, past.round)
    if limit is None:
        return None
    run = _Run(past, rules, limit, calendar)
    if taken_over and taken_over.state != State.LATE and taken_over.due_at < run.due_at:
        run.due_at, run.alerts_at = taken_over.due_at, list(taken_over.alerts_at)
    for move in past.moves:
        run.make(move)
    return run.ended()


class _Run:
    """Moves a clock as `workorders/clocks.py` does, level by level of whatever ladder the rules have."""

    def __init__(self, past: Past, rules: Rules, limit: Limit, calendar: WorkCalendar) -> None:
        self.past, self.rules, self.limit, self.calendar = past, rules, limit, calendar
        self.due_at = limit.after(past.started_at, calendar)
        self.alerts_at = rules.alerts(past.kind, past.grade, past.started_at, limit, calendar)
        self.paused_at: datetime | None = None

    def make(self, move: Move) -> None:
        if move.what == "pause" and self.paused_at is None and self.due_at > move.at:
            self.paused_at = move.at
        elif move.what == "resume" and self.paused_at:
            paused_at, self.paused_at = self.paused_at, None
            self._shift(lambda instant: self._resumed(instant, paused_at, move.at), reached=paused_at)
        elif move.what == "extend" and self.due_at >= move.at:
            more = move.days * self.calendar.day_length
            self._shift(lambda instant: self.calendar.add(instant, more), reached=move.at)

    def _resumed(self, instant: datetime, paused_at: datetime, at: datetime) -> datetime:
        if self.limit.in_working_time:
            return self.calendar.add(at, self.calendar.between(paused_at, instant))
        return instant + (at - paused_at)

    def _shift(self, moved: Callable[[datetime], datetime], reached: datetime) -> None:
        """What comes before the deadline moves with it unless it was reached; what comes after is counted from it anew."""
        before = [moved(at) if at > reached else at for at in self.alerts_at if at < self.due_at]
        self.due_at = moved(self.due_at)
        from_due = self.rules.alerts(self.past.kind, self.past.grade, self.due_at, self.limit.scaled(0), self.calendar)
        self.alerts_at = [*before, *from_due[len(before) :]]

    def ended(self) -> Replayed:
        until = self.paused_at or self.past.until
        return Replayed(self.due_at, tuple(self.alerts_at), sum(at <= until for at in self.alerts_at), self._state())

    def _state(self) -> State:
        if self.paused_at is None and self.due_at < self.past.until:
            return State.LATE
        if not self.past.stopped:
            return State.RUNNING
        return State.IN_TIME if self.past.done else State.VOID
