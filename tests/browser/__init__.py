"""What all browser tests need: hands, eyes, and the size of a screen."""

from pathlib import Path

from django.conf import settings
from playwright.sync_api import Page, expect

PASSWORD = "hotline-at-three"
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
AXE = Path(settings.BASE_DIR) / "node_modules/axe-core/axe.min.js"


def do(page: Page, step: str, **typed: str) -> None:
    """Press the step's button on the order's page, fill its form where it has one, send it, arrive on the page again."""
    button, form = page.locator(f"[data-step={step}]"), page.locator("#step form")
    if typed:
        button.click()
    for name, value in typed.items():
        field = form.locator(f"[name={name}]").first
        if field.get_attribute("type") == "radio":
            form.locator(f"[name={name}][value={value}]").check()
        elif field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    with page.expect_navigation():
        (form.locator("button.btn-primary") if typed else button).click()
    expect(page.locator("#messages .alert-success")).to_be_visible()


def violations(page: Page, within: str = "body") -> list[str]:
    """What axe-core finds wrong for people with disabilities, WCAG 2.2 AA included."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("within => axe.run(within, {resultTypes: ['violations']})", within)
    return [
        f"{one['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def awake(page: Page) -> None:
    """Wait until the order on the screen takes keys: a second after it has appeared, and after its form has."""
    page.wait_for_load_state()
    page.wait_for_selector("html:not([data-asleep])")
