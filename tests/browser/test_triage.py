"""Triage in a real browser: orders of the web accepted by keys, declined by their branch, merged, and asked to be corrected."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.cast import Cast
from intake import corrections
from intake.models import Appeal, Call
from tests.browser import SIZES, awake, fits, violations
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import Event, WorkOrder

pytestmark = pytest.mark.usefixtures("no_statistics")

WEB = Appeal.Channel.WEB


def send(page: Page) -> None:
    """By the key that sends every form."""
    awake(page)
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")
    expect(page.locator("#messages .alert-success")).to_be_visible()


def status_of(order: WorkOrder) -> str:
    return str(WorkOrder.objects.get(pk=order.pk).status)


def test_orders_of_the_web_are_decided_one_after_the_other_by_keys(
    recent: Road, log_in: Callable[..., Page], complaints: list[str]
) -> None:
    parent = recent.to(Status.ACCEPTED, matter="幸福里小区北门烧烤摊油烟扰民，每天营业到凌晨")
    swept = recent.register(matter="门口道路清扫保洁不及时，落叶堆积", channel=WEB, category=None, grade="utility")
    court = recent.register(matter="物业合同纠纷已经到法院起诉", channel=WEB)
    twin = recent.register(matter="北门烧烤摊油烟扰民，每天夜里营业到凌晨", channel=WEB, phone="13900000002")
    page = log_in(Role.OPERATOR)
    page.goto("/reception/queue/")
    page.keyboard.press("n")
    page.wait_for_url(f"**/reception/{swept.number}/")
    awake(page)

    page.keyboard.press("Alt+1")  # the likeliest category, with the form of acceptance
    expect(page.locator("#step [name=category]")).to_have_value("010101 道路清扫保洁不及时")
    page.locator("#step [name=area]").focus()
    send(page)
    page.wait_for_url(f"**/reception/{court.number}/")
    awake(page)
    assert status_of(swept) == Status.ACCEPTED

    page.keyboard.press("d")
    expect(page.locator("#step [name=code]")).to_be_focused()
    expect(page.locator("#step [name=emergency_line]")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#step [name=emergency_line]")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#step [name=channel]")).to_be_visible()
    for other in ("emergency_line", "about", "elsewhere"):
        expect(page.locator(f"#step [name={other}]")).to_be_hidden()
    page.locator("#step [name=text]").fill("您的事项已由人民法院受理，请依诉讼程序解决。")
    page.locator("#step [name=channel]").select_option("court")
    page.locator("#step [name=text]").focus()
    send(page)
    page.wait_for_url(f"**/reception/{twin.number}/")
    awake(page)
    assert status_of(court) == Status.DECLINED

    page.keyboard.press("Alt+4")  # the first of those that are alike
    expect(page.locator("#step [name=parent]")).to_have_value(parent.number)
    send(page)
    page.wait_for_url("**/reception/queue/")
    assert WorkOrder.objects.get(pk=twin.pk).parent == parent
    expect(page.locator(".empty")).to_be_visible()
    page.goto(f"/orders/{parent.number}/")
    expect(page.locator("aside")).to_contain_text("139****0002")
    assert complaints == []


def test_a_correction_is_asked_for_and_lapses_and_an_emergency_is_passed_on(
    recent: Road, log_in: Callable[..., Page], complaints: list[str]
) -> None:
    order, danger = recent.register(channel=WEB), recent.register(matter="有老人晕倒在楼道", channel=WEB)
    page = log_in(Role.OPERATOR)
    page.goto(f"/reception/{order.number}/?step=ask_correction")
    page.locator("#step [name=missing][value=place]").check()
    page.locator("#step [name=reason]").fill("请补充具体楼号和单元")
    send(page)
    page.wait_for_url(f"**/reception/{danger.number}/")
    awake(page)
    page.keyboard.press("t")
    page.locator("#step [name=emergency_line][value='120']").check()
    page.locator("#step [name=officer]").fill("120 指挥中心 12 号")
    page.locator("#step [name=text]").fill("三里屯路 1 号楼道内，一人昏迷")
    send(page)
    page.wait_for_url("**/reception/queue/")
    assert WorkOrder.objects.get(pk=danger.pk).grade == "emergency"
    expect(page.locator("#rows")).to_contain_text(order.spoken_number)

    corrections.work_off(timezone.now() + timedelta(days=4))
    corrections.work_off(timezone.now() + timedelta(days=30))
    assert status_of(order) == Status.WITHDRAWN
    assert Event.objects.filter(order=order, step="remind_correction").exists()
    page.goto(f"/reception/{order.number}/")
    expect(page.locator(".timeline")).to_contain_text(order.spoken_number)
    assert complaints == []


@pytest.mark.parametrize("size", SIZES)
def test_the_pages_of_triage_hold_for_everybody(
    size: str, recent: Road, log_in: Callable[..., Page], cast: Cast, complaints: list[str]
) -> None:
    for _time in range(2):
        order = recent.register(channel=WEB, green_channel="elderly", home_visit=True, on_behalf_by="李小华")
    recent.to(Status.INCOMPLETE)
    now, agent = timezone.now(), cast.of(Role.OPERATOR).username
    Call.objects.create(source="pbx", call_id="1", phone="13900005678", agent=agent, started_at=now, announced_at=now)
    page = log_in(Role.OPERATOR, size=size)
    for path in (
        "/reception/queue/",
        f"/reception/{order.number}/?step=transfer",
        f"/reception/{order.number}/?step=decline",
    ):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        expect(page.locator("#step form, #rows table").first).to_be_visible()
        expect(page.locator("#ringing [data-call]")).to_be_visible()
        for scheme in ("light", "dark"):
            page.evaluate("theme => (document.documentElement.dataset.bsTheme = theme)", scheme)
            assert violations(page) == [], (path, scheme)
        assert fits(page), path
    assert re.search("reception", page.url)
    assert complaints == []
