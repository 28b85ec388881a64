"""What all desks share, in a real browser: sleeping keys, the strip, addresses, and where the focus is; in both languages."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.cast import Cast
from tests.browser import awake, violations
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import WorkOrder

LOCALES = ["zh-CN", "en-GB"]
DISPATCH = "/dispatch/"
WORDS = {
    "zh-CN": {"follows": "待承办单位签收", "back": "待派单", "missing": "请填写此项", "choose": "请选择一项"},
    "en-GB": {
        "follows": "It waits for the unit to sign",
        "back": "It waits to be dispatched",
        "missing": "Please fill this in",
        "choose": "Please choose one",
    },
}


@pytest.fixture
def road(cast: Cast) -> Road:
    return Road(cast, timezone.now() - timedelta(hours=1))


def status_of(order: WorkOrder) -> str:
    return str(WorkOrder.objects.get(pk=order.pk).status)


def focus_is_nowhere(page: Page) -> bool:
    return bool(page.evaluate("document.activeElement === document.body || !document.activeElement"))


def opened(page: Page, order: WorkOrder) -> None:
    page.wait_for_url(f"**/dispatch/{order.number}/", timeout=20_000)
    expect(page.locator("#step .candidate input").first).to_be_focused(timeout=20_000)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_second_press_dispatches_nothing_that_nobody_saw_and_undo_brings_the_first_back(
    locale: str, log_in: Callable[..., Page], road: Road, complaints: list[str]
) -> None:
    first, second = road.to(Status.ACCEPTED), road.to(Status.ACCEPTED)
    page = log_in(Role.DISPATCHER, locale=locale)
    page.goto(DISPATCH)
    opened(page, first)
    awake(page)
    page.keyboard.down("Enter")  # and it is held
    opened(page, second)
    for pause in (300, 600, 400):
        page.wait_for_timeout(pause)
        page.keyboard.down("Enter")
    assert status_of(second) == Status.ACCEPTED, "held over, it is not a press of this order's"
    page.keyboard.up("Enter")
    strip = page.locator("#messages")
    for words in (first.spoken_number, road.lead.name, WORDS[locale]["follows"]):
        expect(strip).to_contain_text(words)
    assert violations(page) == []
    page.keyboard.press("Alt+z")
    opened(page, first)
    expect(strip).to_contain_text(WORDS[locale]["back"])
    page.keyboard.press("Enter")  # at once: it sleeps
    page.wait_for_timeout(300)
    assert [status_of(order) for order in (first, second)] == [Status.ACCEPTED] * 2
    assert [event.step for event in first.events.order_by("number")][-2:] == ["dispatch", "recall"]
    awake(page)
    page.keyboard.press("Enter")
    opened(page, second)
    assert status_of(first) == Status.DISPATCHED
    assert complaints == []


def test_a_double_click_sends_one_order_and_undo_goes_after_its_time(
    log_in: Callable[..., Page], road: Road, complaints: list[str]
) -> None:
    first, second = road.to(Status.ACCEPTED), road.to(Status.ACCEPTED)
    page = log_in(Role.DISPATCHER)
    page.goto(DISPATCH)
    opened(page, first)
    awake(page)
    box = page.locator("#step form button.btn-primary").bounding_box()
    assert box
    place = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.dblclick(*place)
    opened(page, second)
    page.mouse.click(*place)
    page.wait_for_timeout(400)
    assert [status_of(order) for order in (first, second)] == [Status.DISPATCHED, Status.ACCEPTED]
    expect(page.locator(".take-back")).to_be_visible()
    expect(page.locator(".take-back")).to_have_count(0, timeout=12_000)
    expect(page.locator("#messages .strip")).to_be_visible()
    assert complaints == []


def test_reload_and_the_way_back_show_the_same_order_or_the_same_empty_desk(
    log_in: Callable[..., Page], road: Road, complaints: list[str]
) -> None:
    first, second = road.to(Status.ACCEPTED), road.to(Status.ACCEPTED)
    page = log_in(Role.DISPATCHER)
    page.goto(DISPATCH)
    for order in (first, second):
        opened(page, order)
        page.reload()
        opened(page, order)
        awake(page)
        page.keyboard.press("Enter")
    page.wait_for_url("**/dispatch/empty/", timeout=20_000)
    third = road.to(Status.ACCEPTED)
    page.reload()
    expect(page.locator(".chosen.empty")).to_be_visible()
    page.go_back()
    expect(page.locator(".chosen .number")).to_contain_text(second.spoken_number)
    page.go_back()
    expect(page.locator(".chosen .number")).to_contain_text(first.spoken_number)
    assert not focus_is_nowhere(page)
    page.go_forward()
    page.go_forward()
    expect(page.locator(".chosen.empty")).to_be_visible()
    awake(page)
    page.keyboard.press("n")
    opened(page, third)
    assert complaints == []


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_missing_is_said_in_the_pages_language_at_the_field_and_above(
    locale: str, log_in: Callable[..., Page], recent: Road, complaints: list[str]
) -> None:
    order = recent.register()
    page = log_in(Role.OPERATOR, locale=locale)
    page.goto(f"/reception/{order.number}/?step=decline")
    expect(page.locator("#step [name=code]")).to_be_focused()
    expect(page.locator("#step [name=code]")).to_have_value("")
    awake(page)
    page.keyboard.press("Control+Enter")
    mistakes = page.locator("#step .mistakes li")
    expect(mistakes).to_have_count(2)
    for name, words in (("code", "choose"), ("text", "missing")):
        field = page.locator(f"#step .field:has([name={name}])")
        expect(field.locator(".error")).to_contain_text(WORDS[locale][words])
        expect(page.locator("#step .mistakes")).to_contain_text(WORDS[locale][words])
        expect(page.locator(f"#step [name={name}]")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#step [name=code]")).to_be_focused()
    assert page.evaluate("[...document.forms].every((form) => form.noValidate)")
    assert violations(page, "#step") == []
    page.locator("#step [name=code]").select_option("secret")
    page.locator("#step [name=text]").fill("该事项涉及隐私，请向有关机关反映。")
    expect(page.locator("#step .mistake")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#step form")).to_have_count(0)
    assert not focus_is_nowhere(page)
    assert complaints == []


def test_the_form_does_not_jump_when_something_was_done(log_in: Callable[..., Page], recent: Road) -> None:
    recent.to("handling")
    page = log_in(Role.OPERATOR)
    page.goto("/reception/")
    expect(page.locator("#registration [name=phone]")).to_be_focused()
    before = page.locator("#registration").bounding_box()
    page.locator("[name=phone]").fill("13800001234")
    page.locator("[name=matter]").fill("路灯不亮")
    expect(page.locator("#caller li")).to_have_count(1)
    awake(page)
    page.keyboard.press("Alt+u")
    expect(page.locator("#caller .alert-success")).to_be_visible()
    assert page.locator("#registration").bounding_box() == before
    assert not focus_is_nowhere(page)
    page.keyboard.press("Alt+r")
    expect(page.locator("#messages .alert-success")).to_be_visible()
    assert page.locator("#registration").bounding_box() == before
    page.locator("[name=matter]").fill("打错了")
    awake(page)
    page.keyboard.press("Alt+e")
    expect(page.locator("#emptied")).to_be_visible()
    assert page.locator("#registration").bounding_box() == before
    assert not focus_is_nowhere(page)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_redo_begins_with_the_words_of_the_complainant(
    locale: str, log_in: Callable[..., Page], recent: Road, complaints: list[str]
) -> None:
    order = recent.to(Status.CALLBACK)
    page = log_in(Role.CALLBACK_AGENT, locale=locale)
    page.goto("/callbacks/")
    page.wait_for_url(f"**/callbacks/{order.number}/")
    awake(page)
    for key in "133":
        page.keyboard.press(key)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".field:has([name=words]) .error")).to_contain_text(WORDS[locale]["missing"])
    expect(page.locator("#answers [name=words]")).to_be_focused()
    assert status_of(order) == Status.CALLBACK
    page.keyboard.type("路灯昨晚又灭了")
    says = {"zh-CN": "诉求人反映：", "en-GB": "The complainant says: "}[locale]
    expect(page.locator("#answers [name=reason]")).to_have_value(f"{says}路灯昨晚又灭了")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/callbacks/empty/")
    event = order.events.latest("number")
    assert (event.step, event.data["words"]) == ("rework", "路灯昨晚又灭了")
    assert complaints == []


def test_a_swap_of_what_had_the_focus_leaves_it_in_what_came(log_in: Callable[..., Page], road: Road) -> None:
    for _time in range(2):
        road.to(Status.ACCEPTED)
    page = log_in(Role.DISPATCHER)
    page.goto(DISPATCH)
    expect(page.locator("#step .candidate input").first).to_be_focused()
    row = page.locator(".queue-rows a").nth(1)
    row.focus()
    gone = row.get_attribute("id")
    page.evaluate("id => document.getElementById(id).removeAttribute('id')", gone)
    page.evaluate("htmx.ajax('GET', '/dispatch/queue/', {target: '.queue > div', swap: 'innerHTML'})")
    page.wait_for_function("id => document.getElementById(id)", arg=gone)
    page.wait_for_timeout(100)
    assert not focus_is_nowhere(page)
