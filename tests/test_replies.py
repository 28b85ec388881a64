"""The structured reply: sections become a letter and come apart again, and no letter leaves that is not finished."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from dispatch import replies, reply_words
from dispatch.reply_forms import ResultForm
from tests.roads import RESULT, Road
from workorders.lifecycle import Kind, Role, Status
from workorders.policy import Rules, default_document, problems_of
from workorders.refusals import Invalid
from workorders.transitions import STEPS, perform

HEADINGS = {
    "salutation": "称谓",
    "received": "一、收到诉求",
    "investigation": "二、调查核实",
    "opinion": "三、处理意见",
    "follow_up": "四、后续",
    "signature": "落款",
}
DONE = {
    "salutation": "尊敬的市民：\n感谢您的来电。",
    "received": "您于3月10日来电反映夜间施工噪音。",
    "investigation": "我单位当晚到场核查，工地确在施工。\n依据《噪声污染防治法》第四十三条。",
    "opinion": "已责令停止夜间施工并罚款。",
    "follow_up": "如有异议请拨打12345。联系人：张三，电话：65001234。",
    "signature": "亚运村街道\n2026年3月11日",
}
FINISHED = replies.compose(DONE, HEADINGS)


def test_a_letter_has_its_six_sections_in_order_four_of_them_headed() -> None:
    blocks = FINISHED.split("\n\n")
    assert [block.splitlines()[0] for block in blocks[1:5]] == [HEADINGS[name] for name in replies.HEADED]
    assert (blocks[0], blocks[5]) == (DONE["salutation"], DONE["signature"])
    assert replies.unfilled(FINISHED, HEADINGS) == []


words = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]) | st.just("\n"), max_size=60)


@given(st.fixed_dictionaries(dict.fromkeys(replies.SECTIONS, words)))
def test_whatever_was_written_comes_apart_into_the_sections_it_was_written_in(parts: dict[str, str]) -> None:
    letter = replies.compose(parts, HEADINGS)
    apart = replies.apart(letter, HEADINGS)
    assert replies.compose(apart, HEADINGS) == letter
    for name, said in parts.items():
        lines = [line.rstrip() for line in said.split("\n") if line.strip()]
        assert apart[name] == "\n".join(lines).strip() or said.strip() == replies.BLANK.format(HEADINGS[name])


@given(words)
def test_a_text_that_is_no_letter_is_all_opinion_and_nothing_of_it_is_lost(text: str) -> None:
    assert "".join(replies.apart(text, HEADINGS).values()) == text.strip()


@pytest.mark.parametrize("name", replies.SECTIONS)
def test_an_empty_section_is_found_as_a_placeholder_of_that_section(name: str) -> None:
    left = replies.unfilled(replies.compose({**DONE, name: " \n"}, HEADINGS), HEADINGS)
    assert left == [(name, f"【{HEADINGS[name]}】")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("我单位于【日期】到场", ["【日期】"]),
        ("【】", ["【】"]),
        ("您好{{ name }}，", ["{{ name }}"]),
        ("联系人XX，电话××××", ["XX", "××××"]),
        ("由xxx负责", ["xxx"]),
        ("电话：____", ["____"]),
        ("请填写处理结果", ["请填写"]),
        ("处理结果待填", ["待填"]),
        ("TODO: 补充依据", ["TODO"]),
        ("【甲】与【乙】及【甲】", ["【甲】", "【乙】"]),
        ("京政发【2020】5号", []),
        ("依据【京发改价2017第771号】", []),
        ("电话138××××5678", []),
        ("XL号与MAXX牌", []),
        ("下划_线", []),
        ("已全部办结。", []),
    ],
)
def test_what_was_left_to_be_filled_in_is_found_and_what_only_looks_like_it_is_not(text: str, found: list[str]) -> None:
    assert replies.placeholders_in(text) == found
    assert replies.placeholders_in(replies.without_placeholders(text, "某")) == []


def test_the_complainants_own_words_may_hold_anything() -> None:
    assert replies.placeholders_in("您反映的“XX小区停水”，我单位【日期】核查", ["XX小区停水"]) == ["【日期】"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("您这是没事找事", ["没事找事"]), ("瞎 投\n诉", ["瞎投诉"]), ("感谢您的投诉", [])],
)
def test_words_that_insult_are_found_whatever_blanks_are_between(text: str, found: list[str]) -> None:
    assert replies.words_in(text, ["没事找事", "瞎投诉", ""][:2]) == found


@pytest.mark.parametrize("kind", Kind.values)
def test_a_letter_begins_with_what_the_order_says_and_asks_for_the_rest(kind: str, road: Road) -> None:
    order = road.register(kind=kind, matter="XX路夜间施工")
    letter = reply_words.begun(order, road.cast.of(Role.HANDLER, road.lead), road.now)
    assert order.title in letter and order.spoken_number in letter and str(road.lead) not in ("", letter)
    left = {section for section, _found in replies.unfilled(letter, reply_words.headings(), [order.title])}
    assert left == {"investigation", "opinion", "follow_up"}, "what only the handler knows"


def test_every_kind_of_reply_says_what_it_has_to_say() -> None:
    assert set(reply_words.skeletons()) == set(reply_words.ReplyKind.values)
    assert len({str(skeleton) for skeleton in reply_words.skeletons().values()}) == len(reply_words.ReplyKind.values)


# At the door


@pytest.mark.parametrize("text", ["我单位于【日期】到场核查", "您这是没事找事", "电话：____"])
def test_a_letter_that_is_not_finished_or_insults_is_refused_and_nothing_is_done(text: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    handler, before = road.cast.of(Role.HANDLER, road.lead), order.version
    with pytest.raises(Invalid) as caught:
        perform(order.pk, "report", actor=handler, now=road.now, solved="yes", text=text)
    assert set(caught.value.fields) == {"text"}
    order.refresh_from_db()
    assert (order.status, order.version) == (Status.HANDLING, before)


def form(order: Any, actor: Any, **data: str) -> ResultForm:
    return ResultForm(data or None, order=order, step=STEPS["report"], actor=actor)


def test_the_form_shows_the_sections_and_sends_one_letter(road: Road) -> None:
    order, actor = road.to(Status.HANDLING), road.cast.of(Role.HANDLER, road.lead)
    shown = str(form(order, actor)["text"])
    assert all(f'name="text_{name}"' in shown for name in replies.SECTIONS)
    assert order.title in shown
    sections = {f"text_{name}": text for name, text in DONE.items()}
    sent = form(order, actor, solved="yes", **sections)
    assert sent.is_valid(), sent.errors
    assert sent.for_ledger() == {"solved": "yes", "text": replies.compose(DONE, reply_words.headings())}
    assert str(sent["text"]).count("aria-invalid") == 0


def test_a_refused_section_is_named_and_marked_and_keeps_what_was_typed(road: Road) -> None:
    order, actor = road.to(Status.HANDLING), road.cast.of(Role.HANDLER, road.lead)
    sections = {f"text_{name}": text for name, text in DONE.items()} | {"text_opinion": "由【部门】处理"}
    with translation.override("en"):
        sent = form(order, actor, solved="yes", **sections)
        assert not sent.is_valid()
        assert "3. Opinion" in sent.errors["text"][0] and "【部门】" in sent.errors["text"][0]
        shown = str(sent["text"])
    assert shown.count("aria-invalid") == 1
    assert "由【部门】处理" in shown and "依据《噪声污染防治法》第四十三条。" in shown


def test_who_has_to_write_it_again_sees_why_and_goes_on_from_what_was_sent_back(road: Road) -> None:
    order, actor = road.to(Status.HANDLING), road.cast.of(Role.HANDLER, road.lead)
    road.act(order, "report", text=replies.compose(DONE, reply_words.headings()))
    road.act(order, "send_back", reason="请补充处罚决定书文号")
    shown = str(form(order, actor)["text"])
    assert "请补充处罚决定书文号" in shown and DONE["opinion"] in shown


def test_the_api_goes_on_sending_text(road: Road, as_: Callable) -> None:
    order = road.to(Status.HANDLING)
    address = f"/api/v1/workorders/{order.number}/report/"
    client = as_(Role.HANDLER, road.lead)
    refused = client.post(address, {**RESULT, "text": "由XX处理"}, "application/json")
    assert refused.status_code == 400 and "XX" in str(refused.json())
    assert client.post(address, RESULT, "application/json").status_code == 200


# The rule book


@pytest.mark.parametrize("section", [None, 5, [], {}, {"forbidden": "词"}, {"forbidden": [""]}, {"forbidden": [3]}])
def test_forbidden_words_are_a_list_of_words(section: Any) -> None:
    problems = problems_of({**default_document(), "replies": section})
    assert [problem for problem in problems if problem.startswith("replies")]


def test_a_version_older_than_the_list_stays_valid_and_is_under_the_default() -> None:
    document = default_document()
    words = document.pop("replies")["forbidden"]
    assert problems_of(document) == []
    assert Rules(document).forbidden_words == words
    assert Rules({**document, "replies": {"forbidden": []}}).forbidden_words == []
