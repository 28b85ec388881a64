"""The administration's lists: of what belongs to a unit, a unit's supervisor sees the own branch and no more."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from dispatch import webhooks
from dispatch.models import Delivery, Notice
from intake.models import Complainant, Message
from tests.alerts import channel
from tests.conftest import NOW
from tests.roads import Road
from workorders.lifecycle import Role, Status

PAGES = ("dispatch/notice", "dispatch/channel", "dispatch/webhook", "dispatch/delivery", "intake/message")


@pytest.fixture
def rows(road: Road) -> dict[str, Any]:
    """One row of the lead unit's on each page."""
    order = road.to(Status.HANDLING)
    of_unit = channel(unit=road.lead)
    told = {"key": "one", "subject": "督办通知", "created_at": NOW, "state": "failed"}
    hook = webhooks.subscribe(
        road.lead, "https://unit.example/hook", [], actor=road.cast.of(Role.SUPERVISOR, road.lead), now=NOW
    )
    said = {"kind": "reply", "text": "已办结", "phone": "13800001234", "created_at": NOW, "state": "failed"}
    person = Complainant.objects.create(name="王小明", phone="13900005678")
    found = (
        Notice.objects.create(unit=road.lead, channel=of_unit, **told),
        of_unit,
        hook,
        Delivery.objects.create(webhook=hook, next_attempt_at=NOW, created_at=NOW),
        Message.objects.create(order=order, event=order.events.latest("pk"), complainant=person, **said),
    )
    return dict(zip(PAGES, found, strict=True))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("whose", "sees"),
    [("hotline", True), ("district", True), ("unit", True), ("stranger", False), ("administrator", True)],
)
def test_a_row_is_seen_by_the_hotline_and_by_the_branch_it_belongs_to(
    whose: str, sees: bool, page: str, rows: dict[str, Any], road: Road, as_: Callable[..., Client]
) -> None:
    units = {"hotline": None, "district": road.lead.parent, "unit": road.lead, "stranger": road.stranger}
    if (whose, page) == ("administrator", "intake/message"):
        sees = False  # part of the order, and administrators see no order
    client = as_(Role.ADMINISTRATOR) if whose == "administrator" else as_(Role.SUPERVISOR, units[whose])
    address = f"/admin/{page}/{rows[page].pk}/change/"
    listed = client.get(f"/admin/{page}/").content.decode()
    assert (address in listed) == sees
    assert (client.get(address).status_code == 200) == sees


@pytest.mark.parametrize("page", ["dispatch/notice", "intake/message"])
def test_nobody_sends_again_what_another_branch_was_told(
    page: str, rows: dict[str, Any], road: Road, as_: Callable[..., Client]
) -> None:
    chosen = {"action": "send_again", "_selected_action": [rows[page].pk]}
    as_(Role.SUPERVISOR, road.stranger).post(f"/admin/{page}/", chosen)
    rows[page].refresh_from_db()
    assert rows[page].state == "failed"
    as_(Role.SUPERVISOR, road.lead.parent).post(f"/admin/{page}/", chosen)
    rows[page].refresh_from_db()
    assert rows[page].state == "pending"
