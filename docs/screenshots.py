"""Take the pictures of docs/screens/ from a running demo: `make run` in one terminal, `make screens` in another."""

import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

SITE = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
FOLDER = Path(__file__).parent / "screens"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SIZES = {"": {"width": 1440, "height": 900}, "-phone": {"width": 390, "height": 844}}
PAGES = [
    # name, user, path, what to open on it
    ("login", "", "/login/", ""),
    ("search", "supervisor", "/orders/?view=all&q=施工", ""),
    ("orders", "supervisor", "/orders/?view=open&sort=deadline", ""),
    ("order", "supervisor", "/orders/?view=all&status=closed&sort=newest", ".orders .matter a"),
    ("dispatch", "dispatcher", "/orders/?view=all&status=accepted", ".orders .matter a, [data-step=dispatch]"),
    ("callback", "callback", "/callbacks/", ""),
    ("registration", "operator", "/intake/registration/", ""),
    ("admin", "admin", "/admin/", ""),
    ("dashboard", "supervisor", "/admin/", ""),
    ("admin-alerts", "supervisor", "/admin/dispatch/alert/", "#rows a"),
    ("admin-thresholds", "supervisor", "/admin/dispatch/threshold/", ""),
    ("slips", "supervisor", "/admin/dispatch/slip/", ""),
    ("rectification", "supervisor", "/rectifications/", ""),
    ("messages", "supervisor", "/notices/", ""),
    ("policy", "supervisor", "/admin/workorders/policy/2/change/", ""),
    ("admin-policy", "admin", "/admin/workorders/policy/", ""),
    ("admin-calendar", "admin", "/admin/workorders/calendarday/", ""),
]


def log_in(page: Page, user: str) -> None:
    page.goto(f"{SITE}/login/")
    page.locator("[name=username]").fill(user)
    page.locator("[name=password]").fill(os.environ.get("DEMO_PASSWORD", "jiesu-demo"))
    page.locator("form.card button").click()
    page.wait_for_url("**/orders/**")


def take(browser: Browser, size: str, name: str, user: str, path: str, clicks: str) -> None:
    context = browser.new_context(viewport=SIZES[size], locale="zh-CN", color_scheme="light")  # type: ignore[arg-type]
    page = context.new_page()
    if user:
        log_in(page, user)
    page.goto(SITE + path)
    for selector in filter(None, clicks.split(", ")):
        page.locator(selector).first.click()
        page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)
    page.screenshot(path=FOLDER / f"{name}{size}.png")
    context.close()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    wanted = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for size in SIZES:
            for name, *rest in PAGES:
                if not wanted or name in wanted:
                    take(browser, size, name, *rest)


if __name__ == "__main__":
    main()
