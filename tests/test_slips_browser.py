"""A real browser: a supervisor issues a slip, the unit answers, the supervisor decides; and the pages are open to everybody."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.cast import Cast
from dispatch.models import Rectification, Slip
from tests.roads import Road
from tests.test_browser import browser, cast, complaints, log_in  # noqa: F401
from workorders.lifecycle import Role, Status
from workorders.models import WorkOrder

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed")]

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

AXE = Path(settings.BASE_DIR) / "node_modules/axe-core/axe.min.js"


@pytest.fixture
def road(cast: Cast) -> Road:  # noqa: F811
    return Road(cast, timezone.now() - timedelta(hours=3))


def do(page: Page, order: WorkOrder, step: str, **typed: str) -> None:
    page.goto(f"/orders/{order.number}/")
    page.locator(f"[data-step={step}]").click()
    for name, words in typed.items():
        page.locator(f"#step [name={name}]").fill(words)
    page.locator("#step button.btn-primary").click()
    expect(page.locator("#messages .alert-success")).to_be_visible()


def test_a_slip_is_issued_answered_rejected_answered_again_and_accepted(
    road: Road,
    log_in: Callable[..., Page],  # noqa: F811
    complaints: list[str],  # noqa: F811
) -> None:
    order = road.to(Status.HANDLING)
    supervisor, unit = log_in(Role.SUPERVISOR), log_in(Role.HANDLER, road.lead)
    do(supervisor, order, "issue_slip", demand="三日内到场处置并书面答复")
    do(unit, order, "answer_slip", text="已到场，正在整改")
    do(supervisor, order, "reject_slip", reason="没有说明完成时间")
    unit.goto(f"/orders/{order.number}/")
    expect(unit.locator("aside")).to_contain_text("橙色督办单")
    expect(unit.locator("aside")).to_contain_text("没有说明完成时间")
    do(unit, order, "answer_slip", text="本周五前完成整改")
    do(supervisor, order, "accept_slip", reason="同意")
    slip = Slip.objects.get(order=order)
    assert (slip.status, slip.colour) == ("accepted", "orange")
    supervisor.goto("/admin/dispatch/slip/")
    expect(supervisor.locator("#result_list")).to_contain_text(order.spoken_number)
    unit.goto("/notices/")
    expect(unit.locator("main")).to_contain_text("橙色督办单")
    assert complaints == []


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_pages_of_supervision_hold_for_everybody(
    size: str,
    road: Road,
    log_in: Callable[..., Page],  # noqa: F811
    complaints: list[str],  # noqa: F811
) -> None:
    order = road.to(Status.HANDLING)
    road.act(order, "issue_slip")
    demanded = {"demanded_at": road.now, "due_at": road.now + timedelta(days=3), "cause": "grave_miss"}
    found = Rectification.objects.create(unit=road.lead, **demanded)
    found.orders.add(order)
    page = log_in(Role.HANDLER, road.lead, size)
    for path in (f"/orders/{order.number}/", "/rectifications/", f"/rectifications/{found.pk}/", "/notices/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert violations(page) == [], path
    assert complaints == []


def violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run('main', {resultTypes: ['violations']})")
    return [f"{one['id']}: {node['html'][:150]}" for one in found["violations"] for node in one["nodes"]]
