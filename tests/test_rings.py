"""A call rings on every page of who takes calls: the strip, what it tells, to whom, and what asking for it costs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.cast import Cast
from intake import calls
from intake.models import Call
from tests.roads import Road
from workorders.lifecycle import Role
from workorders.models import Unit, User

PHONE = "13800001234"
RINGING = "/reception/ringing/"


def ring(cast: Cast, call_id: str = "pbx-1", phone: str = PHONE, agent: User | None = None) -> Call:
    now = timezone.now()
    to = (agent or cast.of(Role.OPERATOR)).username
    return Call.objects.create(source="pbx", call_id=call_id, phone=phone, agent=to, started_at=now, announced_at=now)


@pytest.fixture
def operator(as_: Callable[..., Client]) -> Client:
    return as_(Role.OPERATOR)


def test_the_strip_names_the_caller_masked_and_the_running_orders(operator: Client, cast: Cast, recent: Road) -> None:
    running, ended = recent.to("handling"), recent.to("closed")
    call = ring(cast)
    answer = operator.get(RINGING).json()
    assert (answer["call"], answer["user"]) == (call.pk, cast.of(Role.OPERATOR).pk)
    strip = answer["strip"]
    assert "138****1234" in strip
    assert "王" in strip
    assert "王小明" not in strip
    assert running.spoken_number in strip
    assert ended.spoken_number not in strip
    assert PHONE not in strip + answer["words"]
    assert f"/reception/?call={call.call_id}" in strip


@pytest.mark.parametrize(("language", "withheld"), [("zh-hans", "来电号码未显示"), ("en", "The number is withheld")])
def test_a_call_without_a_number_rings_too(language: str, withheld: str, operator: Client, cast: Cast) -> None:
    operator.post("/i18n/setlang/", {"language": language})
    ring(cast, phone="")
    assert withheld in operator.get(RINGING).json()["strip"]


def test_it_rings_no_more_as_soon_as_it_is_taken_anywhere(operator: Client, cast: Cast) -> None:
    call = ring(cast)
    assert operator.get(RINGING, {"said": call.pk}).status_code == 204
    elsewhere = Client()
    elsewhere.force_login(cast.of(Role.OPERATOR))
    elsewhere.get("/reception/", {"call": call.call_id})
    assert operator.get(RINGING, {"said": call.pk}).json()["call"] is None


def test_of_two_calls_the_newest_rings_and_then_the_other(operator: Client, cast: Cast) -> None:
    first, second = ring(cast), ring(cast, "pbx-2", "13900005678")
    assert operator.get(RINGING).json()["call"] == second.pk
    calls.opened("pbx-2", cast.of(Role.OPERATOR), now=timezone.now())
    assert operator.get(RINGING, {"said": second.pk}).json()["call"] == first.pk


PAGES = [
    "/orders/",
    "/orders/{number}/",
    "/reception/",
    "/reception/queue/",
    "/reception/{number}/",
    "/notices/",
    "/nowhere/",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_the_console_can_ring_for_who_takes_calls(path: str, operator: Client, recent: Road) -> None:
    page = operator.get(path.format(number=recent.register().number)).content.decode()
    assert page.count('id="ringing"') == 1
    assert page.index('id="ringing"') < page.index("<header"), "above everything"
    assert 'data-rings="sound"' in page


@pytest.mark.parametrize("path", ["/admin/", "/admin/dispatch/alert/", "/admin/workorders/standardtext/"])
def test_every_page_of_the_administration_can_ring_too(path: str, cast: Cast) -> None:
    roles = [Role.OPERATOR, Role.SUPERVISOR, Role.ADMINISTRATOR]
    user = User.objects.create(username="both", unit=cast.city, roles=roles)
    client = Client()
    client.force_login(user)
    page = client.get(path)
    assert page.status_code == 200
    assert page.content.decode().count('id="ringing"') == 1


@pytest.mark.parametrize("role", [role for role in Role if role != Role.OPERATOR])
def test_for_nobody_else_it_rings(role: Role, as_: Callable, cast: Cast) -> None:
    client = as_(role)
    assert 'id="ringing"' not in client.get("/orders/").content.decode()
    assert client.get(RINGING).status_code == 403


def test_an_operator_who_sits_in_a_unit_takes_no_calls(as_: Callable, recent: Road) -> None:
    client = as_(Role.OPERATOR, Unit.objects.get(code="Q110105"))
    assert 'id="ringing"' not in client.get("/orders/").content.decode()


def test_asking_costs_the_same_few_queries_however_many_calls_there_were(operator: Client, cast: Cast) -> None:
    costs = []
    for number in range(2):
        for opened in range(10):
            call = ring(cast, f"pbx-{number}-{opened}")
            Call.objects.filter(pk=call.pk).update(opened_at=timezone.now())
        with CaptureQueriesContext(connection) as queries:
            assert operator.get(RINGING).status_code == 204
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 4, "the session, the user with their unit, and the calls"


def test_the_strip_costs_the_same_queries_for_ten_orders_as_for_five(
    operator: Client, cast: Cast, recent: Road
) -> None:
    costs = []
    for _time in range(2):
        for _order in range(5):
            recent.to("accepted")
        with CaptureQueriesContext(connection) as queries:
            call = ring(cast, f"pbx-{len(costs)}")
            strip = operator.get(RINGING).json()["strip"]
        Call.objects.filter(pk=call.pk).update(announced_at=timezone.now() - timedelta(hours=1))
        costs.append(len(queries))
        assert strip.count("<li>") == 4
    assert costs[0] == costs[1]


def test_what_a_title_tells_of_a_person_is_masked_in_the_strip(operator: Client, cast: Cast, recent: Road) -> None:
    recent.register(title="请回拨 13912345678")
    ring(cast)
    assert "13912345678" not in operator.get(RINGING).json()["strip"]


def test_the_worker_is_a_script_of_the_site(operator: Client) -> None:
    page: Any = operator.get("/orders/")
    assert "rings_worker.js" in page.content.decode()
    assert "worker-src" not in page["Content-Security-Policy"] or "'self'" in page["Content-Security-Policy"]
