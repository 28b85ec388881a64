"""What every page of the console has, as people meet it: palette, keys, new work, two versions, lost connections, ended sessions."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from config.cast import Cast
from tests.browser import PASSWORD, SIZES, do, fits, violations
from tests.feeds import alone  # noqa: F401
from tests.media import PNG
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import WorkOrder


def look(page: Page) -> None:
    """Asks for new work as the page does every half minute."""
    with page.expect_response("**/work/**"):
        page.evaluate("document.querySelectorAll('.work').forEach((one) => htmx.trigger(one, 'look'))")


def on(order: WorkOrder) -> str:
    return f"/orders/{order.number}/"


def open_step(page: Page, step: str) -> Any:
    page.locator(f"[data-step={step}]").first.click()
    form = page.locator("#step form")
    expect(form).to_be_visible()
    return form


def end_session(page: Page) -> None:
    page.context.clear_cookies(name="sessionid")


def log_in_again(page: Page, username: str) -> None:
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form.card button").click()


def every_element_has_its_key_by_its_attribute(page: Page) -> None:
    page.goto("/orders/")
    page.evaluate("""() => {
        for (const [key, tag] of [["j", "button"], ["Alt+2", "button"], ["F2", "input"]]) {
            const one = document.createElement(tag);
            one.setAttribute("aria-keyshortcuts", key);
            one.dataset.keyLabel = "键 " + key;
            one.setAttribute("aria-label", key);
            one.onclick = () => (document.body.dataset.pressed = key);
            document.querySelector("main").prepend(one);
        }
    }""")
    for key in ("j", "Alt+2"):
        page.keyboard.press(key)
        expect(page.locator("body")).to_have_attribute("data-pressed", key)
    page.keyboard.press("F2")
    expect(page.locator("input[aria-label=F2]")).to_be_focused()


def test_palette_and_keys_lead_everywhere_without_the_mouse(
    log_in: Callable[..., Page], recent: Road, complaints: list[str]
) -> None:
    order = recent.to("accepted", matter="幸福里小区路灯不亮")
    page = log_in(Role.DISPATCHER)
    page.keyboard.press("Control+k")
    asked, options = page.get_by_role("combobox", name=re.compile("前往|Go to")), page.locator("#palette [role=option]")
    expect(asked).to_be_focused()
    expect(options.first).to_be_visible()
    assert violations(page) == []
    asked.fill("路灯")
    expect(options.first).to_contain_text(order.spoken_number)
    assert asked.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{on(order)}")

    page.locator("[data-step=consult]").focus()
    page.keyboard.press("Control+k")
    asked.fill("没有这样的东西")
    expect(page.locator("#palette .said")).not_to_be_empty()
    page.keyboard.press("Escape")
    expect(page.locator("[data-step=consult]")).to_be_focused()
    page.keyboard.press("Control+k")
    dispatch = page.locator("main [data-step=dispatch]").inner_text()
    asked.fill(dispatch)
    expect(options.first).to_have_text(dispatch)
    page.keyboard.press("Enter")
    expect(page.locator("#step [name=lead]").first).to_be_focused()

    page.locator("#step [name=lead][type=text]").focus()
    page.keyboard.type("?/n")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#step form")).to_have_count(0)
    page.keyboard.press("?")
    keys = page.locator("#keys")
    expect(keys).to_be_visible()
    assert {"/", "K", "?"} <= set(keys.locator("dl").first.locator("kbd").all_inner_texts())
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()

    every_element_has_its_key_by_its_attribute(page)
    page.locator(".me summary").click()
    page.locator("#single-keys").uncheck()
    page.keyboard.press("?")
    expect(keys).to_be_hidden()
    page.locator("[data-opens=keys]").click()
    expect(keys).to_contain_text("键 Alt+2")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(asked).to_be_focused()
    assert complaints == []


def test_new_work_announces_itself_without_a_reload(
    log_in: Callable[..., Page], recent: Road, complaints: list[str]
) -> None:
    first = recent.to("accepted")
    page = log_in(Role.DISPATCHER)
    expect(page.locator("#to-do")).to_contain_text("1")
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    row = page.locator("#rows tbody tr").first
    before = row.bounding_box()
    recent.to("accepted"), recent.to("accepted")
    look(page)
    expect(page.locator("#work .fresh")).to_contain_text("2")
    expect(page).to_have_title(re.compile(r"^\(3\) "))
    assert row.bounding_box() == before, "what one reads does not move"
    assert violations(page) == []
    page.locator("#work .fresh a").click()
    expect(page.locator("#rows tbody tr")).to_have_count(3)
    expect(page.locator("#work .fresh")).to_have_count(0)

    page.goto(on(first))
    page.wait_for_load_state("networkidle")
    recent.to("accepted")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate("htmx.trigger('.work', 'look')")
    page.wait_for_timeout(200)
    expect(page.locator("#work .fresh")).to_have_count(0)
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#work .fresh")).to_contain_text("1")
    assert complaints == []


def test_of_two_who_work_on_one_order_the_second_sees_both_versions_and_loses_nothing(
    log_in: Callable[..., Page], recent: Road
) -> None:
    order = recent.to("accepted")
    first, second = log_in(Role.DISPATCHER), log_in(Role.DISPATCHER)
    for page in (first, second):
        page.goto(on(order))
    form = open_step(second, "dispatch")
    form.locator("[name=instructions]").fill("请当天到场核实")
    other = open_step(first, "regrade")
    other.locator("[name=grade]").select_option("emergency")
    other.locator("[name=reason]").fill("现场有人员被困")
    with first.expect_navigation():
        other.locator("[name=reason]").press("Control+Enter")
    form.locator("button.btn-primary").click()
    expect(second.locator(".changes del").first).to_be_visible()
    assert "现场有人员被困" in second.locator(".changes").inner_text()
    expect(second.locator("#step [name=instructions]")).to_have_value("请当天到场核实")
    assert violations(second) == []
    assert WorkOrder.objects.get().status == "accepted", "nothing happened yet"
    with second.expect_navigation():
        second.locator("#step form button.btn-primary").click()
    assert WorkOrder.objects.get().status == "dispatched"

    first.goto(on(order))
    form = open_step(second, "recall")
    form.locator("[name=reason]").fill("不属于该单位职责，需重新研究")
    do(first, "recall", reason="派错了单位")
    form.locator("button.btn-primary").click()
    expect(second.locator("#step textarea[readonly]")).to_have_value("不属于该单位职责，需重新研究")
    expect(second.locator("#step [data-step=dispatch]")).to_be_visible()
    assert violations(second) == []


def too_much_is_said_before_it_is_sent(form: Any, folder: Path) -> None:
    words = form.locator("[name=text]")
    large, fine = folder / "录像.mp4", folder / "照片.png"
    large.write_bytes(bytes(30 * 1024 * 1024))
    fine.write_bytes(PNG)
    form.locator("[name=files]").set_input_files([str(large), str(fine)])
    expect(form.locator(".refused")).to_contain_text("录像.mp4")
    expect(form.locator(".refused")).to_contain_text("20 MB")
    assert form.locator("[name=files]").evaluate("(field) => [...field.files].map((file) => file.name)") == ["照片.png"]
    words.fill("长" * 3990)
    expect(form.locator(".counter")).to_contain_text("10")
    words.fill("长" * 4005)
    expect(form.locator(".counter.error")).to_contain_text("5")


def test_a_lost_connection_a_slow_answer_and_a_failed_server_are_shown_and_lose_nothing(
    log_in: Callable[..., Page], recent: Road, tmp_path: Path
) -> None:
    order = recent.to("handling")
    page = log_in(Role.HANDLER, recent.lead)
    page.goto(on(order))
    form = open_step(page, "progress")
    words = form.locator("[name=text]")
    words.fill("已到现场，更换灯具。")
    send, steps = form.locator("button.btn-primary"), "**/steps/progress/"

    page.route("**/*", lambda route: route.abort("internetdisconnected"))
    send.click()
    expect(page.locator("#offline")).not_to_be_empty()
    assert violations(page) == []
    expect(words).to_have_value("已到现场，更换灯具。")
    page.unroute("**/*")
    expect(page.locator("#offline")).to_be_empty(timeout=8000)
    expect(page.locator("#online")).not_to_be_empty()

    page.route(steps, lambda route: route.fulfill(status=500, headers={"X-Request-Id": "abc123def456"}, body="Error"))
    send.click()
    expect(form.locator(".failed")).to_contain_text("abc123def456")
    page.unroute(steps)
    page.route(steps, lambda route: route.fulfill(status=413, body="too large"))
    send.click()
    expect(form.locator(".failed")).not_to_contain_text("abc123def456")
    page.unroute(steps)
    assert violations(page) == []

    held: list[Route] = []
    page.route(steps, lambda route: held.append(route))
    send.click()
    expect(page.locator("#progress")).to_be_visible()
    expect(form).to_have_attribute("aria-busy", "true")
    send.click()
    assert len(held) == 1, "sent once"
    held[0].fulfill(status=503, body="")
    expect(page.locator("#progress")).to_be_hidden()
    page.unroute(steps)

    too_much_is_said_before_it_is_sent(form, tmp_path)
    send.click()
    expect(page.locator("#step .has-error [name=text]")).to_be_focused()
    assert len(page.locator("#step [name=text]").input_value()) == 4005
    assert violations(page) == []
    page.locator("#step [name=text]").fill("已到现场，更换灯具。")
    with page.expect_navigation():
        page.locator("#step form button.btn-primary").click()
    expect(page.locator("#messages .alert-success")).to_be_visible()
    assert order.events.filter(step="progress").count() == 1


def test_after_the_end_of_the_session_nothing_typed_is_lost(
    log_in: Callable[..., Page], recent: Road, cast: Cast
) -> None:
    order = recent.to("handling")
    page, username = log_in(Role.HANDLER, recent.lead), cast.of(Role.HANDLER, recent.lead).username
    page.goto(on(order))
    words = open_step(page, "progress").locator("[name=text]")
    words.fill("写到一半的反馈")
    end_session(page)
    page.locator("#step button.btn-primary").click()
    bar = page.locator("#logged-out")
    expect(bar.locator("a")).to_have_count(2)
    expect(words).to_have_value("写到一半的反馈")
    assert violations(page) == []

    with page.context.expect_page() as opened:
        bar.locator("a").first.click()
    log_in_again(opened.value, username)
    opened.value.wait_for_url("**/orders/**")
    with page.expect_navigation():
        page.locator("#step button.btn-primary").click()
    expect(page.locator("#messages .alert-success")).to_be_visible()
    assert order.events.get(step="progress").data["text"] == "写到一半的反馈", "with the token of the new log-in"

    open_step(page, "note").locator("[name=text]").fill("还没发出的备注")
    end_session(page)
    page.locator("#step button.btn-primary").click()
    bar.locator("a").last.click()
    log_in_again(page, username)
    page.wait_for_url(f"**{on(order)}")
    page.locator(".unsent button").click()
    expect(page.locator("#step [name=text]")).to_have_value("还没发出的备注")
    expect(page.locator("#step .kept")).to_be_visible()
    assert violations(page) == []
    page.locator("[data-discard]").click()
    expect(page.locator("#step [name=text]")).to_have_value("")
    page.locator("#step [name=text]").fill("别人不该看到的话")
    page.locator(".me summary").click()
    page.locator("[data-logs-out] button").click()
    page.wait_for_url("**/login/**")
    assert not page.evaluate("Object.keys(sessionStorage).filter((name) => name.startsWith('keep:')).length")


def test_a_registration_sent_after_the_end_of_the_session_is_offered_again(
    log_in: Callable[..., Page], cast: Cast
) -> None:
    page = log_in(Role.OPERATOR)
    page.goto("/reception/")
    page.locator("[name=matter]").fill("说到一半登录失效了")
    page.locator("[name=anonymous_to_unit]").check()
    end_session(page)
    page.keyboard.press("Control+Enter")
    page.locator("#logged-out a").last.click()
    page.wait_for_url("**/login/**kept=1")
    assert violations(page) == []
    log_in_again(page, cast.of(Role.OPERATOR).username)
    page.wait_for_url("**/reception/")
    expect(page.locator("[name=matter]")).to_have_value("说到一半登录失效了")
    expect(page.locator("[name=anonymous_to_unit]")).to_be_checked()
    assert not WorkOrder.objects.exists()


def focused(page: Page) -> str:
    return str(
        page.evaluate(
            "document.activeElement.name || document.activeElement.dataset.step || document.activeElement.tagName"
        )
    )


def test_who_does_not_see_hears_what_happened_and_keeps_the_place(
    log_in: Callable[..., Page], recent: Road, complaints: list[str]
) -> None:
    order = recent.to("accepted")
    recent.to("closed")
    page, said = log_in(Role.DISPATCHER), "#said"
    page.goto("/orders/?view=all")
    page.locator("select[name=status]").focus()
    page.keyboard.press("End")  # the last status, whose answer is on its way when the next is asked for
    page.locator("select[name=status]").select_option("suspended")
    page.locator("select[name=status]").select_option("closed")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    assert "status=closed" in page.url
    expect(page.locator(said)).to_contain_text("1")
    assert focused(page) == "status"
    page.locator("[data-clear=status]").press("Enter")
    expect(page.locator("#rows tbody tr")).to_have_count(2)
    assert focused(page) == "status"
    for summary in (".me summary", ".filters .drop summary", ".over-rows .drop summary"):
        page.locator(summary).press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        expect(page.locator("details[open]")).to_have_count(0)
        assert focused(page) == "SUMMARY", summary
    page.locator(".me summary").press("Enter")
    page.locator("#find").focus()
    expect(page.locator("details[open]")).to_have_count(0)

    page.goto(on(order))
    for close in ("Escape", "Cancel"):
        form = open_step(page, "consult")
        expect(form.locator("[name=participants]").first).to_be_focused()
        page.keyboard.press("Escape") if close == "Escape" else form.locator("[data-cancel]").press("Enter")
        expect(form).to_have_count(0)
        assert focused(page) == "consult", close
    do(page, "note", text="诉求人补充了情况")
    expect(page.locator(said)).to_have_text(page.locator("#messages").inner_text().strip())
    assert complaints == []


def test_a_telephone_that_is_looked_for_stands_in_no_address(
    log_in: Callable[..., Page], recent: Road, complaints: list[str]
) -> None:
    order, page = recent.register(phone="13900005678"), log_in(Role.OPERATOR)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("Control+k")
    page.locator("#palette input").fill("139 0000 5678")
    expect(page.locator("#palette [role=option]").first).to_contain_text(order.spoken_number)
    page.keyboard.press("Escape")
    page.goto("/orders/?view=all")
    page.locator(".filter-q input").fill("13900005678")
    page.keyboard.press("Enter")
    page.wait_for_url("**caller=*")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    page.locator(".filter-q input").fill("另一个号码 13900005679")
    page.keyboard.press("Enter")
    page.wait_for_url("**sought=*")
    expect(page.locator("#rows .empty")).to_be_visible()
    page.reload()
    expect(page.locator(".filter-q input")).to_have_value("另一个号码 13900005679")
    assert asked and not [url for url in asked if "5678" in url or "5679" in url]
    assert complaints == []


PAGES = ("/orders/?view=all", "/orders/?q=没有", "/notices/", "/rectifications/", "/no/such/page/", "/orders/1/")


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
@pytest.mark.proof
def test_every_page_is_open_to_everybody_and_no_wider_than_its_screen(
    size: str, theme: str, log_in: Callable[..., Page], recent: Road
) -> None:
    orders = [recent.to(status) for status in Status.values[size == "phone" :: 2]]
    page = log_in(Role.SUPERVISOR, size=size)
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    # At 200 % a desk's screen has half its width in CSS pixels.
    zoomed = {"width": 720, "height": 450} if size == "desk" else SIZES[size]
    for address in (*PAGES, *map(on, orders)):
        page.goto(address)
        assert violations(page) == [], address
        assert fits(page), address
        page.set_viewport_size(zoomed)  # type: ignore[arg-type]
        assert fits(page), f"{address} at 200 %"
        page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
    agent = log_in(Role.CALLBACK_AGENT, size=size)
    agent.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    agent.goto(f"{on(recent.to('callback'))}steps/close/")
    agent.locator("#step button.btn-primary").click()
    expect(agent.locator(".has-error").first).to_be_visible()
    assert violations(agent) == [], "a form with errors"
