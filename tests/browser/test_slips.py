"""A real browser: a supervisor issues a slip, the unit answers, the supervisor decides; and the pages are open to everybody."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from dispatch.models import Rectification, Slip
from tests.browser import violations
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import WorkOrder


def do(page: Page, order: WorkOrder, step: str, **typed: str) -> None:
    page.goto(f"/orders/{order.number}/")
    page.locator(f"[data-step={step}]").click()
    for name, words in typed.items():
        page.locator(f"#step [name={name}]").fill(words)
    page.locator("#step button.btn-primary").click()
    expect(page.locator("#messages .alert-success")).to_be_visible()


def test_a_slip_is_issued_answered_rejected_answered_again_and_accepted(
    recent: Road,
    log_in: Callable[..., Page],
    complaints: list[str],
) -> None:
    order = recent.to(Status.HANDLING)
    supervisor, unit = log_in(Role.SUPERVISOR), log_in(Role.HANDLER, recent.lead)
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
    recent: Road,
    log_in: Callable[..., Page],
    complaints: list[str],
) -> None:
    order = recent.to(Status.HANDLING)
    recent.act(order, "issue_slip")
    demanded = {"demanded_at": recent.now, "due_at": recent.now + timedelta(days=3), "cause": "grave_miss"}
    found = Rectification.objects.create(unit=recent.lead, **demanded)
    found.orders.add(order)
    page = log_in(Role.HANDLER, recent.lead, size)
    for path in (f"/orders/{order.number}/", "/rectifications/", f"/rectifications/{found.pk}/", "/notices/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert violations(page, "main") == [], path
    assert complaints == []
