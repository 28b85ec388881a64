"""A real browser over the supervisors' dashboard: it lives, leads on, tells of a lost connection, and is open to everybody."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.cast import Cast
from evaluation import tally
from tests.browser import violations
from tests.feeds import alone  # noqa: F401
from tests.roads import Road
from workorders.lifecycle import Role

PICTURES = ("trend", "funnel", "areas", "lateness", "categories")


@pytest.fixture
def road(cast: Cast) -> Road:
    return Road(cast, timezone.now())


@pytest.fixture
def seen(road: Road, log_in: Callable[..., Page]) -> Callable[..., Page]:
    """The dashboard over a few orders, one of them late."""
    begin = road.now
    for status in ("registered", "dispatched", "closed"):
        road.now = begin
        road.to(status)
    road.now = begin - timedelta(days=4)
    late = road.to("dispatched")
    road.act(late, "sign")
    road.act(late, "contact", after=timedelta(days=3))
    road.now = begin
    tally.follow()

    def opened(**options: Any) -> Page:
        page = log_in(Role.SUPERVISOR, **options)
        page.clock.install(time=timezone.now())
        page.goto("/admin/")
        expect(page.locator("[data-picture] svg, .picture-empty")).to_have_count(5)
        return page

    return opened


def number(page: Page, label: str) -> Any:
    return page.locator("#figures .figure", has_text=label).first.locator("b")


def test_figures_move_without_a_reload(seen: Callable[..., Page], road: Road, complaints: list[str]) -> None:
    page = seen()
    page.evaluate("window.sameOne = true")
    expect(number(page, "登记")).to_have_text("3")
    road.register()
    tally.follow()
    page.clock.run_for(11_000)
    expect(number(page, "登记")).to_have_text("4")
    assert page.evaluate("window.sameOne")
    assert complaints == []


def test_a_lost_connection_is_told_and_mends_by_itself(seen: Callable[..., Page], road: Road) -> None:
    page = seen()
    expect(page.locator("#board-lost")).to_be_hidden()
    page.context.set_offline(True)
    page.clock.run_for(11_000)
    expect(page.locator("#board-lost")).to_be_visible()
    page.context.set_offline(False)
    page.clock.run_for(11_000)
    expect(page.locator("#board-lost")).to_be_hidden()


def test_a_figure_and_a_bar_lead_to_the_orders_they_count(seen: Callable[..., Page]) -> None:
    page = seen()
    page.locator("#figures .figure", has_text="登记").first.click()
    page.wait_for_url("**/orders/**counted=received**")
    expect(page.locator("#rows tbody tr")).to_have_count(3)
    page.go_back()
    bar = page.locator("[data-picture=categories] svg path").first
    expect(bar).to_be_visible()
    page.locator("[data-picture=categories] svg").click(position={"x": 200, "y": 130})
    page.wait_for_url("**/orders/**topic=**")
    expect(page.locator("#rows tbody tr")).to_have_count(4)


def test_every_picture_is_a_table_too_with_links(seen: Callable[..., Page]) -> None:
    page = seen()
    for name in PICTURES:
        section = page.locator("section", has=page.locator(f"[data-picture={name}]"))
        section.locator("summary").press("Enter")
        link = section.locator("td a").first
        expect(link).to_be_visible()
        count = int(link.inner_text())
        link.press("Enter")
        page.wait_for_url("**/orders/**")
        expect(page.locator("#rows tbody tr")).to_have_count(count)
        page.goto("/admin/")


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_nobody_is_kept_out_by_how_it_is_drawn(
    size: str,
    seen: Callable[..., Page],
    complaints: list[str],
) -> None:
    page = seen(size=size)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.reload()
        expect(page.locator("[data-picture] svg, .picture-empty")).to_have_count(5)
        for summary in page.locator("#board summary").all():
            summary.click()
        assert violations(page, "#board") == [], scheme
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []


def test_a_session_that_ended_leads_to_the_log_in(seen: Callable[..., Page]) -> None:
    page = seen()
    page.context.clear_cookies()
    page.clock.run_for(11_000)
    page.wait_for_url(re.compile("login"))
