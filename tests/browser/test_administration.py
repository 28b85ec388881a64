"""The supervisors' pages of the administration, the theme's frame included, hold for everybody: light and dark, desk and phone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from dispatch.models import Accountability, Rectification, Threshold
from evaluation import simulations, tasks
from tests.browser import SIZES, fits, violations
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import Policy

DESKS = ("alert", "slip", "rectification", "accountability", "threshold", "notice")


@pytest.fixture
def pages(recent: Road, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every desk with something on it, the form of a threshold, and a rule book that was simulated."""
    order, supervisor = recent.to(Status.HANDLING), recent.cast.of(Role.SUPERVISOR)
    recent.act(order, "issue_slip")
    due = {"due_at": recent.now + timedelta(days=3)}
    Rectification.objects.create(unit=recent.lead, demanded_at=recent.now, cause="grave_miss", **due).orders.add(order)
    Accountability.objects.create(unit=recent.lead, cause="slip", slip=order.slips.get(), raised_at=recent.now, **due)
    Threshold.objects.create(kind="volume", count=2, window=24, created_by=supervisor, level=1)
    policy = Policy.objects.get()
    monkeypatch.setattr(tasks.run_simulation, "delay", lambda pk: None)
    simulation = simulations.ask(policy, 30, actor=supervisor, now=recent.now)
    simulations.run(simulation.pk, now=recent.now)
    return [
        *(f"/admin/dispatch/{name}/" for name in DESKS),
        "/admin/dispatch/threshold/add/",
        f"/admin/dispatch/accountability/{Accountability.objects.get().pk}/change/",
        "/admin/workorders/policy/",
        f"/admin/workorders/policy/{policy.pk}/change/",
    ]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.proof
def test_every_page_of_the_supervisors_holds_with_its_frame(
    size: str, pages: list[str], log_in: Callable[..., Page], complaints: list[str]
) -> None:
    page = log_in(Role.SUPERVISOR, size=size)
    for path in pages:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert fits(page), path
        for is_dark in (False, True):
            page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", is_dark)
            assert violations(page) == [], (path, is_dark)
    assert complaints == []


def test_a_units_supervisor_has_figures_on_a_phone(
    recent: Road, log_in: Callable[..., Page], complaints: list[str]
) -> None:
    recent.to(Status.HANDLING)
    page = log_in(Role.SUPERVISOR, recent.lead.parent, "phone")
    page.clock.install()
    page.goto("/admin/")
    page.clock.run_for(11_000)
    assert page.locator("#figures .figure").count() > 8
    expect(page.locator("#board-lost")).to_be_hidden()
    assert (fits(page), violations(page)) == (True, [])
    assert complaints == []
