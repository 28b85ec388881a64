"""The unit desk in a hand: 390 px, touch, bad network. One order from signing to the leader's approval."""

import re
import struct
import zlib
from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, Page, expect

from config.cast import Cast
from tests.browser import PASSWORD, awake, fits, violations
from tests.roads import Road
from workorders.lifecycle import Role
from workorders.models import Attachment, Event, WorkOrder


def png(width: int, height: int) -> bytes:
    """A picture of the size that a telephone takes; noise, so that it does not shrink by itself."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((x * y) % 251 for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def sideways(jpeg: bytes) -> bytes:
    """As a telephone held upright writes it: the picture lies, and its EXIF says that it is to be turned (6)."""
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def size_of(jpeg: bytes) -> tuple[int, int]:
    at = 2
    while jpeg[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
    height, width = struct.unpack(">HH", jpeg[at + 5 : at + 9])
    return width, height


@pytest.fixture
def order(cast: Cast, recent: Road) -> WorkOrder:
    found = recent.register(grade="emergency", address="幸福里小区北门")
    for step in ("accept", "dispatch"):
        recent.act(found, step)
    return found


def within_its_card(page: Page) -> bool:
    """No field of the form stands over the padding of its card."""
    widths = "(form) => [form.clientWidth - 2 * parseFloat(getComputedStyle(form).paddingLeft), form.querySelector('.fields').scrollWidth]"
    inner, fields = page.locator("#step form").evaluate(widths)
    return bool(fields <= inner + 1)


def open_step(page: Page, step: str) -> None:
    awake(page)
    button = page.locator(f"[data-step={step}]").first
    if not button.is_visible():
        page.locator(".others summary").tap()
    button.tap()
    expect(page.locator(f"#step form[action*='/{step}/'] [name=token]")).to_be_attached(timeout=20_000)


def send(page: Page) -> None:
    awake(page)
    with page.expect_navigation():
        page.locator("#step button.btn-primary").tap()
    expect(page.locator("#messages .alert-success")).to_be_visible()


@pytest.fixture
def phone(log_in: Callable[..., Page], browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Page]:
    """Touch, and a place that the telephone may tell."""
    made = browser.new_context
    facts = {
        "has_touch": True,
        "is_mobile": True,
        "geolocation": {"latitude": 39.98, "longitude": 116.41, "accuracy": 20},
    }
    monkeypatch.setattr(browser, "new_context", lambda **given: made(**facts, permissions=["geolocation"], **given))
    return lambda role, unit: log_in(role, unit, size="phone")


def test_one_thumb_brings_an_order_from_signing_to_the_leaders_approval(
    phone: Callable[..., Page], order: WorkOrder, recent: Road, complaints: list[str]
) -> None:
    page = phone(Role.HANDLER, recent.lead)
    page.goto("/unit/")
    assert fits(page)
    assert [bad for theme in ("light", "dark") for bad in seen(page, theme)] == []
    page.locator(".chosen input").tap()
    page.locator("[data-sign-chosen]").tap()
    expect(page.locator(".outcome-met")).to_be_visible()
    awake(page)
    page.locator(".outcomes a").tap()
    page.wait_for_url("**/unit/2*/**")
    awake(page)
    page.locator(".thumb-bar [data-step=reveal]").tap()
    call_and_arrive(page)
    report_with_pictures(page)
    write_the_letter(page)
    assert complaints == ["Failed to load resource: the server responded with a status of 400 (Bad Request)"] * 2
    approve(phone(Role.REVIEWER, recent.lead), order)


def call_and_arrive(page: Page) -> None:
    """Why, then the number to dial, then: contacted?"""
    page.locator("#step [name=reason]").fill("首次联系诉求人")
    send(page)
    expect(page.locator("a.call")).to_have_attribute("href", "tel:13800001234")
    page.locator("#step [name=text]").fill("已电话告知办理流程和期限。")
    send(page)
    open_step(page, "arrive")
    expect(page.locator("#step [name=place]")).to_have_value("幸福里小区北门")
    page.locator(".from-phone").tap()
    expect(page.locator("#step [name=place]")).to_have_value("幸福里小区北门 (39.98000,116.41000 ±20 m)")
    send(page)


LYING = """() => new Promise((done) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 2400, height: 1200 });
  canvas.getContext("2d").fillRect(0, 0, 1200, 1200);
  canvas.toBlob(async (blob) => done([...new Uint8Array(await blob.arrayBuffer())]), "image/jpeg");
})"""


def report_with_pictures(page: Page) -> None:
    open_step(page, "progress")
    page.locator("#step [name=text]").fill("已到现场，正在施工。")
    taken = [
        {"name": "现场.png", "mimeType": "image/png", "buffer": png(2200, 800)},
        {"name": "竖拍.jpg", "mimeType": "image/jpeg", "buffer": sideways(bytes(page.evaluate(LYING)))},
    ]
    page.locator(".camera input").set_input_files(taken)  # type: ignore[arg-type]
    expect(page.locator(".shot canvas")).to_have_count(2)
    assert within_its_card(page)
    page.locator(".camera input").set_input_files(
        [large(), {"name": "假.jpg", "mimeType": "image/jpeg", "buffer": b"MZ"}]
    )  # type: ignore[list-item]
    expect(page.locator("#step .error")).to_contain_text("大.mp4")
    expect(page.locator("#step .error")).to_contain_text("假.jpg")
    expect(page.locator(".shot")).to_have_count(2)
    assert violations(page) == []
    assert fits(page)
    lying = {"name": "说明.pdf", "mimeType": "application/pdf", "buffer": b"MZ"}
    page.locator("#step [name=files]").set_input_files([lying])  # type: ignore[list-item]
    page.locator("#step button.btn-primary").tap()
    expect(page.locator("#step")).to_contain_text("文件内容与扩展名不符")
    expect(page.locator(".shot")).to_have_count(3)
    expect(page.locator("#step [name=text]")).to_have_value("已到现场，正在施工。")
    page.locator(".shot", has_text="说明.pdf").locator("button").tap()
    send(page)
    wide, tall = Attachment.objects.order_by("pk")
    assert (wide.name, wide.content_type) == ("现场.jpg", "image/jpeg")
    assert [size_of(one.file.read()) for one in (wide, tall)] == [(1920, 698), (960, 1920)], "upright, at most 1920"
    expect(page.locator(".timeline .pictures img")).to_have_count(2)


def large() -> dict[str, object]:
    return {"name": "大.mp4", "mimeType": "video/mp4", "buffer": b"\0\0\0\x18ftyp".ljust(21 * 1024 * 1024)}


def write_the_letter(page: Page) -> None:
    """A placeholder is refused in its place, and nothing that was typed is lost."""
    open_step(page, "report")
    expect(page.locator(".letter-preview mark").first).to_be_visible()
    page.locator("#step [name=solved]").select_option("yes")
    page.locator("[name=text_opinion]").fill("由【部门】处理。")
    page.locator("[name=text_investigation]").fill("我单位当日到场核查，依据《噪声污染防治法》。")
    page.locator("[name=text_follow_up]").fill("如有异议请拨打12345。联系人：张三，电话：65001234。")
    page.locator("#step button.btn-primary").tap()
    expect(page.locator("#step .error").first).to_contain_text("【部门】")
    expect(page.locator("[aria-invalid=true]")).to_have_attribute("name", "text_opinion")
    expect(page.locator("[name=text_investigation]")).to_have_value("我单位当日到场核查，依据《噪声污染防治法》。")
    assert [bad for theme in ("light", "dark") for bad in seen(page, theme)] == []
    page.locator("[name=text_opinion]").fill("已责令停工并处罚款。")
    send(page)


def approve(page: Page, order: WorkOrder) -> None:
    page.goto("/unit/")
    page.locator(".unit-card .open").tap()
    expect(page.locator(".the-letter")).to_contain_text("已责令停工并处罚款。")
    assert violations(page) == []
    assert fits(page)
    awake(page)
    with page.expect_navigation():
        page.locator("[data-step=approve]").tap()
    order.refresh_from_db()
    assert order.status == "callback"
    page.goto(f"/unit/{order.number}/letter/")
    expect(page.locator(".letter")).to_contain_text("65001234")
    assert violations(page) == []


def seen(page: Page, theme: str) -> list[str]:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.evaluate("theme => (document.documentElement.dataset.bsTheme = theme)", theme)
    return violations(page)


def test_what_cannot_be_sent_goes_out_by_itself_once_when_the_network_is_back(
    phone: Callable[..., Page], order: WorkOrder, recent: Road
) -> None:
    recent.act(order, "sign")
    other = recent.register()
    for step in ("accept", "dispatch", "sign"):
        recent.act(other, step)
    page = phone(Role.HANDLER, recent.lead)
    for one, text in ((order, "雨中到场，没有信号。"), (other, "第二件")):
        page.goto(f"/unit/{one.number}/")
        open_step(page, "progress")
        page.locator("#step [name=text]").fill(text)
        picture = {"name": "雨.png", "mimeType": "image/png", "buffer": png(60, 40)}
        page.locator("#step [name=files]").set_input_files([picture])  # type: ignore[list-item]
        expect(page.locator(".shot")).to_have_count(1)
        page.context.set_offline(True)
        page.locator("#step button.btn-primary").tap()
        expect(page.locator("#queue")).to_contain_text("1")
        assert violations(page) == []
        assert not Event.objects.filter(order=one, step="progress").exists()
        token = page.evaluate("document.querySelector('#step form')")
        assert token is None, "what is kept is out of the way"
        if one == other:
            perform_elsewhere(recent, other)
        page.context.set_offline(False)
        if one == order:
            expect(page.locator(".timeline")).to_contain_text(text)
            expect(page.locator("#queue")).to_be_hidden()
    assert Event.objects.filter(order=order, step="progress").count() == 1
    assert Attachment.objects.filter(order=order).count() == 1

    # The order had moved on meanwhile: nothing is done by itself, and nothing is lost.
    for _time in ("looked at and left again", "sent"):
        page.goto("/unit/")
        page.locator("#queue a[href*=kept]").tap()
        expect(page.locator("#step [name=text]")).to_have_value("第二件")
        expect(page.locator(".shot")).to_have_count(1)
    send(page)
    expect(page.locator("#queue")).to_be_hidden()
    assert Event.objects.filter(order=other, step="progress").count() == 1
    assert Attachment.objects.filter(order=other).count() == 1


def perform_elsewhere(road: Road, order: WorkOrder) -> None:
    road.act(order, "contact")


def test_units_help_each_other_and_hand_down(phone: Callable[..., Page], recent: Road, complaints: list[str]) -> None:
    below, order = recent.below, recent.register()
    for step in ("accept", "dispatch", "sign"):
        recent.act(order, step)
    helper = phone(Role.HANDLER, recent.co_unit)
    helper.goto(f"/unit/{order.number}/")
    with helper.expect_navigation():
        helper.locator("[data-step=co_sign]").tap()
    expect(helper.locator("#messages .alert-success")).to_be_visible()
    open_step(helper, "co_report")
    helper.locator("#step [name=text]").fill("已查处沿街商户。")
    send(helper)

    lead = phone(Role.HANDLER, recent.lead)
    lead.goto(f"/unit/{order.number}/")
    expect(lead.locator(".co-reports")).to_contain_text("已查处沿街商户。")
    lead.locator(".others summary").tap()
    assert violations(lead) == []
    lead.locator(".others summary").tap()
    open_step(lead, "assign_down")
    lead.locator("#step [name=lead]").select_option(below.code)
    send(lead)
    order.refresh_from_db()
    assert (order.status, order.lead_unit) == ("dispatched", below)
    assert complaints == []


KEPT_PAGE = re.compile(r"\d\d?:\d\d")
KEPT = "async () => (await (await caches.open('unit')).keys()).map((one) => new URL(one.url).pathname)"


def kept(page: Page, order: WorkOrder, *steps: str) -> Page:
    """Waits until the phone has put the page and these forms by."""
    wanted = {f"/unit/{order.number}/", *(f"/orders/{order.number}/steps/{step}/" for step in steps)}
    for _try in range(200):
        if wanted <= set(page.evaluate(KEPT)):
            return page
        page.wait_for_timeout(100)
    raise AssertionError(f"not kept: {wanted - set(page.evaluate(KEPT))}")


def test_without_a_network_the_page_reloads_and_says_how_old_it_is_and_all_that_was_written_comes_once_and_in_order(
    phone: Callable[..., Page], order: WorkOrder, recent: Road
) -> None:
    recent.act(order, "sign")
    page = phone(Role.HANDLER, recent.lead)
    page.goto(f"/unit/{order.number}/")
    kept(page, order, "contact", "arrive", "progress").context.set_offline(True)
    page.reload()
    expect(page.locator("#queue")).to_contain_text(KEPT_PAGE)
    expect(page.locator("#offline")).not_to_be_empty()
    assert [bad for theme in ("light", "dark") for bad in seen(page, theme)] == []
    write(page, "arrive", {}, waiting=1)
    expect(page.locator("#offline")).not_to_be_empty()
    write(page, "progress", {"text": "地下室没有信号。"}, waiting=2)
    page.reload()
    expect(page.locator("#queue")).to_contain_text("2")
    assert not Event.objects.filter(order=order, step__in=["arrive", "progress"]).exists()
    page.context.set_offline(False)
    expect(page.locator(".timeline")).to_contain_text("地下室没有信号。")
    expect(page.locator("#queue")).to_be_hidden()
    done = Event.objects.filter(order=order).order_by("number")
    assert [event.step for event in done][-2:] == ["arrive", "progress"], "each once, in the order of the writing"
    assert done.get(step="arrive").data["when"], "it happened before it was sent"


def write(page: Page, step: str, typed: dict[str, str], *, waiting: int) -> None:
    open_step(page, step)
    for name, text in typed.items():
        page.locator(f"#step [name={name}]").fill(text)
    page.locator("#step button.btn-primary").tap()
    expect(page.locator("#queue")).to_contain_text(str(waiting))
    expect(page.locator("#queue")).to_be_in_viewport()
    expect(page.locator("#step form")).to_have_count(0)


def without_a_network(phone: Callable[..., Page], order: WorkOrder, recent: Road) -> Page:
    """An order in handling, whose stage report is at hand."""
    for step in ("sign", "contact"):
        recent.act(order, step)
    page = phone(Role.HANDLER, recent.lead)
    page.goto(f"/unit/{order.number}/")
    kept(page, order, "progress").context.set_offline(True)
    return page


def test_what_was_written_for_an_order_that_has_left_the_unit_can_still_be_read_and_is_thrown_away_by_hand(
    phone: Callable[..., Page], order: WorkOrder, recent: Road
) -> None:
    page = without_a_network(phone, order, recent)
    write(page, "progress", {"text": "已到现场，围挡倒塌。"}, waiting=1)
    recent.act(order, "request_return")
    recent.act(order, "grant_return")
    page.context.set_offline(False)
    expect(page.locator("#queue details")).to_have_count(1)
    assert not Event.objects.filter(order=order, step="progress").exists()
    page.goto("/unit/")
    page.locator("#queue summary").tap()
    expect(page.locator("#queue")).to_contain_text("已到现场，围挡倒塌。")
    assert violations(page) == []
    page.locator("#queue details button").tap()
    expect(page.locator("#queue")).to_be_hidden()


def test_a_session_that_ended_meanwhile_is_said_and_after_the_log_in_it_is_sent(
    phone: Callable[..., Page], order: WorkOrder, recent: Road
) -> None:
    page = without_a_network(phone, order, recent)
    write(page, "progress", {"text": "换班前写的。"}, waiting=1)
    Session.objects.all().delete()
    page.context.set_offline(False)
    page.locator("#queue a[href*=login]").tap()
    page.locator("[name=username]").fill(recent.cast.of(Role.HANDLER, recent.lead).username)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form.card button").click()
    expect(page.locator(".timeline")).to_contain_text("换班前写的。")
    assert Event.objects.filter(order=order, step="progress").count() == 1


def test_whoever_logs_out_leaves_no_page_on_the_phone_and_a_number_that_was_shown_is_never_put_by(
    phone: Callable[..., Page], order: WorkOrder, recent: Road
) -> None:
    recent.act(order, "sign")
    page = phone(Role.HANDLER, recent.lead)
    page.goto(f"/unit/{order.number}/")
    kept(page, order, "contact")
    page.locator(".thumb-bar [data-step=reveal]").tap()
    page.locator("#step [name=reason]").fill("首次联系")
    send(page)
    expect(page.locator("a.call")).to_be_visible()
    bodies = "async () => (await Promise.all((await (await caches.open('unit')).matchAll()).map((one) => one.text()))).join()"
    assert "13800001234" not in page.evaluate(bodies)
    page.locator(".me summary").tap()
    page.locator("[data-logs-out] button").tap()
    page.wait_for_url("**/login/**")
    for _try in range(50):
        left = [path for path in page.evaluate(KEPT) if not path.startswith("/static/")]
        if not left:
            break
        page.wait_for_timeout(100)
    assert left == []
