"""Roles: nobody changes their own, giving takes two persons, and the database holds it at every door."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from config.cast import Cast
from dispatch import clients
from tests.api import HANDLING
from tests.owner import as_owner
from workorders import access_requests, passwords
from workorders.access_requests import approve_request, change_access, reject_request, withdraw_request
from workorders.lifecycle import Role
from workorders.models import AccessRequest, AccountEvent, Unit, User
from workorders.refusals import Invalid, NotAllowed, Refused, WrongState

pytestmark = pytest.mark.django_db
STREET = "J110105009"
USERS = "/admin/workorders/user/"


@pytest.fixture(autouse=True)
def two_persons(db: None) -> None:
    """As on a site: other tests make people with roles in one line."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE workorders_user ENABLE TRIGGER user_takes_two")
        cursor.execute("ALTER TABLE workorders_user ENABLE TRIGGER user_takes_two_at_first")


@pytest.fixture
def admin(cast: Cast) -> User:
    return cast.of(Role.ADMINISTRATOR)


@pytest.fixture
def second(cast: Cast) -> User:
    return from_server("second", [Role.ADMINISTRATOR], cast.city)


@pytest.fixture
def operator(cast: Cast) -> User:
    return cast.of(Role.OPERATOR)


def from_server(name: str, roles: list[str], unit: Unit | None) -> User:
    return access_requests.create_from_server(name, roles, unit, purpose="test", now=timezone.now())


def ask(user: User, roles: list[str], actor: User, unit: Unit | None = None) -> AccessRequest | None:
    return change_access(
        user, roles=roles, unit=unit or user.unit, active=True, actor=actor, now=timezone.now(), purpose="值班"
    )


def asked(user: User, roles: list[str], actor: User, unit: Unit | None = None) -> AccessRequest:
    request = ask(user, roles, actor, unit)
    assert request
    return request


def decide(act: Callable[..., Any], request: AccessRequest, actor: User, words: str = "") -> AccessRequest:
    decided: AccessRequest = act(request.pk, actor=actor, now=timezone.now(), words=words)
    return decided


def rights(user: User) -> tuple[Any, ...]:
    row = User.objects.get(pk=user.pk)
    return sorted(row.roles), row.unit_id, row.is_active, row.is_staff, row.is_superuser


def it_was_yesterday() -> None:
    """All that was approved so far, in the one transaction that holds the whole test, was approved in another one."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE workorders_accessrequest DISABLE TRIGGER access_request_stays")
        cursor.execute("UPDATE workorders_accessrequest SET decided_in = decided_in - 1")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def as_user(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def form_of(user: User, **changes: Any) -> dict[str, Any]:
    form = {
        "username": user.username, "last_name": user.last_name, "first_name": "", "email": "", "office_phone": "",
        "unit": user.unit_id or "", "roles": user.roles, "is_active": "on", **changes,
    }  # fmt: skip
    return {name: value for name, value in form.items() if value is not None}


# Giving


def test_a_role_takes_effect_when_a_second_person_approves_it(admin: User, second: User, operator: User) -> None:
    request = asked(operator, [Role.OPERATOR, Role.SUPERVISOR], admin)
    assert rights(operator)[0] == ["operator"]
    decide(approve_request, request, second)
    assert rights(operator)[0] == ["operator", "supervisor"]
    assert rights(operator)[3] is True
    assert list(AccountEvent.objects.order_by("-number").values_list("kind", "actor")[:2]) == [
        ("roles_given", second.pk), ("roles_requested", admin.pk),
    ]  # fmt: skip


def test_a_supervisor_of_the_hotline_is_a_second_person_and_a_streets_is_not(
    admin: User, operator: User, cast: Cast
) -> None:
    request = asked(operator, [Role.OPERATOR, Role.AUDITOR], admin)
    with pytest.raises(NotAllowed):
        decide(approve_request, request, cast.of(Role.SUPERVISOR, Unit.objects.get(code=STREET)))
    decide(approve_request, request, cast.of(Role.SUPERVISOR))
    assert rights(operator)[0] == ["auditor", "operator"]


@pytest.mark.parametrize("role", list(Role))
def test_every_role_takes_two(role: Role, admin: User, cast: Cast) -> None:
    newcomer = User.objects.create(username="newcomer", unit=cast.city)
    assert ask(newcomer, [role], admin)
    assert rights(newcomer)[0] == []


def test_so_does_another_unit_to_have_them_in_and_being_switched_on_again(admin: User, cast: Cast) -> None:
    street = Unit.objects.get(code=STREET)
    supervisor = cast.of(Role.SUPERVISOR, street)
    before = rights(supervisor)
    assert ask(supervisor, [Role.SUPERVISOR], admin, cast.city)
    assert rights(supervisor) == before
    gone = from_server("gone", [Role.HANDLER], street)
    change_access(gone, roles=gone.roles, unit=street, active=False, actor=admin, now=timezone.now())
    assert ask(gone, [Role.HANDLER], admin)
    assert rights(gone)[2] is False


@pytest.mark.parametrize("who", ["requester", "concerned", "operator", "gone"])
def test_nobody_else_approves(who: str, admin: User, second: User, operator: User, cast: Cast) -> None:
    concerned = from_server("third", [Role.ADMINISTRATOR], cast.city)
    request = asked(concerned, [Role.ADMINISTRATOR, Role.SUPERVISOR], admin)
    before = rights(concerned)
    User.objects.filter(pk=second.pk).update(is_active=False)
    people = {"requester": admin, "concerned": concerned, "operator": operator, "gone": User.objects.get(pk=second.pk)}
    with pytest.raises(NotAllowed):
        decide(approve_request, request, people[who])
    assert rights(concerned) == before
    assert AccessRequest.objects.get(pk=request.pk).state == "proposed"


def test_one_person_with_two_accounts_is_one_person(admin: User, second: User, operator: User) -> None:
    secret = passwords.issue_link(second, actor=admin, now=timezone.now())
    passwords.use_link(secret, "taken-over-2026", now=timezone.now())
    for requester, decider in ((admin, second), (second, admin)):
        request = asked(operator, [Role.OPERATOR, Role.AUDITOR], requester)
        with pytest.raises(NotAllowed, match=r"twice|不能视为两人"):
            decide(approve_request, request, decider)
        decide(reject_request, request, decider, "no")
    assert rights(operator)[0] == ["operator"]
    fresh = passwords.issue_link(second, actor=None, now=timezone.now())
    passwords.use_link(fresh, "from-the-server-2026", now=timezone.now())
    decide(approve_request, asked(operator, [Role.OPERATOR, Role.AUDITOR], admin), second)
    assert rights(operator)[0] == ["auditor", "operator"]


def test_a_request_is_decided_once(admin: User, second: User, operator: User) -> None:
    request = asked(operator, [Role.AUDITOR], admin)
    decide(reject_request, request, second, "not needed")
    for act in (approve_request, reject_request):
        with pytest.raises(WrongState):
            decide(act, request, second, "x")
    assert rights(operator)[0] == ["operator"]


def test_rejecting_takes_a_reason_and_only_the_requester_withdraws(admin: User, second: User, operator: User) -> None:
    request = asked(operator, [Role.AUDITOR], admin)
    with pytest.raises(Invalid):
        decide(reject_request, request, second)
    with pytest.raises(NotAllowed):
        decide(withdraw_request, request, second, "x")
    assert decide(withdraw_request, request, admin, "a mistake").state == "withdrawn"


def test_what_was_changed_since_is_not_approved(admin: User, second: User, operator: User) -> None:
    request = asked(operator, [Role.OPERATOR, Role.AUDITOR], admin)
    ask(operator, [], second)
    with pytest.raises(WrongState, match=r"changed after|已有变动"):
        decide(approve_request, request, second)
    assert rights(operator)[0] == []


def test_nor_what_somebody_asked_for_who_is_no_administrator_any_more(
    admin: User, second: User, operator: User
) -> None:
    request = asked(operator, [Role.OPERATOR, Role.AUDITOR], admin)
    ask(admin, [], second)
    with pytest.raises(WrongState, match=r"no administrator|不是管理员"):
        decide(approve_request, request, second)


def test_one_request_waits_for_an_account_at_a_time(admin: User, second: User, operator: User) -> None:
    ask(operator, [Role.OPERATOR, Role.AUDITOR], admin)
    with pytest.raises(WrongState, match=r"waits already|待审批"):
        ask(operator, [Role.OPERATOR, Role.SUPERVISOR], second)


# Taking away


def test_taking_away_takes_one(admin: User, operator: User) -> None:
    assert ask(operator, [], admin) is None
    assert rights(operator)[0] == []
    assert change_access(operator, roles=[], unit=operator.unit, active=False, actor=admin, now=timezone.now()) is None
    assert rights(operator)[2] is False
    assert set(AccountEvent.objects.filter(user=operator).values_list("kind", flat=True)) >= {
        "roles_taken", "switched_off",
    }  # fmt: skip


@pytest.mark.parametrize("roles", [[], [Role.AUDITOR], [Role.ADMINISTRATOR, Role.SUPERVISOR]])
@pytest.mark.parametrize("superuser", [False, True])
def test_nobody_changes_what_they_may_do_themselves(roles: list[str], superuser: bool, admin: User) -> None:
    if superuser:
        access_requests.give_from_server(
            admin, admin.roles, admin.unit, purpose="x", now=timezone.now(), superuser=True
        )
    before = rights(admin)
    for active in (True, False):
        with pytest.raises(NotAllowed):
            change_access(admin, roles=roles, unit=admin.unit, active=active, actor=admin, now=timezone.now())
    assert rights(admin) == before


# The administration's doors


def test_the_form_asks_and_does_not_give(admin: User, operator: User) -> None:
    client = as_user(admin)
    form = form_of(operator, roles=["operator", "supervisor"], last_name="李", purpose="代班")
    assert client.post(f"{USERS}{operator.pk}/change/", form).status_code == 302
    operator.refresh_from_db()
    assert (operator.last_name, operator.roles) == ("李", ["operator"]), "the rest is saved"
    waiting = AccessRequest.objects.get(user=operator, state="proposed")
    assert (waiting.roles, waiting.purpose, waiting.created_by) == (["operator", "supervisor"], "代班", admin)
    assert str(waiting.pk) in client.get(f"{USERS}{operator.pk}/change/").content.decode()


def test_a_form_that_asks_for_more_while_a_request_waits_says_so_and_keeps_what_was_typed(
    admin: User, second: User, operator: User
) -> None:
    ask(operator, [Role.OPERATOR, Role.AUDITOR], second)
    form = form_of(operator, roles=["operator", "supervisor"], last_name="李")
    page = as_user(admin).post(f"{USERS}{operator.pk}/change/", form)
    assert page.status_code == 200
    assert 'value="李"' in page.content.decode()
    assert "waits already" in page.content.decode() or "待审批的授权申请" in page.content.decode()
    assert User.objects.get(pk=operator.pk).last_name != "李"


def test_accounts_that_vouch_for_each_other_through_a_third_are_one_person(
    admin: User, second: User, operator: User, cast: Cast
) -> None:
    third = from_server("third", [Role.ADMINISTRATOR], cast.city)
    for account, issuer in ((second, admin), (third, second)):
        secret = passwords.issue_link(account, actor=issuer, now=timezone.now())
        passwords.use_link(secret, f"taken-over-{account.username}", now=timezone.now())
    with pytest.raises(NotAllowed, match=r"twice|不能视为两人"):
        decide(approve_request, asked(operator, [Role.OPERATOR, Role.AUDITOR], admin), third)
    assert rights(operator)[0] == ["operator"]


def test_a_new_account_has_no_roles_before_a_second_person_says_so(admin: User, second: User) -> None:
    street = Unit.objects.get(code=STREET)
    form = {"username": "zhang", "unit": street.pk, "roles": ["handler", "reviewer"], "password": "x", "password1": "x"}
    page = as_user(admin).post(f"{USERS}add/", form)
    zhang = User.objects.get(username="zhang")
    assert (zhang.roles, zhang.unit, zhang.has_usable_password()) == ([], street, False)
    assert "/account/link/" in page.content.decode()
    waiting = AccessRequest.objects.get(user=zhang, state="proposed")
    assert as_user(second).post(f"/admin/workorders/accessrequest/{waiting.pk}/approve/").status_code == 302
    assert rights(zhang)[0] == ["handler", "reviewer"]


@pytest.mark.parametrize(
    "form",
    [
        {"roles": ["administrator", "supervisor"]},
        {"roles": []},
        {"unit": ""},
        {"is_active": None},
        {"is_superuser": "on", "is_staff": "on", "groups": "1", "user_permissions": "1"},
        {"must_change_password": "", "is_service": "on", "password": "x"},
    ],
)
def test_the_own_form_leaves_the_own_rights_alone(form: dict[str, Any], admin: User) -> None:
    before = rights(admin)
    as_user(admin).post(f"{USERS}{admin.pk}/change/", form_of(admin, **form))
    assert rights(admin) == before
    assert not AccessRequest.objects.filter(user=admin, state="proposed").exists()


def test_neither_list_nor_actions_change_anybody(admin: User, operator: User) -> None:
    client, before = as_user(admin), rights(operator)
    rows = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": operator.pk, "form-0-roles": "supervisor"}
    client.post(USERS, {**rows, "_save": "Save"})
    client.post(USERS, {"action": "delete_selected", "_selected_action": operator.pk, "post": "yes"})
    client.post(f"{USERS}{operator.pk}/delete/", {"post": "yes"})
    client.post(f"/admin/workorders/unit/{operator.unit_id}/change/", {"users-TOTAL_FORMS": 1, "users-0-roles": "x"})
    assert rights(operator) == before


def test_the_page_of_a_request_is_no_form_and_the_requester_sees_no_approval(
    admin: User, second: User, operator: User
) -> None:
    request = asked(operator, [Role.AUDITOR], admin)
    page = f"/admin/workorders/accessrequest/{request.pk}/"
    client = as_user(admin)
    assert client.post(f"{page}change/", {"state": "approved"}).status_code == 403
    assert client.post(f"{page}approve/").status_code == 403
    assert client.post("/admin/workorders/accessrequest/add/").status_code == 403
    assert "approve/" not in client.get(f"{page}change/").content.decode()
    assert "approve/" in as_user(second).get(f"{page}change/").content.decode()
    assert rights(operator)[0] == ["operator"]


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.HANDLER, Role.SUPERVISOR])
def test_who_keeps_no_accounts_changes_none(role: Role, operator: User, cast: Cast) -> None:
    client, before = as_user(cast.of(role, Unit.objects.get(code=STREET))), rights(operator)
    client.post(f"{USERS}{operator.pk}/change/", form_of(operator, roles=["auditor"]))
    client.post(f"{USERS}add/", {"username": "x", "roles": ["auditor"]})
    assert rights(operator) == before
    assert not User.objects.filter(username="x").exists()
    assert not AccessRequest.objects.filter(state="proposed").exists()


# The database's door


@pytest.mark.parametrize(
    "change",
    [
        {"roles": ["operator", "auditor"]},
        {"is_superuser": True},
        {"unit": STREET},
        {"roles": ["administrator"]},
    ],
)
def test_the_database_refuses_rights_that_nobody_approved(change: dict[str, Any], operator: User, admin: User) -> None:
    change = {**change, **({"unit": Unit.objects.get(code=STREET)} if "unit" in change else {})}
    before = rights(operator)
    it_was_yesterday()
    with pytest.raises(DatabaseError, match="two persons"), transaction.atomic():
        User.objects.filter(pk=operator.pk).update(**change)
    for name, value in change.items():
        setattr(operator, name, value)
    with pytest.raises(DatabaseError, match="two persons"), transaction.atomic():
        operator.save()
    with pytest.raises(DatabaseError, match="two persons"), transaction.atomic():
        User.objects.create(username="smuggled", **{"roles": ["operator"], **change})
    with pytest.raises(DatabaseError, match="two persons"), transaction.atomic():
        User.objects.bulk_create([User(username="smuggled", roles=["auditor"])])
    assert rights(operator) == before


def test_an_approval_of_yesterday_gives_nothing_today(admin: User, second: User, operator: User) -> None:
    decide(approve_request, asked(operator, [Role.OPERATOR, Role.AUDITOR], admin), second)
    ask(operator, [Role.OPERATOR], admin)
    it_was_yesterday()
    with pytest.raises(DatabaseError, match="two persons"), transaction.atomic():
        User.objects.filter(pk=operator.pk).update(roles=["operator", "auditor"])


@pytest.mark.parametrize("forged", ["self_approved", "born_approved", "for_oneself", "rewritten", "deleted"])
def test_the_database_refuses_a_forged_request(forged: str, admin: User, second: User, operator: User) -> None:
    now = timezone.now()
    facts = {"roles": ["auditor"], "created_at": now, "created_by": admin}
    request = asked(operator, [Role.AUDITOR], admin)
    rows = AccessRequest.objects.filter(pk=request.pk)
    acts: dict[str, Callable[[], Any]] = {
        "self_approved": lambda: rows.update(state="approved", decided_by=admin, decided_at=now),
        "born_approved": lambda: AccessRequest.objects.create(
            user=second, state="approved", decided_by=operator, decided_at=now, **facts
        ),
        "for_oneself": lambda: AccessRequest.objects.create(user=admin, **facts),
        "rewritten": lambda: rows.update(roles=["administrator"]),
        "deleted": rows.delete,
    }
    with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
        acts[forged]()
    assert rights(operator)[0] == ["operator"]


# Systems


def test_an_api_client_of_one_administrator_sees_nothing_before_the_second_approves(admin: User, second: User) -> None:
    street = Unit.objects.get(code=STREET)
    issued = clients.create(street, HANDLING, name="系统", actor=admin)
    assert rights(issued.client.user)[0] == []
    decide(approve_request, AccessRequest.objects.get(user=issued.client.user), second)
    assert rights(issued.client.user)[0] == ["handler", "reviewer"]


def test_one_from_the_servers_command_works_at_once() -> None:
    issued = clients.create(Unit.objects.get(code=STREET), HANDLING)
    assert rights(issued.client.user)[0] == ["handler", "reviewer"]


# Whose rows


def test_a_streets_supervisor_sees_the_users_of_the_own_branch_alone(cast: Cast, operator: User) -> None:
    street = Unit.objects.get(code=STREET)
    handler, client = cast.of(Role.HANDLER, street), as_user(cast.of(Role.SUPERVISOR, street))
    above = cast.of(Role.SUPERVISOR, street.parent)
    listed = client.get(USERS).content.decode()
    assert f"{USERS}{handler.pk}/change/" in listed
    for stranger in (operator, above):
        assert f"{USERS}{stranger.pk}/change/" not in listed
        assert client.get(f"{USERS}{stranger.pk}/change/").status_code == 302
        assert client.get(f"{USERS}{stranger.pk}/history/").status_code in (302, 404)
    assert f"{USERS}{handler.pk}/change/" in as_user(above).get(USERS).content.decode()


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.SUPERVISOR])
def test_no_page_shows_a_beginning_of_a_hash(role: Role, cast: Cast, operator: User) -> None:
    User.objects.filter(pk=operator.pk).update(password="pbkdf2_sha256$1000000$saltsalt$hashhash")
    client = as_user(cast.of(role))
    for page in (USERS, f"{USERS}{operator.pk}/change/"):
        text = client.get(page).content.decode()
        assert not any(word in text for word in ("pbkdf2", "saltsa", "hashha"))
    for query in ("password__startswith=pbkdf2", "password__gt=a", "unit__users__password__startswith=p"):
        assert client.get(f"{USERS}?{query}").status_code in (302, 400)


def test_refusals_are_of_the_one_shape() -> None:
    with pytest.raises(Refused):
        approve_request(0, actor=User(roles=[Role.ADMINISTRATOR]), now=timezone.now())
