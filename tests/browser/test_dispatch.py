"""The dispatch desk in a real browser: by keys alone, by two at once, in bulk, with a meeting and with requests to decide."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.cast import Cast
from dispatch.models import Assignment
from tests.browser import awake, do, fits, violations
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import Lease, Unit, User, WorkOrder

SLOW = 20_000  # ms: another page is on its way
DESK, REQUESTS = "/dispatch/", "/dispatch/requests/"


@pytest.fixture
def road(cast: Cast) -> Road:
    return Road(cast, timezone.now() - timedelta(hours=1))


def opened(page: Page, order: WorkOrder) -> None:
    expect(page.locator(".chosen .number")).to_contain_text(order.spoken_number, timeout=SLOW)
    expect(page.locator("#step form")).to_be_visible(timeout=SLOW)
    expect(page.locator("#step .candidate input").first).to_be_focused()
    awake(page)


def lead_of(order: WorkOrder) -> str:
    return Assignment.objects.select_related("unit").get(order=order, part="lead").unit.code


def test_orders_are_dispatched_by_keys_alone_one_after_the_other(
    log_in: Callable[..., Page], road: Road, complaints: list[str]
) -> None:
    orders = [road.to(Status.ACCEPTED) for _ in range(3)]
    page = log_in(Role.DISPATCHER)
    page.goto(DESK)
    chosen = []
    for order, key in zip(orders, "132", strict=True):
        opened(page, order)
        page.keyboard.press(key)
        radio = page.locator("#step .candidate input").nth(int(key) - 1)
        expect(radio).to_be_checked()
        chosen.append((radio.get_attribute("value") or "").split()[0])
        page.keyboard.press("Enter")
    expect(page.locator(".chosen.empty")).to_be_visible(timeout=SLOW)
    assert [lead_of(order) for order in orders] == chosen
    assert (chosen[0], len(set(chosen))) == (road.lead.code, 2), "what was chosen lately is offered next"
    assert complaints == []


def test_two_who_open_the_desk_have_different_orders_until_a_lease_ends(
    log_in: Callable[..., Page], road: Road, cast: Cast, complaints: list[str]
) -> None:
    orders = [road.to(Status.ACCEPTED) for _ in range(2)]
    other = User.objects.create(username="other", roles=[Role.DISPATCHER], unit=cast.city, password=cast.password)
    first = log_in(Role.DISPATCHER)
    cast._users[cast.city.pk, Role.DISPATCHER] = other
    second = log_in(Role.DISPATCHER)
    for page, order in zip((first, second), orders, strict=True):
        page.goto(DESK)
        opened(page, order)
    second.keyboard.press("k")
    expect(second.locator(".chosen .number")).to_contain_text(orders[0].spoken_number, timeout=SLOW)
    expect(second.locator("#watch .alert")).to_be_visible()
    Lease.objects.update(until=timezone.now())
    second.goto(DESK)
    opened(second, orders[0])
    assert complaints == []


def test_alike_orders_are_dispatched_together(log_in: Callable[..., Page], road: Road, complaints: list[str]) -> None:
    orders = [road.to(Status.ACCEPTED) for _ in range(3)]
    page = log_in(Role.DISPATCHER)
    page.goto(DESK)
    opened(page, orders[0])
    page.keyboard.press("b")
    expect(page.locator(".alike li")).to_have_count(3)
    assert violations(page) == []
    road.act(orders[2], "note")
    page.locator("[name=instructions]").fill("请统一核查处理")
    awake(page)
    page.locator("[name=instructions]").press("Control+Enter")
    expect(page.locator(".outcomes .sent")).to_have_count(2, timeout=SLOW)
    expect(page.locator(".outcomes .refused")).to_contain_text(orders[2].spoken_number)
    assert violations(page) == []
    assert complaints == []


def test_a_meeting_goes_from_its_call_to_the_designation(
    log_in: Callable[..., Page], road: Road, complaints: list[str]
) -> None:
    order, district = road.to(Status.ACCEPTED), Unit.objects.get(code="Q110105")
    page = log_in(Role.DISPATCHER)
    page.goto(DESK)
    opened(page, order)
    page.keyboard.press("m")
    form = page.locator("#step form")
    form.locator("[name=participants]").first.fill("Q110105 北京市朝阳区人民政府")
    form.locator("[name=reason]").fill("职责交叉，由谁主办？")
    awake(page)
    form.locator("[name=reason]").press("Control+Enter")
    expect(page.locator(".chosen.empty")).to_be_visible(timeout=SLOW)
    handler = log_in(Role.HANDLER, district, size="phone")
    handler.get_by_role("link", name=order.spoken_number).click()
    do(handler, "opine", duty="yes", text="属我区职责，同意主办")
    expect(handler.locator(".opinions")).to_contain_text("属我区职责")
    assert violations(handler) == []
    assert fits(handler)
    page.goto(DESK)
    opened(page, order)
    expect(page.locator(".opinions")).to_contain_text("属我区职责")
    assert violations(page) == []
    page.locator("#step .candidate input[value^=Q110105]").check()
    page.locator("#step [name=reason]").fill("由区政府主办")
    awake(page)
    page.locator("#step [name=reason]").press("Control+Enter")
    expect(page.locator(".chosen.empty")).to_be_visible(timeout=SLOW)
    assert Assignment.objects.get(order=order, part="lead").designated
    assert lead_of(order) == "Q110105"
    assert complaints == []


def test_requests_are_decided_by_keys(log_in: Callable[..., Page], road: Road, complaints: list[str]) -> None:
    orders = [road.to(Status.HANDLING) for _ in range(2)]
    for order in orders:
        road.act(order, "request_return")
    page = log_in(Role.DISPATCHER)
    page.goto(REQUESTS)
    expect(page.locator(".sides")).to_contain_text("该点位不在我单位辖区")
    awake(page)
    page.keyboard.press("g")
    expect(page.locator("#step textarea")).to_be_focused()
    page.keyboard.type("同意改派")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".chosen .number")).to_contain_text(orders[1].spoken_number, timeout=SLOW)
    awake(page)
    page.keyboard.press("r")
    expect(page.locator("#step textarea")).to_be_focused()
    page.keyboard.type("经核对在贵单位辖区")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".chosen.empty")).to_be_visible(timeout=SLOW)
    assert [WorkOrder.objects.get(pk=order.pk).status for order in orders] == ["accepted", "handling"]
    page.goto(DESK)
    expect(page.locator(".chosen .lost").first).to_be_visible()
    assert complaints == []


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
def test_the_desks_are_open_to_everybody_and_no_wider_than_the_screen(
    size: str, theme: str, log_in: Callable[..., Page], road: Road, complaints: list[str]
) -> None:
    road.to(Status.CONSULTING)
    order, asking = road.to(Status.ACCEPTED), road.to(Status.HANDLING)
    road.act(asking, "request_return")
    road.act(order, "dispatch", lead=road.stranger)
    road.act(order, "recall")
    page = log_in(Role.DISPATCHER, size=size)
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    for path in (DESK, REQUESTS, f"{DESK}{order.number}/alike/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert re.search(theme, page.evaluate("document.documentElement.dataset.bsTheme || ''")) or theme == "light"
        assert fits(page), path
        assert violations(page) == [], path
    assert complaints == []
