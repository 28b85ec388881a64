"""What a change of the rules would have done: nothing for the same rules, and never less time for longer limits."""

import copy
import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from config import demonstration
from config.celery import unpublished
from dispatch.models import Alert
from evaluation import simulations
from evaluation.models import Simulation
from evaluation.replay import Move, Past, State, replay
from evaluation.simulation import simulate
from evaluation.simulation_report import report_of, shift_in_words
from tests.conftest import CHINA, NOW
from tests.roads import Road
from tests.test_calendar import OFFICIAL
from workorders import policy_versions
from workorders.calendar import WorkCalendar
from workorders.lifecycle import ClockKind, Grade, Role, Status
from workorders.models import Clock, Policy
from workorders.policy import DEFAULT, Rules, default_document
from workorders.policy_checks import UNITS
from workorders.refusals import NotAllowed, WrongState

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
TOLD = datetime(2026, 3, 12, 16, 20, tzinfo=CHINA)


def changed(*places: tuple[str, str, float, str]) -> dict[str, Any]:
    document = default_document()
    for kind, grade, value, unit in places:
        document["limits"][kind][grade] = {"value": value, "unit": unit}
    return document


def doubled(document: dict[str, Any]) -> dict[str, Any]:
    twice = copy.deepcopy(document)
    for grades in twice["limits"].values():
        for grade, limit in grades.items():
            grades[grade] = {**limit, "value": 2 * limit["value"]}
    return twice


# One clock under other rules


def limits(unit: str) -> Any:
    values = st.integers(1, 20) if unit != "hour" else st.integers(1, 400)
    return st.builds(lambda value: {"value": value, "unit": unit}, values)


LIMITS = st.sampled_from(UNITS).flatmap(limits)
MINUTES = st.integers(0, 60 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
MOVES = st.lists(st.tuples(MINUTES, st.sampled_from(["pause", "resume", "extend"]), st.integers(1, 10)), max_size=5)


def documents() -> Any:
    """One clock is replayed, so one limit for all is as random as one for each."""
    return LIMITS.map(with_one_limit)


def with_one_limit(limit: dict[str, Any]) -> dict[str, Any]:
    document = default_document()
    document["limits"] = {kind: dict.fromkeys(grades, limit) for kind, grades in document["limits"].items()}
    return document


@st.composite
def pasts(draw: Any) -> Past:
    kind, grade = draw(st.sampled_from(ClockKind.values)), draw(st.sampled_from(Grade.values))
    start = NOW + draw(MINUTES)
    moves = sorted((Move(start + after, what, days) for after, what, days in draw(MOVES)), key=lambda move: move.at)
    until = start + draw(MINUTES)
    stopped = draw(st.booleans())
    kept = tuple(move for move in moves if move.at <= until)
    return Past(kind, grade, draw(st.integers(1, 2)), start, until, stopped, stopped and draw(st.booleans()), kept)


@settings(max_examples=60)
@given(documents(), pasts())
def test_doubling_every_limit_moves_deadlines_later_and_makes_nothing_worse(document: Any, past: Past) -> None:
    rules, twice = Rules(document), Rules(doubled(document))
    calendar = WorkCalendar(OFFICIAL.days, rules.hours)
    before, after = replay(past, rules, calendar), replay(past, twice, calendar)
    assert (before is None) == (after is None)
    if before and after:
        assert after.due_at > before.due_at or (past.moves and after.due_at == before.due_at)
        assert after.raised <= before.raised
        assert list(after.alerts_at) == sorted(after.alerts_at)
        assert after.state == before.state or before.state == State.LATE


@settings(max_examples=40)
@given(pasts())
def test_a_ladder_keeps_as_many_levels_however_its_clock_was_moved(past: Past) -> None:
    rules = Rules(default_document())
    calendar = WorkCalendar(OFFICIAL.days, rules.hours)
    still = replay(Past(**{**vars(past), "moves": ()}), rules, calendar)
    moved = replay(past, rules, calendar)
    if still and moved:
        assert len(moved.alerts_at) == len(still.alerts_at)
        assert moved.due_at in moved.alerts_at


@pytest.mark.parametrize(
    ("value", "state"),
    [(3, State.IN_TIME), (2, State.IN_TIME), (1.99, State.LATE)],
)
def test_the_same_work_is_in_time_or_late_by_the_limit_alone(value: float, state: State) -> None:
    past = Past("contact", "ordinary", 1, NOW, NOW + 2 * HOUR, stopped=True, done=True)
    found = replay(past, Rules(changed(("contact", "ordinary", value, "hour"))), OFFICIAL)
    assert found is not None
    assert (found.state, found.due_at) == (state, NOW + timedelta(hours=value))


def test_a_pause_that_comes_after_the_shorter_deadline_does_not_stop_it() -> None:
    moves = (Move(NOW + 3 * HOUR, "pause"), Move(NOW + 30 * HOUR, "resume"))
    past = Past("resolution", "utility", 1, NOW, NOW + 31 * HOUR, stopped=True, done=True, moves=moves)
    day, two_hours = (replay(past, Rules(changed(("resolution", "utility", n, "hour"))), OFFICIAL) for n in (24, 2))
    assert day and two_hours
    assert (day.state, day.due_at) == (State.IN_TIME, NOW + 51 * HOUR)
    assert (two_hours.state, two_hours.due_at) == (State.LATE, NOW + 2 * HOUR)


# Stored orders


@pytest.fixture
def tell(db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A demo with one order of every so-manieth line of its plan: rework, returns, pauses, recalls, alerts."""
    settings.MEDIA_ROOT = tmp_path

    def told(every: int) -> None:
        plan = [(fate, 1, youngest, oldest) for fate, _count, youngest, oldest in demonstration.PLAN[::every]]
        monkeypatch.setattr(demonstration, "PLAN", plan)
        demonstration.seed(TOLD, "jiesu-demo")

    return told


def by_grade() -> Any:
    """A slip's limit goes by its colour, and is not replayed."""
    return Clock.objects.exclude(kind="slip")


def alerts_by_instant() -> dict[int, int]:
    """The scan comes once a minute: what is done within the minute is not alerted to any more."""
    levels = Counter(Alert.objects.exclude(kind="slip").values_list("level", flat=True))
    for clock in by_grade().exclude(stopped_at=None):
        for level, at in enumerate(clock.alerts_at[clock.level :], clock.level + 1):
            levels[level] += clock.stopped_at - MINUTE < at <= clock.stopped_at
    return dict(+levels)


def test_the_rules_in_force_would_have_changed_nothing_and_what_was_is_what_is_stored(
    tell: Callable[[int], None],
) -> None:
    tell(1)
    stored = list(Clock.objects.order_by("pk").values()), Alert.objects.count()
    found = simulate(default_document(), now=TOLD, days=60)
    every, late = found["all"], by_grade().filter(outcome="missed").count() + by_grade().overdue(TOLD).count()
    assert (every["earlier"], every["later"], every["removed"], every["shift"]) == (0, 0, 0, None)
    assert every["before"] == every["after"]
    assert all(was == becomes for _level, was, becomes in found["levels"])
    assert (found["turned"], found["listed"], found["units"]) == ({"late": 0, "in_time": 0}, [], [])
    assert (found["apart"], every["clocks"]) == ({}, by_grade().count())
    assert every["before"]["in_time"] == by_grade().filter(outcome="met").count()
    assert every["before"]["late"] == late
    assert {level: was for level, was, _becomes in found["levels"]} == alerts_by_instant()
    assert (list(Clock.objects.order_by("pk").values()), Alert.objects.count()) == stored, "it changes nothing"


def test_doubling_every_limit_keeps_more_of_them_and_the_command_says_so(
    tell: Callable[[int], None], tmp_path: Path
) -> None:
    tell(2)
    file = tmp_path / "double.toml"
    file.write_text(tomlkit.dumps(doubled(default_document())), encoding="utf-8")
    found = json.loads(command(file, "--days", "60", "--json"))
    every = found["all"]
    assert (every["earlier"], every["later"]) == (0, every["clocks"])
    assert every["after"]["late"] < every["before"]["late"]
    assert every["after"]["alerts"] < every["before"]["alerts"]
    assert found["turned"]["late"] == 0
    assert all(group["after"]["late"] <= group["before"]["late"] for group in found["groups"])
    said = command(file, "--days", "60")
    assert f"{every['before']['alerts']} → {every['after']['alerts']}" in said


def test_only_clocks_that_ran_in_these_days_count(road: Road) -> None:
    road.to(Status.ANSWERED)
    shorter = changed(("acceptance", "ordinary", 0.1, "hour"))
    assert simulate(shorter, now=road.now + 3 * DAY, days=4)["all"]["earlier"] == 1
    assert simulate(shorter, now=road.now + 3 * DAY, days=2)["all"]["clocks"] == 0


def test_an_order_that_would_have_been_late_is_named_with_both_deadlines(road: Road) -> None:
    order = road.to(Status.CALLBACK)
    found = simulate(changed(("contact", "ordinary", 0.1, "hour")), now=road.now, days=30)
    (turned,) = found["listed"]
    contact = order.clocks.get(kind="contact")
    due = (contact.started_at + timedelta(minutes=6)).isoformat()
    assert (turned["order"], turned["kind"], turned["late"]) == (order.pk, "contact", True)
    assert [datetime.fromisoformat(one) for one in turned["due"]] == [contact.due_at, datetime.fromisoformat(due)]
    assert (found["turned"], found["units"][0]["unit"]) == ({"late": 1, "in_time": 0}, road.lead.pk)


def test_a_granted_extension_is_granted_again_and_not_to_co_handling_units(road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.act(order, "request_extension", length=5)
    road.act(order, "grant_extension")
    found = simulate(changed(("unit_resolution", "ordinary", 5, "working_day")), now=road.now)
    assert found["apart"] == {}
    (group,) = [one for one in found["groups"] if one["kind"] == "unit_resolution"]
    assert (group["clocks"], group["earlier"]) == (2, 2)


def test_who_was_handed_an_order_down_owes_what_was_owed(road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.act(order, "assign_down", after=DAY)
    taken = order.clocks.running().get(kind="unit_resolution", unit=road.below)
    found = simulate(doubled(default_document()), now=road.now)
    assert (found["apart"], taken.due_at < taken.started_at + 9 * DAY) == ({}, True)
    assert found["all"]["later"] == found["all"]["clocks"]


def test_a_deadline_under_which_the_calendar_was_changed_is_counted_apart(road: Road) -> None:
    order = road.to(Status.ACCEPTED)
    Clock.objects.filter(order=order, kind="resolution").update(due_at=road.now + 20 * DAY)
    found = simulate(doubled(default_document()), now=road.now)
    assert (found["apart"], found["all"]["clocks"]) == ({"resolution": 1}, 2)
    assert any("1" in remark for remark in report_of(found).remarks)


def test_a_grade_changed_at_acceptance_leaves_the_clock_before_it_as_it_ran(road: Road) -> None:
    order = road.register(grade="utility")
    road.act(order, "accept", grade="emergency")
    found = simulate(default_document(), now=road.now)
    assert (found["apart"], found["all"]["earlier"], found["all"]["later"]) == ({}, 0, 0)


def test_a_limit_that_is_new_is_said_and_not_guessed(road: Road) -> None:
    road.to(Status.DISPATCHED)
    found = simulate(changed(("arrival", "ordinary", 4, "hour")), now=road.now)
    assert found["unknown"] == [("arrival", "ordinary")]
    assert found["all"]["before"] == found["all"]["after"]


def test_a_sample_says_its_size(road: Road) -> None:
    for _number in range(6):
        road.to(Status.ANSWERED)
    found = simulate(default_document(), now=road.now, sample=2)
    assert (found["total"], found["every"], found["orders"]) == (6, 3, 2)
    assert any("3" in remark and "6" in remark for remark in report_of(found).remarks)


def test_twice_as_many_orders_take_no_more_queries(road: Road, django_assert_max_num_queries: Any) -> None:
    for _number in range(10):
        road.to(Status.DISPATCHED)
    for count in (10, 20):
        with django_assert_max_num_queries(8):
            assert simulate(default_document(), now=road.now)["orders"] == count
        for _number in range(20 - count):
            road.to(Status.DISPATCHED)


@pytest.mark.parametrize(("minutes", "words"), [(None, "—"), (-90, "−1"), (2 * 24 * 60 + 60, "+2"), (0, "+0")])
def test_a_shift_says_which_way_it_goes(minutes: int | None, words: str) -> None:
    assert shift_in_words(minutes).startswith(words)


# The command


def command(file: Path, *options: str) -> str:
    out = io.StringIO()
    call_command("simulate_policy", str(file), "--now", TOLD.isoformat(), *options, stdout=out)
    return out.getvalue()


def test_the_command_refuses_rules_that_are_none_with_the_place_of_the_mistake(db: None, tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("title = \n")
    with pytest.raises(CommandError, match=r"1.*9") as refused:
        command(file)
    assert refused.value.returncode == 2
    file.write_text(DEFAULT.read_text(encoding="utf-8").replace("share = 0.5", "share = 5"))
    with pytest.raises(CommandError, match=r"rework\.share"):
        command(file)


# Asked for on the page


def proposed(road: Road) -> Policy:
    actor = road.cast.of(Role.ADMINISTRATOR)
    text = DEFAULT.read_text(encoding="utf-8").replace("ordinary = { value = 24,", "ordinary = { value = 4,")
    return policy_versions.propose(text, road.now + DAY, purpose="缩短首次联系", actor=actor, now=road.now)


def test_a_simulation_that_was_asked_for_is_run_once_and_kept(road: Road) -> None:
    road.to(Status.CALLBACK)
    with unpublished():
        asked = simulations.ask(proposed(road), 30, actor=road.cast.of(Role.SUPERVISOR), now=road.now)
    assert (asked.state, asked.result) == ("waiting", None)
    for _time in range(2):
        simulations.run(asked.pk, now=road.now)
    asked.refresh_from_db()
    assert (asked.state, asked.done, asked.orders) == ("finished", 1, 1)
    assert asked.result["all"]["earlier"] == 1


def test_one_whose_worker_died_is_taken_up_again(road: Road) -> None:
    with unpublished():
        asked = simulations.ask(proposed(road), 7, actor=road.cast.of(Role.SUPERVISOR), now=road.now)
    Simulation.objects.filter(pk=asked.pk).update(state="running")
    assert list(simulations.to_run(road.now + timedelta(minutes=9))) == []
    simulations.run(asked.pk, now=road.now + timedelta(minutes=11))
    asked.refresh_from_db()
    assert asked.state == "finished"


def test_one_that_fails_says_so(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: Any, **_facts: Any) -> None:
        raise MemoryError

    with unpublished():
        asked = simulations.ask(proposed(road), 7, actor=road.cast.of(Role.SUPERVISOR), now=road.now)
    monkeypatch.setattr(simulations, "simulate", broken)
    with pytest.raises(MemoryError):
        simulations.run(asked.pk, now=road.now)
    asked.refresh_from_db()
    assert (asked.state, asked.result) == ("failed", None)


def test_a_second_one_waits_for_the_first(road: Road) -> None:
    policy = proposed(road)
    with unpublished():
        simulations.ask(policy, 30, actor=road.cast.of(Role.SUPERVISOR), now=road.now)
        with pytest.raises(WrongState):
            simulations.ask(policy, 30, actor=road.cast.of(Role.SUPERVISOR), now=road.now)
    assert policy.simulations.count() == 1


def test_one_runs_at_a_time_so_that_the_scan_has_a_worker_left(road: Road) -> None:
    supervisor = road.cast.of(Role.SUPERVISOR)
    with unpublished():
        first = simulations.ask(proposed(road), 7, actor=supervisor, now=road.now)
        second = simulations.ask(Policy.objects.get(version=1), 7, actor=supervisor, now=road.now)
    Simulation.objects.filter(pk=first.pk).update(state="running")
    simulations.run(second.pk, now=road.now)
    second.refresh_from_db()
    assert second.state == "waiting"
    Simulation.objects.filter(pk=first.pk).update(state="failed")
    assert list(simulations.to_run(road.now)) == [second]
    simulations.run(second.pk, now=road.now)
    second.refresh_from_db()
    assert second.state == "finished"


def test_who_does_not_keep_the_rules_asks_for_none(road: Road) -> None:
    policy = proposed(road)
    with pytest.raises(NotAllowed):
        simulations.ask(policy, 30, actor=road.cast.of(Role.DISPATCHER), now=road.now)
    assert not Simulation.objects.exists()
