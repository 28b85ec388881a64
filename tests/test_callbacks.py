"""Callbacks: exactly one a round, whatever messages get lost; and what they say is of the round they ask about."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import TestCase
from kombu.exceptions import OperationalError

from evaluation import records, tasks
from evaluation.models import Callback
from tests.roads import BAD, GOOD, Road
from tests.test_lifecycle import picture
from workorders.lifecycle import Role, Status
from workorders.models import WorkOrder
from workorders.refusals import Invalid
from workorders.transitions import perform

UNREACHED = {"reached": "no", "contacted": "", "solved": "", "satisfied": "", "words": ""}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What leaves for the broker, which a test does not wait for."""
    messages: list[int] = []
    monkeypatch.setattr(tasks.open_callback, "delay", messages.append)
    return messages


def callbacks(order: WorkOrder) -> list[Callback]:
    return list(Callback.objects.filter(order=order).order_by("round"))


def test_approving_asks_for_a_callback_once_committed_and_only_approving(road: Road, sent: list[int]) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True):
        order = road.to(Status.REPORTED)
    assert sent == []
    with TestCase.captureOnCommitCallbacks() as leaving:
        road.act(order, "approve")
        assert (sent, callbacks(order)) == ([], []), "nothing leaves before the commit"
    for send in leaving:
        send()
    assert sent == [order.pk]
    tasks.open_callback(order.pk)
    assert [(one.round, one.finished_at, one.attempts) for one in callbacks(order)] == [(1, None, 0)]


def test_a_broker_that_is_away_fails_no_approval_and_the_scan_finds_what_got_lost(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: int) -> None:
        raise OperationalError("Connection refused")

    monkeypatch.setattr(tasks.open_callback, "delay", away)
    with TestCase.captureOnCommitCallbacks(execute=True):
        order = road.to(Status.CALLBACK)
    assert (order.status, callbacks(order)) == (Status.CALLBACK, [])
    tasks.open_missing_callbacks()
    assert len(callbacks(order)) == 1


def test_the_task_run_twice_opens_one_callback(road: Road) -> None:
    order = road.to(Status.CALLBACK)
    for _ in range(2):
        tasks.open_callback(order.pk)
    assert len(callbacks(order)) == 1


@pytest.mark.parametrize("status", sorted(set(Status.values) - {Status.CALLBACK}))
def test_a_message_that_comes_when_the_order_has_moved_on_opens_nothing(status: str, road: Road) -> None:
    order = road.to(status)
    before = picture(order)
    tasks.open_callback(order.pk)
    tasks.open_missing_callbacks()
    assert picture(order) == before


def test_a_lost_message_is_mended_and_the_second_time_nothing_is_left_to_mend(road: Road) -> None:
    lost, heard = road.to(Status.CALLBACK), road.to(Status.CALLBACK)
    tasks.open_callback(heard.pk)
    before = callbacks(heard)
    for _ in range(2):
        tasks.open_missing_callbacks()
        assert ([one.round for one in callbacks(lost)], callbacks(heard)) == ([1], before)


def test_a_lost_message_of_a_second_round_is_mended_too(road: Road) -> None:
    order = road.to(Status.CALLBACK)
    for step in ("rework", "contact", "report", "approve"):
        road.act(order, step)
    assert list(records.without_callback()) == [order]
    tasks.open_missing_callbacks()
    assert [(one.round, one.finished_at is None) for one in callbacks(order)] == [(1, False), (2, True)]


@pytest.mark.parametrize("opened", [True, False])
def test_closing_keeps_the_three_answers_whether_or_not_the_task_came_first(opened: bool, road: Road) -> None:
    order = road.to(Status.CALLBACK)
    if opened:
        tasks.open_callback(order.pk)
    road.act(order, "close")
    (one,) = callbacks(order)
    assert (one.reached, one.contacted, one.solved, one.satisfied, one.words) == (True, True, "yes", "yes", "很满意")
    assert (one.finished_at, one.agent, one.round) == (road.now, road.cast.of(Role.CALLBACK_AGENT), 1)


def test_a_rework_belongs_to_the_round_before_it_and_the_next_round_gets_a_callback_of_its_own(road: Road) -> None:
    order = road.to(Status.CALLBACK)
    road.act(order, "attempt")
    road.act(order, "rework")
    first = callbacks(order)
    assert [(one.round, one.solved, one.satisfied, one.attempts) for one in first] == [(1, "no", "no", 1)]
    assert order.round == 2
    for step in ("contact", "report", "approve", "attempt", "close"):
        road.act(order, step)
    assert callbacks(order)[:1] == first
    assert [(one.round, one.satisfied, one.attempts) for one in callbacks(order)] == [(1, "no", 1), (2, "yes", 1)]


def test_an_objection_that_is_upheld_asks_again_and_leaves_the_first_answers(road: Road) -> None:
    order = road.to(Status.REVIEWING)
    for step in ("uphold", "contact", "report", "approve"):
        road.act(order, step)
    road.act(order, "close", satisfied="mostly")
    assert [(one.round, one.satisfied) for one in callbacks(order)] == [(1, "yes"), (2, "mostly")]


def refused(order: WorkOrder, road: Road, **given: Any) -> set[str]:
    before, agent = picture(order), road.cast.of(Role.CALLBACK_AGENT)
    with pytest.raises(Invalid) as caught, transaction.atomic():
        perform(order.pk, "close", actor=agent, now=road.now, **given)
    assert picture(order) == before
    return set(caught.value.fields)


@pytest.mark.parametrize("why", ["no_answer", "busy", "wrong_number", "later"])
def test_nobody_is_called_unreachable_before_the_attempts_of_the_policy(why: str, road: Road) -> None:
    order = road.to(Status.CALLBACK)
    for made in range(2):
        assert refused(order, road, **UNREACHED) == {"reached"}, f"after {made} attempts"
        road.act(order, "attempt", why=why)
    road.act(order, "close", **UNREACHED)
    (one,) = callbacks(order)
    assert (one.reached, one.attempts, one.contacted, one.solved, one.satisfied) == (False, 2, None, "", "")
    assert order.status == Status.CLOSED


def test_attempts_of_an_earlier_round_do_not_count(road: Road) -> None:
    order = road.to(Status.CALLBACK)
    for step in ("attempt", "attempt", "rework", "contact", "report", "approve", "attempt"):
        road.act(order, step)
    assert refused(order, road, **UNREACHED) == {"reached"}


def test_somebody_who_was_not_reached_gave_no_answer(road: Road) -> None:
    order = road.to(Status.CALLBACK)
    for _ in range(2):
        road.act(order, "attempt")
    assert refused(order, road, **{**UNREACHED, "satisfied": "yes"}) == {"satisfied"}


@pytest.mark.parametrize("missing", ["contacted", "solved", "satisfied"])
def test_somebody_who_was_reached_gave_three_answers(missing: str, road: Road) -> None:
    order = road.to(Status.CALLBACK)
    assert refused(order, road, **{**GOOD, missing: ""}) == {missing}


def test_the_database_takes_one_callback_a_round_and_no_half_answers(road: Road) -> None:
    order = road.to(Status.CALLBACK)
    one = records.open_callback(order, now=road.now)
    halves: list[Callable[[], Any]] = [
        lambda: Callback.objects.create(order=order, round=1, opened_at=road.now),
        lambda: Callback.objects.filter(pk=one.pk).update(reached=True, solved="yes"),
    ]
    for half in halves:
        with pytest.raises(IntegrityError), transaction.atomic():
            half()
    assert callbacks(order) == [one]


def test_a_rework_that_is_refused_leaves_no_callback_behind(road: Road) -> None:
    order, agent = road.to(Status.CALLBACK), road.cast.of(Role.CALLBACK_AGENT)
    with pytest.raises(Invalid), transaction.atomic():
        perform(order.pk, "rework", actor=agent, now=road.now, **BAD)
    assert callbacks(order) == []
