"""The messages page of each user, the outbox and the channels of the administration."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from config import demonstration
from dispatch import notices, sending, tasks
from dispatch.models import Alert, Channel, Notice
from tests.alerts import channel, raised
from tests.conftest import NOW
from tests.queries import queries_of
from tests.roads import Road
from workorders.lifecycle import Role

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
OUTBOX, CHANNELS = "/admin/dispatch/notice/", "/admin/dispatch/channel/"


def tell_operator(road: Road, count: int) -> list[Notice]:
    """Of so many orders that wait too long."""
    road.cast.of(Role.OPERATOR)
    for _ in range(count):
        raised(road.register(), "acceptance", 2, road.now)
    notices.plan(road.now)
    return list(Notice.objects.of(road.cast.of(Role.OPERATOR)))


# The page


def test_everybody_reads_their_own_messages_and_nobody_elses(as_: Callable, road: Road) -> None:
    [notice] = tell_operator(road, 1)
    client = as_(Role.OPERATOR)
    assert notice.subject in client.get("/notices/").content.decode()
    assert ">1<" in client.get("/notices/unread/").content.decode()
    for role, unit in ((Role.SUPERVISOR, None), (Role.HANDLER, road.lead)):
        client = as_(role, unit)
        assert notice.subject not in client.get("/notices/").content.decode()
        assert client.get(f"/notices/{notice.pk}/").status_code == 404
        client.post("/notices/read/", {"last": notice.pk})
    notice.refresh_from_db()
    assert notice.read_at is None


def test_opening_a_message_leads_to_the_order_and_marks_it_as_read(as_: Callable, road: Road) -> None:
    first, second = tell_operator(road, 2)
    client = as_(Role.OPERATOR)
    response = client.get(f"/notices/{first.pk}/")
    assert first.alert and first.alert.order
    assert response["Location"] == f"/orders/{first.alert.order.number}/"
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.read_at is not None
    assert second.read_at is None


def test_all_that_the_page_showed_is_marked_as_read_at_once(as_: Callable, road: Road) -> None:
    shown = tell_operator(road, 2)
    client = as_(Role.OPERATOR)
    page = client.get("/notices/").content.decode()
    assert f'name="last" value="{shown[0].pk}"' in page
    newest, *_ = tell_operator(road, 1)
    client.post("/notices/read/", {"last": shown[0].pk})
    assert list(Notice.objects.unread().filter(channel=None).values_list("pk", flat=True)) == [newest.pk]
    assert client.get("/notices/read/").status_code == 405


def test_the_page_takes_as_many_queries_for_twenty_messages_as_for_ten(as_: Callable, road: Road) -> None:
    client = as_(Role.OPERATOR)
    tell_operator(road, 10)
    few = queries_of(client, "/notices/")
    tell_operator(road, 10)
    assert queries_of(client, "/notices/") == few <= 8


def test_pages_hold_every_message_once(as_: Callable, road: Road) -> None:
    shown = tell_operator(road, 30)
    client = as_(Role.OPERATOR)
    pages = [client.get(f"/notices/?page={page}").content.decode() for page in (1, 2)]
    for notice in shown:
        assert sum(f'"/notices/{notice.pk}/"' in page for page in pages) == 1
    assert client.get("/notices/?page=x").status_code == 200


def test_a_message_says_when_its_matter_is_settled(as_: Callable, road: Road) -> None:
    [notice] = tell_operator(road, 1)
    client = as_(Role.OPERATOR)
    client.post("/i18n/setlang/", {"language": "en"})
    assert "Settled" not in client.get("/notices/").content.decode()
    assert notice.alert and notice.alert.order
    road.act(notice.alert.order, "accept")
    assert "Settled" in client.get("/notices/").content.decode()


def test_a_message_is_read_in_the_language_of_its_reader(as_: Callable, road: Road) -> None:
    tell_operator(road, 1)
    client = as_(Role.OPERATOR)
    for language, words in (("zh-hans", "受理"), ("en", "Acceptance")):
        client.post("/i18n/setlang/", {"language": language})
        assert words in client.get("/notices/").content.decode()


def test_the_menu_leads_to_the_messages_and_the_page_speaks_both_languages(as_: Callable, road: Road) -> None:
    client = as_(Role.OPERATOR)
    for language, title, empty in (("zh-hans", "消息", "到期提醒"), ("en", "Messages", "There is no message")):
        client.post("/i18n/setlang/", {"language": language})
        page = client.get("/notices/").content.decode()
        assert title in page
        assert empty in page
        assert 'href="/notices/"' in page
        assert 'hx-get="/notices/unread/"' in page


def test_a_stranger_is_asked_to_log_in(client: Client) -> None:
    for address in ("/notices/", "/notices/1/"):
        assert client.get(address)["Location"].startswith("/login/")


def test_the_bell_of_a_page_whose_session_is_over_takes_nothing_away(client: Client) -> None:
    assert client.get("/notices/unread/", headers={"HX-Request": "true"}).status_code == 204


# The outbox


@pytest.fixture
def failed(road: Road) -> Notice:
    channel(unit=road.lead)
    notices.tell([road.lead], "督办通知", "请于今日签收", key="one", now=NOW, urgent=True)
    Notice.objects.update(state="failed", next_attempt_at=None, attempts=10, last_error="no connection")
    return Notice.objects.get()


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.ADMINISTRATOR])
def test_the_outbox_shows_each_message_with_its_attempts_and_what_came_of_it(
    role: Role, as_: Callable, failed: Notice
) -> None:
    client = as_(role)
    page = client.get(OUTBOX).content.decode()
    for word in ("督办通知", "no connection", failed.unit.name, failed.get_state_display()):
        assert word in page
    assert "请于今日签收" in client.get(f"{OUTBOX}{failed.pk}/change/").content.decode()
    Notice.objects.update(body="第一行\n<b>第二行")
    assert "第一行<br>&lt;b&gt;第二行" in client.get(f"{OUTBOX}{failed.pk}/change/").content.decode()
    assert client.get(f"{OUTBOX}add/").status_code == 403
    assert client.post(f"{OUTBOX}{failed.pk}/change/", {"subject": "x"}).status_code == 403


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.DISPATCHER, Role.AUDITOR])
def test_nobody_else_sees_the_outbox_or_the_channels(role: Role, as_: Callable, failed: Notice) -> None:
    client = as_(role)
    refused = 403 if role == Role.AUDITOR else 302  # the auditor has another page of the administration
    assert client.get(OUTBOX).status_code == client.get(CHANNELS).status_code == refused


@pytest.mark.parametrize(
    "chosen",
    ["state__exact=failed", "level=2", "way=channel", "way=console", "unit__id__exact=1", "q=督办", "level=x"],
)
def test_the_outbox_is_filtered(chosen: str, as_: Callable, failed: Notice) -> None:
    page = as_(Role.SUPERVISOR).get(f"{OUTBOX}?{chosen}")
    assert page.status_code == 200
    assert ("督办通知" in page.content.decode()) == (
        chosen in ("state__exact=failed", "way=channel", "q=督办", "level=x")
    )


def test_what_was_given_up_is_sent_again_by_hand_and_what_was_sent_is_not(as_: Callable, failed: Notice) -> None:
    notices.tell([failed.unit], "已送达", "", key="two", now=NOW, urgent=True)
    Notice.objects.filter(key="two").update(state="sent", sent_at=NOW, next_attempt_at=None)
    everything = {"action": "send_again", "_selected_action": list(Notice.objects.values_list("pk", flat=True))}
    as_(Role.SUPERVISOR).post(OUTBOX, everything)
    assert list(Notice.objects.order_by("key").values_list("key", "state", "attempts")) == [
        ("one", "pending", 0),
        ("two", "sent", 0),
    ]


def test_the_outbox_takes_as_many_queries_for_twenty_messages_as_for_ten(as_: Callable, road: Road) -> None:
    client = as_(Role.SUPERVISOR)
    channel()
    tell_operator(road, 5)
    few = queries_of(client, OUTBOX)
    tell_operator(road, 5)
    assert queries_of(client, OUTBOX) == few


# The channels


def test_an_administrator_enters_an_address_that_nobody_sees_again(as_: Callable, road: Road) -> None:
    token = "abcdefghijklmnop1234"
    client = as_(Role.ADMINISTRATOR)
    form = {"name": "街道钉钉群", "unit": road.lead.pk, "url": f"dingtalk://{token}", "is_active": "on"}
    assert client.post(f"{CHANNELS}add/", form).status_code == 302
    made = Channel.objects.get()
    assert (made.url, made.unit) == (f"dingtalk://{token}", road.lead)
    pages = [CHANNELS, f"{CHANNELS}{made.pk}/change/", f"{CHANNELS}{made.pk}/history/", OUTBOX]
    for role in (Role.ADMINISTRATOR, Role.SUPERVISOR):
        assert not [page for page in pages if token in as_(role).get(page).content.decode()]
    assert "dingtalk://****" in client.get(CHANNELS).content.decode()


def test_an_address_left_empty_stays_as_it_is_and_a_bad_one_is_refused(as_: Callable, road: Road) -> None:
    to = channel("dingtalk://abcdefghijklmnop1234", unit=road.lead)
    client = as_(Role.ADMINISTRATOR)
    form = {"name": "新名字", "unit": road.lead.pk, "url": "", "is_active": "on"}
    assert client.post(f"{CHANNELS}{to.pk}/change/", form).status_code == 302
    response = client.post(f"{CHANNELS}{to.pk}/change/", {**form, "name": "不改", "url": "file:///etc/passwd"})
    assert "dingtalk://" in response.content.decode()
    both = {**form, "name": "不改", "user": road.cast.of(Role.HANDLER, road.lead).pk}
    assert client.post(f"{CHANNELS}{to.pk}/change/", both).status_code == 200
    assert client.post(f"{CHANNELS}add/", {**form, "name": "不改"}).status_code == 200
    to.refresh_from_db()
    assert (to.name, to.url, to.user) == ("新名字", "dingtalk://abcdefghijklmnop1234", None)
    assert Channel.objects.count() == 1


def test_a_supervisor_looks_at_the_channels_and_changes_none(as_: Callable, road: Road) -> None:
    to = channel("dingtalk://abcdefghijklmnop1234", unit=road.lead)
    client = as_(Role.SUPERVISOR)
    assert client.get(f"{CHANNELS}{to.pk}/change/").status_code == 200
    assert client.post(f"{CHANNELS}{to.pk}/change/", {"name": "x"}).status_code == 403
    client.post(CHANNELS, {"action": "try_out", "_selected_action": [to.pk]})
    to.refresh_from_db()
    assert to.name != "x"
    assert not Notice.objects.exists()


def test_a_channel_is_tried_out_by_a_message_that_is_about_nothing(as_: Callable, road: Road) -> None:
    to = channel(unit=road.lead)
    as_(Role.ADMINISTRATOR).post(CHANNELS, {"action": "try_out", "_selected_action": [to.pk]})
    [notice] = Notice.objects.all()
    assert (notice.channel, notice.user, notice.state) == (to, road.cast.of(Role.ADMINISTRATOR), "pending")


# The demo


def test_a_demo_tells_nothing_of_its_past_and_everything_that_comes_due_from_now_on(
    road: Road, settings: Any, tmp_path: Any
) -> None:
    settings.NOTICE_MAIL_FILE = str(tmp_path / "outbox.mbox")
    road.now = timezone.now() - 3 * timedelta(hours=1)
    raised(road.register(), "acceptance", 3, road.now)
    notices.pass_over(timezone.now())
    demonstration.ring()
    tasks.plan_notices()
    assert not Notice.objects.exists()
    fresh = raised(road.register(grade="emergency"), "acceptance", 3, timezone.now())
    tasks.plan_notices()
    tasks.send_notices()
    assert [notice.state for notice in Notice.objects.filter(alert=fresh, channel__isnull=False)] == ["sent"]
    assert (tmp_path / "outbox.mbox").read_text(encoding="utf-8").count("\nSubject:") == 1
    assert sending.send(timezone.now() + MINUTE) == 0
    assert not Alert.objects.filter(told_at=None).exists()
