"""A call in real browsers: it rings wherever the operator is, once for all tabs, and F2 takes it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.cast import Cast
from intake.models import Call
from tests.browser import SIZES, fits, violations
from tests.roads import Road
from workorders.lifecycle import Role
from workorders.models import User

# Counts the tones, and keeps the notifications.
LISTEN = """
window.tones = 0;
const create = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () { window.tones += 1; return create.call(this); };
window.notices = [];
window.Notification = class { constructor(text) { notices.push(text); } close() {} static permission = "granted"; static async requestPermission() { return "granted"; } };
"""


def ring(cast: Cast, call_id: str = "pbx-1", phone: str = "13800001234") -> Call:
    now = timezone.now()
    agent = cast.of(Role.OPERATOR).username
    return Call.objects.create(
        source="pbx", call_id=call_id, phone=phone, agent=agent, started_at=now, announced_at=now
    )


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_a_call_rings_where_the_operator_lands_and_f2_takes_it(
    locale: str, log_in: Callable[..., Page], cast: Cast, recent: Road, complaints: list[str]
) -> None:
    order = recent.to("handling")
    page = log_in(Role.OPERATOR, locale=locale)
    page.add_init_script(LISTEN)
    page.goto("/orders/")
    page.locator("#q, [name=q]").first.click()  # a browser makes no sound before the first press
    before = page.locator("main").bounding_box()
    ring(cast)
    strip = page.locator("#ringing")
    expect(strip).to_contain_text("138****1234", timeout=8000)
    expect(strip).to_contain_text(order.spoken_number)
    expect(strip).to_contain_text({"zh-CN": "接听来电", "en-GB": "Take the call"}[locale])
    assert page.locator("main").bounding_box() == before, "nothing below it moves"
    assert page.title().startswith("☎ 138****1234")
    page.wait_for_function("tones > 0")
    for scheme in ("light", "dark"):
        page.evaluate("theme => (document.documentElement.dataset.bsTheme = theme)", scheme)
        assert violations(page, "#ringing") == []
    for size in SIZES.values():
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert fits(page)
    page.keyboard.press("Control+k")  # F2 works in a dialog, too
    page.keyboard.press("F2")
    page.wait_for_url("**/reception/?call=pbx-1")
    expect(page.locator("[name=matter]")).to_be_focused()
    expect(page.locator("#caller")).to_contain_text(order.spoken_number)
    expect(page.locator("#ringing [data-call]")).to_have_count(0)
    assert not page.title().startswith("☎")
    assert complaints == []


def test_it_rings_in_the_administration_and_stops_in_every_tab_when_one_has_taken_it(
    log_in: Callable[..., Page], cast: Cast, complaints: list[str]
) -> None:
    operator = cast.of(Role.OPERATOR)
    operator.roles = [Role.OPERATOR, Role.SUPERVISOR]
    operator.save()
    page = log_in(Role.OPERATOR)
    page.context.add_init_script(LISTEN)
    page.evaluate("localStorage.setItem('rings:notice', 'on')")
    page.goto("/admin/")
    other = page.context.new_page()
    other.goto("/orders/")
    for tab in (page, other):
        tab.mouse.click(2, 400)
    ring(cast)
    for tab in (page, other):
        expect(tab.locator("#ringing [data-call]")).to_be_visible(timeout=8000)
    page.wait_for_timeout(1500)
    tones = [tab.evaluate("tones") for tab in (page, other)]
    assert sorted(map(bool, tones)) == [False, True], "several tabs ring once"
    assert sum(len(tab.evaluate("notices")) for tab in (page, other)) <= 1
    page.keyboard.press("F2")
    page.wait_for_url("**/reception/?call=pbx-1")
    expect(other.locator("#ringing [data-call]")).to_have_count(0, timeout=8000)
    assert complaints == []


def test_a_call_opens_beside_what_is_half_done_and_its_sound_can_be_switched_off(
    log_in: Callable[..., Page], cast: Cast, recent: Road, complaints: list[str]
) -> None:
    order = recent.register()
    page = log_in(Role.OPERATOR)
    page.add_init_script(LISTEN)
    page.goto(f"/reception/{order.number}/?step=answer")
    page.locator("#step [name=text]").fill("写到一半的答复")
    page.locator(".me summary").click()
    page.locator("[data-rings=sound]").uncheck()
    page.locator("[data-rings=notice]").check()
    page.reload()
    expect(page.locator("#step [name=text]")).to_have_value("写到一半的答复")
    page.locator(".me summary").click()
    expect(page.locator(".me [data-rings=sound]")).not_to_be_checked()
    expect(page.locator(".me [data-rings=notice]")).to_be_checked()
    page.locator("#step [name=text]").click()
    ring(cast)
    expect(page.locator("#ringing [data-call]")).to_be_visible(timeout=8000)
    with page.context.expect_page() as beside:
        page.keyboard.press("F2")
    expect(beside.value.locator("[name=phone]")).to_have_value("13800001234")
    expect(page.locator("#step [name=text]")).to_have_value("写到一半的答复")
    expect(page.locator("#ringing [data-call]")).to_have_count(0, timeout=8000)
    assert page.evaluate("tones") == 0
    assert complaints == []


def test_a_call_that_nobody_takes_stops_by_itself(log_in: Callable[..., Page], cast: Cast) -> None:
    page = log_in(Role.OPERATOR)
    call = ring(cast)
    expect(page.locator("#ringing [data-call]")).to_be_visible(timeout=8000)
    Call.objects.filter(pk=call.pk).update(announced_at=timezone.now() - timedelta(minutes=3))
    expect(page.locator("#ringing [data-call]")).to_have_count(0, timeout=8000)
    assert User.objects.filter(username=call.agent).exists()
