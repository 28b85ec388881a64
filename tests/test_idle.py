"""A session ends when nobody is at the seat, by role, and what was typed stays."""

from typing import Any

import pytest
from django.test import Client

from config.cast import Cast
from workorders.lifecycle import Role
from workorders.models import AccountEvent, User
from workorders.sessions import idle_limit

pytestmark = pytest.mark.django_db
PAGE = "/account/password/"


def log_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def rest(client: Client, minutes: float) -> None:
    session = client.session
    session["seen"] -= int(minutes * 60)
    session.save()


@pytest.mark.parametrize(("role", "minutes"), [(Role.ADMINISTRATOR, 15), (Role.AUDITOR, 15), (Role.OPERATOR, 60)])
def test_the_session_ends_after_the_time_of_the_role(role: Role, minutes: int, cast: Cast) -> None:
    client = log_in(cast.of(role))
    rest(client, minutes - 0.1)
    assert client.get(PAGE).status_code == 200
    rest(client, minutes + 0.1)
    assert client.get(PAGE).status_code == 302
    assert AccountEvent.objects.latest("number").kind == "timed_out"


def test_who_works_stays(cast: Cast) -> None:
    client = log_in(cast.of(Role.ADMINISTRATOR))
    for _n in range(4):
        rest(client, 10)
        assert client.get(PAGE).status_code == 200


def test_what_an_open_page_asks_for_by_itself_is_nobody_at_the_seat(cast: Cast) -> None:
    client = log_in(cast.of(Role.ADMINISTRATOR))
    for _n in range(2):
        rest(client, 8)
        answer = client.get("/work/", headers={"X-Unattended": "1"})
    assert answer.status_code == 302


def test_after_a_shift_everybody_logs_in_again(cast: Cast) -> None:
    client = log_in(cast.of(Role.OPERATOR))
    session = client.session
    session["since"] -= 12 * 60 * 60 + 1
    session.save()
    assert client.get(PAGE).status_code == 302


def test_somebody_with_several_roles_has_the_shortest_time() -> None:
    assert idle_limit(User(roles=["operator", "auditor"])) == idle_limit(User(roles=["auditor"]))
    assert idle_limit(User(roles=["operator"])) > idle_limit(User(roles=["auditor"]))
    assert idle_limit(User(roles=[])) == idle_limit(User(roles=["administrator"]))


def test_a_site_sets_its_own_times(settings: Any, cast: Cast) -> None:
    settings.IDLE_MINUTES = {**settings.IDLE_MINUTES, "operator": 5}
    client = log_in(cast.of(Role.OPERATOR))
    rest(client, 6)
    assert client.get(PAGE).status_code == 302


def test_the_api_of_that_session_ends_too(cast: Cast) -> None:
    client = log_in(cast.of(Role.OPERATOR))
    rest(client, 61)
    assert client.get("/api/v1/workorders/").status_code in (401, 403)
    assert "_auth_user_id" not in client.session


def test_a_form_that_comes_too_late_is_answered_in_place(cast: Cast) -> None:
    client = log_in(cast.of(Role.OPERATOR))
    rest(client, 61)
    answer = client.post("/views/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/orders/"})
    assert (answer.status_code, answer["HX-Retarget"]) == (401, "#logged-out")
