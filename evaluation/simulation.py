"""What a policy document would have done in the last days: every clock that ran then, run again under it.

Compared is a replay under the order's own version, which has to arrive at the deadline that is stored, with a replay under
the candidate. What people did stays as and when they did it. A clock whose replay does not arrive at its stored deadline
(the calendar was changed under it, say) is counted apart, not guessed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from evaluation.histories import History, histories, orders_with_clocks
from evaluation.replay import Replayed, replay
from evaluation.simulation_tally import Tally
from workorders.calendar import WorkCalendar
from workorders.lifecycle import BY_GRADE, Grade
from workorders.models import CalendarDay, Clock, Policy
from workorders.policy import Rules

DAYS = 30
SAMPLE = 20_000  # orders; some five clocks each, under a minute of one core


@dataclass(frozen=True)
class Book:
    rules: Rules
    calendar: WorkCalendar

    def run(self, history: History, clock: Clock, now: datetime, grade: str, given: Replayed | None) -> Replayed | None:
        return replay(history.past(clock, now, grade), self.rules, self.calendar, given)


@dataclass(frozen=True)
class Compared:
    before: Replayed
    after: Replayed | None  # none where the candidate sets no such limit


def simulate(
    document: dict[str, Any],
    *,
    now: datetime,
    days: int = DAYS,
    sample: int = SAMPLE,
    progress: Callable[[int, int], None] = lambda done, orders: None,
) -> dict[str, Any]:
    """As plain data. Where more orders than `sample` had clocks in these days, every n-th of them is taken."""
    since = now - timedelta(days=days)
    orders = orders_with_clocks(since, now)
    total = orders.count()
    every = max(1, -(-total // sample))
    replayer, tally = Replayer(document, now), Tally(since)
    for batch in histories(orders, every):
        for history in batch:
            replayer.count(history, tally)
        progress(tally.orders, -(-total // every))
    frame = {"days": days, "since": since.isoformat(), "until": now.isoformat(), "total": total, "every": every}
    return {**frame, **tally.result(), "versions": replayer.versions(), "unknown": replayer.unknown()}


class Replayer:
    def __init__(self, document: dict[str, Any], now: datetime) -> None:
        self.now = now
        self.days = dict(CalendarDay.objects.values_list("date", "is_working"))
        self.candidate = self._book(Rules(document))
        self.policies = {policy.pk: policy for policy in Policy.objects.all()}
        self.own: dict[int, Book] = {}

    def count(self, history: History, tally: Tally) -> None:
        tally.orders += 1
        found: dict[int, Compared | None] = {}
        for clock in history.clocks:
            found[clock.pk] = compared = self._compare(history, clock, found)
            tally.add(history, clock, compared)

    def _compare(self, history: History, clock: Clock, found: dict[int, Compared | None]) -> Compared | None:
        """None where the past cannot be replayed exactly."""
        giver = history.giver(clock)
        given = found.get(giver.pk) if giver else None
        if giver and given is None:
            return None
        pair = self._pair(history, clock, history.grade, given)
        if pair and pair.before.due_at == clock.due_at:
            return pair
        return self._by_another_grade(history, clock, given)

    def _by_another_grade(self, history: History, clock: Clock, given: Compared | None) -> Compared | None:
        """An order's grade may change on its way; what had stopped before ran by the one it had then."""
        tries = [self._pair(history, clock, grade, given) for grade in Grade.values]
        exact = [pair for pair in tries if pair and pair.before.due_at == clock.due_at]
        return exact[0] if exact and all(pair == exact[0] for pair in exact) else None

    def _pair(self, history: History, clock: Clock, grade: str, given: Compared | None) -> Compared | None:
        own = self._own(history.policy_id)
        before = own.run(history, clock, self.now, grade, given.before if given else None)
        after = self.candidate.run(history, clock, self.now, grade, given.after if given else None)
        return Compared(before, after) if before else None

    def _own(self, policy_id: int) -> Book:
        if policy_id not in self.own:
            self.own[policy_id] = self._book(self.policies[policy_id].rules)
        return self.own[policy_id]

    def _book(self, rules: Rules) -> Book:
        return Book(rules, WorkCalendar(self.days, rules.hours))

    def versions(self) -> list[int]:
        """Under which the replayed orders ran."""
        return sorted(self.policies[pk].version for pk in self.own)

    def unknown(self) -> list[tuple[str, str]]:
        """Limits that the candidate has and they had not: nobody can tell when such a clock would have been stopped."""
        new = self.candidate.rules
        pairs = [(kind, grade) for kind in BY_GRADE for grade in Grade.values if new.limit(kind, grade)]
        books = [book.rules for book in self.own.values()]
        return [(kind, grade) for kind, grade in pairs if any(not rules.limit(kind, grade) for rules in books)]
