"""What the product says in Chinese: replaced words stay away, letters are letters, queues name what is waited for."""

import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import translation

from config import wording
from config.wording import Passage, Word
from intake.models import Appeal, Message
from intake.shown import progress
from intake.status_words import WORDS
from tests.conftest import NOW
from tests.roads import Road
from workorders.lifecycle import MAIN_ROAD, Role, Status
from workorders.models import Event
from workorders.moments import day_and_time, spelled
from workorders.selectors import told

TEXTS = Path(__file__).parents[1] / "workorders/reference/texts.toml"
REPLACED = wording.words()


def refused(passage: Passage) -> list[str]:
    return list(wording.problems_in([passage], REPLACED))


# The check


@pytest.mark.parametrize("word", REPLACED, ids=[word.wrong for word in REPLACED])
def test_a_word_that_was_replaced_is_refused_and_the_longer_ones_around_it_are_not(word: Word) -> None:
    assert any(word.wrong in line for line in refused(Passage("a place", f"甲{word.wrong}乙", is_letter=True)))
    for longer in word.allowed:
        assert not word.stands_in(Passage("a place", longer, is_letter=True))


def test_every_source_of_chinese_is_looked_at() -> None:
    places = {passage.place.split(":")[0] for passage in wording.passages(settings.BASE_DIR)}
    for name in (
        "django.po",
        "texts.toml",
        "matters.toml",
        "words.toml",
        "handling.toml",
        "categories.csv",
        "units.csv",
    ):
        assert name in places
    assert {"README.zh-CN.md", "docs/day.zh-CN.md", "templates/base.html"} <= places


def test_citizens_of_the_demo_speak_as_they_like() -> None:
    assert not wording.problems()
    citizens = tomllib.loads((settings.BASE_DIR / "config/demo/words.toml").read_text(encoding="utf-8"))
    quoted = set(citizens["complainant_words_dissatisfied"])
    assert not quoted & {passage.text for passage in wording.passages(settings.BASE_DIR)}


def test_the_third_person_is_wrong_in_a_letter_only() -> None:
    assert refused(Passage("a letter", "已电话告知诉求人。", is_letter=True))
    assert not refused(Passage("a record", "已电话告知诉求人。"))


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("近 30 天", False),
        ("近30天", True),
        ("拨打 12345", False),
        ("共 %(n)s 件", False),
        ("11月28日 15:30前", True),
        ("占 15 %", False),
        ("占15%", True),
        ("3–7天", False),
        ("3—7天", True),
        ("是,否", False),
        ("手机App登录", True),
    ],
)
def test_blanks_and_marks_stand_as_chinese_sets_them(text: str, is_right: bool) -> None:
    assert (not refused(Passage("a screen", text, is_screen=True))) is is_right


def test_the_command_says_the_place_and_the_right_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "passages", lambda base: [Passage("somewhere", "该工单已违时")])
    with pytest.raises(CommandError, match="somewhere: “违时” → 超期"):
        call_command("catalogues", "check")


# What is waited for, what is done, and what a citizen reads


def test_a_status_says_what_is_waited_for_and_the_road_what_is_done() -> None:
    with translation.override("zh-hans"):
        labels = [str(status.label) for status in MAIN_ROAD]
        milestones = [str(status.milestone) for status in MAIN_ROAD]
        ends = [str(status.label) for status in (Status.ANSWERED, Status.DECLINED)]
    assert labels == ["待受理", "待派单", "待签收", "办理中", "待审核", "待回访", "已办结", "已归档"]
    assert milestones == ["已登记", "已受理", "已派单", "已签收", "已办理", "已答复", "已办结", "已归档"]
    assert ends == ["已即时答复", "已分类告知"]


def test_every_status_has_words_for_the_complainant() -> None:
    assert set(WORDS) == set(Status)


@pytest.mark.django_db
def test_a_channel_tells_the_complainant_in_their_own_words_where_it_stands(road: Road) -> None:
    order = road.to(Status.DISPATCHED)
    with translation.override("zh-hans"):
        shown = progress(Appeal.objects.filter(order=order)[0])
    assert shown["status_label"] == f"已派至{order.lead_unit}"


@pytest.mark.django_db
def test_list_and_export_show_the_queue_and_the_page_shows_the_road(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.DISPATCHED)
    client = as_(Role.DISPATCHER)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    assert "待签收" in client.get("/orders/").content.decode()
    page = client.get(f"/orders/{order.number}/").content.decode()
    road_shown = page[page.index('class="stepper') :][:2500]
    assert "已派单" in road_shown
    assert "待签收" not in road_shown[: road_shown.index("</ol>")]


@pytest.mark.django_db
def test_the_button_that_closes_a_dialog_does_not_say_that_an_order_is_closed(as_: Callable) -> None:
    client = as_(Role.CALLBACK_AGENT)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    page = client.get("/orders/").content.decode()
    assert 'aria-label="关闭"' in page[page.index('id="keys"') :][:600]
    assert 'aria-label="办结"' not in page


# Letters


@pytest.mark.parametrize(
    "entry", tomllib.loads(TEXTS.read_text(encoding="utf-8"))["texts"], ids=lambda entry: entry["code"]
)
def test_a_text_to_a_citizen_greets_and_says_where_to_turn(entry: dict[str, str]) -> None:
    if entry["step"] not in ("answer", "decline", "report", "progress", "close"):
        return
    text = entry["text"].strip()
    assert text.startswith(("您好", "尊敬的市民：\n您好！"))
    assert "12345" in text or "{telephone}" in text


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 12, 5, 9, 30, tzinfo=UTC), "2026年12月5日17:30"),
        (date(2026, 12, 5), "2026年12月5日"),
    ],
)
def test_a_date_in_a_letter_is_written_out(moment: date, words: str) -> None:
    with translation.override("zh-hans"):
        assert spelled(moment) == words


def test_a_date_on_a_page_names_the_year_where_it_is_another() -> None:
    now = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)
    with translation.override("zh-hans"):
        assert day_and_time(datetime(2026, 11, 15, 7, 30, tzinfo=UTC), now) == "11月15日 15:30"
        assert day_and_time(datetime(2025, 11, 15, 7, 30, tzinfo=UTC), now) == "2025年11月15日 15:30"


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ("2027-01-31", "2027年1月31日"),
        ("2025-12-05 17:30+08:00", "2025年12月5日 17:30"),
        ("2025-12-05 17:30", "2025年12月5日 17:30"),
        ("2026-02-30", "2026-02-30"),
        ("2026-13-45 99:99", "2026-13-45 99:99"),
        ("２０２６-01-01", "２０２６-01-01"),
        ("工单2026-01-01", "工单2026-01-01"),
    ],
)
def test_the_ledger_keeps_iso_dates_people_read_theirs_and_free_words_stay(kept: str, words: str) -> None:
    event = Event(step="note", data={"deadlines": kept})
    with translation.override("zh-hans"):
        assert told(event) == [(str(told(event)[0][0]), words)]


@pytest.mark.django_db
def test_a_request_for_correction_asks_once_greets_and_ends_with_where_to_turn(road: Road) -> None:
    order = road.register()
    road.act(order, "ask_correction", reason="地点请写到楼号", missing=["place"])
    text = Message.objects.get(order=order).text
    assert text.startswith("您好，为尽快办理您的诉求")
    assert [text.count(part) for part in (order.spoken_number, "12345", "请补充", "缺少")] == [1, 1, 0, 0]
    assert "。地点请写到楼号。请于" in text
    assert text.endswith("谢谢您的配合。")


@pytest.mark.django_db
def test_the_notice_of_an_extension_gives_its_reason_and_the_ledger_does_not_claim_that_it_was_sent(road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.act(order, "request_extension", reason="现场取样已送检。", basis="《条例》第十五条", length=3)
    road.act(order, "grant_extension")
    notice = Event.objects.get(order=order, step="grant_extension").data["told"]
    assert notice.startswith("您好，")
    assert "因现场取样已送检，经审核同意" in notice
    assert notice.endswith("如有疑问请拨打12345。")
    assert not Message.objects.filter(order=order).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("phone", "通过电话反映的"),
        ("app", "通过手机App反映的"),
        ("counter", "到窗口反映的"),
        ("transfer", "经转办，您于"),
    ],
)
def test_a_letter_says_the_way_the_appeal_came_as_a_sentence(channel: str, words: str, road: Road) -> None:
    from dispatch import reply_words

    order = road.to(Status.HANDLING)
    Appeal.objects.filter(order=order).update(channel=channel)
    assert words in reply_words.begun(order, road.cast.of(Role.HANDLER, road.lead), NOW)
