"""The archive: after the days of the order's own policy, sealed, kept as long as its class says, and never a broken one."""

import logging
from datetime import UTC, date, timedelta
from typing import Any

import pytest
from django.db import connection

from archive import services, tasks
from archive.models import Dossier
from tests.roads import Road
from tests.test_ledger import tamper
from tests.test_lifecycle import picture
from workorders import ledger
from workorders.lifecycle import ENDED, Role, Status
from workorders.models import Category, Policy, WorkOrder
from workorders.policy import default_document
from workorders.refusals import WrongState
from workorders.transitions import perform

MONTH, SECOND = timedelta(days=30), timedelta(seconds=1)


def status(order: WorkOrder) -> str:
    return WorkOrder.objects.get(pk=order.pk).status


@pytest.mark.parametrize("ended", ENDED)
def test_an_order_that_ended_is_archived_thirty_days_later_and_not_before(ended: str, road: Road) -> None:
    order = road.to(ended)
    before = picture(order)
    assert services.archive_due(road.now + MONTH - SECOND) == 0
    assert picture(order) == before
    assert services.archive_due(road.now + MONTH) == 1
    event = order.events.last()
    assert (status(order), event.step, event.actor, event.source, event.at) == (
        "archived",
        "archive",
        None,
        ended,
        road.now + MONTH,
    )


def test_the_second_run_finds_nothing_to_do(road: Road) -> None:
    order = road.to(Status.CLOSED)
    services.archive_due(road.now + MONTH)
    before = picture(order), list(Dossier.objects.values())
    assert services.archive_due(road.now + 2 * MONTH) == 0
    assert (picture(order), list(Dossier.objects.values())) == before


def test_an_order_that_goes_on_is_never_archived(road: Road) -> None:
    for open_status in sorted(set(Status.values) - set(ENDED) - {Status.ARCHIVED, Status.MERGED}):
        road.to(open_status)
    assert services.archive_due(road.now + 100 * MONTH) == 0


def test_an_objection_starts_the_wait_anew(road: Road) -> None:
    order = road.to(Status.CLOSED)
    road.act(order, "object", after=MONTH - SECOND)
    assert services.archive_due(road.now + MONTH) == 0
    road.act(order, "dismiss", after=MONTH)
    assert services.archive_due(road.now + MONTH - SECOND) == 0
    assert services.archive_due(road.now + MONTH) == 1


def test_each_order_waits_as_long_as_the_policy_it_runs_under(road: Road) -> None:
    slow = road.to(Status.WITHDRAWN)
    document = default_document() | {"archive": {"after_days": 3}}
    facts = {"document": document, "effective_from": road.now, "state": Policy.State.APPROVED}
    Policy.objects.create(version=2, title="三天", **facts)
    quick = road.to(Status.WITHDRAWN)
    assert services.archive_due(road.now + timedelta(days=3)) == 1
    assert (status(quick), status(slow)) == ("archived", "withdrawn")


@pytest.mark.parametrize(
    ("retention", "keep_until"),
    [("general", date(2036, 12, 31)), ("major", date(2056, 12, 31)), ("permanent", None)],
)
def test_a_dossier_is_kept_as_long_as_its_class_says(retention: str, keep_until: date | None, road: Road) -> None:
    category = Category.objects.filter(children=None, grade="ordinary")[0]
    Category.objects.filter(pk=category.pk).update(retention=retention)
    order = road.to(Status.CLOSED, category=Category.objects.get(pk=category.pk))
    services.archive_due(road.now + MONTH)
    dossier = Dossier.objects.get(order=order)
    assert (dossier.retention, dossier.keep_until, dossier.archived_at) == (retention, keep_until, road.now + MONTH)


def test_an_order_without_a_category_is_kept_as_a_general_one(road: Road) -> None:
    order = road.to(Status.DECLINED, category=None)
    services.archive_due(road.now + MONTH)
    assert Dossier.objects.get(order=order).retention == "general"


def test_the_years_count_from_the_local_date(road: Road) -> None:
    road.now = road.now.replace(year=2025, month=12, day=2, hour=0, minute=5)
    order = road.to(Status.WITHDRAWN)
    new_year = road.now.replace(year=2026, month=1, day=1, hour=0, minute=30).astimezone(UTC)
    assert new_year.year == 2025
    services.archive_due(new_year)
    assert Dossier.objects.get(order=order).keep_until == date(2036, 12, 31)


def test_the_seal_is_the_hash_of_the_archiving_itself(road: Road) -> None:
    order = road.to(Status.CLOSED)
    services.archive_due(road.now + MONTH)
    dossier, last = Dossier.objects.get(order=order), order.events.last()
    assert (dossier.seal, dossier.events) == (last.hash, last.number) == (last.hash, order.events.count())
    assert ledger.verify(WorkOrder.objects.get(pk=order.pk)) is None


BREAKS = {
    "a changed event": "UPDATE workorders_event SET reason = 'better' WHERE order_id = %s AND number = 2",
    "a missing event": "DELETE FROM workorders_event WHERE order_id = %s AND number = 2",
    "a missing last event": "DELETE FROM workorders_event WHERE order_id = %s AND step = 'close'",
}


@pytest.mark.parametrize("broken", BREAKS)
def test_an_order_whose_chain_is_broken_is_not_archived_in_silence(
    broken: str, road: Road, caplog: pytest.LogCaptureFixture
) -> None:
    order = road.to(Status.CLOSED)
    tamper(BREAKS[broken], order.pk)
    before = picture(order)
    with caplog.at_level(logging.WARNING, "archive.services"):
        assert services.archive_due(road.now + MONTH) == 0
    assert (picture(order), Dossier.objects.count()) == (before, 0)
    assert f"Order {order.pk} " in caplog.text
    with pytest.raises(WrongState) as caught:
        perform(order.pk, "archive", actor=road.cast.of(Role.ARCHIVIST), now=road.now)
    assert caught.value.status == 409
    assert picture(order) == before


def test_orders_that_cannot_be_archived_do_not_keep_the_others_waiting(road: Road) -> None:
    orders = [road.to(Status.WITHDRAWN) for _ in range(4)]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for order in orders[:2]:
        tamper("UPDATE workorders_event SET reason = 'better' WHERE order_id = %s AND number = 2", order.pk)
    done: list[Any] = [services.archive_due(road.now + MONTH, batch=1) for _ in range(3)]
    assert (done, [status(order) for order in orders]) == (
        [1, 1, 0],
        ["withdrawn", "withdrawn", "archived", "archived"],
    )


def test_the_task_archives_what_is_due_now(road: Road) -> None:
    order = road.to(Status.WITHDRAWN)
    recent = road.to(Status.WITHDRAWN)
    WorkOrder.objects.filter(pk=recent.pk).update(ended_at=road.now.replace(year=2099))
    tasks.archive_due()
    assert (status(order), status(recent)) == ("archived", "withdrawn")
