"""Administration of reference data, people, calendar and policy."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from config.cast import Cast
from workorders.lifecycle import Role
from workorders.models import CalendarDay, Policy, Unit, User

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


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.DISPATCHER, Role.HANDLER, Role.CALLBACK_AGENT, Role.AUDITOR])
def test_nobody_else_enters(role: Role, client: Client, cast: Cast) -> None:
    client.force_login(cast.of(role))
    assert client.get("/admin/workorders/unit/").status_code == 302


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


def policy(document: object) -> dict[str, str]:
    start = timezone.localtime(timezone.now() + timedelta(days=1))
    return {
        "version": "2",
        "title": "第二版",
        "document": json.dumps(document),
        "effective_from_0": f"{start:%Y-%m-%d}",
        "effective_from_1": f"{start:%H:%M:%S}",
    }


def test_a_new_policy_version_stands_beside_the_old_one(administrator: Client) -> None:
    document = Policy.objects.get(version=1).document
    document["limits"]["resolution"]["ordinary"]["value"] = 5
    assert administrator.post("/admin/workorders/policy/add/", policy(document)).status_code == 302
    assert Policy.objects.get(version=2).created_by == User.objects.get(username="admin")
    assert Policy.objects.get(version=1).document["limits"]["resolution"]["ordinary"]["value"] == 7
    assert Policy.objects.in_force(timezone.now()).version == 1


def test_a_broken_policy_is_refused_with_the_path_of_the_mistake(administrator: Client) -> None:
    document = Policy.objects.get(version=1).document
    document["limits"]["contact"]["ordinary"] = {"value": -1, "unit": "fortnight"}
    response = administrator.post("/admin/workorders/policy/add/", policy(document))
    assert "limits.contact.ordinary" in response.content.decode()
    assert Policy.objects.count() == 1


def test_a_policy_version_is_never_changed(administrator: Client) -> None:
    version = Policy.objects.get(version=1)
    response = administrator.post(f"/admin/workorders/policy/{version.pk}/change/", policy({}))
    assert response.status_code == 403
    version.refresh_from_db()
    assert version.title != "第二版"


def test_an_administrator_makes_a_user_with_unit_and_roles(administrator: Client) -> None:
    unit = Unit.objects.get(code="J110105009")
    administrator.post(
        "/admin/workorders/user/add/",
        {
            "username": "zhang", "usable_password": "true", "password1": "a-long-pass-2026", "password2": "a-long-pass-2026",
            "unit": unit.pk, "roles": "handler,reviewer",
        },
    )  # fmt: skip
    made = User.objects.get(username="zhang")
    assert (made.unit, made.roles, made.is_staff) == (unit, ["handler", "reviewer"], False)
