"""Calls 来电: announced by the telephone system, opened at a desk, and known by the orders they became."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config import celery_app
from config.cast import Cast
from intake import calls, tasks
from intake.models import Appeal, Call
from tests.api import CHANNEL, Machine
from tests.conftest import NOW
from tests.queries import queries_of
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import User, WorkOrder

DESK, PHONE = "/reception/", "13800001234"
FILED = {"matter": "楼道灯不亮", "kind": "complaint", "channel": "phone", "category": "010101", "phone": PHONE}
DAY = timedelta(days=1)


@pytest.fixture
def channel(db: None) -> Machine:
    return Machine("1100", *CHANNEL)


@pytest.fixture
def operator(as_: Callable[..., Client]) -> Client:
    return as_(Role.OPERATOR)


def announce(channel: Machine, cast: Cast, call_id: str = "pbx-1", **facts: Any) -> Call:
    body = {"call_id": call_id, "phone": PHONE, "line": "12345", "agent": cast.of(Role.OPERATOR).username}
    assert channel.send("/calls/", {**body, **facts}).status_code == 201
    return Call.objects.get(call_id=call_id)


def at_the_desk(operator: Client, call_id: str = "pbx-1") -> dict[str, Any]:
    """What the form that was opened for the call sends along."""
    form = operator.get(DESK, {"call": call_id}).context["form"]
    return {**FILED, "token": str(uuid4()), "call_key": form["call_key"].value() or ""}


# From the call to the order


def test_the_call_and_the_order_made_from_it_know_each_other(
    channel: Machine, operator: Client, cast: Cast, as_: Callable[..., Client]
) -> None:
    call = announce(channel, cast)
    operator.post(DESK, at_the_desk(operator))
    order, appeal = WorkOrder.objects.get(), Appeal.objects.get()
    assert (order.status, appeal.call) == (Status.ACCEPTED, call)
    again = channel.send("/calls/", {"call_id": "pbx-1", "phone": PHONE})
    assert (again.status_code, again.json()["became"]) == (200, [order.number])
    for role in (Role.OPERATOR, Role.DISPATCHER):
        assert "pbx-1" in as_(role).get(f"/orders/{order.number}/").content.decode()
    assert order.spoken_number in operator.get(DESK, {"call": "pbx-1"}).content.decode(), (
        "the desk warns: filed already"
    )


def test_a_call_about_a_running_order_is_added_to_it_and_says_so(
    channel: Machine, operator: Client, cast: Cast, recent: Road
) -> None:
    order, call = recent.to("handling"), announce(channel, cast)
    operator.post(DESK, {**at_the_desk(operator), "act": order.number})
    assert order.appeals.last().call == call
    assert list(calls.orders_of(call, cast.of(Role.OPERATOR))) == [order]


def test_the_call_stays_known_when_the_form_is_refused(channel: Machine, operator: Client, cast: Cast) -> None:
    call = announce(channel, cast)
    refused = operator.post(DESK, {**at_the_desk(operator), "matter": ""}, headers={"HX-Request": "true"})
    assert f'name="call_key" value="{call.pk}"' in refused.content.decode()
    assert not Appeal.objects.exists()


@pytest.mark.parametrize("whose", ["another's", "long past", "nobody's"])
def test_no_order_is_tied_to_a_call_that_is_not_this_operators(
    whose: str, channel: Machine, operator: Client, cast: Cast
) -> None:
    User.objects.create(username="somebody", roles=[Role.OPERATOR])
    call = announce(channel, cast, agent="somebody" if whose == "another's" else cast.of(Role.OPERATOR).username)
    if whose == "long past":
        Call.objects.update(announced_at=timezone.now() - calls.OPENS_FOR)
    key = call.pk + (whose == "nobody's")
    assert operator.post(DESK, {**FILED, "token": str(uuid4()), "call_key": key}).status_code == 303
    assert Appeal.objects.get().call is None
    assert Call.objects.get().filed_at is None


def test_a_voice_system_files_the_call_that_it_announced_itself(channel: Machine, cast: Cast, road: Road) -> None:
    call = announce(channel, cast)
    Call.objects.create(source="another", call_id="theirs", started_at=NOW, announced_at=NOW)
    said = {"matter": "路灯不亮", "kind": "help", "channel": "phone"}
    refused = channel.send("/appeals/", {**said, "call_id": "theirs"})
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["call_id"])
    assert not Appeal.objects.exists()
    assert channel.send("/appeals/", {**said, "call_id": "pbx-1"}).status_code == 201
    assert Appeal.objects.get().call == call


def test_units_do_not_see_the_call(channel: Machine, operator: Client, cast: Cast, recent: Road) -> None:
    order = recent.to("handling")
    appeal = order.appeals.get()
    appeal.call = announce(channel, cast)
    appeal.save()
    unit = Client()
    unit.force_login(cast.of(Role.HANDLER, recent.lead))
    assert "pbx-1" not in unit.get(f"/orders/{order.number}/").content.decode()


def test_calls_cost_the_order_page_no_question_more(
    channel: Machine, operator: Client, cast: Cast, recent: Road
) -> None:
    order, counts = recent.register(), []
    for number in range(3):
        operator.get(DESK, {"call": announce(channel, cast, f"pbx-{number}").call_id})
        operator.post(DESK, {**at_the_desk(operator, f"pbx-{number}"), "act": order.number})
        counts.append(queries_of(operator, f"/orders/{order.number}/"))
    assert order.appeals.exclude(call=None).count() == 3
    assert counts[0] == counts[1] == counts[2]


def test_a_call_put_through_to_another_operator_rings_there_and_no_more_here(
    channel: Machine, operator: Client, cast: Cast
) -> None:
    User.objects.create(username="somebody", roles=[Role.OPERATOR])
    call = announce(channel, cast, agent="somebody")
    Call.objects.update(opened_at=timezone.now(), announced_at=timezone.now() - calls.RINGS_FOR)
    assert operator.get("/reception/ringing/").status_code == 204
    through = {"call_id": "pbx-1", "phone": PHONE, "agent": cast.of(Role.OPERATOR).username}
    for _twice in range(2):
        assert channel.send("/calls/", through).status_code == 200
        assert "138****1234" in operator.get("/reception/ringing/").content.decode()
    assert operator.get(DESK, {"call": "pbx-1"}).context["call"] == call
    channel.send("/calls/", through)
    assert operator.get("/reception/ringing/").status_code == 204, "the same announcement rings no second time"


# Forgotten


def test_calls_that_led_to_nothing_are_forgotten_and_the_others_are_kept(
    cast: Cast, road: Road, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CALLS_KEPT_DAYS = 7
    monkeypatch.setattr(calls, "BATCH", 2)
    for days in range(12):
        at = NOW - days * DAY
        Call.objects.create(source="pbx", call_id=str(days), phone=PHONE, started_at=at, announced_at=at)
    road.register(call=Call.objects.get(call_id="10"))
    assert calls.prune(NOW) == 4
    assert sorted(map(int, Call.objects.values_list("call_id", flat=True))) == [0, 1, 2, 3, 4, 5, 6, 10]
    assert calls.prune(NOW) == 0


def test_the_beat_forgets_them(cast: Cast) -> None:
    assert "intake.tasks.prune_calls" in {entry["task"] for entry in celery_app.conf.beat_schedule.values()}
    for days in (1, 400):
        at = timezone.now() - days * DAY
        Call.objects.create(source="pbx", call_id=str(days), started_at=at, announced_at=at)
    tasks.prune_calls()
    assert Call.objects.get().call_id == "1"


def test_what_is_to_be_forgotten_is_found_by_index_however_many_are_kept(cast: Cast) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        plan = Call.objects.filter(filed_at=None, announced_at__lte=NOW).explain()
        cursor.execute("SET enable_seqscan = on")
    assert "call_without_appeal" in plan


# By index


def test_the_desks_ask_for_calls_by_index_however_many_have_been_opened(cast: Cast, operator: Client) -> None:
    call = Call.objects.create(
        source="pbx",
        call_id="1",
        agent=cast.of(Role.OPERATOR).username,
        started_at=timezone.now(),
        announced_at=timezone.now(),
    )
    with CaptureQueriesContext(connection) as asked:
        operator.get("/reception/ringing/")
        operator.get(DESK, {"call": "1"})
    ours = [one["sql"] for one in asked if one["sql"].startswith("SELECT") and 'FROM "intake_call"' in one["sql"]]
    plans = []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql in ours:
            cursor.execute(f"EXPLAIN {sql}")
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
    assert ["call_unopened_by_agent" in plan for plan in plans] == [True, False]
    assert ["call_announced_once" in plan for plan in plans] == [False, True]
    assert Call.objects.exclude(opened_at=None).get() == call
