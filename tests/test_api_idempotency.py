"""Idempotency-Key: sent twice, done once, answered twice."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.urls import URLPattern, get_resolver
from django.utils import timezone

from intake.models import Appeal
from tests.api import CHANNEL, HANDLING, V1, Machine
from tests.roads import Road
from workorders.api import idempotency
from workorders.fields import decrypt
from workorders.models import Attachment, StoredAnswer, User, WorkOrder
from workorders.tasks import forget_answers

pytestmark = pytest.mark.django_db
STREET = "J110105009"
VOICE = {"matter": "楼下夜间施工", "kind": "complaint", "channel": "app"}


@pytest.fixture
def channel(db: None) -> Machine:
    return Machine("1100", *CHANNEL)


def register(channel: Machine, key: str = "k-1", **more: Any) -> Any:
    return channel.send("/appeals/", {**VOICE, **more}, Idempotency_Key=key)


def test_the_same_key_is_answered_with_the_same_answer(channel: Machine) -> None:
    first, again = register(channel), register(channel)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert first["Location"] == again["Location"]
    assert "Idempotent-Replayed" not in first and again["Idempotent-Replayed"] == "true"
    assert WorkOrder.objects.count() == 1


def test_another_key_or_none_is_another_order(channel: Machine) -> None:
    register(channel), register(channel, "k-2"), channel.send("/appeals/", VOICE)
    assert WorkOrder.objects.count() == 3


def test_the_same_key_with_another_body_is_a_conflict(channel: Machine) -> None:
    register(channel)
    answer = register(channel, matter="别的事情")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert WorkOrder.objects.count() == 1


def test_the_same_key_for_another_address_is_a_conflict(channel: Machine) -> None:
    register(channel)
    answer = channel.send("/calls/", {"call_id": "1"}, Idempotency_Key="k-1")
    assert answer.json()["code"] == "idempotency_conflict"


def test_the_order_and_the_blanks_of_a_json_text_do_not_matter(channel: Machine) -> None:
    register(channel)
    text = '{ "channel": "app",\n"kind": "complaint", "matter": "楼下夜间施工" }'
    again = channel.post(f"{V1}/appeals/", text, content_type="application/json", headers={"Idempotency-Key": "k-1"})
    assert again["Idempotent-Replayed"] == "true"


def test_a_key_is_its_callers_own(channel: Machine) -> None:
    register(channel)
    assert register(Machine("1100", *CHANNEL)).status_code == 201
    assert WorkOrder.objects.count() == 2


def test_a_refused_request_leaves_no_trace_and_may_come_again_corrected(channel: Machine, road: Road) -> None:
    assert register(channel, kind="nonsense").status_code == 400
    assert not StoredAnswer.objects.exists()
    assert register(channel).status_code == 201
    order, street = road.to("dispatched"), Machine(STREET, *HANDLING)
    path = f"/workorders/{order.number}/progress/"
    assert street.send(path, {"text": "x"}, Idempotency_Key="p").json()["code"] == "wrong_state"
    road.act(order, "sign")
    assert street.send(path, {"text": "x"}, Idempotency_Key="p").status_code == 200


def test_a_step_is_done_once(road: Road) -> None:
    order, street = road.to("handling"), Machine(STREET, *HANDLING)
    answers = [
        street.send(f"/workorders/{order.number}/progress/", {"text": "x"}, Idempotency_Key="p") for _ in range(3)
    ]
    assert len({answer.content for answer in answers}) == 1
    assert order.events.filter(step="progress").count() == 1


def test_a_replayed_sign_is_not_a_wrong_state(road: Road) -> None:
    order, street = road.to("dispatched"), Machine(STREET, *HANDLING)
    answers = [
        street.send("/workorders/bulk/sign/", {"numbers": [order.number]}, Idempotency_Key="s") for _ in range(2)
    ]
    assert [answer.json()["results"][0]["signed"] for answer in answers] == [True, True]


def test_files_are_told_apart_by_what_is_in_them(road: Road) -> None:
    order, street = road.to("handling"), Machine(STREET, *HANDLING)

    def send(content: bytes) -> Any:
        form = {"files": SimpleUploadedFile("a.txt", content)}
        return street.post(f"{V1}/workorders/{order.number}/attachments/", form, headers={"Idempotency-Key": "f"})

    assert [send(b"a").status_code, send(b"a").status_code, send(b"b").status_code] == [201, 201, 409]
    assert Attachment.objects.get().size == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel", "a\tb"])
def test_a_key_that_is_none_is_refused(key: str, channel: Machine) -> None:
    answer = register(channel, key)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["Idempotency-Key"])
    assert not WorkOrder.objects.exists()


def test_a_key_is_forgotten_after_a_day(channel: Machine) -> None:
    register(channel)
    StoredAnswer.objects.update(created_at=timezone.now() - idempotency.KEPT_FOR - timedelta(minutes=1))
    assert "Idempotent-Replayed" not in register(channel)
    StoredAnswer.objects.update(created_at=timezone.now() - idempotency.KEPT_FOR - timedelta(minutes=1))
    register(channel, "k-2")
    forget_answers()
    assert [stored.key for stored in StoredAnswer.objects.all()] == ["k-2"]


def test_what_was_revealed_is_not_kept_in_clear(road: Road) -> None:
    order, street = road.to("handling"), Machine(STREET, *HANDLING)
    answers = [
        street.send(f"/workorders/{order.number}/reveal/", {"reason": "核实"}, Idempotency_Key="r") for _ in range(2)
    ]
    assert answers[0].content == answers[1].content and b"13800001234" in answers[0].content
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM workorders_storedanswer")
        stored = cursor.fetchone()[0]
    assert "13800001234" not in stored and "13800001234" in decrypt(stored, "workorders.storedanswer.body")


def test_a_stored_answer_is_for_whoever_still_sees_what_it_is_about(road: Road) -> None:
    order, street = road.to("dispatched"), Machine(STREET, *HANDLING)
    sent = [("/reveal/", {"reason": "核实"}), ("/note/", {"text": "备注"})]
    calls = [(f"/workorders/{order.number}{step}", body) for step, body in sent]
    calls.append(("/workorders/bulk/sign/", {"numbers": [order.number]}))

    def again() -> list[Any]:
        return [street.send(path, body, Idempotency_Key=path) for path, body in calls]

    first = again()
    assert [answer.content for answer in again()] == [answer.content for answer in first]
    road.act(order, "recall")
    one, two, bulk = again()
    assert (one.status_code, two.status_code) == (404, 404)
    assert [result["problem"]["code"] for result in bulk.json()["results"]] == ["not_found"]
    assert not any(secret in bulk.content.decode() for secret in (order.matter, "13800001234"))


def test_who_was_revealed_is_shown_again_only_to_whom_they_do_not_hide_from_since(road: Road) -> None:
    order, street = road.to("handling"), Machine(STREET, *HANDLING)

    def reveal() -> Any:
        return street.send(f"/workorders/{order.number}/reveal/", {"reason": "核实"}, Idempotency_Key="r")

    assert "13800001234" in reveal().content.decode()
    Appeal.objects.update(anonymous_to_unit=True)
    assert reveal()["Idempotent-Replayed"] == "true"
    assert "13800001234" not in reveal().content.decode()
    User.objects.filter(pk=street.client.user_id).update(roles=["reviewer"])
    assert reveal().json()["code"] == "not_allowed"


def test_a_channel_that_is_one_no_more_hears_nothing_again(channel: Machine) -> None:
    register(channel)
    User.objects.filter(pk=channel.client.user_id).update(roles=["auditor"])
    assert register(channel).json()["code"] == "not_allowed"


def views() -> Iterator[tuple[str, Any]]:
    def walk(patterns: list[Any]) -> Iterator[tuple[str, Any]]:
        for one in patterns:
            if isinstance(one, URLPattern):
                view = getattr(one.callback, "view_class", None) or getattr(one.callback, "cls", None)
                yield str(one.pattern), view
            else:
                yield from walk(one.url_patterns)

    api = next(one for one in get_resolver().url_patterns if str(one.pattern) == "api/v1/")
    return walk(api.url_patterns)


def test_every_post_of_the_api_knows_the_key() -> None:
    posts = [(path, view.post) for path, view in views() if hasattr(view, "post")]
    forgetful = [path for path, post in posts if not getattr(post, "idempotent", False)]
    assert len(posts) > 50
    assert forgetful == []


# With several connections


def in_threads(count: int, call: Any) -> list[Any]:
    barrier = threading.Barrier(count)

    def one(number: int) -> Any:
        barrier.wait()
        try:
            return call(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def same(channel: Machine) -> Machine:
    return Machine("1100", client=channel.client)


@pytest.mark.django_db(transaction=True)
def test_twenty_threads_with_one_key_make_one_order(committed: None) -> None:
    channel = Machine("1100", *CHANNEL)
    machines = [same(channel) for _ in range(20)]
    answers = in_threads(20, lambda number: register(machines[number]))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert WorkOrder.objects.count() == 1
    assert sum("Idempotent-Replayed" in answer for answer in answers) == 19


@pytest.mark.django_db(transaction=True)
def test_twenty_threads_with_one_source_id_and_no_key_make_one_order(committed: None) -> None:
    channel = Machine("1100", *CHANNEL)
    machines = [same(channel) for _ in range(20)]
    body = {**VOICE, "source_id": "app-1"}
    answers = in_threads(20, lambda number: machines[number].send("/appeals/", body))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.content for answer in answers}) == 1
    assert WorkOrder.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_who_waits_too_long_for_the_first_is_told_that_it_still_runs(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_MS", 200)
    channel = Machine("1100", *CHANNEL)
    inside, leave = threading.Event(), threading.Event()
    keep = idempotency._keep

    def slowly(*arguments: Any) -> Any:
        inside.set()
        leave.wait(10)
        return keep(*arguments)

    monkeypatch.setattr(idempotency, "_keep", slowly)
    with ThreadPoolExecutor(1) as pool:

        def first_call() -> Any:
            try:
                return register(same(channel))
            finally:
                connections.close_all()

        first = pool.submit(first_call)
        assert inside.wait(10)
        second = register(channel)
        assert (second.status_code, second.json()["code"], second["Retry-After"]) == (409, "in_progress", "2")
        leave.set()
        assert first.result().status_code == 201
    assert register(channel).content == first.result().content
    assert WorkOrder.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_call_that_breaks_half_way_leaves_its_key_free(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Machine("1100", *CHANNEL)

    def broken(*_arguments: Any) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "_keep", broken)
        assert register(channel).status_code == 500
    assert not WorkOrder.objects.exists()
    assert register(channel).status_code == 201
    assert WorkOrder.objects.count() == 1
