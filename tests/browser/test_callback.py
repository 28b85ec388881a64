"""A real browser: calls one after another by keys alone, a rework and its second round, and texts put where one writes."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from evaluation.models import Callback
from tests.browser import SIZES, awake, fits, violations
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import StandardText, WorkOrder

Opens = Callable[..., Page]


def keys(page: Page, *pressed: str) -> None:
    for key in pressed:
        page.keyboard.press(key)


def sent(page: Page, *pressed: str) -> None:
    awake(page)
    with page.expect_navigation():
        keys(page, *pressed)
    expect(page.locator("#messages .alert-success")).to_be_visible()


def shown(page: Page, order: WorkOrder) -> None:
    expect(page.locator(".call-head .number")).to_contain_text(order.spoken_number)
    awake(page)


def test_two_calls_by_keys_one_closed_one_handled_again_until_it_is_closed_too(
    recent: Road, log_in: Opens, complaints: list[str]
) -> None:
    happy, unhappy = recent.to(Status.CALLBACK), recent.to(Status.CALLBACK)
    page = log_in(Role.CALLBACK_AGENT)
    page.locator("nav a[href='/callbacks/']").click()
    shown(page, happy)
    sent(page, "p")
    expect(page.locator(".caller a")).to_have_attribute("href", "tel:13800001234")
    awake(page)
    keys(page, "1", "1", "1")
    expect(page.locator("[data-step=rework]")).to_be_hidden()
    page.keyboard.type("办得很好")
    sent(page, "Control+Enter")
    assert Callback.objects.get(order=happy).words == "办得很好"

    shown(page, unhappy)
    keys(page, "1", "3", "3")
    expect(page.locator("[data-step=rework]")).to_have_class("btn btn-primary")
    page.keyboard.type("没有人来过")
    expect(page.locator("#id_reason")).to_have_value("诉求人反映：没有人来过")
    page.reload()
    expect(page.locator("[name=words]")).to_have_value("没有人来过")
    expect(page.locator("[data-step=rework]")).to_be_visible()
    keys(page, "Tab")
    sent(page, "Control+Enter")
    expect(page.locator(".empty")).to_be_visible()

    unhappy.refresh_from_db()
    assert (unhappy.status, unhappy.round) == (Status.HANDLING, 2)
    for step in ("contact", "report", "approve"):
        recent.act(unhappy, step)
    page.goto("/callbacks/")
    expect(page.locator(".rounds")).to_contain_text("没有人来过")
    expect(page.locator(".read-out").first).to_contain_text("也回访过您")
    awake(page)
    keys(page, "1", "2", "2")
    sent(page, "Control+Enter")
    page.goto(f"/orders/{unhappy.number}/")
    rounds = page.locator(".rounds > li")
    expect(rounds).to_have_count(2)
    expect(rounds.first).to_contain_text("不满意")
    expect(rounds.last).to_contain_text("基本满意")
    assert complaints == []


def test_two_attempts_reach_nobody_and_the_order_is_closed_as_unreachable(
    recent: Road, log_in: Opens, complaints: list[str]
) -> None:
    order = recent.to(Status.CALLBACK)
    page = log_in(Role.CALLBACK_AGENT)
    page.goto("/callbacks/")
    expect(page.locator("[data-key=x]")).to_have_count(0)
    sent(page, "u", "1", "Control+Enter")
    later = page.locator(".later").get_by_role("link", name=order.spoken_number)
    expect(page.locator(".empty")).to_be_visible()
    later.click()
    expect(page.locator(".attempts")).to_contain_text("无人接听")
    sent(page, "u", "2", "Control+Enter")
    shown(page, order)
    expect(page.locator(".attempts li")).to_have_count(2)
    sent(page, "x")
    assert Callback.objects.get(order=order).reached is False
    assert complaints == []


def test_what_is_refused_comes_back_beside_the_script_and_goes_with_one_more_press(
    recent: Road, log_in: Opens, complaints: list[str]
) -> None:
    order = recent.to(Status.CALLBACK)
    page = log_in(Role.CALLBACK_AGENT)
    page.goto("/callbacks/")
    shown(page, order)
    keys(page, "1", "3", "3")
    page.keyboard.type("没有人来过")
    recent.act(order, "urge", text="又催了一次")
    with page.expect_navigation():
        keys(page, "Control+Enter")
    expect(page.locator("#answers .alert-danger")).to_be_visible()
    expect(page.locator("#answers .changes")).to_contain_text("又催了一次")
    expect(page.locator("[name=words]")).to_have_value("没有人来过")
    expect(page.locator("[name=satisfied][value=no]")).to_be_checked()
    expect(page.locator(".read-out").first).to_be_visible()
    assert violations(page) == []
    sent(page, "Control+Enter")
    order.refresh_from_db()
    assert (order.status, order.round) == (Status.HANDLING, 2)
    assert all("409" in one for one in complaints)


@pytest.mark.parametrize("size", SIZES)
def test_the_desk_holds_for_everybody_in_light_and_dark(
    size: str, recent: Road, log_in: Opens, complaints: list[str]
) -> None:
    order = recent.to(Status.CALLBACK)
    for step in ("attempt", "attempt", "rework", "contact", "report", "approve"):
        recent.act(order, step)
    recent.act(recent.to(Status.CALLBACK), "attempt")
    page = log_in(Role.CALLBACK_AGENT, size=size)
    page.goto("/callbacks/")
    page.locator("[name=solved][value=no]").check()
    page.locator(".texts summary").click()
    for _theme in range(2):
        assert "\n".join(violations(page)) == ""
        assert fits(page)
        page.locator("#theme").click()
    assert complaints == []


def test_a_standard_text_goes_where_the_cursor_was_and_leaves_what_was_typed(
    recent: Road, log_in: Opens, complaints: list[str]
) -> None:
    order = recent.to(Status.HANDLING)
    page = log_in(Role.HANDLER, recent.lead)
    page.goto(f"/orders/{order.number}/")
    page.locator("[data-step=progress]").click()
    field = page.locator("#step [name=text]")
    field.click()
    page.keyboard.type("前言后语")
    keys(page, "ArrowLeft", "ArrowLeft", "Shift+Tab", "Enter", "ArrowDown")
    expect(page.locator("[data-text='0']")).to_be_focused()
    keys(page, "Escape")
    expect(page.locator(".texts")).not_to_have_attribute("open", "")
    expect(page.locator("#step form")).to_be_visible()
    keys(page, "Enter", "ArrowDown", "ArrowDown", "ArrowUp", "Enter")
    expect(field).to_be_focused()
    value = field.input_value()
    assert value.startswith("前言\n") and value.endswith("后语")
    assert order.spoken_number in value
    page.keyboard.type("三次巡查")
    assert "一、已完成：三次巡查。" in field.input_value(), "the first gap was selected"
    page.reload()
    page.locator("[data-step=progress]").click()
    expect(field).to_have_value(value.replace("【已开展的工作】", "三次巡查"))
    assert violations(page, "#step") == []
    assert complaints == []


PARTS = """
const field = document.querySelector("#step [name=text]");
field.outerHTML = ["", "data-heading='二、核查'", ""].map((heading, at) => `<textarea name="text_${at}" ${heading}>旧</textarea>`).join("");
"""


def test_a_letter_that_is_written_in_parts_takes_each_block_into_its_part(
    recent: Road, log_in: Opens, complaints: list[str]
) -> None:
    for title, text in (("一稿", "您好：\n\n二、核查：【事实】\n\n落款"), ("二稿", "您好！\n\n二、核查\n属实\n\n落款")):
        StandardText.objects.create(step="note", title=title, text=text)
    order = recent.to(Status.HANDLING)
    page = log_in(Role.HANDLER, recent.lead)
    page.goto(f"/orders/{order.number}/")
    page.locator("[data-step=note]").click()
    page.locator(".texts").wait_for()
    page.evaluate(PARTS)
    page.locator("[name=text_2]").fill("有人写过")
    for number, expected in enumerate(
        (["您好：", "【事实】", "有人写过\n落款"], ["您好！", "属实", "有人写过\n落款\n落款"])
    ):
        page.locator(".texts summary").click()
        page.locator(f"[data-text='{number}']").click()
        assert [page.locator(f"[name=text_{part}]").input_value() for part in range(3)] == expected
    assert complaints == []
