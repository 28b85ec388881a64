"""The first form of the REST API: the same door, the same refusals."""

import pytest
from django.test import Client

from config.cast import Cast
from tests.roads import Road
from workorders.lifecycle import Role
from workorders.models import Event, WorkOrder

pytestmark = pytest.mark.django_db


def post(client: Client, order: WorkOrder, step: str, body: object) -> tuple[int, dict]:
    response = client.post(f"/api/v1/workorders/{order.number}/{step}/", body, content_type="application/json")
    return response.status_code, response.json()


@pytest.fixture
def handler(client: Client, road: Road, cast: Cast) -> Client:
    client.force_login(cast.of(Role.HANDLER, road.lead))
    return client


def test_a_unit_reads_its_orders_and_what_it_may_do(handler: Client, road: Road) -> None:
    order = road.to("dispatched")
    road.register(matter="别的工单")
    assert [row["number"] for row in handler.get("/api/v1/workorders/").json()["results"]] == [order.number]
    detail = handler.get(f"/api/v1/workorders/{order.number}/").json()
    assert "sign" in [action["step"] for action in detail["actions"]]
    assert {clock["kind"] for clock in detail["clocks"] if not clock["stopped_at"]} >= {"contact", "signing"}


def test_a_step_through_the_api_is_the_same_act(handler: Client, road: Road) -> None:
    order = road.to("dispatched")
    code, answer = post(handler, order, "sign", {"version": order.version})
    assert (code, answer["order"]["status"]) == (200, "handling")
    code, answer = post(handler, order, "contact", {"way": "phone", "text": "已联系"})
    assert code == 200
    assert Event.objects.get(order=order, number=answer["event"]["number"]).data["way"] == "phone"


@pytest.mark.parametrize(
    ("step", "body", "status", "code"),
    [
        ("accept", {}, 403, "not_allowed"),
        ("report", {"text": "x", "solved": "yes"}, 409, "wrong_state"),
        ("sign", {"version": 1}, 409, "stale_version"),
        ("sign", {"colour": "red"}, 400, "invalid"),
        ("sign", {"version": "one"}, 400, "parse_error"),
        ("sign", {"actor": 1}, 400, "parse_error"),
        ("sign", [], 400, "parse_error"),
        ("nothing", {}, 404, "not_found"),
    ],
)
def test_a_refused_act_says_why_and_changes_nothing(
    step: str, body: object, status: int, code: str, handler: Client, road: Road
) -> None:
    order = road.to("dispatched")
    events = order.events.count()
    answered, problem = post(handler, order, step, body)
    assert (answered, problem["code"]) == (status, code)
    assert ("order" in problem) == (status == 409)
    assert order.events.count() == events


def test_an_order_of_another_unit_is_not_found(client: Client, road: Road, cast: Cast) -> None:
    order = road.to("dispatched")
    client.force_login(cast.of(Role.HANDLER, road.stranger))
    assert client.get(f"/api/v1/workorders/{order.number}/").json()["code"] == "not_found"
    assert post(client, order, "sign", {})[0] == 404


def test_a_stranger_is_asked_who_they_are(client: Client, db: None) -> None:
    assert client.get("/api/v1/workorders/").status_code == 403


def test_pages_continue_below_the_last_number(client: Client, road: Road, cast: Cast) -> None:
    numbers = [road.register(matter=f"第 {n} 件").number for n in range(60)]
    client.force_login(cast.of(Role.SUPERVISOR))
    first = client.get("/api/v1/workorders/").json()
    second = client.get("/api/v1/workorders/", {"before": first["next_before"]}).json()
    assert [row["number"] for row in first["results"] + second["results"]] == numbers[::-1]
    assert second["next_before"] is None
