"""A real browser at the reception desk: a call comes in and is worked off with both hands on the keyboard."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from config.cast import Cast
from intake.models import Appeal, Call
from tests.api import CHANNEL, Machine
from tests.browser import SIZES, awake, fits, violations
from tests.media import PNG
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import Attachment, WorkOrder

DESK = "/reception/"
PHONE = "13800001234"


def field(page: Page, name: str) -> Locator:
    return page.locator(f"#registration [name={name}]")


def ring(cast: Cast, call_id: str, phone: str = PHONE) -> None:
    now = timezone.now()
    operator = cast.of(Role.OPERATOR).username
    Call.objects.create(source="pbx", call_id=call_id, phone=phone, agent=operator, started_at=now, announced_at=now)


def test_a_complaint_is_registered_and_accepted_by_the_keyboard_alone(
    log_in: Callable[..., Page], complaints: list[str]
) -> None:
    page = log_in(Role.OPERATOR)
    page.goto(DESK)
    awake(page)
    keys = page.keyboard
    keys.press("F2")
    keys.type("13900005678")
    keys.press("Enter")
    expect(page.locator("#caller .who")).to_contain_text("139****5678")
    keys.press("Tab")
    keys.type("李华")
    keys.press("Alt+o")
    keys.type("幸福里小区北门堆满垃圾，道路三天没有清扫。")
    keys.press("Alt+k")
    keys.type("dlqs")
    expect(page.locator("#picker [role=option]").first).to_contain_text("道路清扫")
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    expect(field(page, "category")).to_have_attribute("aria-activedescendant", "picker-0")
    keys.press("Enter")
    expect(field(page, "category")).to_have_value("010101 道路清扫保洁不及时")
    keys.press("Alt+p")
    keys.type("yayuncun")
    keys.press("Tab")
    expect(field(page, "area")).to_have_value("110105009 亚运村街道")
    keys.type("幸福里小区北门")
    keys.press("Alt+g")
    keys.press("ArrowDown")
    keys.press("Control+Enter")
    expect(page.locator("#messages .alert-success")).to_be_visible()
    order = WorkOrder.objects.get()
    expect(page.locator("#messages")).to_contain_text(order.spoken_number)
    assert (order.status, order.address, order.category.code) == (Status.ACCEPTED, "幸福里小区北门", "010101")
    assert Appeal.objects.get().green_channel == "elderly"
    expect(field(page, "matter")).to_have_value("")
    assert complaints == []


HANDS_OFF = """
for (const kind of ["pointerdown", "touchstart", "wheel"]) addEventListener(kind, () => window.touched(kind), true);
"""


@pytest.mark.usefixtures("no_statistics")
def test_from_the_call_to_the_accepted_order_nobody_touches_the_mouse(
    log_in: Callable[..., Page], cast: Cast, recent: Road, complaints: list[str]
) -> None:
    running, touches = recent.to("handling"), list[str]()

    def touched(kind: str) -> None:
        touches.append(kind)

    page = log_in(Role.OPERATOR)
    page.expose_function("touched", touched)
    page.add_init_script(HANDS_OFF)
    page.goto(DESK)
    announced = {"call_id": "pbx-1", "phone": PHONE, "agent": cast.of(Role.OPERATOR).username}
    assert Machine("1100", *CHANNEL).send("/calls/", announced).status_code == 201
    page.wait_for_url("**/reception/?call=pbx-1")
    awake(page)
    expect(page.locator("#caller")).to_contain_text(running.spoken_number)
    keys = page.keyboard
    keys.press("Alt+u")
    expect(page.locator("#caller .alert-success")).to_contain_text(running.spoken_number)

    keys.press("Alt+o")
    keys.type("门口道路清扫保洁不及时，落叶堆积。")
    expect(page.locator("[data-fill][aria-keyshortcuts='Alt+1']")).to_contain_text("道路清扫保洁不及时")
    keys.press("Alt+1")
    expect(field(page, "category")).to_have_value("010101 道路清扫保洁不及时")
    keys.press("Alt+p")
    keys.type("yayuncun")
    keys.press("Tab")
    keys.type("幸福里小区北门")
    expect(page.locator("#beside")).to_contain_text("亚运村街道")
    keys.press("Control+Enter")
    expect(page.locator("#messages .alert-success")).to_be_visible()

    order = WorkOrder.objects.latest("pk")
    assert (order.status, order.category.code, order.area.code) == (Status.ACCEPTED, "010101", "110105009")
    assert order.appeals.get().call == Call.objects.get()
    assert running.events.filter(step="urge").count() == 1
    assert touches == complaints == []


def test_a_call_about_nothing_leaves_an_empty_desk_and_a_slip_of_the_key_loses_nothing(
    log_in: Callable[..., Page], complaints: list[str]
) -> None:
    page = log_in(Role.OPERATOR)
    page.goto(DESK)
    field(page, "phone").fill(PHONE)
    field(page, "matter").fill("打错了")
    awake(page)
    page.keyboard.press("Alt+e")
    expect(page.locator("#emptied")).to_be_visible()
    expect(field(page, "matter")).to_have_value("")
    page.keyboard.press("Alt+z")
    expect(field(page, "matter")).to_have_value("打错了")
    expect(field(page, "phone")).to_have_value(PHONE)
    awake(page)
    page.keyboard.press("Alt+e")
    expect(page.locator("#emptied")).to_be_visible()
    page.reload()
    expect(page.locator("#emptied")).to_be_hidden()
    expect(field(page, "matter")).to_have_value("")
    assert complaints == []


def test_who_calls_again_urges_with_one_key_and_adds_with_another(
    log_in: Callable[..., Page], recent: Road, complaints: list[str]
) -> None:
    order = recent.to("handling")
    recent.to("closed")
    page = log_in(Role.OPERATOR)
    page.goto(DESK)
    awake(page)
    page.keyboard.press("F2")
    page.keyboard.type(PHONE)
    page.keyboard.press("Enter")
    expect(page.locator("#caller li")).to_have_count(2)
    page.keyboard.press("Alt+u")
    expect(page.locator("#caller .alert-success")).to_contain_text(order.spoken_number)
    page.wait_for_timeout(900)  # longer than the desk waits for more digits
    expect(page.locator("#caller .alert-success")).to_contain_text(order.spoken_number)
    assert order.events.filter(step="urge").count() == 1
    page.keyboard.press("Alt+o")
    page.keyboard.type("今晚又开始施工了")
    page.keyboard.press("Alt+a")
    expect(page.locator("#messages .alert-success")).to_contain_text(order.spoken_number)
    assert order.appeals.last().words == "今晚又开始施工了"
    assert WorkOrder.objects.count() == 2
    expect(field(page, "matter")).to_have_value("")
    assert complaints == []


def test_a_call_comes_up_by_itself_and_never_over_a_half_filled_form(
    log_in: Callable[..., Page], cast: Cast, recent: Road, complaints: list[str]
) -> None:
    order = recent.to("handling")
    page = log_in(Role.OPERATOR)
    page.goto(DESK)
    ring(cast, "pbx-1")
    page.wait_for_url("**/reception/?call=pbx-1")
    awake(page)
    expect(field(page, "phone")).to_have_value(PHONE)
    expect(page.locator("#caller")).to_contain_text(order.spoken_number)
    expect(page.locator(".elapsed time")).not_to_have_text("0:00")

    field(page, "matter").fill("说到一半")
    ring(cast, "pbx-2", "13900005678")
    expect(page.locator("#ringing [data-call]")).to_be_visible()
    expect(page.locator("#ringing")).to_contain_text("139****5678")
    with page.context.expect_page() as opened:
        page.keyboard.press("F2")
    expect(field(opened.value, "phone")).to_have_value("13900005678")
    expect(field(opened.value, "matter")).to_have_value("")
    expect(field(page, "matter")).to_have_value("说到一半")
    expect(page.locator("#ringing [data-call]")).to_have_count(0)
    assert complaints == []


def test_a_half_filled_form_survives_a_reload_and_a_lost_connection(log_in: Callable[..., Page], recent: Road) -> None:
    recent.register()
    page = log_in(Role.OPERATOR)
    page.goto(DESK)
    field(page, "phone").fill(PHONE)
    field(page, "matter").fill("说到一半电话断了")
    field(page, "kind").select_option("help")
    field(page, "home_visit").check()
    awake(page)
    page.keyboard.press("Alt+k")
    page.keyboard.type("dlqs")
    page.keyboard.press("Enter")
    expect(field(page, "category")).to_have_value("010101 道路清扫保洁不及时")
    page.reload()
    for name, value in {"matter": "说到一半电话断了", "kind": "help", "category": "010101 道路清扫保洁不及时"}.items():
        expect(field(page, name)).to_have_value(value)
    expect(field(page, "home_visit")).to_be_checked()
    expect(page.locator("#caller li")).to_have_count(1)

    awake(page)
    page.context.set_offline(True)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#offline")).to_be_visible()
    expect(field(page, "matter")).to_have_value("说到一半电话断了")
    page.context.set_offline(False)
    expect(page.locator("#messages .alert-success")).to_be_visible(timeout=15_000)
    assert Appeal.objects.filter(words="说到一半电话断了", home_visit=True).count() == 1


def test_bad_input_is_said_in_place_and_loses_nothing(
    log_in: Callable[..., Page], settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path / "kept"
    good, lies = tmp_path / "路灯.png", tmp_path / "假的.png"
    good.write_bytes(PNG)
    lies.write_bytes(b"MZ this is a program")
    page = log_in(Role.OPERATOR)
    page.goto(DESK)
    typed = {
        "matter": "长" * 20_005,
        "phone": "不知道",
        "category": "999999 没有的事项",
        "area": "000 没有的地方",
        "call_back_at": "2026-01-01T10:00",
    }
    for name, value in typed.items():
        field(page, name).fill(value)
    field(page, "files").set_input_files([lies])
    awake(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#filing .error")).to_have_count(len(typed) + 1)
    for name, value in typed.items():
        expect(field(page, name)).to_have_value(value)
    expect(field(page, "matter")).to_be_focused()
    assert page.evaluate("document.querySelector('#registration [name=files]').files.length") == 1
    later = timezone.localtime(timezone.now() + timedelta(days=1))
    mended = {
        "matter": "路灯不亮",
        "phone": "13900005678",
        "category": "010101",
        "area": "110105009",
        "call_back_at": f"{later:%Y-%m-%dT%H:%M}",
    }
    for name, value in mended.items():
        field(page, name).fill(value)
    field(page, "files").set_input_files([good])
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#messages .alert-success")).to_be_visible()
    assert Attachment.objects.get().event.step == "register"


@pytest.mark.parametrize("size", SIZES)
def test_the_desk_is_open_to_everybody_and_no_wider_than_its_screen(
    size: str, log_in: Callable[..., Page], cast: Cast, recent: Road, complaints: list[str]
) -> None:
    recent.to("handling")
    recent.to("closed")
    recent.to("incomplete")
    page = log_in(Role.OPERATOR, size=size)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.goto(DESK)
        field(page, "phone").fill(PHONE)
        field(page, "phone").press("Enter")
        expect(page.locator("#caller li")).to_have_count(3)
        field(page, "matter").fill("小区楼下夜间施工噪音扰民")
        expect(page.locator("#beside .alike button").first).to_be_visible()
        ring(cast, f"pbx-{theme}", "13900005678")
        expect(page.locator("#ringing [data-call]")).to_be_visible()
        field(page, "category").fill("噪音")
        expect(page.locator("#picker [role=option]").first).to_be_visible()
        assert violations(page) == [], (size, theme, "typing")
        page.locator("#picker [role=option]").first.click()
        expect(page.locator("#picker")).to_be_hidden()
        field(page, "matter").fill("")
        field(page, "matter").press("Tab")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#filing .error").first).to_be_visible()
        assert violations(page) == [], (size, theme, "refused")
        assert fits(page)
    assert [one for one in complaints if "400 (Bad Request)" not in one] == []
