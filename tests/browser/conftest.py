"""A real chromium, and somebody of any role logged in with it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from config.cast import Cast
from tests.browser import PASSWORD, SIZES
from tests.conftest import CHROMIUM
from workorders.lifecycle import Role
from workorders.models import Unit

# Playwright keeps an event loop in this thread; Django would refuse the plain queries of a test beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


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
    """What the browser's console complained of: errors of scripts, of the security policy, of missing files."""
    return []


@pytest.fixture
def log_in(browser: Browser, live_server: Any, cast: Cast, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    contexts = []

    def open_page(role: Role, unit: Unit | None = None, size: str = "desk", locale: str = "zh-CN") -> Page:
        # Without transitions: half-way through one, a colour is neither the one nor the other.
        context = browser.new_context(
            viewport=SIZES[size],  # type: ignore[arg-type]
            locale=locale,
            base_url=live_server.url,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/")
        page.locator("[name=username]").fill(cast.of(role, unit).username)
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("form.card button").click()
        page.wait_for_url("**/orders/**")
        return page

    yield open_page
    for context in contexts:
        context.close()
