"""Two people put a rule in force in a real browser, after they saw what it changes and what it would have done."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect, sync_playwright

from config.cast import Cast
from evaluation import tasks
from tests.conftest import CHROMIUM
from tests.roads import Road
from tests.test_browser import FLAGS, PASSWORD, SIZES
from workorders.lifecycle import Role, Status
from workorders.models import Policy

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed")]

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

AXE = Path(__file__).parent.parent / "node_modules/axe-core/axe.min.js"
OURS = {"include": [["#content"]]}  # the frame around it is the theme's
VIOLATIONS = "async where => (await axe.run(where)).violations.map(one => one.id + ' ' + one.nodes[0].html)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def cast(committed: None) -> Cast:
    return Cast(PASSWORD)


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def log_in(browser: Browser, live_server: Any, cast: Cast, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    contexts = []

    def open_page(role: Role, size: str = "desk", locale: str = "en-GB") -> Page:
        context = browser.new_context(viewport=SIZES[size], locale=locale, base_url=live_server.url)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/login/")
        page.locator("[name=username]").fill(cast.of(role).username)
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("form.card button").click()
        page.wait_for_url("**/orders/**")
        return page

    yield open_page
    for context in contexts:
        context.close()


def violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(VIOLATIONS, OURS)


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
    log_in: Callable[..., Page], cast: Cast, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = Road(cast, timezone.now() - timedelta(days=2)).to(Status.CALLBACK)
    monkeypatch.setattr(tasks.run_simulation, "delay", lambda pk: None)
    first = log_in(Role.ADMINISTRATOR)
    propose(first)
    expect(first.locator("#content")).to_contain_text("6 minutes")
    expect(first.locator("#content")).to_contain_text("shorter")
    expect(first.get_by_role("button", name="Approve")).to_have_count(0)
    policy = Policy.objects.get(version=2)

    second = log_in(Role.SUPERVISOR)
    second.goto(f"/admin/workorders/policy/{policy.pk}/change/")
    second.get_by_role("button", name="Simulate").click()
    expect(second.locator("#simulations")).to_contain_text("Waiting for a worker")
    tasks.run_waiting_simulations()
    expect(second.locator("#simulations")).to_contain_text(order.spoken_number)
    expect(second.locator("#simulations")).to_contain_text("would have been late")
    expect(second.locator("#simulations")).to_contain_text("100.0 % → ")
    assert violations(second) == []
    second.get_by_role("button", name="Approve").click()
    expect(second.locator("#content")).to_contain_text("Approved, not yet in effect")
    expect(second.locator("#content")).to_contain_text(str(cast.of(Role.SUPERVISOR)))
    policy.refresh_from_db()
    assert (policy.state, policy.decided_by) == ("approved", cast.of(Role.SUPERVISOR))
    assert complaints == []


@pytest.mark.parametrize("size", SIZES)
def test_the_pages_hold_for_everybody_and_fit_every_screen(size: str, log_in: Callable[..., Page]) -> None:
    page = log_in(Role.ADMINISTRATOR, size=size)
    propose(page)
    shown = page.url
    for path in (shown, "/admin/workorders/policy/", "/admin/workorders/policy/add/"):
        page.goto(path)
        if path == shown:
            assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_in_the_dark_everything_can_still_be_read(log_in: Callable[..., Page]) -> None:
    page = log_in(Role.ADMINISTRATOR)
    page.emulate_media(color_scheme="dark")
    propose(page)
    assert violations(page) == []
