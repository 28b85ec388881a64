"""Take the pictures of docs/screens/ from a running demo: `make run` in one terminal, `make screens` in another."""

import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

SITE = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
FOLDER = Path(__file__).parent / "screens"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SIZES = {"": {"width": 1440, "height": 900}, "-phone": {"width": 390, "height": 844}}
HANDLER, REVIEWER = "j110105032-handler", "j110105032-reviewer"
# What is typed is "selector := text"; what is only a selector is pressed.
CALL = (
    "[name=phone] := 13900005678",
    "[name=matter] := 幸福里小区北门工地夜间施工到凌晨两点，噪音很大，老人孩子无法入睡，希望尽快处理。",
)
PAGES: list[tuple[str, str, str, tuple[str, ...]]] = [
    # name, user, path, what to do on it
    ("login", "", "/login/", ()),
    ("search", "supervisor", "/orders/?view=all&q=施工", ()),
    ("orders", "supervisor", "/orders/?view=open&sort=deadline", ()),
    ("order", "supervisor", "/orders/?view=all&status=closed&sort=newest", (".orders .matter a",)),
    ("palette", "supervisor", "/orders/?view=open", ("[data-opens=palette]", "#palette input := 路灯")),
    ("reception", "operator", "/reception/", CALL),
    ("triage-queue", "operator", "/reception/queue/", ()),
    ("triage", "operator", "/reception/queue/", (".queue .matter a",)),
    ("dispatch", "dispatcher", "/dispatch/", ()),
    ("requests", "dispatcher", "/dispatch/requests/", ()),
    ("meeting", "dispatcher", "/orders/?view=all&status=consulting", (".orders .matter a",)),
    ("unit", HANDLER, "/unit/", ()),
    ("unit-order", HANDLER, "/unit/", (".cards a",)),
    ("callback", "callback", "/callbacks/", ()),
    ("admin", "admin", "/admin/", ()),
    ("admin-texts", "admin", "/admin/workorders/standardtext/", ()),
    ("dashboard", "supervisor", "/admin/", ()),
    ("admin-alerts", "supervisor", "/admin/dispatch/alert/", ("#rows a",)),
    ("admin-thresholds", "supervisor", "/admin/dispatch/threshold/", ()),
    ("slips", "supervisor", "/admin/dispatch/slip/", ()),
    ("rectification", "supervisor", "/rectifications/", ()),
    ("messages", "supervisor", "/notices/", ()),
    ("policy", "supervisor", "/admin/workorders/policy/2/change/", ()),
    ("admin-policy", "admin", "/admin/workorders/policy/", ()),
    ("admin-calendar", "admin", "/admin/workorders/calendarday/", ()),
]


def log_in(page: Page, user: str) -> None:
    page.goto(f"{SITE}/login/")
    page.locator("[name=username]").fill(user)
    page.locator("[name=password]").fill(os.environ.get("DEMO_PASSWORD", "jiesu-demo"))
    page.locator("form.card button").click()
    page.wait_for_url("**/orders/**")


def take(browser: Browser, size: str, name: str, user: str, path: str, deeds: tuple[str, ...]) -> None:
    context = browser.new_context(viewport=SIZES[size], locale="zh-CN", color_scheme="light")  # type: ignore[arg-type]
    page = context.new_page()
    if user:
        log_in(page, user)
    page.goto(SITE + path)
    for deed in deeds:
        do(page, deed)
    page.wait_for_timeout(400)
    page.screenshot(path=FOLDER / f"{name}{size}.png")
    context.close()


def do(page: Page, deed: str) -> None:
    selector, _, typed = deed.partition(" := ")
    field = page.locator(selector).first
    field.click()
    if typed:
        field.press_sequentially(typed)
        page.wait_for_timeout(1500)  # what stands beside it is asked for when one pauses
    page.wait_for_load_state("networkidle")


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
