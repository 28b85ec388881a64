"""Two people put a rule in force in a real browser, after they saw what it changes and what it would have done."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.cast import Cast
from evaluation import tasks
from tests.browser import SIZES, violations
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import Policy


@pytest.fixture
def open_as(log_in: Callable[..., Page]) -> Callable[..., Page]:
    return partial(log_in, locale="en-GB")


def propose(page: Page) -> None:
    page.goto("/admin/workorders/policy/add/")
    page.locator("[name=effective_from_0]").fill("2031-01-01")
    page.locator("[name=effective_from_1]").fill("00:00:00")
    page.locator("[name=purpose]").fill("First contact within twelve hours")
    rules = page.locator("[name=source]")
    rules.fill(rules.input_value().replace("ordinary = { value = 24,", "ordinary = { value = 0.1,"))
    page.locator("[name=_save]").click()
    page.wait_for_url("**/change/")


def test_two_people_put_a_rule_in_force_after_they_saw_what_it_would_have_done(
    open_as: Callable[..., Page], cast: Cast, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = Road(cast, timezone.now() - timedelta(days=2)).to(Status.CALLBACK)
    monkeypatch.setattr(tasks.run_simulation, "delay", lambda pk: None)
    first = open_as(Role.ADMINISTRATOR)
    propose(first)
    expect(first.locator("#content")).to_contain_text("6 minutes")
    expect(first.locator("#content")).to_contain_text("shorter")
    expect(first.get_by_role("button", name="Approve")).to_have_count(0)
    policy = Policy.objects.get(version=2)

    second = open_as(Role.SUPERVISOR)
    second.goto(f"/admin/workorders/policy/{policy.pk}/change/")
    second.get_by_role("button", name="Simulate").click()
    expect(second.locator("#simulations")).to_contain_text("Waiting for a worker")
    tasks.run_waiting_simulations()
    expect(second.locator("#simulations")).to_contain_text(order.spoken_number)
    expect(second.locator("#simulations")).to_contain_text("would have been late")
    expect(second.locator("#simulations")).to_contain_text("100.0% → ")
    assert violations(second, "#content") == []
    second.get_by_role("button", name="Approve").click()
    expect(second.locator("#content")).to_contain_text("Approved, not yet in effect")
    expect(second.locator("#content")).to_contain_text(str(cast.of(Role.SUPERVISOR)))
    policy.refresh_from_db()
    assert (policy.state, policy.decided_by) == ("approved", cast.of(Role.SUPERVISOR))
    assert complaints == []


@pytest.mark.parametrize("size", SIZES)
def test_the_pages_hold_for_everybody_and_fit_every_screen(size: str, open_as: Callable[..., Page]) -> None:
    page = open_as(Role.ADMINISTRATOR, size=size)
    propose(page)
    shown = page.url
    for path in (shown, "/admin/workorders/policy/", "/admin/workorders/policy/add/"):
        page.goto(path)
        if path == shown:
            assert violations(page, "#content") == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_in_the_dark_everything_can_still_be_read(open_as: Callable[..., Page]) -> None:
    page = open_as(Role.ADMINISTRATOR)
    page.emulate_media(color_scheme="dark")
    propose(page)
    assert violations(page, "#content") == []
