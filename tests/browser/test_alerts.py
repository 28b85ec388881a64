"""Real browsers at the alerts desk: a supervisor works it off, two meet at one alert, and it is open to everybody."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.cast import Cast
from dispatch import thresholds
from dispatch.models import Alert, Threshold
from tests.browser import SIZES, awake, violations
from tests.roads import Road
from workorders.lifecycle import Role, Status

DESK = "/admin/dispatch/alert/"


@pytest.fixture
def burning(cast: Cast) -> list[Alert]:
    """Three alerts of clocks, the most urgent first, and one of a threshold."""
    now = timezone.now()
    road = Road(cast, now - timedelta(hours=3))
    found = []
    for level in (4, 3, 2):
        order = road.to(Status.DISPATCHED)
        clock = order.clocks.get(kind="signing", unit=road.lead)
        of_clock = {"clock": clock, "order": order, "unit": clock.unit, "kind": clock.kind}
        found.append(Alert.objects.create(level=level, due_since=now, raised_at=now, **of_clock))
    Threshold.objects.create(kind="volume", count=2, window=24, created_by=cast.of(Role.SUPERVISOR), level=1)
    thresholds.evaluate(timezone.now())
    return [*found, Alert.objects.get(clock=None)]


def current(page: Page) -> Any:
    return page.locator("#rows .current")


def number(alert: Alert) -> str:
    return alert.order.spoken_number if alert.order else str(alert.breach)


def status(alert: Alert) -> str:
    return Alert.objects.get(pk=alert.pk).status


def test_a_supervisor_works_the_desk_off_by_keys(
    burning: list[Alert],
    log_in: Callable[..., Page],
    complaints: list[str],
) -> None:
    page = log_in(Role.SUPERVISOR)
    page.goto(DESK)
    expect(current(page)).to_contain_text(number(burning[0]))
    expect(page.locator("#chosen .timeline")).to_be_visible()
    assert f"alert={burning[0].pk}" in page.url, "the address names what the desk opened"
    awake(page)
    page.keyboard.press("a")
    expect(page.locator("#chosen .status-acknowledged")).to_be_visible()
    expect(page.locator("#messages")).to_contain_text(number(burning[0]))
    awake(page)
    page.keyboard.press("j")
    expect(current(page)).to_contain_text(number(burning[1]))
    awake(page)
    page.keyboard.press("k")
    expect(current(page)).to_contain_text(number(burning[0]))
    awake(page)
    page.keyboard.press("r")
    page.keyboard.type("单位已办结")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#rows .row")).to_have_count(3)
    assert status(burning[0]) == "resolved"
    page.reload()
    expect(current(page)).to_contain_text(number(burning[1]))
    awake(page)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    assert complaints == []


def test_what_was_typed_waits_until_one_comes_back(
    burning: list[Alert],
    log_in: Callable[..., Page],
) -> None:
    page = log_in(Role.SUPERVISOR)
    page.goto(DESK)
    page.locator("#act textarea").fill("还没写完的理由")
    page.locator("#rows a").nth(1).click()
    expect(page.locator("#act textarea")).to_have_value("")
    page.locator("#rows a").nth(0).click()
    expect(page.locator("#act textarea")).to_have_value("还没写完的理由")
    awake(page)
    page.locator("#act [data-key=e]").click()
    expect(page.locator("#chosen .notes li")).to_have_count(1)
    expect(page.locator("#act textarea")).to_have_value("")


def test_of_two_supervisors_the_second_hears_who_was_first_and_loses_nothing(
    burning: list[Alert],
    log_in: Callable[..., Page],
    cast: Cast,
) -> None:
    unit = burning[0].unit
    first, second = log_in(Role.SUPERVISOR), log_in(Role.SUPERVISOR, unit=unit.parent if unit else None)
    for page in (first, second):
        page.goto(f"{DESK}?alert={burning[0].pk}")
        awake(page)
    first.locator("#act [data-key=a]").click()
    expect(first.locator("#chosen .status-acknowledged")).to_be_visible()
    second.locator("#act textarea").fill("我来处理这件")
    second.locator("#act [data-key=a]").click()
    expect(second.locator("#chosen .problem")).to_contain_text(str(cast.of(Role.SUPERVISOR)))
    expect(second.locator("#act textarea")).to_have_value("我来处理这件")
    expect(second.locator("#chosen .status-acknowledged")).to_be_visible()
    awake(second)
    second.locator("#act [data-key=c]").click()
    expect(second.locator("#chosen .notes li")).to_have_count(2)
    expect(first.locator("#chosen .notes li")).to_have_count(1)
    first.reload()
    expect(first.locator("#chosen .notes li")).to_have_count(2)


def test_the_ticked_ones_are_resolved_together(
    burning: list[Alert],
    log_in: Callable[..., Page],
) -> None:
    page = log_in(Role.SUPERVISOR)
    page.goto(DESK)
    for row in (0, 2):
        page.locator("#rows input").nth(row).check()
    expect(page.locator("[data-ticked]")).to_have_text("2")
    page.locator("#bulk textarea").fill("统一处理")
    page.locator("#bulk [formaction*=resolve]").click()
    expect(page.locator("#rows .row")).to_have_count(2)
    assert [status(alert) for alert in burning[:3]] == ["resolved", "open", "resolved"]


def test_the_desk_works_without_scripts(
    burning: list[Alert],
    browser: Any,
    live_server: Any,
    log_in: Callable[..., Page],
) -> None:
    cookies = log_in(Role.SUPERVISOR).context.storage_state()
    context = browser.new_context(java_script_enabled=False, storage_state=cookies, base_url=live_server.url)
    page = context.new_page()
    page.goto(f"{DESK}?level=3")
    page.locator("#rows a").click()
    page.locator("#act textarea").fill("已办结")
    page.locator("#act [data-key=r]").click()
    expect(page.locator("#rows .row")).to_have_count(0)
    assert status(burning[1]) == "resolved"
    context.close()


def test_a_threshold_leads_to_the_orders_it_counted(
    burning: list[Alert],
    log_in: Callable[..., Page],
) -> None:
    page = log_in(Role.SUPERVISOR)
    page.goto(f"{DESK}?alert={burning[3].pk}")
    page.locator("#chosen .facts a").first.click()
    page.wait_for_url("**/orders/**")
    expect(page.locator("#rows tbody tr")).to_have_count(3)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.proof
def test_the_desk_is_open_to_everybody_and_no_wider_than_its_screen(
    size: str,
    theme: str,
    burning: list[Alert],
    log_in: Callable[..., Page],
    complaints: list[str],
) -> None:
    page = log_in(Role.SUPERVISOR, size=size)
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    for path in (DESK, f"{DESK}?alert={burning[1].pk}", f"{DESK}?alert={burning[3].pk}", f"{DESK}?status=resolved"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.locator(".together summary").click() if page.locator(".together").count() else None
        assert page.evaluate("document.documentElement.classList.contains('dark')") == (theme == "dark")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert violations(page, ".desk") == [], path
    assert complaints == []
