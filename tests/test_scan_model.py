"""Random lives of an order, with outages and crashes of the scan, against a model that counts them minute by minute.

The model knows no instants: each clock counts down what is left to each level, a minute at a time, while it runs.
`MODEL_EXAMPLES=500` looks longer.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st

from dispatch import supervision
from dispatch.models import Alert
from tests.conftest import CHINA
from tests.roads import Road
from tests.test_calendar import OFFICIAL
from workorders.models import CalendarChange, CalendarDay, Policy, WorkOrder
from workorders.policy import default_document
from workorders.recounts import recount_changed
from workorders.refusals import Refused

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "15"))
MIDNIGHT = datetime(2026, 9, 18, tzinfo=CHINA)
DAY, WORKING_DAY = 1440, 420
OPEN = frozenset([*range(9 * 60, 12 * 60), *range(13 * 60 + 30, 17 * 60 + 30)])
MINUTE = timedelta(minutes=1)

# Minutes and whether they are working time; written by hand from the rule book (dispatch of a utility order: 40 minutes here).
LIMITS = {
    "ordinary": {"acceptance": (120, False), "dispatch": (120, False), "resolution": (2940, True), "callback": (840, True),
                 "signing": (240, False), "contact": (1440, False), "unit_resolution": (2940, True)},
    "complex": {"acceptance": (120, False), "dispatch": (420, True), "resolution": (6300, True), "callback": (840, True),
                "signing": (240, False), "contact": (1440, False), "unit_resolution": (6300, True)},
    "utility": {"acceptance": (60, False), "dispatch": (40, False), "resolution": (1440, False), "callback": (1440, False),
                "signing": (60, False), "contact": (120, False), "unit_resolution": (1440, False)},
}  # fmt: skip
HALVED = ("resolution", "unit_resolution")
UNITS = ("signing", "contact", "unit_resolution")


def waits(kind: str, grade: str) -> list[tuple[int, bool]]:
    if grade == "utility":
        return [(60, False), (240, False)]
    return [(240, False), (720, False)] if kind == "contact" else [(WORKING_DAY, True), (2 * WORKING_DAY, True)]


@dataclass
class ModelClock:
    kind: str
    round: int
    start: int
    ladder: str
    extra: int = 0
    paused: set[int] = field(default_factory=set)  # the minutes that do not count
    pausing: bool = False
    stopped: bool = False
    due: int | None = None  # the minute when the deadline was reached, counted as if nothing had stopped it before
    reached: dict[int, int] = field(default_factory=dict)
    left: dict[int, list[list[Any]]] = field(default_factory=dict)  # level: stages of [minutes left, in working time]


class Model:
    def __init__(self, now: int) -> None:
        self.now, self.days, self.clocks, self.grade, self.round = now, dict(OFFICIAL.days), [], "ordinary", 1
        self.start("acceptance")

    def works(self, minute: int) -> bool:
        return minute % DAY in OPEN and self.days[(MIDNIGHT + timedelta(days=minute // DAY)).date()]

    def start(self, *kinds: str) -> None:
        self.clocks += [self.wound(ModelClock(kind, self.round, self.now, self.grade)) for kind in kinds]

    def wound(self, clock: ModelClock) -> ModelClock:
        minutes, working = LIMITS[clock.ladder][clock.kind]
        minutes //= 2 if clock.round > 1 and clock.kind in HALVED else 1
        for level, share in ((1, 0.5), (2, 0.75), (3, 1)):
            clock.left[level] = [[round(minutes * share), working], [clock.extra * WORKING_DAY, True]]
        for level, wait in ((4, 0), (5, 1)):
            clock.left[level] = [list(waits(clock.kind, clock.ladder)[wait])]
        return clock

    def until(self, minute: int) -> None:
        while self.now < minute:
            for clock in self.clocks:
                if not clock.stopped:
                    self.count(clock, self.now)
            self.now += 1
            for clock in self.clocks:
                if not clock.stopped:
                    self.reach(clock)

    def count(self, clock: ModelClock, minute: int) -> None:
        if clock.pausing or minute in clock.paused:
            clock.paused.add(minute)
            return
        for level, stages in clock.left.items():
            stage = next((one for one in stages if one[0]), None)
            beyond = level > 3 and (clock.due is None or clock.due > minute)
            if stage and not beyond and (not stage[1] or self.works(minute)):
                stage[0] -= 1
        if clock.due is None and not any(one[0] for one in clock.left[3]):
            clock.due = minute + 1

    def reach(self, clock: ModelClock) -> None:
        for level, stages in clock.left.items():
            if not clock.pausing and not any(one[0] for one in stages):
                clock.reached.setdefault(level, self.now)

    def recount(self, clock: ModelClock) -> None:
        """From its beginning, under the limits and the calendar as they are now; a deadline that was reached stays."""
        clock.due = clock.due if 3 in clock.reached else None
        pausing, clock.pausing = clock.pausing, False
        self.wound(clock)
        for minute in range(clock.start, self.now):
            self.count(clock, minute)
        clock.pausing = pausing
        if clock.due is not None and 3 not in clock.reached:
            self.shortened(clock)
        self.reach(clock)

    def shortened(self, clock: ModelClock) -> None:
        """The new deadline lies in the past: it is now, and the way up begins now."""
        clock.due = self.now
        for level, wait in ((4, 0), (5, 1)):
            clock.left[level] = [list(waits(clock.kind, clock.ladder)[wait])]

    def of(self, kinds: Any) -> list[ModelClock]:
        return [clock for clock in self.clocks if clock.kind in kinds and not clock.stopped]

    def stop(self, *kinds: str) -> None:
        for clock in self.of(kinds):
            clock.stopped = True

    def pause(self, *kinds: str) -> None:
        for clock in self.of(kinds):
            clock.pausing = 3 not in clock.reached

    def resume(self, *kinds: str) -> None:
        for clock in self.of(kinds):
            if clock.pausing:
                clock.pausing = False
                self.recount(clock)

    def go_on(self) -> None:
        """Run as if this round's last dispatch clock had never stopped: what of it has passed is reached now."""
        of_this_round = [clock for clock in self.clocks if clock.kind == "dispatch" and clock.round == self.round]
        if not of_this_round:  # a rework goes to its unit without being dispatched
            self.start("dispatch")
            return
        last = of_this_round[-1]
        again = self.wound(ModelClock("dispatch", self.round, last.start, self.grade))
        for minute in range(again.start, self.now):
            self.count(again, minute)
        self.clocks.append(again)
        self.reach(again)

    def do(self, step: str, **data: Any) -> None:
        getattr(self, f"do_{step}", lambda **_: None)(**data)

    def do_ask_correction(self) -> None:
        self.pause("acceptance")

    def do_correct(self) -> None:
        self.resume("acceptance")

    def do_answer(self) -> None:
        self.stop("acceptance")

    do_decline = do_answer

    def do_accept(self) -> None:
        self.stop("acceptance")
        self.start("dispatch", "resolution")

    def do_dispatch(self, **_: Any) -> None:
        self.stop("dispatch")
        self.start(*UNITS)

    def do_recall(self) -> None:
        self.stop(*UNITS)
        self.go_on()

    def do_sign(self) -> None:
        self.stop("signing")

    def do_contact(self) -> None:
        self.stop("contact")

    def do_suspend(self) -> None:
        self.pause(*HALVED)

    def do_resume(self) -> None:
        self.resume(*HALVED)

    def do_grant_extension(self) -> None:
        for clock in self.of(HALVED):
            if 3 not in clock.reached:
                clock.extra += 5
                self.recount(clock)

    def do_regrade(self, grade: str) -> None:
        self.grade = grade
        for clock in self.of(LIMITS[grade]):
            clock.ladder = grade
            self.recount(clock)

    def do_approve(self) -> None:
        self.stop(*HALVED, *UNITS)
        self.start("callback")

    def do_rework(self) -> None:
        self.stop("callback")
        self.round += 1
        self.start("contact", "unit_resolution", "resolution")

    def do_close(self) -> None:
        self.stop("callback")

    def declare(self, day: int, works: bool) -> None:
        self.days[(MIDNIGHT + timedelta(days=day)).date()] = works
        for clock in self.clocks:
            if not clock.stopped and not clock.pausing:
                self.recount(clock)

    def alerts(self) -> list[tuple[str, int, datetime]]:
        found = [(one.kind, level, at) for one in self.clocks for level, at in one.reached.items()]
        return sorted((kind, level, MIDNIGHT + at * MINUTE) for kind, level, at in found)


FLOW = {
    "registered": ["accept", "accept", "accept", "ask_correction", "answer"],
    "incomplete": ["correct", "correct", "decline"],
    "accepted": ["dispatch", "dispatch", "dispatch", "regrade"],
    "dispatched": ["sign", "sign", "recall", "regrade"],
    "handling": ["contact", "contact", "suspend", "grant_extension", "report", "regrade", "recall"],
    "suspended": ["resume", "contact"],
    "reported": ["approve", "approve", "send_back", "regrade"],
    "callback": ["rework", "close", "attempt"],
}


class Life:
    """The order and its model, done the same things."""

    def __init__(self, road: Road) -> None:
        self.road, self.minute = road, 16 * 60 + 30
        road.now = MIDNIGHT + self.minute * MINUTE
        self.order = road.register()
        self.model = Model(self.minute)

    def wait(self, minutes: int) -> None:
        self.minute += minutes
        self.model.until(self.minute)
        self.road.now = MIDNIGHT + self.minute * MINUTE

    def step(self, number: int) -> None:
        steps = FLOW.get(self.order.status)
        if not steps:
            return
        name = steps[number % len(steps)]
        data: dict[str, Any] = {"dispatch": {"lead": self.road.lead, "co_handling": []}}.get(name, {})
        if name == "regrade":
            data = {"grade": [one for one in LIMITS if one != self.order.grade][number % 2]}
        with suppress(Refused):  # then nothing has changed, and the model is left as it is
            with transaction.atomic():
                if name == "grant_extension":
                    self.road.act(self.order, "request_extension", after=timedelta(0))
                self.road.act(self.order, name, after=timedelta(0), **data)
            note(f"{self.road.now:%m-%dT%H:%M} {name} {data}")
            self.model.do(name, **({"grade": data["grade"]} if name == "regrade" else {}))

    def declare(self, number: int) -> None:
        day = self.minute // DAY + number % 9 - 1
        works = not self.model.days[(MIDNIGHT + timedelta(days=day)).date()]
        CalendarDay.objects.filter(date=(MIDNIGHT + timedelta(days=day)).date()).update(is_working=works)
        note(f"{self.road.now:%m-%dT%H:%M} day {day} works: {works}")
        recount_changed(self.road.now)
        self.model.declare(day, works)

    def crash(self, _number: int) -> None:
        with suppress(ConnectionError), transaction.atomic():
            supervision.scan_batch(self.road.now, 2)
            raise ConnectionError

    def scan(self, number: int) -> None:
        note(f"expected {self.model.alerts()}")
        missing = len(self.model.alerts()) - len(self.raised())
        assert supervision.proof(self.road.now + supervision.GRACE).missed == missing
        supervision.scan(self.road.now, batch=1 + number % 3)
        assert self.raised() == self.model.alerts()
        assert supervision.proof(self.road.now + supervision.GRACE).missed == 0

    def raised(self) -> list[tuple[str, int, datetime]]:
        return sorted(Alert.objects.filter(order=self.order).values_list("kind", "level", "due_since"))


gaps = st.sampled_from([0, 1, 15, 30, 60, 61, 120, 240, 700, 1440, 2880, 4320]) | st.integers(0, 3000)
acts = st.sampled_from(["step"] * 6 + ["scan"] * 2 + ["crash", "declare"])
histories = st.lists(st.tuples(gaps, acts, st.integers(0, 40)), min_size=6, max_size=18)


# accept, dispatch, sign, contact, report, approve, rework, recall
RECALLED_AFTER_A_REWORK = [(15, "step", number) for number in (0, 0, 0, 0, 4, 0, 0, 6)]


# Not shrunk: an example takes a tenth of a second, and the notes tell the history.
@settings(
    max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
@given(histories)
@example(RECALLED_AFTER_A_REWORK)
def test_whatever_happens_to_order_and_scan_the_alerts_are_those_of_the_model_each_once(
    road: Road, history: list[tuple[int, str, int]]
) -> None:
    before = transaction.savepoint()
    try:
        live(road, history)
    finally:
        transaction.savepoint_rollback(before)


def live(road: Road, history: list[tuple[int, str, int]]) -> None:
    CalendarChange.objects.all().delete()
    document = default_document()
    document["limits"]["dispatch"]["utility"] = {"value": 40, "unit": "minute"}
    Policy.objects.create(version=2, title="整分钟", document=document, effective_from=MIDNIGHT)
    life = Life(road)
    for gap, act, number in history:
        life.wait(gap)
        getattr(life, act)(number)
    life.wait(3 * DAY)
    life.scan(0)
    assert WorkOrder.objects.get(pk=life.order.pk).status == life.order.status
