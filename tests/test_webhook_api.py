"""Subscribing to events over HTTP, and the webhooks' pages in the administration."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from rest_framework.test import APIClient

from config.cast import Cast
from config.urls import urlpatterns as site
from dispatch import deliveries, webhook_admin, webhook_api, webhooks  # noqa: F401  its import registers the pages
from dispatch.models import Delivery, Webhook
from tests.roads import Road
from workorders.api.scopes import Scope
from workorders.lifecycle import Role
from workorders.models import Event, User

urlpatterns = [path("api/v1/", include("dispatch.webhook_api")), path("admin/", admin.site.urls), *site]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

URL = "https://1.1.1.1/hook"
BODY = {"url": URL, "event_types": ["dispatch", "recall"]}
HOOKS = "/api/v1/webhooks/"


@pytest.fixture
def supervisor(client: Client, road: Road) -> Client:
    client.force_login(road.cast.of(Role.SUPERVISOR, road.lead))
    return client


def post(client: Client, address: str, body: object = None) -> tuple[int, Any]:
    response = client.post(address, {} if body is None else body, content_type="application/json")
    return response.status_code, response.json()


def patch(client: Client, address: str, body: object) -> tuple[int, Any]:
    response = client.patch(address, body, content_type="application/json")
    return response.status_code, response.json()


@pytest.fixture
def hook(supervisor: Client) -> Webhook:
    return Webhook.objects.get(pk=post(supervisor, HOOKS, BODY)[1]["id"])


@pytest.fixture
def delivery(hook: Webhook, road: Road) -> Delivery:
    road.to("dispatched")
    event = Event.objects.get(step="dispatch")
    return Delivery.objects.create(webhook=hook, event=event, next_attempt_at=road.now, created_at=road.now)


def address(hook: Webhook, *parts: object) -> str:
    return "/".join(str(part) for part in (f"{HOOKS}{hook.pk}", *parts, ""))


def test_the_secret_is_shown_once_and_kept_encrypted(supervisor: Client, road: Road) -> None:
    code, made = post(supervisor, HOOKS, BODY)
    assert code == 201
    assert made["secret"].startswith("whsec_")
    assert len(made["secret"]) == len("whsec_") + 44
    assert (made["url"], made["event_types"], made["is_active"], made["notice"]) == (
        URL,
        ["dispatch", "recall"],
        True,
        "",
    )
    [listed] = supervisor.get(HOOKS).json()["results"]
    detail = supervisor.get(f"{HOOKS}{made['id']}/").json()
    assert detail == listed == {name: value for name, value in made.items() if name != "secret"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM dispatch_webhook")
        assert made["secret"] not in cursor.fetchone()[0]
    hook = Webhook.objects.get()
    assert (hook.secret, hook.unit, hook.created_by.unit) == (made["secret"], road.lead, road.lead)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": URL}, "event_types"),
        ({"event_types": ["*"]}, "url"),
        ({**BODY, "event_types": []}, "event_types"),
        ({**BODY, "event_types": ["nothing"]}, "event_types"),
        ({**BODY, "event_types": "*"}, "event_types"),
        ({**BODY, "event_types": [1]}, "event_types"),
        ({**BODY, "url": 5}, "url"),
        ({**BODY, "url": "http://1.1.1.1/"}, "url"),
        ({**BODY, "url": "https://127.0.0.1/"}, "url"),
        ({**BODY, "url": "https://169.254.169.254/latest/meta-data/"}, "url"),
        ({**BODY, "url": "https://user:word@1.1.1.1/"}, "url"),
        ({**BODY, "url": "https://1.1.1.1/" + "x" * 500}, "url"),
        ({**BODY, "url": "javascript:alert(1)"}, "url"),
        ({**BODY, "secret": "whsec_eA=="}, "secret"),
        ({**BODY, "unit": "J110101001"}, "unit"),
        ([], ""),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(body: object, field: str, supervisor: Client) -> None:
    code, problem = post(supervisor, HOOKS, body)
    assert (code, problem["code"], list(problem["fields"])) == (400, "invalid", [field])
    assert not Webhook.objects.exists()


def test_a_step_that_is_asked_for_twice_is_kept_once(supervisor: Client) -> None:
    _code, made = post(supervisor, HOOKS, {**BODY, "event_types": ["sign", "*", "sign"]})
    assert made["event_types"] == ["sign", "*"]


def test_every_step_can_be_asked_for(supervisor: Client) -> None:
    every = [name for name, _label in webhook_api.EVENT_TYPES]
    assert post(supervisor, HOOKS, {**BODY, "event_types": every})[0] == 201


def test_a_unit_keeps_a_bounded_number(supervisor: Client, hook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_api, "MOST", 1)
    assert post(supervisor, HOOKS, BODY)[0] == 409
    assert Webhook.objects.count() == 1


def test_it_is_changed_switched_off_and_on_and_removed(supervisor: Client, hook: Webhook, delivery: Delivery) -> None:
    here = address(hook)
    assert patch(supervisor, here, {"event_types": ["*"]})[1]["event_types"] == ["*"]
    assert patch(supervisor, here, {"url": "https://10.0.0.1/"})[0] == 400
    code, off = patch(supervisor, here, {"is_active": False})
    assert (code, off["is_active"], off["notice"], off["url"]) == (200, False, "owner", URL)
    assert off["switched_off_at"]
    code, on = patch(supervisor, here, {"is_active": True, "url": "https://1.1.1.1/new"})
    assert (on["is_active"], on["notice"], on["switched_off_at"], on["url"]) == (True, "", None, "https://1.1.1.1/new")
    for wrong in ({"is_active": "yes"}, {"is_active": None, "notice": ""}, {"failing_since": None}):
        assert patch(supervisor, here, wrong)[0] == 400
    assert patch(supervisor, here, {})[1] == on
    assert supervisor.delete(here).status_code == 204
    assert not Delivery.objects.exists()
    assert supervisor.get(here).status_code == 404


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_write_with_if_match_is_refused_when_the_webhook_has_changed(
    method: str, supervisor: Client, hook: Webhook
) -> None:
    seen = supervisor.get(address(hook))["ETag"]
    patch(supervisor, address(hook), {"event_types": ["sign"]})

    def write(tag: str) -> Any:
        body = {"content_type": "application/json", "headers": {"If-Match": tag}}
        return getattr(supervisor, method)(address(hook), {"event_types": ["*"]}, **body)

    refused = write(seen)
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    hook.refresh_from_db()
    assert hook.event_types == ["sign"]
    assert write(supervisor.get(address(hook))["ETag"]).status_code in (200, 204)


def test_a_new_secret_is_shown_once_and_the_old_one_goes_on_for_a_day(supervisor: Client, hook: Webhook) -> None:
    code, made = post(supervisor, address(hook, "secret"))
    assert code == 200
    assert made["secret"] != hook.secret
    assert made["previous_secret_until"]
    old = hook.secret
    hook.refresh_from_db()
    assert (hook.secret, hook.previous_secret) == (made["secret"], old)


def test_a_test_is_sent_like_everything_else(supervisor: Client, hook: Webhook) -> None:
    code, made = post(supervisor, address(hook, "test"))
    assert (code, made["step"], made["order"], made["event"], made["status"]) == (202, "test", None, None, "pending")
    [claimed] = deliveries.claim(Delivery.objects.get().created_at)
    message = deliveries.message(claimed, claimed.created_at)
    assert message.headers["webhook-id"] == f"test_{claimed.pk}"
    assert b'"step":"test"' in message.body


def test_deliveries_are_listed_with_their_log_and_sent_again(
    supervisor: Client, hook: Webhook, delivery: Delivery
) -> None:
    delivery.refresh_from_db()
    deliveries.record(delivery, deliveries.Answer(500, "refused", 0.25), delivery.created_at)
    [row] = supervisor.get(address(hook, "deliveries")).json()["results"]
    assert (row["step"], row["order"], row["status"], row["attempts"]) == (
        "dispatch",
        delivery.event.order.number,
        "pending",
        1,
    )
    assert (row["last_code"], row["last_error"]) == (500, "refused")
    assert [(entry["code"], entry["error"], entry["ms"]) for entry in row["log"]] == [(500, "refused", 250)]
    assert row["message_id"] == f"evt_{row['event']}"
    code, again = post(supervisor, address(hook, "deliveries", delivery.pk, "replay"))
    assert (code, again["status"], again["attempts"], len(again["log"])) == (202, "pending", 0, 1)


def test_deliveries_are_paged_and_filtered(supervisor: Client, hook: Webhook, road: Road) -> None:
    made = [deliveries.try_out(hook, now=road.now).pk for _ in range(5)]
    Delivery.objects.filter(pk=made[0]).update(state="failed", next_attempt_at=None)
    first = supervisor.get(address(hook, "deliveries"), {"limit": 3}).json()
    second = supervisor.get(first["next"]).json()
    assert [row["id"] for row in first["results"] + second["results"]] == made[::-1]
    [failed] = supervisor.get(address(hook, "deliveries"), {"status": "failed"}).json()["results"]
    assert failed["id"] == made[0]
    assert supervisor.get(address(hook, "deliveries"), {"status": "lost"}).status_code == 400


def test_nothing_is_sent_by_hand_while_it_is_off(supervisor: Client, hook: Webhook, delivery: Delivery) -> None:
    patch(supervisor, address(hook), {"is_active": False})
    for act in (("test",), ("deliveries", delivery.pk, "replay")):
        code, problem = post(supervisor, address(hook, *act))
        assert (code, problem["code"]) == (409, "wrong_state")
    assert Delivery.objects.count() == 1


def every_call(client: Client, hook: Webhook, delivery: Delivery) -> list[int]:
    here = address(hook)
    return [
        client.get(here).status_code,
        patch(client, here, {"is_active": False})[0],
        client.delete(here).status_code,
        post(client, address(hook, "secret"))[0],
        post(client, address(hook, "test"))[0],
        client.get(address(hook, "deliveries")).status_code,
        post(client, address(hook, "deliveries", delivery.pk, "replay"))[0],
    ]


@pytest.mark.parametrize("whose", ["stranger", "co_unit", "city"])
def test_another_unit_s_webhooks_are_not_found(whose: str, hook: Webhook, delivery: Delivery, road: Road) -> None:
    """Not even by the unit above, or by the hotline: the receiver is the unit's own affair."""
    client, unit = Client(), road.cast.city if whose == "city" else getattr(road, whose)
    client.force_login(road.cast.of(Role.SUPERVISOR, unit))
    before = Webhook.objects.values().get()
    assert client.get(HOOKS).json()["results"] == []
    assert every_call(client, hook, delivery) == [404] * 7
    assert Webhook.objects.values().get() == before


def test_a_delivery_is_found_under_its_own_webhook_only(supervisor: Client, delivery: Delivery) -> None:
    other = Webhook.objects.get(pk=post(supervisor, HOOKS, BODY)[1]["id"])
    assert post(supervisor, address(other, "deliveries", delivery.pk, "replay"))[0] == 404


@pytest.mark.parametrize("role", [role for role in Role if role != Role.SUPERVISOR])
@pytest.mark.parametrize("where", ["lead", "city"])
def test_of_people_only_a_unit_s_supervisor_keeps_webhooks(
    role: Role, where: str, hook: Webhook, delivery: Delivery, cast: Cast, road: Road
) -> None:
    client = Client()
    client.force_login(cast.of(role, road.lead if where == "lead" else cast.city))
    before = Webhook.objects.values().get()
    assert client.get(HOOKS).status_code == post(client, HOOKS, BODY)[0] == 403
    assert every_call(client, hook, delivery) == [403] * 7
    assert Webhook.objects.values().get() == before


def test_nobody_without_a_name_gets_anywhere(hook: Webhook, delivery: Delivery) -> None:
    assert {*every_call(Client(), hook, delivery), Client().get(HOOKS).status_code} <= {401, 403}


@pytest.mark.parametrize(("scope", "code"), [(Scope.WEBHOOKS_WRITE, 201), (Scope.EVENTS_READ, 403), (None, 403)])
def test_a_machine_needs_the_scope(scope: str | None, code: int, road: Road) -> None:
    client, granted = APIClient(), frozenset([scope] if scope else [])
    client.force_authenticate(road.cast.of(Role.HANDLER, road.lead), SimpleNamespace(granted=granted))
    assert client.post(HOOKS, BODY, format="json").status_code == code
    assert Webhook.objects.count() == (code == 201)


def test_the_list_takes_as_many_queries_for_many_as_for_few(supervisor: Client, hook: Webhook, road: Road) -> None:
    counts = []
    for _ in range(2):
        for _ in range(5):
            webhooks.subscribe(
                road.lead, URL, ["*"], actor=User.objects.get(username="j110105009-supervisor"), now=road.now
            )
        with CaptureQueriesContext(connection) as queries:
            supervisor.get(HOOKS)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# Administration


def test_the_administration_shows_webhooks_and_deliveries_without_their_secrets(
    client: Client, hook: Webhook, delivery: Delivery, cast: Cast
) -> None:
    client.force_login(cast.of(Role.ADMINISTRATOR))
    for model, row in (("webhook", hook), ("delivery", delivery)):
        for page in ("", f"{row.pk}/change/"):
            response = client.get(f"/admin/dispatch/{model}/{page}")
            assert response.status_code == 200
            assert hook.secret not in response.content.decode()
        assert client.get(f"/admin/dispatch/{model}/add/").status_code == 403


@pytest.mark.parametrize(("role", "may"), [(Role.ADMINISTRATOR, True), (Role.SUPERVISOR, False)])
def test_an_administrator_switches_a_webhook_off_and_on(
    role: Role, may: bool, client: Client, hook: Webhook, cast: Cast
) -> None:
    client.force_login(cast.of(role))
    for action, notice in (("switch_off", "owner"), ("switch_on", "")):
        client.post("/admin/dispatch/webhook/", {"action": action, "_selected_action": [hook.pk]})
        hook.refresh_from_db()
        assert hook.notice == (notice if may else "")
