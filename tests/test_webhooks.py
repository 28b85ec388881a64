"""Webhooks: each event told once to whoever asked, whatever happens to the receiver; and never told to our own network."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from config.cast import Cast
from config.urls import urlpatterns as site
from dispatch import clients, deliveries, posting, tasks, webhooks
from dispatch.models import Delivery, Notice, Webhook
from tests.api import HASHED
from tests.conftest import NOW
from tests.feeds import alone  # noqa: F401
from tests.roads import Road
from workorders import feed
from workorders.lifecycle import Role, Status
from workorders.models import Event
from workorders.transitions import perform

urlpatterns = [path("api/v1/", include("dispatch.webhook_api")), *site]
pytestmark = pytest.mark.urls(__name__)

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
WAITS = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, *(n * HOUR for n in (2, 5, 10, 14, 20, 24))]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = (
        64  # five by default: of twenty callers at once the kernel would drop some, whose second try is late
    )


class Receiver:
    """A real server. `answer(n)` is the status of the n-th request, from 1 on."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[int], int] = lambda number: 204
        self.respond: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.lock = threading.Lock()
        self.port = 0
        self.start()

    def start(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.lock:
                    outer.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
                    code = outer.answer(len(outer.requests))
                if outer.respond:
                    outer.respond(self)
                    return
                self.send_response(code)
                self.send_header("Location", f"http://127.0.0.1:{outer.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _headers, body in self.requests]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture(autouse=True)
def near(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_HTTP = settings.WEBHOOK_ALLOW_PRIVATE = True


@pytest.fixture
def road(committed: None) -> Road:
    return Road(Cast(), NOW)


def subscribed(road: Road, url: str, *event_types: str, unit: Any = None) -> Webhook:
    supervisor, types = road.cast.of(Role.SUPERVISOR, unit or road.lead), list(event_types or ["*"])
    return webhooks.subscribe(unit or road.lead, url, types, actor=supervisor, now=road.now)


def run(now: datetime) -> None:
    """What the beat does."""
    webhooks.walk(now)
    deliveries.send(now)


def verified(request: tuple[dict[str, str], bytes], secret: str) -> dict[str, Any]:
    headers, body = request
    with time_machine.travel(int(headers["webhook-timestamp"]), tick=False):
        return Verifier(secret).verify(body, headers)


def states(webhook: Webhook) -> list[str]:
    return list(webhook.deliveries.order_by("pk").values_list("state", flat=True))


# What arrives


def test_a_receiver_gets_the_events_of_the_feed_signed(road: Road, receiver: Receiver) -> None:
    webhook = subscribed(road, receiver.url)
    order = road.to(Status.HANDLING)
    run(road.now)
    told = sorted((verified(request, webhook.secret) for request in receiver.requests), key=lambda row: row["version"])
    assert [(row["order"], row["version"], row["step"]) for row in told] == [
        (order.number, number, step)
        for number, step in enumerate(["register", "accept", "dispatch", "sign", "contact"], 1)
    ]
    page = feed.read(road.cast.of(Role.HANDLER, road.lead), feed.START, 100)
    assert [row["cursor"] for row in told] == [str(feed.Position.of(event)) for event in page.events]
    headers, _body = receiver.requests[0]
    assert headers["content-type"] == "application/json"
    assert headers["webhook-timestamp"] == str(int(road.now.timestamp()))
    assert {headers["webhook-id"] for headers, _body in receiver.requests} == {f"evt_{row['cursor']}" for row in told}
    assert set(states(webhook)) == {"delivered"}


def test_a_signature_fits_its_secret_its_body_and_its_time_alone(road: Road, receiver: Receiver) -> None:
    webhook = subscribed(road, receiver.url, "sign")
    road.to(Status.HANDLING)
    run(road.now)
    [(headers, body)] = receiver.requests
    assert verified((headers, body), webhook.secret)["step"] == "sign"
    later = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}
    for forged in ((headers, body + b" "), (later, body), ({**headers, "webhook-id": "evt_x"}, body)):
        with pytest.raises(WebhookVerificationError):
            verified(forged, webhook.secret)
    with pytest.raises(WebhookVerificationError):
        verified((headers, body), webhooks.new_secret())


def test_a_unit_is_told_of_its_own_orders_from_its_subscription_on_and_of_losing_them(
    road: Road, receiver: Receiver
) -> None:
    before = road.to(Status.HANDLING)
    webhook = subscribed(road, receiver.url)
    lost, other = road.to(Status.DISPATCHED), road.register(matter="别的单位的事")
    run(road.now)
    road.act(lost, "recall")
    road.act(lost, "dispatch", lead=road.stranger, co_handling=[])
    run(road.now)
    steps = [row["step"] for row in receiver.events if row["order"] == lost.number]
    assert sorted(steps) == ["accept", "dispatch", "recall", "register"]
    assert {row["order"] for row in receiver.events} == {lost.number}
    assert {before.number, other.number} & {row["order"] for row in receiver.events} == set()
    assert set(states(webhook)) == {"delivered"}


def test_only_the_steps_that_were_asked_for_are_told(road: Road, receiver: Receiver) -> None:
    webhook = subscribed(road, receiver.url, "dispatch", "report")
    road.to(Status.CALLBACK)
    run(road.now)
    assert sorted(row["step"] for row in receiver.events) == ["dispatch", "report"]
    assert len(states(webhook)) == 2


def test_each_event_arrives_once_although_every_third_request_fails_and_the_receiver_is_down(
    road: Road, receiver: Receiver
) -> None:
    webhook = subscribed(road, receiver.url)
    receiver.answer = lambda number: 500 if number % 3 == 0 else 200
    for round_ in range(6):
        road.to(Status.HANDLING)
        if round_ == 2:
            receiver.stop()
        if round_ == 4:
            receiver.start()
        for _ in range(4):
            run(road.now)
            road.now += 10 * SECOND
    while webhook.deliveries.filter(state="pending").exists():
        road.now += 5 * MINUTE
        run(road.now)
        assert road.now < NOW + DAY, "it takes hours, not days"
    by_id = {headers["webhook-id"]: verified((headers, body), webhook.secret) for headers, body in receiver.requests}
    assert len(receiver.requests) > len(by_id) == 30, "some came more than once, and all of them came"
    told = sorted((row["order"], row["version"]) for row in by_id.values())
    assert told == sorted(Event.objects.values_list("order__number", "number"))
    assert set(states(webhook)) == {"delivered"}
    webhook.refresh_from_db()
    assert (webhook.failing_since, webhook.switched_off_at) == (None, None)


# Trying again


def one_delivery(road: Road, url: str) -> Delivery:
    webhook = subscribed(road, url, "register", unit=road.cast.city)
    road.register()
    webhooks.walk(road.now)
    return webhook.deliveries.get()


def test_the_waits_grow_over_three_days_and_then_it_is_given_up(road: Road, receiver: Receiver) -> None:
    receiver.answer = lambda number: 503
    delivery, now = one_delivery(road, receiver.url), road.now
    for attempt, wait in enumerate(WAITS, 1):
        assert deliveries.send(now - timedelta(microseconds=1)) == 0, "not before its time"
        assert deliveries.send(now) == 1
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.next_attempt_at) == ("pending", attempt, now + wait)
        now += wait
    assert now - road.now > 3 * DAY
    assert deliveries.send(now) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.next_attempt_at) == ("failed", 10, None)
    assert deliveries.send(now + 30 * DAY) == 0
    assert [entry["code"] for entry in delivery.log] == [503] * 10
    ids = {headers["webhook-id"] for headers, _body in receiver.requests}
    assert (len(receiver.requests), len(ids)) == (10, 1)


def answers(how: str, request: BaseHTTPRequestHandler) -> None:
    """Receivers that behave badly."""
    if how == "drips":
        for _ in range(100):
            request.wfile.write(b"H")
            time.sleep(0.05)
    elif how == "thinks":
        time.sleep(0.3)
        request.send_response(204)
        request.end_headers()
    elif how == "hangs up":
        request.connection.shutdown(socket.SHUT_RDWR)
    elif how == "talks nonsense":
        request.wfile.write(b"\x00\x01\x02\r\n\r\n")
    elif how == "never ends":
        request.send_response(200)
        request.end_headers()
        while True:
            request.wfile.write(b"x" * 65536)


@pytest.mark.parametrize(
    ("how", "code", "error"),
    [
        ("drips", None, "timeout"),
        ("hangs up", None, "broken_off"),
        ("talks nonsense", None, "broken_off"),
        ("never ends", 200, ""),
        (301, 301, "redirected"),
        (307, 307, "redirected"),
        (404, 404, "refused"),
        (500, 500, "refused"),
    ],
)
def test_a_receiver_that_behaves_badly_costs_little_and_the_log_says_what_it_did(
    how: str | int, code: int | None, error: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "WHOLE", 1.0)
    if isinstance(how, int):
        receiver.answer = lambda number: how
    else:
        receiver.respond = lambda request: answers(how, request)
        receiver.server.handle_error = lambda *args: None  # type: ignore[method-assign]
    began = time.monotonic()
    [answer] = posting.post_all([posting.Message(receiver.url, {}, b"{}")])
    assert (answer.code, answer.error) == (code, error)
    assert time.monotonic() - began < 3
    assert len(receiver.requests) == 1, "redirects are not followed"


def test_what_nobody_foresaw_at_one_receiver_does_not_reach_the_others(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    find = posting.targets.find
    monkeypatch.setattr(posting.targets, "find", lambda url: 1 / 0 if url == "odd" else find(url))
    found = posting.post_all([posting.Message(url, {}, b"{}") for url in (receiver.url, "odd", receiver.url)])
    assert [(answer.code, answer.error) for answer in found] == [(204, ""), (None, "internal"), (204, "")]
    assert "ZeroDivisionError" in caplog.text


def test_a_slow_receiver_keeps_the_others_waiting_no_longer_than_itself(receiver: Receiver) -> None:
    receiver.respond = lambda request: answers("thinks", request)
    began = time.monotonic()
    found = posting.post_all([posting.Message(receiver.url, {}, b"{}")] * 20)
    assert [answer.code for answer in found] == [204] * 20
    assert time.monotonic() - began < 3


def test_a_receiver_that_fails_is_tried_with_one_delivery_at_a_time(road: Road, receiver: Receiver) -> None:
    dead = subscribed(road, "http://127.0.0.1:9/", unit=road.cast.city)
    living = subscribed(road, receiver.url, unit=road.cast.city)
    for _ in range(3):
        road.to(Status.DISPATCHED)
    webhooks.walk(road.now)
    deliveries.send(road.now)
    assert set(states(living)) == {"delivered"}
    assert set(dead.deliveries.values_list("attempts", flat=True)) == {1}
    later = road.now + 10 * SECOND
    assert [deliveries.send(later) for _ in range(3)] == [1, 1, 1]
    assert sorted(dead.deliveries.values_list("attempts", flat=True)) == [1] * 6 + [2] * 3


def test_lasting_failure_switches_a_webhook_off_with_a_notice_and_nothing_is_lost(
    road: Road, receiver: Receiver, caplog: pytest.LogCaptureFixture, client: Client
) -> None:
    delivery, now = one_delivery(road, receiver.url), road.now
    receiver.answer = lambda number: 500
    for wait in (0 * SECOND, *WAITS):
        now += wait
        with caplog.at_level(logging.WARNING, "dispatch.webhooks"):
            deliveries.send(now)
    webhook = Webhook.objects.get()
    assert (webhook.notice, webhook.switched_off_at, webhook.failing_since) == ("failing", now, road.now)
    assert [record.message for record in caplog.records] == [
        f"Webhook {webhook.pk} of {webhook.unit.code} is switched off: FAILING"
    ]
    client.force_login(road.cast.of(Role.SUPERVISOR))
    [shown] = client.get("/api/v1/webhooks/").json()["results"]
    assert (shown["is_active"], shown["notice"]) == (False, "failing")
    assert "三天" in shown["notice_text"] or "three days" in shown["notice_text"]

    missed = road.register()
    run(now + DAY)
    assert (webhook.deliveries.count(), len(receiver.requests)) == (1, 10), "neither walked nor sent while it is off"
    receiver.answer = lambda number: 200
    webhooks.switch_on(webhook)
    run(now + 2 * DAY)
    assert receiver.events[-1]["order"] == missed.number
    deliveries.replay(Delivery.objects.get(pk=delivery.pk), now=now + 2 * DAY)
    run(now + 2 * DAY)
    assert states(webhook) == ["delivered", "delivered"]


def test_a_receiver_that_took_anything_meanwhile_is_not_switched_off(road: Road, receiver: Receiver) -> None:
    delivery, now = one_delivery(road, receiver.url), road.now
    cursor = str(feed.Position.of(delivery.event))
    receiver.answer = lambda number: 500 if receiver.events[-1]["cursor"] == cursor else 200
    for wait in (0 * SECOND, *WAITS):
        now += wait
        deliveries.send(now)
        if wait == 24 * HOUR - 4 * HOUR:
            road.register()
            run(now)
            run(now)
    assert states(Webhook.objects.get()) == ["failed", "delivered"]
    assert Webhook.objects.get().is_active


def test_whoever_leads_the_unit_is_told_once_that_nothing_is_delivered_any_more(road: Road) -> None:
    webhook, reviewer = subscribed(road, "https://1.1.1.1/?token=secret"), road.cast.of(Role.REVIEWER, road.lead)
    webhooks.switch_off(webhook, Webhook.Notice.OWNER, now=road.now)
    webhooks.switch_on(webhook)
    assert not Notice.objects.exists(), "who switched it off knows"
    for _time in range(2):
        webhooks.switch_off(webhook, Webhook.Notice.FAILING, now=road.now)
    notice = Notice.objects.get(user=reviewer)
    assert str(Webhook.Notice.FAILING.label) in notice.subject
    assert "secret" not in notice.subject + notice.body


def test_a_revoked_client_takes_its_webhooks_with_it_and_leaves_the_others(road: Road, receiver: Receiver) -> None:
    client = clients.create(road.lead, ["webhooks:write"], secret=HASHED).client
    theirs = webhooks.subscribe(road.lead, receiver.url, ["*"], actor=client.user, now=road.now)
    others = subscribed(road, receiver.url)
    clients.revoke(client, now=road.now)
    road.to(Status.DISPATCHED)
    run(road.now)
    theirs.refresh_from_db()
    assert (theirs.notice, theirs.deliveries.exists(), others.deliveries.exists()) == ("revoked", False, True)


def test_a_receiver_that_says_it_is_gone_is_switched_off_at_once(road: Road, receiver: Receiver) -> None:
    delivery = one_delivery(road, receiver.url)
    receiver.answer = lambda number: 410
    deliveries.send(road.now)
    assert Webhook.objects.get().notice == "gone"
    assert deliveries.send(road.now + DAY) == 0
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_code) == ("pending", 410)


def test_a_replay_sends_the_same_message_again(road: Road, receiver: Receiver) -> None:
    delivery = one_delivery(road, receiver.url)
    deliveries.send(road.now)
    delivery.refresh_from_db()
    deliveries.replay(delivery, now=road.now + HOUR)
    deliveries.send(road.now + HOUR)
    (first, one), (second, two) = receiver.requests
    assert (first["webhook-id"], one) == (second["webhook-id"], two)
    assert verified((second, two), delivery.webhook.secret)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, len(delivery.log)) == ("delivered", 1, 2)


def test_after_a_rotation_both_secrets_sign_for_a_day(road: Road, receiver: Receiver) -> None:
    webhook = subscribed(road, receiver.url, "register", unit=road.cast.city)
    old = webhook.secret
    webhooks.rotate(webhook, now=road.now)
    assert webhook.secret != old
    for after, secrets in ((23 * HOUR, {old, webhook.secret}), (24 * HOUR, {webhook.secret})):
        road.register()
        run(road.now + after)
        headers, body = receiver.requests[-1]
        assert len(headers["webhook-signature"].split(" ")) == len(secrets)
        assert all(verified((headers, body), secret)["step"] == "register" for secret in secrets)
    with pytest.raises(WebhookVerificationError):
        verified(receiver.requests[-1], old)


# Several at once


def in_threads(count: int, act: Callable[[], int]) -> list[int]:
    start = threading.Barrier(count)

    def one(_number: int) -> int:
        try:
            start.wait(10)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_two_who_send_at_once_send_nothing_twice(road: Road, receiver: Receiver) -> None:
    webhook = subscribed(road, receiver.url)
    for _ in range(8):
        road.to(Status.HANDLING)
    webhooks.walk(road.now)

    def send() -> int:
        return sum(iter(lambda: deliveries.send(road.now, batch=5), 0))

    assert sum(in_threads(4, send)) == 40
    assert len(receiver.requests) == len({headers["webhook-id"] for headers, _body in receiver.requests}) == 40
    assert set(states(webhook)) == {"delivered"}


def test_two_who_walk_at_once_make_each_delivery_once(road: Road) -> None:
    hooks = [subscribed(road, "http://127.0.0.1:9/", unit=unit) for unit in (road.lead, road.cast.city, road.co_unit)]
    for _ in range(4):
        road.to(Status.HANDLING)
    assert sum(in_threads(4, lambda: webhooks.walk(road.now))) == 60
    for webhook in hooks:
        told = sorted(webhook.deliveries.values_list("event", flat=True))
        assert told == sorted(Event.objects.values_list("pk", flat=True))


def test_the_same_event_twice_is_refused_by_the_database(road: Road) -> None:
    delivery = one_delivery(road, "http://127.0.0.1:9/")
    with pytest.raises(IntegrityError, match="one_delivery_an_event"), transaction.atomic():
        Delivery.objects.create(webhook=delivery.webhook, event=delivery.event, next_attempt_at=NOW, created_at=NOW)
    Delivery.objects.create(webhook=delivery.webhook, next_attempt_at=NOW, created_at=NOW)
    Delivery.objects.create(webhook=delivery.webhook, next_attempt_at=NOW, created_at=NOW)


def test_what_a_dead_sender_held_comes_again_and_what_it_says_too_late_is_ignored(
    road: Road, receiver: Receiver
) -> None:
    one_delivery(road, receiver.url)
    [held] = deliveries.claim(road.now)
    assert deliveries.claim(road.now + 119 * SECOND) == []
    [again] = deliveries.claim(road.now + 120 * SECOND)
    assert held.pk == again.pk
    assert not deliveries.record(held, posting.Answer(500), road.now + 121 * SECOND)
    assert deliveries.record(again, posting.Answer(200), road.now + 122 * SECOND)
    held.refresh_from_db()
    assert (held.state, held.attempts) == ("delivered", 1)


def test_no_transaction_is_open_while_a_receiver_takes_its_time(road: Road, receiver: Receiver) -> None:
    one_delivery(road, receiver.url)
    seen: list[int] = []

    def look(request: BaseHTTPRequestHandler) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL"
            )
            seen.append(cursor.fetchone()[0])
        connection.close()
        request.send_response(204)
        request.end_headers()

    receiver.respond = look
    deliveries.send(road.now)
    assert seen == [0]


def test_walking_sending_and_reading_take_as_many_queries_for_ten_events_as_for_twenty(
    road: Road, client: Client
) -> None:
    webhook = subscribed(road, "http://127.0.0.1:9/")
    client.force_login(road.cast.of(Role.SUPERVISOR, road.lead))
    counts = []
    for _ in range(2):
        for _ in range(2):
            road.to(Status.HANDLING)
        with CaptureQueriesContext(connection) as queries:
            assert webhooks.walk(road.now) == 10
            claimed = deliveries.claim(road.now)
            [deliveries.message(delivery, road.now) for delivery in claimed]
            client.get(f"/api/v1/webhooks/{webhook.pk}/deliveries/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_walk_with_nothing_new_costs_three_queries_however_many_webhooks_there_are(road: Road) -> None:
    for unit in (road.lead, road.co_unit, road.stranger, road.cast.city):
        subscribed(road, "http://127.0.0.1:9/", unit=unit)
    road.to(Status.HANDLING)
    webhooks.walk(road.now)
    with CaptureQueriesContext(connection) as queries:
        assert webhooks.walk(road.now) == 0
    assert len(queries) == 3


def test_the_tasks_do_it(road: Road, receiver: Receiver) -> None:
    road.now = datetime.now(UTC)
    webhook = subscribed(road, receiver.url, "register", unit=road.cast.city)
    road.register()
    tasks.walk_webhooks()
    tasks.send_deliveries()
    assert len(receiver.requests) == 1
    webhook.deliveries.update(created_at=road.now - 31 * DAY)
    road.register()
    tasks.walk_webhooks()
    tasks.prune_deliveries()
    assert states(webhook) == ["pending"]


def test_the_webhooks_of_a_unit_that_is_closed_rest(road: Road, receiver: Receiver) -> None:
    webhook = subscribed(road, receiver.url)
    road.to(Status.DISPATCHED)
    webhooks.walk(road.now)
    type(road.lead).objects.filter(pk=road.lead.pk).update(is_active=False, successor=road.stranger)
    assert deliveries.send(road.now) == 0
    perform(road.register().pk, "note", actor=road.cast.of(Role.OPERATOR), now=road.now, text="x")
    assert (webhooks.walk(road.now), receiver.requests, set(states(webhook))) == (0, [], {"pending"})
