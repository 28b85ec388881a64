"""Every page that a menu opens, for every role, and every page that says no: whole, light and dark, large and small."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import AXE, SIZES, fits
from tests.roads import Road
from workorders.lifecycle import Role
from workorders.models import WorkOrder

# At 200 % a desk's screen is half as wide in CSS pixels; 320 is what is left of it at 400 % (WCAG 1.4.10).
ZOOMED = {"200 %": {"width": 720, "height": 450}, "400 %": {"width": 320, "height": 640}}
AT_UNIT = (Role.HANDLER, Role.REVIEWER)
RUN = """async ([code, rules]) => {
    if (!window.axe) (0, eval)(code);
    const options = {resultTypes: ["violations"], ...(rules && {runOnly: rules})};
    const {violations} = await axe.run(document, options);
    return violations.flatMap(({id, nodes}) => nodes.map((node) => `${id}: ${node.html.slice(0, 150)} ${node.failureSummary}`));
}"""


LOOKS = (
    ("desk", "light", None),
    ("phone", "dark", None),
    ("desk", "dark", ["color-contrast"]),
    ("phone", "light", ["color-contrast"]),
)


def look_at(page: Page, what: str, *, zooms: bool = True, again: bool = False) -> Iterator[str]:
    """What is wrong with the page as it stands, if anything."""
    for size, theme, rules in LOOKS[:1] if again else LOOKS:
        page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
        page.evaluate("theme => (document.documentElement.dataset.bsTheme = theme)", theme)
        yield from (f"{what}, {size}, {theme}: {one}" for one in page.evaluate(RUN, [AXE.read_text("utf-8"), rules]))
    yield from (f"{what} is cut off at {name}" for name, size in _widths(zooms) if not fits_at(page, size))
    page.set_viewport_size(SIZES["desk"])  # type: ignore[arg-type]


def _widths(zooms: bool) -> list[tuple[str, Any]]:
    return [*SIZES.items(), *(ZOOMED.items() if zooms else ())]


def fits_at(page: Page, size: Any) -> bool:
    page.set_viewport_size(size)
    return fits(page)


def menu_of(page: Page) -> list[str]:
    addresses = page.locator("header nav a").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    return [address for address in addresses if not address.startswith("/admin/")]


def post(page: Page, address: str, **fields: str) -> None:
    """A form as it is sent without scripts."""
    page.evaluate(
        """([address, fields]) => {
        window.isLeft = true;
        const form = Object.assign(document.createElement("form"), {method: "post", action: address});
        for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement("input"), {name, value}));
        document.body.append(form);
        HTMLFormElement.prototype.submit.call(form);
    }""",
        [address, fields],
    )
    page.wait_for_function("!window.isLeft && document.readyState === 'complete'")


def token(page: Page) -> str:
    return page.locator("[name=csrfmiddlewaretoken]").first.input_value()


@pytest.mark.proof
def test_every_page_of_every_menu_is_open_to_everybody_and_cut_off_nowhere(
    log_in: Callable[..., Page], recent: Road
) -> None:
    for status in ("registered", "accepted", "handling", "reported", "callback", "closed"):
        recent.to(status, matter=f"夜间施工噪音扰民，{'影响休息' * 12}", address="酒仙桥路10号院" * 4)
    wrong: list[str] = []
    seen: set[str] = set()
    for role in Role:
        page = log_in(role, recent.lead if role in AT_UNIT else None)
        for address in menu_of(page):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            wrong += look_at(page, f"{role} {address}", again=address in seen)
            seen.add(address)
    assert wrong == []


def test_what_opens_on_a_page_is_open_to_everybody(log_in: Callable[..., Page], recent: Road) -> None:
    order = recent.to("accepted", matter="夜间施工噪音扰民")
    page = log_in(Role.DISPATCHER)
    wrong: list[str] = []
    for address, opens in (
        ("/orders/?q=施工&view=all", "[data-opens=palette]"),
        ("/orders/?view=all", "[data-opens=keys]"),
        ("/orders/?view=all&status=accepted", ".me summary"),
        ("/orders/?view=all", ".filters .drop summary"),
        ("/orders/?view=all", ".over-rows .drop summary"),
        (f"/orders/{order.number}/", "[data-step=consult]"),
    ):
        page.goto(address)
        page.locator(opens).first.click()
        page.wait_for_load_state("networkidle")
        wrong += look_at(page, f"{address} {opens}")
    assert wrong == []


def refusing(page: Page, order: WorkOrder) -> Iterator[str]:
    """Brings the page to each that says no, one after the other."""
    steps = f"/orders/{order.number}/steps"
    for address in ("/no/such/page/", "/orders/2611220000000/", "/callbacks/", f"{steps}/sign/", "/orders/?sought=x"):
        page.goto(address)
        yield address
    page.goto(f"{steps}/recall/")
    post(page, f"{steps}/recall/", version="1", reason="派错了单位", csrfmiddlewaretoken=token(page))
    yield "a stale form"
    page.goto("/orders/")
    post(page, f"{steps}/consult/", version="1", reason="职责交叉", csrfmiddlewaretoken=token(page))
    yield "a step that is not possible any more"
    post(page, "/views/", name="", csrfmiddlewaretoken=token(page))
    yield "a view that cannot be kept"
    post(page, f"{steps}/note/", text="补充", csrfmiddlewaretoken="old")
    yield "a page older than the last log-in"
    page.goto("/orders/")
    post(page, f"{steps}/note/", text="长" * 1_000_000, csrfmiddlewaretoken=token(page))
    yield "more than the server takes"


@pytest.mark.proof
def test_every_page_that_says_no_is_open_to_everybody_and_leads_on(
    log_in: Callable[..., Page], recent: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = recent.to("dispatched")
    page, wrong = log_in(Role.DISPATCHER), []
    for what in refusing(page, order):
        wrong += look_at(page, what, zooms=False)
        expect(page.locator("main h1")).to_have_count(1)
        assert page.locator("main :is(a[href], button)").count(), f"{what} leads nowhere"
    monkeypatch.setattr("workorders.selectors.listing", lambda *_, **__: 1 / 0)
    page.goto("/orders/")
    wrong += look_at(page, "an error of the server", zooms=False)
    page.context.clear_cookies()
    for address in ("/orders/", "/login/?next=/orders/&kept=1", "/no/such/page/"):
        page.goto(address)
        wrong += look_at(page, f"{address} logged out")
    page.goto("/login/")
    page.locator("[name=username]").fill("nobody")
    page.locator("[name=password]").fill("nothing")
    page.locator("form.card button").click()
    expect(page.locator(".alert-danger")).to_be_visible()
    wrong += look_at(page, "a wrong password")
    assert wrong == []
    assert order.events.count() == order.version
