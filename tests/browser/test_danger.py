"""A real browser at the reception desk while somebody calls in danger: the strip, the grade, the title, one key."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import awake
from workorders.lifecycle import Grade, Role
from workorders.models import WorkOrder

FIRE = "您好，我住望京花园3号楼，五楼着火了，老人困在屋里"


@pytest.mark.django_db(transaction=True)
def test_words_of_danger_raise_the_strip_and_one_key_leads_to_the_transfer(
    log_in: Callable[..., Page], complaints: list[str]
) -> None:
    page = log_in(Role.OPERATOR)
    page.goto("/reception/")
    awake(page)
    matter, title, grade = (page.locator(f"#registration [name={name}]") for name in ("matter", "title", "grade"))
    matter.fill("您好，路灯不亮")
    expect(title).to_have_value("路灯不亮")
    expect(page.locator("#danger .danger")).to_have_count(0)
    matter.fill(FIRE)
    expect(page.locator("#danger .danger")).to_contain_text("着火")
    expect(grade).to_have_value(Grade.EMERGENCY)
    expect(title).to_have_value("望京花园3号楼五楼着火了")
    title.fill("五楼着火")
    matter.press("End")
    matter.type("！")
    expect(page.locator("#danger .danger")).to_be_visible()
    matter.press("Alt+t")
    page.wait_for_url("**step=transfer**")
    expect(page.locator("#step [name=emergency_line][value='119']")).to_be_checked()
    order = WorkOrder.objects.get()
    assert (order.grade, order.title) == (Grade.EMERGENCY, "五楼着火")
    assert not complaints
