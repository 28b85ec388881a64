"""A seat that was left is closed and loses nothing; the pages of accounts hold for everybody."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Page, Request, expect

from config.cast import Cast
from tests.browser import PASSWORD, fits, violations
from tests.roads import Road
from workorders import passwords
from workorders.access_requests import change_access
from workorders.lifecycle import Role
from workorders.models import AccountEvent, Policy, User


def rest_of_all(minutes: int) -> None:
    """Nobody touched anything for so long."""
    for row in Session.objects.all():
        data: Any = row.get_decoded()
        row.session_data = Session.get_session_store_class()().encode({**data, "seen": data["seen"] - minutes * 60})
        row.save()


def log_in_in(page: Page, username: str) -> None:
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form.card button").click()
    page.wait_for_url(lambda address: "/login/" not in address)


def test_a_form_of_the_console_outlives_the_end_of_the_session(log_in: Callable[..., Page], recent: Road) -> None:
    order = recent.to("registered")
    page = log_in(Role.OPERATOR)
    page.goto(f"/orders/{order.number}/")
    page.locator("[data-step=note]").first.click()
    page.locator("#step [name=text]").fill("话还没说完")
    rest_of_all(61)
    page.locator("#step button.btn-primary").click()
    with page.context.expect_page() as opened:
        page.locator("#logged-out a").first.click()
    log_in_in(opened.value, "operator")
    with page.expect_navigation():
        page.locator("#step button.btn-primary").click()
    assert order.events.get(step="note").data["text"] == "话还没说完"
    assert AccountEvent.objects.filter(kind="timed_out").count() == 1


def test_so_does_a_form_of_the_administration(log_in: Callable[..., Page], cast: Cast) -> None:
    page = log_in(Role.ADMINISTRATOR)
    page.goto("/admin/workorders/policy/add/")
    page.locator("[name=purpose]").fill("写了半天的理由")
    rest_of_all(16)
    page.locator("[name=_save]").click()
    with page.context.expect_page() as opened:
        page.locator("#session-over a").click()
    log_in_in(opened.value, "admin")
    with page.expect_navigation():
        page.locator("[name=_save]").click()
    assert Policy.objects.get(state="proposed").purpose == "写了半天的理由"


def test_a_page_that_only_asks_by_itself_is_unattended(log_in: Callable[..., Page], recent: Road) -> None:
    page = log_in(Role.OPERATOR)
    asked: list[bool] = []

    def note(request: Request) -> None:
        if "/work/" in request.url:
            asked.append("x-unattended" in request.headers)

    page.on("request", note)
    page.evaluate("htmx.trigger(document.querySelector('[data-pauses]'), 'look')")
    page.wait_for_timeout(500)
    page.evaluate("htmx.trigger(document.querySelector('[data-pauses]'), 'look')")
    page.wait_for_timeout(500)
    page.keyboard.press("Shift")
    page.evaluate("htmx.trigger(document.querySelector('[data-pauses]'), 'look')")
    page.wait_for_timeout(500)
    assert asked[-2:] == [True, False]


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.proof
def test_the_pages_of_accounts_hold_for_everybody(
    size: str, log_in: Callable[..., Page], cast: Cast, complaints: list[str]
) -> None:
    operator, admin = cast.of(Role.OPERATOR), cast.of(Role.ADMINISTRATOR)
    facts: dict[str, Any] = {"unit": operator.unit, "active": True, "actor": admin, "now": timezone.now()}
    request = change_access(operator, roles=["operator", "auditor"], **facts, purpose="代班")
    assert request
    link = f"/account/link/{passwords.issue_link(operator, actor=admin, now=timezone.now())}/"
    pages = {
        Role.ADMINISTRATOR: [
            "/admin/workorders/user/",
            "/admin/workorders/user/add/",
            f"/admin/workorders/user/{operator.pk}/change/",
            f"/admin/workorders/user/{admin.pk}/change/",
            f"/admin/workorders/accessrequest/{request.pk}/change/",
        ],
        Role.SUPERVISOR: [f"/admin/workorders/accessrequest/{request.pk}/change/"],
        Role.AUDITOR: ["/admin/workorders/accountevent/", "/account/password/", link, "/account/link/x/"],
    }
    for role, paths in pages.items():
        page = log_in(role, size=size)
        for path in paths:
            page.goto(path)
            page.wait_for_load_state("networkidle")
            assert fits(page), path
            assert violations(page) == [], path
        if role == Role.ADMINISTRATOR:
            page.goto(f"/admin/workorders/user/{operator.pk}/change/")
            page.locator("form.account-note button").click()
            expect(page.locator("pre")).to_contain_text("/account/link/")
            assert violations(page) == []
    assert [words for words in complaints if "410" not in words] == []
    assert User.objects.get(pk=operator.pk).roles == ["operator"]
