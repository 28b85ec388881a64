"""Administration of reference data, people, calendar and policy."""

import pytest
from django.test import Client

from config.cast import Cast
from workorders.lifecycle import Role
from workorders.models import CalendarDay, Unit

pytestmark = pytest.mark.django_db

LISTS = ("unit", "area", "category", "calendarday", "policy", "user")


@pytest.fixture
def administrator(client: Client, cast: Cast) -> Client:
    client.force_login(cast.of(Role.ADMINISTRATOR))
    return client


@pytest.mark.parametrize("name", LISTS)
def test_an_administrator_opens_every_list_and_a_row_of_it(name: str, administrator: Client) -> None:
    assert administrator.get(f"/admin/workorders/{name}/").status_code == 200
    assert administrator.get(f"/admin/workorders/{name}/add/").status_code == 200


def test_the_catalogue_is_maintained_in_the_administration(administrator: Client) -> None:
    assert administrator.get("/admin/dispatch/responsibility/").status_code == 200


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.DISPATCHER, Role.HANDLER, Role.CALLBACK_AGENT])
def test_nobody_else_enters(role: Role, client: Client, cast: Cast) -> None:
    client.force_login(cast.of(role))
    assert client.get("/admin/workorders/unit/").status_code == 302


def test_an_auditor_enters_for_the_log_of_accounts_alone(client: Client, cast: Cast) -> None:
    client.force_login(cast.of(Role.AUDITOR))
    assert client.get("/admin/").status_code == 200
    for name in LISTS:
        assert client.get(f"/admin/workorders/{name}/").status_code == 403


def test_a_supervisor_looks_and_does_not_change(client: Client, cast: Cast) -> None:
    client.force_login(cast.of(Role.SUPERVISOR))
    unit = Unit.objects.get(code="Q110105")
    assert client.get(f"/admin/workorders/unit/{unit.pk}/change/").status_code == 200
    assert client.post(f"/admin/workorders/unit/{unit.pk}/change/", {"name": "x"}).status_code == 403
    assert client.get("/admin/workorders/unit/add/").status_code == 403


def test_a_calendar_day_is_changed(administrator: Client) -> None:
    day = CalendarDay.objects.get(date="2026-03-11")
    administrator.post("/admin/workorders/calendarday/2026-03-11/change/", {"date": day.date, "note": "临时放假"})
    day.refresh_from_db()
    assert (day.is_working, day.note) == (False, "临时放假")
