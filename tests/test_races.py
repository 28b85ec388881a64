"""Two people at once on one order: one wins, and the other is told how it stands now."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from config.cast import Cast
from tests.conftest import NOW
from tests.roads import TEXT, Road
from workorders.lifecycle import Role, Status
from workorders.models import Event, User, WorkOrder
from workorders.refusals import NotVisible, Refused, StaleVersion, WrongState
from workorders.transitions import perform


@pytest.fixture
def busy(committed: None) -> Road:
    return Road(Cast(), NOW)


def doing(order: WorkOrder, step: str, actor: User, **act: Any) -> Callable[[], Event]:
    return lambda: perform(order.pk, step, actor=actor, now=NOW, **act)


def in_thread(act: Callable[[], Event]) -> Event | Refused:
    try:
        return act()
    except Refused as refusal:
        return refusal
    finally:
        connection.close()


def at_once(*acts: Callable[[], Event]) -> list[Event | Refused]:
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], Event]) -> Event | Refused:
        start.wait(10)
        return in_thread(act)

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def after_the_lock(act: Callable[[], Event], meanwhile: Callable[[], Event]) -> Event | Refused:
    """`act` begins while `meanwhile` is done and not committed, and has to wait for it."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            meanwhile()
            waiting = pool.submit(in_thread, act)
            while not waiting.done() and not somebody_waits():
                threading.Event().wait(0.005)
        return waiting.result(10)


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone()[0]


def test_of_two_different_steps_at_once_one_is_done_and_the_other_gets_409(busy: Road) -> None:
    actor = busy.cast.of(Role.DISPATCHER)
    for _ in range(5):
        order = busy.to(Status.ACCEPTED)
        acts = [doing(order, step, actor, **busy.needs(step, order)) for step in ("dispatch", "consult")]
        done, lost = sorted(at_once(*acts), key=lambda result: isinstance(result, Refused))
        assert isinstance(done, Event)
        assert isinstance(lost, WrongState)
        assert (lost.status, lost.order and lost.order.status) == (409, done.target)
        order.refresh_from_db()
        assert (order.status, order.version, order.events.count()) == (done.target, 3, 3)


def test_of_two_who_saw_the_same_version_one_is_done_and_the_other_gets_409(busy: Road) -> None:
    order = busy.to(Status.HANDLING)
    actors = [busy.cast.of(Role.OPERATOR), busy.cast.of(Role.DISPATCHER)]
    results = at_once(*(doing(order, "note", actor, version=order.version, **TEXT) for actor in actors))
    assert {type(result) for result in results} == {Event, StaleVersion}
    assert order.events.count() == order.version + 1


def test_who_had_to_wait_is_shown_the_order_with_all_that_was_changed_meanwhile(busy: Road) -> None:
    order = busy.to(Status.ACCEPTED)
    actor = busy.cast.of(Role.DISPATCHER)
    lost = after_the_lock(
        doing(order, "consult", actor, **busy.needs("consult", order)),
        meanwhile=lambda: busy.act(order, "dispatch"),
    )
    assert isinstance(lost, WrongState)
    assert lost.order is not None
    assert (lost.order.status, lost.order.lead_unit, lost.order.version) == ("dispatched", busy.lead, 3)


def test_who_waited_and_lost_the_right_to_see_the_order_is_told_nothing(busy: Road) -> None:
    order = busy.to(Status.HANDLING)
    helper = busy.cast.of(Role.HANDLER, busy.co_unit)
    lost = after_the_lock(
        doing(order, "co_report", helper, **TEXT),
        meanwhile=lambda: busy.act(order, "recall"),
    )
    assert isinstance(lost, NotVisible)
    assert lost.order is None
    assert order.events.last().step == "recall"


def test_of_two_merged_into_each_other_at_once_one_is_and_nobody_waits_for_ever(busy: Road) -> None:
    one, other = busy.register(), busy.register()
    operator = busy.cast.of(Role.OPERATOR)
    outcomes = at_once(doing(one, "merge", operator, parent=other), doing(other, "merge", operator, parent=one))
    assert sum(isinstance(outcome, Event) for outcome in outcomes) <= 1
    assert WorkOrder.objects.exclude(parent=None).count() <= 1
    assert all(isinstance(outcome, Event | WrongState) for outcome in outcomes)


def test_what_is_merged_while_its_parent_is_merged_goes_on_in_the_last_or_is_refused(busy: Road) -> None:
    child, parent, last = busy.register(), busy.register(), busy.register()
    operator = busy.cast.of(Role.OPERATOR)
    outcomes = at_once(doing(child, "merge", operator, parent=parent), doing(parent, "merge", operator, parent=last))
    child.refresh_from_db()
    parent.refresh_from_db()
    assert parent.parent in (None, last)
    if isinstance(outcomes[0], Event):
        assert child.parent == (parent.parent or parent)
    else:
        assert (child.status, child.parent) == (Status.REGISTERED, None)


def test_a_merge_into_what_is_worked_on_says_so_soon(busy: Road) -> None:
    child, parent = busy.register(), busy.register()
    operator = busy.cast.of(Role.OPERATOR)
    with transaction.atomic():
        perform(parent.pk, "note", actor=operator, now=NOW, **TEXT)
        with ThreadPoolExecutor(1) as pool:
            outcome = pool.submit(in_thread, doing(child, "merge", operator, parent=parent)).result(10)
    assert isinstance(outcome, WrongState)
    child.refresh_from_db()
    assert (child.status, child.version) == (Status.REGISTERED, 1)
