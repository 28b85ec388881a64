"""The figures of a simulation, counted clock by clock; their size does not grow with the number of orders."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from evaluation.histories import History
from evaluation.replay import Replayed, State
from workorders.models import Clock

if TYPE_CHECKING:
    from evaluation.simulation import Compared

MINUTE = timedelta(minutes=1)
LISTED_ORDERS, LISTED_UNITS = 100, 10


@dataclass
class Side:
    """One of the two: as it was, or as it would have been."""

    in_time: int = 0
    late: int = 0
    levels: Counter[int] = field(default_factory=Counter)

    def add(self, replayed: Replayed | None) -> None:
        if replayed:
            self.in_time += replayed.state == State.IN_TIME
            self.late += replayed.state == State.LATE
            self.levels.update(range(1, replayed.raised + 1))

    def figures(self) -> dict[str, int]:
        return {"in_time": self.in_time, "late": self.late, "alerts": self.levels.total()}


@dataclass
class Group:
    clocks: int = 0
    earlier: int = 0
    later: int = 0
    removed: int = 0
    shifts: Counter[int] = field(default_factory=Counter)  # of deadlines that move, in whole minutes
    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)

    def add(self, compared: "Compared") -> None:
        before, after = compared.before, compared.after
        self.clocks += 1
        self.before.add(before)
        self.after.add(after)
        if after is None:
            self.removed += 1
        elif after.due_at != before.due_at:
            self.earlier += after.due_at < before.due_at
            self.later += after.due_at > before.due_at
            self.shifts[(after.due_at - before.due_at) // MINUTE] += 1

    def figures(self) -> dict[str, Any]:
        moved = {"earlier": self.earlier, "later": self.later, "removed": self.removed, "shift": median(self.shifts)}
        return {"clocks": self.clocks, **moved, "before": self.before.figures(), "after": self.after.figures()}


class Tally:
    def __init__(self, since: datetime) -> None:
        self.since = since
        self.orders = 0
        self.apart: Counter[str] = Counter()
        self.all = Group()
        self.groups: dict[tuple[str, str], Group] = defaultdict(Group)
        self.units: dict[int | None, Group] = defaultdict(Group)
        self.turned = {State.LATE: 0, State.IN_TIME: 0}
        self.turned_of: Counter[int | None] = Counter()
        self.listed: list[dict[str, Any]] = []

    def add(self, history: History, clock: Clock, compared: "Compared | None") -> None:
        if clock.stopped_at and clock.stopped_at < self.since:
            return
        if compared is None:
            self.apart[clock.kind] += 1
            return
        for group in (self.all, self.groups[clock.kind, history.grade], self.units[clock.unit_id]):
            group.add(compared)
        self._note_turn(clock, compared)

    def _note_turn(self, clock: Clock, compared: "Compared") -> None:
        """An order's outcome turns where one of its clocks becomes late, or is late no more."""
        was, is_late = (side is not None and side.state == State.LATE for side in (compared.before, compared.after))
        if was == is_late:
            return
        self.turned[State.LATE if is_late else State.IN_TIME] += 1
        self.turned_of[clock.unit_id] += 1
        if len(self.listed) < LISTED_ORDERS:
            facts = {"order": clock.order_id, "kind": clock.kind, "round": clock.round, "late": is_late}
            due = [side.due_at.isoformat() if side else "" for side in (compared.before, compared.after)]
            self.listed.append({**facts, "due": due})

    def result(self) -> dict[str, Any]:
        return {
            "orders": self.orders,
            "apart": dict(self.apart),
            "all": self.all.figures(),
            "groups": [
                {"kind": kind, "grade": grade, **group.figures()} for (kind, grade), group in self.groups.items()
            ],
            "levels": self._levels(),
            "units": self._units(),
            "turned": {"late": self.turned[State.LATE], "in_time": self.turned[State.IN_TIME]},
            "listed": self.listed,
        }

    def _levels(self) -> list[tuple[int, int, int]]:
        before, after = self.all.before.levels, self.all.after.levels
        return [(level, before[level], after[level]) for level in sorted({*before, *after})]

    def _units(self) -> list[dict[str, Any]]:
        def effect(unit: int | None) -> tuple[int, int]:
            group = self.units[unit]
            return self.turned_of[unit], abs(group.after.levels.total() - group.before.levels.total())

        most = sorted(self.units, key=effect, reverse=True)[:LISTED_UNITS]
        return [
            {"unit": unit, "turned": self.turned_of[unit], **self.units[unit].figures()}
            for unit in most
            if any(effect(unit))
        ]


def median(counted: Counter[int]) -> int | None:
    """The lower one of two in the middle."""
    left = (counted.total() + 1) // 2
    for value in sorted(counted):
        left -= counted[value]
        if left <= 0:
            return value
    return None
