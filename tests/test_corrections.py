"""Correction 补正: what is missing is asked for, the complainant is told and reminded, and the order closes by rule."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils.translation import override

from intake import corrections, outbox, tasks
from intake.models import Appeal, Correction, Message
from intake.shown import progress
from tests.conftest import NOW
from tests.roads import Road
from tests.test_calendar import at
from tests.test_lifecycle import picture
from workorders import gateways
from workorders.lifecycle import Role, Status
from workorders.models import CalendarChange, Clock, Event, WorkOrder
from workorders.policy import Rules, default_document, problems_of
from workorders.refusals import Invalid, WrongState
from workorders.transitions import perform

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
# Asked on Tuesday 10:00: one and two working days later, closed after five.
FIRST, SECOND_ONE, CLOSING = at("2026-03-11T10:00"), at("2026-03-12T10:00"), at("2026-03-17T10:00")


@pytest.fixture
def asked(road: Road) -> WorkOrder:
    order = road.register(channel=Appeal.Channel.WEB)
    road.act(order, "ask_correction", after=timedelta(0), missing=["place", "evidence"])
    return order


def steps(order: WorkOrder) -> list[str]:
    return list(Event.objects.filter(order=order).order_by("number").values_list("step", flat=True))


def of(order: WorkOrder) -> Correction:
    return Correction.objects.get(order=order)


# Asked


def test_what_is_missing_is_asked_for_in_a_message_and_the_acceptance_clock_waits(asked: WorkOrder) -> None:
    correction, message = of(asked), Message.objects.get(order=asked)
    assert (correction.remind_at, correction.closes_at) == ([FIRST, SECOND_ONE], CLOSING)
    assert (message.kind, message.state, message.phone) == ("correction", "pending", "13800001234")
    for part in (asked.spoken_number, "请补充具体楼号。", "2026年3月17日10:00前"):
        assert part in message.text
    assert Clock.objects.get(order=asked, kind="acceptance").paused_at == NOW
    event = Event.objects.get(order=asked, step="ask_correction")
    assert event.data == {"missing": ["place", "evidence"], "closes_at": "2026-03-17 10:00"}


@pytest.mark.parametrize("missing", [..., [], ["everything"], "place", [["place"]]])
def test_it_names_an_element_that_is_missing(road: Road, missing: Any) -> None:
    order = road.register()
    before, given = picture(order), {} if missing is ... else {"missing": missing}
    with pytest.raises(Invalid) as caught, transaction.atomic():
        perform(order.pk, "ask_correction", actor=road.cast.of(Role.OPERATOR), now=NOW, reason="请补充", **given)
    assert list(caught.value.fields) == ["missing"]
    assert picture(order) == before


def test_everybody_who_left_a_telephone_is_told_once_and_who_left_none_is_asked_through_the_channel(
    road: Road,
) -> None:
    unnamed = road.register(phone="", name="", channel=Appeal.Channel.APP, source="app", source_id="7")
    road.act(unnamed, "ask_correction")
    assert not Message.objects.exists()
    assert progress(Appeal.objects.get(order=unnamed))["answer"].startswith("您好，为尽快办理您的诉求")


def test_an_order_waits_for_one_correction_at_a_time(asked: WorkOrder) -> None:
    again = {"order": asked, "words": "x", "asked_at": NOW, "closes_at": CLOSING, "next_at": FIRST}
    with pytest.raises(IntegrityError, match="one_open_correction"), transaction.atomic():
        Correction.objects.create(**again)
    with pytest.raises(IntegrityError, match="correction_waits_or_has_ended"), transaction.atomic():
        Correction.objects.filter(order=asked).update(ended_at=NOW)


# Reminded


def test_it_is_reminded_by_the_schedule_and_closed_at_the_end(road: Road, asked: WorkOrder) -> None:
    done = {
        FIRST - SECOND: [],
        FIRST: ["remind_correction"],
        SECOND_ONE - SECOND: ["remind_correction"],
        SECOND_ONE: ["remind_correction"] * 2,
        CLOSING - SECOND: ["remind_correction"] * 2,
        CLOSING: [*["remind_correction"] * 2, "lapse_correction"],
        CLOSING + DAY: [*["remind_correction"] * 2, "lapse_correction"],
    }
    for now, expected in done.items():
        corrections.work_off(now)
        corrections.work_off(now)
        assert steps(asked)[2:] == expected, now
    order, event = WorkOrder.objects.get(), Event.objects.latest("pk")
    assert (order.status, order.ended_at, event.actor) == (Status.WITHDRAWN, CLOSING, None)
    assert order.spoken_number in event.reason
    assert not Clock.objects.filter(order=order, stopped_at=None).exists()
    assert (of(order).end, of(order).ended_at, of(order).next_at) == ("lapsed", CLOSING, None)
    kinds = Message.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["correction", "reminder", "reminder", "lapse"]


def test_a_beat_that_comes_late_reminds_once_and_after_the_end_not_at_all(road: Road, asked: WorkOrder) -> None:
    assert corrections.work_off(SECOND_ONE + SECOND) == 1
    assert of(asked).reminders == 1
    assert corrections.work_off(CLOSING) == 1
    assert steps(asked)[2:] == ["remind_correction", "lapse_correction"]


def test_a_reminder_by_hand_stands_for_the_next_one_that_was_planned(road: Road, asked: WorkOrder) -> None:
    road.act(asked, "remind_correction")
    assert (of(asked).reminders, of(asked).next_at) == (1, SECOND_ONE)
    assert corrections.work_off(FIRST) == 0
    road.act(asked, "remind_correction")
    road.act(asked, "remind_correction")
    assert (of(asked).reminders, of(asked).next_at) == (3, CLOSING)


@pytest.mark.parametrize(
    ("step", "status", "end"),
    [
        ("correct", Status.REGISTERED, "supplied"),
        ("withdraw", Status.WITHDRAWN, "otherwise"),
        ("decline", Status.DECLINED, "otherwise"),
        ("merge", Status.MERGED, "otherwise"),
    ],
)
def test_what_ends_the_waiting_ends_the_correction(
    road: Road, asked: WorkOrder, step: str, status: str, end: str
) -> None:
    road.act(asked, step)
    assert (asked.status, of(asked).end, of(asked).next_at) == (status, end, None)
    assert corrections.work_off(CLOSING) == 0
    assert steps(asked)[-1] == step


def test_it_may_be_asked_for_again_with_a_schedule_of_its_own(road: Road, asked: WorkOrder) -> None:
    road.act(asked, "correct", after=DAY / 2)
    road.act(asked, "ask_correction", after=DAY)
    first, second = Correction.objects.filter(order=asked).order_by("pk")
    assert first.end == "supplied"
    assert second.asked_at == road.now
    assert second.closes_at > first.closes_at


def test_who_was_faster_than_the_beat_wins(road: Road, asked: WorkOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    due = list(Correction.objects.select_related("order"))
    road.act(asked, "correct")
    before = picture(asked)
    assert corrections._act(due[0], CLOSING) is False
    assert picture(asked) == before


def test_a_beat_that_is_killed_in_the_middle_leaves_nothing_half_done(
    road: Road, asked: WorkOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = picture(asked)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt), transaction.atomic():
        patch.setattr(outbox, "tell", lambda *args, **named: (_ for _ in ()).throw(KeyboardInterrupt))
        corrections.work_off(FIRST)
    assert picture(asked) == before
    assert corrections.work_off(FIRST) == 1
    assert (of(asked).reminders, Message.objects.filter(kind="reminder").count()) == (1, 1)


def test_an_order_that_waited_before_corrections_were_kept_begins_with_the_first_reminder(
    road: Road, asked: WorkOrder
) -> None:
    Correction.objects.all().delete()
    assert corrections.work_off(CLOSING) == 0
    road.act(asked, "remind_correction")
    assert of(asked).asked_at == road.now


def test_only_the_system_gives_up_and_only_what_waits(road: Road, asked: WorkOrder) -> None:
    road.act(asked, "correct")
    for step in ("remind_correction", "lapse_correction"):
        with pytest.raises(WrongState):
            perform(asked.pk, step, actor=None, now=CLOSING, **({"reason": "x"} if step[0] == "l" else {}))


# The rules


def with_rules(**section: Any) -> dict[str, Any]:
    return {**default_document(), "correction": section}


DAYS = [{"value": days, "unit": "working_day"} for days in (1, 2, 5)]


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"remind_after": DAYS[:2], "close_after": DAYS[2]}, ""),
        ({"remind_after": [], "close_after": DAYS[0]}, ""),
        ({"remind_after": DAYS[:1]}, "correction.close_after: must have a value"),
        ({"remind_after": [{"value": 0, "unit": "hour"}], "close_after": DAYS[2]}, "correction.remind_after.1: the"),
        ({"remind_after": DAYS[1::-1], "close_after": DAYS[2]}, "correction.remind_after.2: must be longer"),
        ({"remind_after": DAYS, "close_after": DAYS[2]}, "correction.close_after: must be longer"),
        ({"remind_after": "1 day", "close_after": DAYS[2]}, "correction.remind_after: must be a list"),
        ({"remind_after": DAYS * 2, "close_after": DAYS[2]}, "correction.remind_after: must be a list"),
    ],
)
def test_the_rules_of_corrections_are_checked(section: dict[str, Any], problem: str) -> None:
    with override("en"):
        found = problems_of(with_rules(**section))
    assert [problem in line for line in found] == ([True] if problem else [])


def test_a_policy_from_before_there_were_corrections_stays_valid_and_runs_by_the_default() -> None:
    document = default_document()
    default = Rules(document).correction
    del document["correction"]
    assert problems_of(document) == []
    assert Rules(document).correction == default
    with override("en"):
        assert problems_of({**document, "correction": []}) == ["correction: must be a table of settings."]


# Sent


class Gateway:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: str = "") -> None:
        self.sent: list[Any] = []
        self.error = error
        monkeypatch.setattr(gateways, "send_all", self.take)

    def take(self, messages: list[Any]) -> list[gateways.Answer]:
        self.sent += messages
        return [gateways.Answer(self.error) for _message in messages]


@pytest.fixture
def address(settings: Any) -> str:
    settings.COMPLAINANT_GATEWAY = "jsons://sms.invalid/{recipient}/{message}"
    return str(settings.COMPLAINANT_GATEWAY)


def test_a_message_is_sent_once(asked: WorkOrder, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(monkeypatch)
    assert [outbox.send(NOW + n * DAY) for n in range(3)] == [1, 0, 0]
    message = Message.objects.get()
    assert gateway.sent[0].address == f"jsons://sms.invalid/13800001234/{message.pk}"
    assert (message.state, message.attempts, message.sent_at, message.next_attempt_at) == ("sent", 1, NOW, None)


def test_without_a_gateway_messages_wait(asked: WorkOrder, settings: Any) -> None:
    settings.COMPLAINANT_GATEWAY = ""
    assert outbox.send(NOW) == 0
    assert Message.objects.get().state == "pending"


def test_what_is_refused_is_tried_again_and_given_up_at_last(
    asked: WorkOrder, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, now = Gateway(monkeypatch, "refused"), NOW
    for _attempt in range(10):
        outbox.send(now)
        now += DAY
    message = Message.objects.get()
    assert (message.state, message.attempts, message.last_error) == ("failed", len(outbox.WAITS) + 1, "refused")
    gateway.error = ""
    assert outbox.retry(Message.objects.all(), now=now) == 1
    assert outbox.send(now) == 1
    assert Message.objects.get().state == "sent"


def test_what_was_being_sent_by_somebody_who_died_is_unclear_and_not_sent_again(
    asked: WorkOrder, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.claim(NOW)
    gateway = Gateway(monkeypatch)
    assert [outbox.send(NOW + outbox.LEASE * n / 2) for n in range(4)] == [0, 0, 0, 0]
    assert (Message.objects.get().state, gateway.sent) == ("unclear", [])


def test_the_mail_file_of_the_demo_takes_them(asked: WorkOrder, settings: Any, tmp_path: Any) -> None:
    settings.NOTICE_MAIL_FILE = str(tmp_path / "outbox.mbox")
    settings.COMPLAINANT_GATEWAY = "mailfile://?to={recipient}"
    assert outbox.send(NOW) == 1
    assert Message.objects.get().state == "sent"
    assert asked.spoken_number in (tmp_path / "outbox.mbox").read_text(encoding="utf-8")


def test_the_tasks_do_it(asked: WorkOrder, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Gateway(monkeypatch)
    tasks.work_off_corrections()
    tasks.send_messages()
    assert WorkOrder.objects.get().status == Status.WITHDRAWN, "it was asked for long ago"
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}


def test_supervisors_see_the_messages_with_masked_telephones_and_send_again(
    asked: WorkOrder, as_: Callable[..., Client]
) -> None:
    Message.objects.update(state="failed", next_attempt_at=None)
    message, supervisor = Message.objects.get(), as_(Role.SUPERVISOR)
    for path in ("/admin/intake/message/", f"/admin/intake/message/{message.pk}/change/"):
        shown = supervisor.get(path).content.decode()
        assert "138****1234" in shown, path
        assert "13800001234" not in shown, path
    supervisor.post("/admin/intake/message/", {"action": "send_again", "_selected_action": [message.pk]})
    message.refresh_from_db()
    assert message.state == "pending"
    assert as_(Role.OPERATOR).get("/admin/intake/message/").status_code == 302


def test_who_wrote_gets_the_reply_in_writing_and_who_called_has_heard_it(road: Road) -> None:
    for channel in (Appeal.Channel.WEB, Appeal.Channel.PHONE):
        for status in (Status.DECLINED, Status.ANSWERED):
            order = road.to(status, channel=channel)
    told = Message.objects.filter(kind="reply")
    steps = told.values_list("event__step", "text")
    assert set(steps) == {(step, road.needs(step, order)["text"]) for step in ("decline", "answer")}
    assert told.count() == 2


def test_what_is_kept_of_a_message_is_encrypted(asked: WorkOrder) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(m) FROM intake_message m")
        kept = json.dumps(cursor.fetchall(), default=str)
    assert "13800001234" not in kept


def test_the_asking_costs_the_same_however_many_wait(road: Road, django_assert_max_num_queries: Any) -> None:
    def due(moment: datetime) -> int:
        return corrections.work_off(moment)

    CalendarChange.objects.all().delete()
    for _time in range(3):
        road.to(Status.INCOMPLETE)
    with django_assert_max_num_queries(3 * 30):
        assert due(road.now + DAY + SECOND) == 3
