"""After an upgrade what was written before is found in the new ways too, while the site runs."""

import threading
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from config.cast import Cast
from intake.models import Complainant
from tests.roads import Road
from workorders import health, reindexing, search
from workorders.models import Reindexing, WorkOrder
from workorders.reindexing import indexes, renew_batch

ORDERS, PEOPLE = "workorders.workorder", "intake.complainant"


@pytest.fixture
def old(road: Road) -> list[WorkOrder]:
    """Orders and people as a version before left them."""
    orders = [road.register(title=f"施工噪聲{n}", matter="夜间犬\u200b吠", phone=f"1390000000{n}") for n in range(5)]
    WorkOrder.objects.update(comparable="", tokens=["施工", "夜间"])
    Complainant.objects.update(phone_indexes=["old"])
    Reindexing.objects.update(until=None, done=0)
    return orders


def reindex(*options: str) -> str:
    out = StringIO()
    call_command("reindex", *options, stdout=out, stderr=out)
    return out.getvalue()


def found(query: str) -> int:
    return search.matching(WorkOrder.objects.all(), query).count()


def test_what_was_written_before_is_found_after_reindex(old: list[WorkOrder]) -> None:
    assert (found("噪声"), found("犬吠"), Complainant.by_phone("139 0000 0003").count()) == (0, 0, 0)
    assert f"{ORDERS}: 5 rows read, 5 changed" in reindex()
    assert (found("噪声"), found("犬吠"), Complainant.by_phone("139 0000 0003").count()) == (5, 5, 1)


def test_until_then_it_is_found_as_it_is_written(old: list[WorkOrder]) -> None:
    assert (found("施工"), found("工"), found("施工 夜间")) == (5, 5, 5)


def test_only_what_is_owed_is_read_and_all_on_demand(old: list[WorkOrder], road: Road) -> None:
    reindex()
    road.register()
    assert f"{ORDERS}: 0 rows read" in reindex()
    assert f"{ORDERS}: 6 rows read, 0 changed" in reindex("--all")


def test_a_site_that_is_new_owes_nothing(road: Road) -> None:
    road.register()
    assert f"{ORDERS}: about 0 rows behind" in reindex("--check")
    assert f"{ORDERS}: 0 rows read" in reindex()


def test_healthz_says_how_many_are_owed_and_is_well(old: list[WorkOrder], now: datetime) -> None:
    owed = health.report(now)["reindex"]
    reindex()
    assert owed["ok"] and owed["behind"] >= 10 and health.report(now)["reindex"] == {"ok": True, "behind": 0}


def test_the_check_says_how_many_are_owed_and_writes_nothing(old: list[WorkOrder]) -> None:
    assert f"{ORDERS}: about 0 rows behind" not in reindex("--check")
    assert not WorkOrder.objects.exclude(comparable="").exists()


def test_the_ledger_and_the_versions_know_of_nothing(old: list[WorkOrder]) -> None:
    before = list(WorkOrder.objects.order_by("pk").values_list("version", "status", "events__hash"))
    reindex()
    assert list(WorkOrder.objects.order_by("pk").values_list("version", "status", "events__hash")) == before


def test_after_a_kill_it_goes_on_where_it_was(old: list[WorkOrder], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "BATCH", 2)
    (orders, *_others) = indexes()
    reindexing.begin(orders)
    renew_batch(orders, 2)
    assert WorkOrder.objects.exclude(comparable="").count() == 2
    assert f"{ORDERS}: 3 rows read, 3 changed" in reindex()


def test_a_value_that_does_not_decrypt_is_named_and_the_others_go_on(old: list[WorkOrder]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE intake_complainant SET phone = 'AES-256-GCM:gone:AAAA' WHERE id = %s", [_first_person()])
    out = StringIO()
    with pytest.raises(Exception, match="1 rows do not decrypt"):
        call_command("reindex", stdout=out, stderr=out)
    assert f"{PEOPLE} {_first_person()}: " in out.getvalue() and f"{PEOPLE}: 5 rows read, 4 changed" in out.getvalue()


def _first_person() -> int:
    return int(Complainant.objects.order_by("pk").values_list("pk", flat=True)[0])


@pytest.fixture
def written_beside(transactional_db: Any, now: Any) -> Iterator[tuple[WorkOrder, threading.Event]]:
    """A step that somebody's browser holds open on the second of three orders."""
    road = Road(Cast(), now)
    orders = [road.register(title="施工噪聲") for _number in range(3)]
    WorkOrder.objects.update(comparable="")
    Reindexing.objects.update_or_create(index=ORDERS, defaults={"until": None, "done": 0})
    locked, release = threading.Event(), threading.Event()

    def step() -> None:
        with transaction.atomic():
            WorkOrder.objects.select_for_update().get(pk=orders[1].pk)
            locked.set()
            release.wait(20)
        connection.close()

    thread = threading.Thread(target=step)
    thread.start()
    locked.wait(20)
    yield orders[1], release
    release.set()
    thread.join()


def test_nobody_waits_for_it_and_an_order_that_is_being_written_is_brought_later(
    written_beside: tuple[WorkOrder, threading.Event],
) -> None:
    order, release = written_beside
    (orders, *_others) = indexes()
    reindexing.begin(orders)
    assert not renew_batch(orders).is_finished
    assert set(WorkOrder.objects.filter(comparable="").values_list("pk", flat=True)) == {order.pk}
    release.set()
    reindex()
    assert not WorkOrder.objects.filter(comparable="").exists()
