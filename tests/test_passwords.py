"""Passwords: everybody changes their own, must after somebody else set it, and is reset by a link that works once."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from config.cast import Cast
from workorders import passwords
from workorders.lifecycle import Role
from workorders.models import AccessRequest, AccountEvent, PasswordLink, Unit, User
from workorders.refusals import NotAllowed

pytestmark = pytest.mark.django_db
OLD, NEW = "nine-lives-2026", "ten-lives-2027-x"


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast(OLD)


@pytest.fixture
def operator(cast: Cast) -> User:
    return cast.of(Role.OPERATOR)


def log_in(user: User, password: str = OLD) -> Client:
    client = Client()
    client.post("/login/", {"username": user.username, "password": password})
    return client


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def change(client: Client, old: str = OLD, new: str = NEW, again: str = "", page: str = "/account/password/") -> Any:
    return client.post(page, {"old_password": old, "new_password1": new, "new_password2": again or new})


def link_for(user: User, actor: User | None = None) -> str:
    return f"/account/link/{passwords.issue_link(user, actor=actor, now=timezone.now())}/"


def use(address: str, password: str = NEW) -> Any:
    return Client().post(address, {"new_password1": password, "new_password2": password})


# The own password


@pytest.mark.parametrize("role", list(Role))
def test_everybody_changes_their_own_password_and_stays_logged_in(role: Role, cast: Cast) -> None:
    user = cast.of(role)
    here, elsewhere = log_in(user), log_in(user)
    assert change(here).status_code == 302
    assert here.get("/account/password/").status_code == 200
    assert elsewhere.get("/account/password/").status_code == 302, "other sessions end"
    assert not is_in(log_in(user, OLD))
    assert is_in(log_in(user, NEW))
    assert AccountEvent.objects.filter(kind="password_changed", user=user, actor=user).count() == 1


def test_the_administration_leads_to_the_same_page(cast: Cast) -> None:
    client = log_in(cast.of(Role.ADMINISTRATOR))
    assert client.get("/admin/password_change/").headers["Location"] == "/account/password/"


@pytest.mark.parametrize(
    ("old", "new", "again"), [("wrong", NEW, NEW), (OLD, NEW, "another-2027"), (OLD, "short", "short"), (OLD, OLD, OLD)]
)
def test_a_refused_change_changes_nothing(old: str, new: str, again: str, operator: User) -> None:
    client, before = log_in(operator), User.objects.get(pk=operator.pk).password
    assert change(client, old, new, again).status_code == 200
    assert User.objects.get(pk=operator.pk).password == before


def test_the_present_password_cannot_be_guessed_on_that_page(operator: User) -> None:
    client = log_in(operator)
    for n in range(5):
        change(client, f"guess-{n}")
    answer = change(client, OLD)
    assert (answer.status_code, is_in(log_in(operator, NEW))) == (200, False)


# After issue and reset


@pytest.fixture
def issued(cast: Cast) -> User:
    user = User.objects.create_user("zhang", password=OLD, unit=cast.city, roles=[Role.OPERATOR])
    assert isinstance(user, User)
    return user


@pytest.mark.parametrize("page", ["/orders/", "/reception/", "/admin/", "/palette/", "/orders/1/", "/views/"])
def test_with_a_password_that_others_know_every_page_leads_to_the_change(page: str, issued: User) -> None:
    client = log_in(issued)
    assert client.get(page).headers["Location"].startswith("/account/password/")
    assert client.post(page).headers["Location"] == "/account/password/"
    assert client.get(page, headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/account/password/"


def test_the_api_of_that_session_is_closed_as_well(issued: User) -> None:
    answer = log_in(issued).get("/api/v1/workorders/")
    assert (answer.status_code, answer.json()["code"]) == (403, "password_change_required")


def test_after_the_change_the_page_one_wanted_opens(issued: User) -> None:
    client = log_in(issued)
    page = client.get("/orders/?q=1").headers["Location"]
    assert client.get(page).status_code == 200
    assert change(client, page=page).headers["Location"] == "/orders/?q=1"
    assert client.get("/orders/").status_code == 200


def test_nobody_is_led_away_to_another_site(issued: User) -> None:
    answer = change(log_in(issued), page="/account/password/?next=https://evil.example/")
    assert answer.headers["Location"] == "/orders/"


def test_a_password_set_on_the_server_is_changed_first_too(operator: User) -> None:
    operator.set_password("from-the-server-1")
    operator.save()
    assert log_in(operator, "from-the-server-1").get("/orders/").headers["Location"].startswith("/account/password/")


def test_people_of_the_demo_are_exempt(cast: Cast) -> None:
    assert log_in(cast.of(Role.DISPATCHER)).get("/orders/").status_code == 200


# One-time links


def test_a_link_sets_the_password_once(operator: User) -> None:
    address = link_for(operator)
    assert is_in(log_in(operator)), "the present password works until then"
    assert use(address).headers["Location"] == "/login/"
    assert (is_in(log_in(operator, OLD)), is_in(log_in(operator, NEW))) == (False, True)
    assert log_in(operator, NEW).get("/orders/").status_code == 200, "the user chose it, nobody else knows it"
    assert use(address, "stolen-later-2028").status_code == 410
    assert is_in(log_in(operator, NEW))


def test_looking_does_not_use_a_link_up_and_its_page_tells_no_other_of_it(operator: User) -> None:
    address = link_for(operator)
    for _n in range(2):
        page = Client().get(address)
        assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
        assert "no-store" in page.headers["Cache-Control"]


def test_a_bad_password_leaves_the_link_good(operator: User) -> None:
    address = link_for(operator)
    assert use(address, "short").status_code == 200
    assert use(address).status_code == 302


@pytest.mark.parametrize("over", ["expired", "replaced", "changed", "switched_off", "made_up"])
def test_a_link_that_is_over_says_so_and_sets_nothing(over: str, operator: User) -> None:
    address = link_for(operator)
    if over == "expired":
        PasswordLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif over == "replaced":
        link_for(operator)
    elif over == "changed":
        change(log_in(operator), new="an-own-choice-2027")
    elif over == "switched_off":
        User.objects.filter(pk=operator.pk).update(is_active=False)
    else:
        address = "/account/link/abc/"
    before = User.objects.get(pk=operator.pk).password
    assert (Client().get(address).status_code, use(address).status_code) == (410, 410)
    assert User.objects.get(pk=operator.pk).password == before


def test_a_link_expires_after_a_day(operator: User) -> None:
    secret = passwords.issue_link(operator, actor=None, now=timezone.now())
    with pytest.raises(passwords.LinkIsOver):
        passwords.user_of_link(secret, timezone.now() + passwords.GOOD_FOR)


def test_of_a_link_only_a_digest_is_stored(operator: User) -> None:
    secret = link_for(operator).split("/")[-2]
    rows = [str(row) for model in (PasswordLink, AccountEvent) for row in model.objects.values()]
    assert not any(secret in row for row in rows)


def test_an_administrator_gets_the_link_once_and_never_a_password(operator: User, cast: Cast) -> None:
    client = log_in(cast.of(Role.ADMINISTRATOR))
    page = client.post(f"/admin/workorders/user/{operator.pk}/link/")
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    address = re.search(r"/account/link/[\w-]+/", page.content.decode())
    assert address and address[0] not in client.get(f"/admin/workorders/user/{operator.pk}/change/").content.decode()
    assert use(address[0]).status_code == 302
    said = AccountEvent.objects.get(kind="link_used")
    assert (said.user, said.data) == (operator, {"issued_by": "admin"})


def test_the_form_for_anothers_password_is_gone(operator: User, cast: Cast) -> None:
    client, before = log_in(cast.of(Role.ADMINISTRATOR)), operator.password
    form = {"password1": NEW, "password2": NEW, "usable_password": "true", "password": NEW}
    for page in ("password", "change"):
        client.post(f"/admin/workorders/user/{operator.pk}/{page}/", form)
    assert User.objects.get(pk=operator.pk).password == before


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_nobody_else_issues_links(role: Role, operator: User, cast: Cast) -> None:
    client = log_in(cast.of(role))
    assert client.post(f"/admin/workorders/user/{operator.pk}/link/").status_code in (302, 403)
    assert PasswordLink.objects.count() == 0


def test_nobody_gets_a_link_for_themselves_for_a_system_or_for_who_is_switched_off(cast: Cast) -> None:
    admin = cast.of(Role.ADMINISTRATOR)
    system = User.objects.create(username="api-1", is_service=True)
    gone = User.objects.create(username="gone", is_active=False)
    for user in (admin, system, gone):
        with pytest.raises(NotAllowed):
            passwords.issue_link(user, actor=admin, now=timezone.now())
    assert PasswordLink.objects.count() == 0


def test_nobody_logs_in_with_the_account_of_a_system(cast: Cast) -> None:
    system = User.objects.create(username="api-1", is_service=True, password=cast.password)
    assert not is_in(log_in(system))


# The first people


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_the_first_administrator_is_made_by_a_command_and_sets_the_password_by_link(db: None) -> None:
    said = run("create_administrator", "wang", "--last-name", "王")
    user = User.objects.get(username="wang")
    assert (user.roles, user.unit.kind, user.is_staff, user.is_superuser) == (
        ["administrator"], Unit.Kind.CITY, True, False,
    )  # fmt: skip
    assert not user.has_usable_password()
    assert "roles take two persons" in said
    address = re.search(r"/account/link/[\w-]+/", said)
    assert address and use(address[0]).status_code == 302
    assert log_in(user, NEW).get("/admin/").status_code == 200


def test_with_a_second_one_the_command_has_nothing_more_to_ask_for(db: None) -> None:
    run("create_administrator", "wang")
    assert "two persons" not in run("create_administrator", "li", "--role", "supervisor")
    assert User.objects.get(username="li").roles == ["supervisor"]


def test_the_command_brings_an_administrator_back_who_was_switched_off(cast: Cast) -> None:
    admin = cast.of(Role.ADMINISTRATOR)
    User.objects.filter(pk=admin.pk).update(is_active=False)
    assert "/account/link/" in run("create_administrator", "admin")
    admin.refresh_from_db()
    assert (admin.is_active, AccessRequest.objects.latest("pk").created_by) == (True, None)


@pytest.mark.parametrize("name", ["", "a b", "x" * 200])
def test_the_command_refuses_a_name_that_cannot_be_one(name: str, db: None) -> None:
    with pytest.raises(CommandError):
        run("create_administrator", name)
    assert not User.objects.exists()


def test_the_server_prints_a_link_for_anybody_who_logs_in(operator: User) -> None:
    assert "/account/link/" in run("password_link", "operator")
    with pytest.raises(CommandError, match="no account"):
        run("password_link", "nobody")


def test_the_command_of_django_names_its_successor(db: None) -> None:
    with pytest.raises(CommandError, match="create_administrator"):
        call_command("createsuperuser", interactive=False, username="root", email="r@example.org")
    assert not User.objects.exists()
