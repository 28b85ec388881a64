"""A real browser takes one order by hand from registration to closed, and looks at the pages as people see them."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.cast import Cast
from tests.browser import SIZES, awake, do, fits
from tests.roads import Road
from workorders.lifecycle import Role
from workorders.models import Unit, WorkOrder


def test_one_order_goes_by_hand_from_registration_to_closed(
    log_in: Callable[..., Page], cast: Cast, complaints: list[str]
) -> None:
    street = Unit.objects.get(code="J110105009")
    operator = log_in(Role.OPERATOR)
    operator.locator("a[href='/reception/']").click()
    operator.locator("[name=matter]").fill("幸福里小区北门路灯连续三天不亮，夜间出行不便，希望尽快维修。")
    operator.locator("[name=name]").fill("李华")
    operator.locator("[name=phone]").fill("13900005678")
    operator.locator("[name=category]").fill("010101 道路清扫保洁不及时")
    operator.locator("[name=area]").fill("110105009 亚运村街道")
    awake(operator)
    operator.locator("[value=register]").click()
    expect(operator.locator("#messages .alert-success")).to_be_visible()
    order = WorkOrder.objects.get()
    path = f"/orders/{order.number}/"
    operator.goto(path)
    expect(operator.get_by_text("139****5678")).to_be_visible()
    do(operator, "accept", category="010101 道路清扫保洁不及时")

    dispatcher = log_in(Role.DISPATCHER)
    dispatcher.get_by_role("link", name=order.spoken_number).click()
    do(dispatcher, "dispatch", instructions="请尽快核实处理")

    handler = log_in(Role.HANDLER, street, size="phone")
    handler.get_by_role("link", name=order.spoken_number).click()
    do(handler, "sign")
    do(handler, "contact", text="已电话联系诉求人，约定今晚到场。")
    do(handler, "progress", text="已到现场，更换灯具。")
    letter = {
        "solved": "yes",
        "text_investigation": "我单位当日到场核查，路灯线路老化。",
        "text_opinion": "已更换线路并恢复照明，后续加强巡检。",
        "text_follow_up": "如有异议请拨打12345。联系人：张三，电话：65001234。",
    }
    do(handler, "report", **letter)

    reviewer = log_in(Role.REVIEWER, street)
    reviewer.goto(path)
    do(reviewer, "approve")

    agent = log_in(Role.CALLBACK_AGENT)
    agent.get_by_role("link", name=order.spoken_number).click()
    do(agent, "close", contacted="yes", solved="yes", satisfied="yes", words="修好了，谢谢")
    expect(agent.locator(".stepper [aria-current=step]")).to_have_text("已办结")
    order = WorkOrder.objects.get()
    assert (order.status, order.events.count()) == ("closed", 9)
    assert complaints == []


def test_a_refused_form_keeps_what_was_typed_and_says_why_in_place(log_in: Callable[..., Page], cast: Cast) -> None:
    order = Road(cast, timezone.now()).to("accepted")
    page = log_in(Role.DISPATCHER)
    page.goto(f"/orders/{order.number}/")
    page.locator("[data-step=dispatch]").click()
    page.locator("#step [name=lead][type=text]").fill("X999 没有的单位")
    page.locator("#step [name=instructions]").fill("请当天到场")
    page.locator("#step button.btn-primary").click()
    expect(page.locator("#step .error")).to_contain_text("X999")
    expect(page.locator("#step [name=instructions]")).to_have_value("请当天到场")
    expect(page.locator("#step [name=lead][type=text]")).to_be_focused()


def test_choosing_a_filter_narrows_the_list_without_a_reload(log_in: Callable[..., Page], cast: Cast) -> None:
    road = Road(cast, timezone.now())
    closed, registered = road.to("closed"), road.register(matter="另一件事")
    page = log_in(Role.SUPERVISOR)
    page.goto("/orders/?view=all")
    expect(page.get_by_role("link", name=registered.spoken_number)).to_be_visible()
    page.locator("select[name=status]").select_option("closed")
    expect(page.get_by_role("link", name=registered.spoken_number)).to_have_count(0)
    expect(page.get_by_role("link", name=closed.spoken_number)).to_be_visible()
    assert "status=closed" in page.url
    page.locator("[data-clear=status]").click()
    expect(page.get_by_role("link", name=registered.spoken_number)).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_no_page_is_wider_than_its_screen_and_no_console_error_appears(
    size: str, log_in: Callable[..., Page], cast: Cast, complaints: list[str]
) -> None:
    order = Road(cast, timezone.now()).to("closed")
    page = log_in(Role.OPERATOR, size=size)
    for path in ("/orders/?view=all", "/orders/?view=todo", f"/orders/{order.number}/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert fits(page), path
    assert complaints == []


def test_the_administration_opens_without_a_console_error(log_in: Callable[..., Page], complaints: list[str]) -> None:
    page = log_in(Role.ADMINISTRATOR)
    for path in ("/admin/", "/admin/workorders/unit/", "/admin/workorders/policy/", "/admin/workorders/calendarday/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        expect(page.get_by_role("main").or_(page.locator("#main"))).to_be_visible()
    assert complaints == []
