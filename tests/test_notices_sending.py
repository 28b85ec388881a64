"""Sending messages: real gateways that take them, refuse them, hang or are gone; and what the outbox says afterwards."""

import logging
import mailbox
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from config.cast import Cast
from dispatch import notices, sending
from dispatch.models import Channel, Notice
from tests.alerts import channel, raised
from tests.conftest import CHINA, NOW
from tests.roads import Road
from tests.test_webhooks import Receiver
from workorders import gateways
from workorders.lifecycle import Role, Status

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
WAITS = [timedelta(minutes=n) for n in (1, 2, 10, 30, 60, 120, 240, 480, 720)]


@pytest.fixture
def gateway() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def road(cast: Cast) -> Road:
    return Road(cast, NOW)


def url(receiver: Receiver, token: str = "secret-token-9") -> str:
    return f"json://127.0.0.1:{receiver.port}/{token}?:id={{message}}&:to={{recipient}}"


def one(road: Road, to: Channel, *, urgent: bool = True, key: str = "one", now: datetime = NOW) -> Notice:
    """An urgent message for the lead unit by this channel."""
    notices.tell([road.lead], "督办通知", "请于今日签收", key=key, now=now, link="/orders/1/", urgent=urgent)
    return Notice.objects.get(key=key, channel=to)


def states() -> list[str]:
    return list(Notice.objects.exclude(channel=None).order_by("pk").values_list("state", flat=True))


# Taken


def test_a_gateway_takes_each_message_once_and_the_row_says_so(road: Road, gateway: Receiver) -> None:
    notice = one(road, channel(url(gateway), unit=road.lead))
    assert sending.send(road.now - SECOND) == 0
    assert sending.send(road.now) == 1
    assert sending.send(road.now + HOUR) == 0
    [said] = gateway.events
    assert (said["title"], said["id"], said["to"]) == ("督办通知", str(notice.pk), road.lead.name)
    assert said["message"] == "请于今日签收\nhttp://127.0.0.1:8000/orders/1/"
    notice.refresh_from_db()
    assert (notice.state, notice.attempts, notice.sent_at, notice.last_error) == ("sent", 1, road.now, "")
    assert [line["outcome"] for line in notice.log] == ["sent"]


def test_four_senders_at_once_send_each_message_once(committed: None, gateway: Receiver) -> None:
    road = Road(Cast(), NOW)
    for unit in (road.lead, road.co_unit, road.stranger, road.cast.city):
        channel(url(gateway, f"token-{unit.pk}"), unit=unit)
        for number in range(3):
            notices.tell([unit], "通知", "", key=f"{number}", now=NOW, urgent=True)
    start = threading.Barrier(4)

    def send(_number: int) -> int:
        try:
            start.wait(10)
            return sending.send(NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = sum(pool.map(send, range(4)))
    assert found == len(gateway.requests) == 12
    assert len({said["id"] for said in gateway.events}) == 12
    assert set(states()) == {"sent"}


def test_an_emergency_overtakes_what_waits_and_a_channel_gets_three_at_a_time(road: Road, gateway: Receiver) -> None:
    to = channel(url(gateway), unit=road.lead)
    for number in range(5):
        one(road, to, urgent=False, key=f"ordinary {number}")
    one(road, to, key="emergency")
    assert [sending.send(road.now) for _ in range(3)] == [3, 3, 0]
    assert "emergency" in Notice.objects.filter(state="sent", log__0__outcome="sent").values_list("key", flat=True)
    ids = [int(said["id"]) for said in gateway.events[:3]]
    assert Notice.objects.get(key="emergency").pk in ids


def test_an_emergency_does_not_wait_behind_the_other_channels_and_none_of_these_starves(
    road: Road, gateway: Receiver
) -> None:
    for number in range(4):
        busy = channel(url(gateway), unit=road.lead)
        for message in range(3):
            one(road, busy, urgent=False, key=f"ordinary {number} {message}", now=road.now - HOUR)
    last = channel(url(gateway), unit=road.co_unit)
    notices.tell([road.co_unit], "突发事件", "请立即到场", key="emergency", now=road.now, urgent=True)
    assert sending.send(road.now, batch=3) == 3
    assert Notice.objects.get(key="emergency", channel=last).state == "sent"
    waited = Notice.objects.filter(state="pending").order_by("next_attempt_at", "pk").first()
    assert sending.send(road.now, batch=1) == 1
    waited.refresh_from_db()
    assert waited.state == "sent", "what has waited longest comes next, whatever its channel"


# Not taken


def test_a_gateway_that_refuses_is_tried_again_with_growing_waits_and_given_up_after_days(
    road: Road, gateway: Receiver
) -> None:
    notice, now = one(road, channel(url(gateway), unit=road.lead)), road.now
    gateway.answer = lambda number: 503
    for attempt, wait in enumerate(WAITS, 1):
        assert sending.send(now - timedelta(microseconds=1)) == 0, "not before its time"
        assert sending.send(now) == 1
        notice.refresh_from_db()
        assert (notice.state, notice.attempts, notice.next_attempt_at) == ("pending", attempt, now + wait)
        now += wait
    assert now - road.now > DAY
    assert sending.send(now) == 1
    notice.refresh_from_db()
    assert (notice.state, notice.attempts, notice.next_attempt_at) == ("failed", 10, None)
    assert (len(notice.log), len(gateway.requests)) == (10, 10)
    assert "503" in notice.last_error
    assert sending.send(now + 30 * DAY) == 0

    gateway.answer = lambda number: 200
    assert sending.retry(Notice.objects.all(), now=now + DAY) == 1
    assert sending.send(now + DAY) == 1
    notice.refresh_from_db()
    assert (notice.state, notice.attempts, len(notice.log)) == ("sent", 1, 11)


def drips(request: Any) -> None:
    for _ in range(200):
        request.wfile.write(b"H")
        time.sleep(0.05)


@pytest.mark.parametrize("how", ["hangs", "drips", "is gone", "refuses"])
def test_a_dead_gateway_keeps_nobody_waiting_and_rests(
    how: str, road: Road, gateway: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gateways, "WHOLE", 2.0)
    dead = Receiver()
    dead.server.handle_error = lambda *args: None  # type: ignore[method-assign]
    dead.respond = {"hangs": lambda request: time.sleep(8), "drips": drips}.get(how)
    dead.answer = lambda number: 500
    to_dead, to_living = channel(url(dead), unit=road.lead), channel(url(gateway), unit=road.lead)
    if how == "is gone":
        dead.stop()
    for number in range(3):
        one(road, to_dead, key=f"{number}")
    began = time.monotonic()
    with caplog.at_level(logging.DEBUG):
        assert sending.send(road.now) == 6
    assert time.monotonic() - began < 6
    assert len(gateway.requests) == 3
    assert list(to_living.notices.values_list("state", flat=True)) == ["sent"] * 3
    assert set(to_dead.notices.values_list("state", "attempts")) == {("pending", 1)}
    assert all(error for error in to_dead.notices.values_list("last_error", flat=True))
    to_dead.refresh_from_db()
    assert (to_dead.failing_since, to_dead.resting_until) == (road.now, road.now + MINUTE)
    assert sending.send(road.now + 59 * SECOND) == 0
    assert sending.send(road.now + 2 * MINUTE) == 1, "one at a time while it fails"
    assert "secret-token" not in caplog.text + str(list(to_dead.notices.values("log", "last_error")))
    if how != "is gone":
        dead.stop()


def test_a_gateway_that_comes_back_gets_what_waited(road: Road, gateway: Receiver) -> None:
    to, now = channel(url(gateway), unit=road.lead), road.now
    gateway.answer = lambda number: 500 if number <= 3 else 200
    for number in range(6):
        one(road, to, key=f"{number}")
    while "pending" in states():
        sending.send(now)
        now += MINUTE
        assert now < road.now + HOUR
    assert set(states()) == {"sent"}
    to.refresh_from_db()
    assert (to.failing_since, to.resting_until) == (None, None)
    assert len(gateway.requests) == 9


def test_a_retry_of_what_is_not_urgent_waits_for_the_morning(road: Road) -> None:
    evening = datetime(2026, 3, 10, 21, 59, 30, tzinfo=CHINA)
    to = channel(unit=road.lead)
    held, urgent = one(road, to, urgent=False, now=evening), one(road, to, key="urgent", now=evening)
    assert sending.send(evening) == 2
    held.refresh_from_db()
    urgent.refresh_from_db()
    assert held.next_attempt_at == datetime(2026, 3, 11, 7, 0, tzinfo=CHINA)
    assert urgent.next_attempt_at == evening + MINUTE


def test_a_sender_that_died_leaves_a_message_that_is_not_sent_again_by_itself(road: Road, gateway: Receiver) -> None:
    notice = one(road, channel(url(gateway), unit=road.lead))
    assert sending.claim(road.now) == [notice]
    assert sending.send(road.now + 119 * SECOND) == 0
    assert states() == ["sending"]
    assert sending.send(road.now + 2 * MINUTE) == 0
    assert (states(), gateway.requests) == (["unclear"], [])
    assert sending.retry(Notice.objects.all(), now=road.now + HOUR) == 1
    assert sending.send(road.now + HOUR) == 1
    assert (states(), len(gateway.requests)) == (["sent"], 1)


def test_what_was_settled_while_its_gateway_was_dead_is_not_sent(road: Road, gateway: Receiver) -> None:
    road.cast.of(Role.REVIEWER, road.lead)
    order = road.to(Status.DISPATCHED)
    channel(url(gateway), unit=road.lead)
    raised(order, "signing", 3, road.now)
    notices.plan(road.now)
    gateway.answer = lambda number: 500
    sending.send(road.now)
    road.act(order, "sign")
    assert sending.send(road.now + HOUR) == 0
    assert (states(), len(gateway.requests)) == (["dropped"], 1)


def test_what_waited_for_days_at_a_channel_that_was_switched_off_is_given_up(road: Road, gateway: Receiver) -> None:
    to = channel(url(gateway), unit=road.lead)
    one(road, to)
    Channel.objects.update(is_active=False)
    assert sending.send(road.now + DAY) == 0
    assert states() == ["pending"]
    Channel.objects.update(is_active=True)
    assert sending.send(road.now + 2 * DAY) == 0
    assert (states(), gateway.requests) == (["failed"], [])


# Addresses


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("dingtalk://abcdefghijklmnop1234", True),
        ("wecombot://0123456789abcdef-0123-4567-89ab", True),
        ("feishu://abcdefghij1234567890", True),
        ("mailtos://user:password@mail.example.gov.cn", True),
        ("json://sms.example/send?:to={recipient}", True),
        ("file:///etc/passwd", False),
        ("syslog://", False),
        ("tgram://123456789:abcdefg/123", False),
        ("mailfile://", False),
        ("dingtalk://", False),
        ("dingtalk", False),
        ("", False),
    ],
)
def test_only_addresses_of_the_allowed_services_are_taken(address: str, good: bool, db: None) -> None:
    candidate = Channel(name="x", url=address)
    if good:
        candidate.full_clean()
    else:
        with pytest.raises(ValidationError) as refused:
            candidate.full_clean()
        assert list(refused.value.message_dict) == ["url"]


def test_a_service_that_is_no_longer_allowed_is_not_spoken_to(road: Road, gateway: Receiver, settings: Any) -> None:
    one(road, channel(url(gateway), unit=road.lead))
    settings.NOTICE_SCHEMES = ["mailtos"]
    sending.send(road.now)
    assert gateway.requests == []
    assert Notice.objects.get().last_error == "scheme not allowed"


def test_addresses_are_encrypted_at_rest_and_change_with_the_keys(db: None) -> None:
    to = channel("dingtalk://abcdefghijklmnop1234")
    with connection.cursor() as cursor:
        cursor.execute("SELECT url FROM dispatch_channel")
        [(stored,)] = cursor.fetchall()
    assert stored.startswith("AES-256-GCM:")
    assert "abcdefghijklmnop1234" not in stored
    call_command("rotate_keys", stdout=None)
    to.refresh_from_db()
    assert (to.url, to.masked) == ("dingtalk://abcdefghijklmnop1234", "dingtalk://****")


def test_a_channel_belongs_to_a_unit_or_a_person_and_not_to_both(road: Road) -> None:
    with pytest.raises(IntegrityError, match="channel_of_one_owner"), transaction.atomic():
        channel(unit=road.lead, user=road.cast.of(Role.HANDLER, road.lead))
    assert not Channel.objects.exists()


# The mail file


@pytest.fixture
def mail_file(tmp_path: Path, settings: Any) -> Path:
    settings.NOTICE_MAIL_FILE = str(tmp_path / "outbox.mbox")
    return tmp_path / "outbox.mbox"


def heading(mail: Any, name: str) -> str:
    return str(make_header(decode_header(mail[name])))


def test_a_demo_without_a_mail_server_gets_its_mails_in_a_file(road: Road, mail_file: Path) -> None:
    to = channel("mailfile://?to={recipient}")
    notices.tell([road.lead], "督办通知", "From now on\n请于今日签收", key="1", now=NOW, urgent=True, link="/orders/1/")
    notices.tell([road.stranger], "第二封", "", key="2", now=NOW, urgent=True)
    assert sending.send(NOW) == 2
    mails = sorted(mailbox.mbox(mail_file), key=lambda mail: heading(mail, "Subject"))
    assert [heading(mail, "Subject") for mail in mails] == ["督办通知", "第二封"]
    assert [heading(mail, "To").split(" <")[0].strip('"') for mail in mails] == [road.lead.name, road.stranger.name]
    body = mails[0].get_payload(decode=True).decode()
    assert body.splitlines() == [">From now on", "请于今日签收", "http://127.0.0.1:8000/orders/1/"]
    assert set(to.notices.values_list("state", flat=True)) == {"sent"}


def test_mails_written_at_once_stand_one_after_the_other(road: Road, mail_file: Path) -> None:
    message = gateways.Message("mailfile://?to={recipient}", "某街道", 1, "通知", "正文" * 5000)
    answers = gateways.send_all([message] * 20)
    assert [answer.error for answer in answers] == [""] * 20
    mails = list(mailbox.mbox(mail_file))
    assert len(mails) == 20
    assert all(mail.get_payload(decode=True).decode().strip() == "正文" * 5000 for mail in mails)


def test_a_mail_file_that_cannot_be_written_is_a_failure_and_no_more(road: Road, settings: Any) -> None:
    settings.NOTICE_MAIL_FILE = "/proc/none/outbox.mbox"
    notice = one(road, channel("mailfile://", unit=road.lead))
    assert sending.send(road.now) == 1
    notice.refresh_from_db()
    assert (notice.state, bool(notice.last_error)) == ("pending", True)
