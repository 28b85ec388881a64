"""Machines log in by client credentials: issuing, rotating, revoking, and what a scope allows."""

import base64
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken

from config.cast import Cast
from dispatch import clients
from dispatch.models import ApiClient
from tests.api import CHANNEL, HANDLING, V1, Machine, send, token_for
from tests.roads import Road
from workorders.api.scopes import Scope
from workorders.lifecycle import Role
from workorders.models import Unit, User

pytestmark = pytest.mark.django_db
STREET = "J110105009"


@pytest.fixture
def issued(db: None) -> clients.Issued:
    return clients.create(Unit.objects.get(code=STREET), HANDLING, name="街道业务系统")


def ask(client: Client, client_id: str, secret: str, **form: str) -> Any:
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    form = {"grant_type": "client_credentials", **form}
    return client.post("/oauth/token/", form, headers={"Authorization": f"Basic {basic}"})


def bearer(token: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {token}"}}


def test_a_client_gets_a_token_and_reads_with_it(client: Client, issued: clients.Issued, road: Road) -> None:
    order = road.to("dispatched")
    answer = ask(client, issued.client.client_id, issued.secret)
    assert answer.status_code == 200, answer.content
    token = answer.json()
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    assert set(token["scope"].split()) == set(HANDLING)
    assert "refresh_token" not in token
    listed = client.get(f"{V1}/workorders/", **bearer(token["access_token"])).json()
    assert [row["number"] for row in listed["results"]] == [order.number]


def test_credentials_in_the_body_are_good_too(client: Client, issued: clients.Issued) -> None:
    form = {"client_id": issued.client.client_id, "client_secret": issued.secret, "grant_type": "client_credentials"}
    assert client.post("/oauth/token/", form).status_code == 200


def test_a_client_may_ask_for_less_and_not_for_more(client: Client, issued: clients.Issued) -> None:
    answer = ask(client, issued.client.client_id, issued.secret, scope="orders:read")
    assert answer.json()["scope"] == "orders:read"
    refused = send(
        client, "/workorders/bulk/sign/", {"numbers": ["1"]}, Authorization=f"Bearer {answer.json()['access_token']}"
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert ask(client, issued.client.client_id, issued.secret, scope="appeals:write").json()["error"] == "invalid_scope"


@pytest.mark.parametrize("grant", ["password", "authorization_code", "refresh_token", "implicit", "", "\0"])
def test_only_the_client_credentials_grant_is_there(grant: str, client: Client, issued: clients.Issued) -> None:
    form = {"grant_type": grant, "username": "operator", "password": "x", "code": "x", "refresh_token": "x"}
    answer = ask(client, issued.client.client_id, issued.secret, **form)
    assert (answer.status_code, AccessToken.objects.count()) == (400, 0)


@pytest.mark.parametrize(
    "address", ["authorize/", "introspect/", "revoke_token/", "applications/", "device/", "register/"]
)
def test_nothing_else_of_the_toolkit_is_exposed(address: str, client: Client) -> None:
    assert client.get(f"/oauth/{address}").status_code == 404
    assert client.post(f"/oauth/{address}").status_code == 404


def test_the_database_refuses_a_client_of_another_kind(issued: clients.Issued) -> None:
    for kept in ({"authorization_grant_type": "password"}, {"client_type": "public"}, {"hash_client_secret": False}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiClient.objects.filter(pk=issued.client.pk).update(**kept)


def test_neither_secret_nor_token_is_stored(client: Client, issued: clients.Issued) -> None:
    token = ask(client, issued.client.client_id, issued.secret).json()["access_token"]
    rotated = clients.rotate(issued.client)
    row = ApiClient.objects.values().get()
    assert not {issued.secret, rotated.secret} & {str(value) for value in row.values()}
    assert check_password(rotated.secret, row["client_secret"])
    assert check_password(issued.secret, row["previous_secret"])
    assert token not in str(AccessToken.objects.values().get())


def test_after_a_rotation_both_secrets_work_until_the_overlap_ends(client: Client, issued: clients.Issued) -> None:
    old, new = issued.secret, clients.rotate(issued.client, overlap=timedelta(hours=1)).secret
    client_id = issued.client.client_id
    assert [ask(client, client_id, secret).status_code for secret in (old, new, "wrong")] == [200, 200, 401]
    ApiClient.objects.update(previous_secret_until=timezone.now() - timedelta(seconds=1))
    assert [ask(client, client_id, secret).status_code for secret in (old, new)] == [401, 200]


def test_the_secret_before_the_one_before_is_gone(client: Client, issued: clients.Issued) -> None:
    clients.rotate(issued.client)
    clients.rotate(issued.client)
    assert ask(client, issued.client.client_id, issued.secret).status_code == 401


def test_a_revocation_holds_at_once(client: Client, issued: clients.Issued) -> None:
    token = ask(client, issued.client.client_id, issued.secret).json()["access_token"]
    assert client.get(f"{V1}/workorders/", **bearer(token)).status_code == 200
    clients.revoke(issued.client)
    refused = client.get(f"{V1}/workorders/", **bearer(token))
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert refused["WWW-Authenticate"].startswith("Bearer")
    assert ask(client, issued.client.client_id, issued.secret).status_code == 401
    late = token_for(ApiClient.objects.get(pk=issued.client.pk))  # handed out at the same moment
    assert client.get(f"{V1}/workorders/", **bearer(late)).status_code == 401


def test_the_client_of_a_unit_that_was_closed_rests_until_it_is_open_again(
    client: Client, issued: clients.Issued
) -> None:
    machine = Machine(STREET, client=issued.client)
    units = Unit.objects.filter(code=STREET)
    for is_active, code in [(False, 401), (True, 200)]:
        units.update(is_active=is_active)
        assert machine.get(f"{V1}/workorders/").status_code == code
        assert ask(client, issued.client.client_id, issued.secret).status_code == code


def test_a_refusal_names_the_scheme_to_log_in_by(client: Client, issued: clients.Issued) -> None:
    assert ask(client, issued.client.client_id, "wrong")["WWW-Authenticate"].startswith("Basic ")
    refused = client.get(f"{V1}/units/", headers={"Authorization": "Bearer x"})
    assert refused["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert client.get(f"{V1}/units/")["WWW-Authenticate"] == 'Bearer realm="api"'


def test_an_expired_token_an_unknown_one_and_none_at_all_are_401(client: Client, issued: clients.Issued) -> None:
    expired = token_for(issued.client, lasts=timedelta(seconds=-1))
    for token in (expired, "unknown", "", "ä", "a b"):
        assert client.get(f"{V1}/workorders/", **bearer(token)).status_code == 401
    none = client.get(f"{V1}/workorders/")
    assert (none.status_code, none.json()["code"]) == (401, "not_authenticated")


def test_a_bad_token_is_not_helped_by_a_session(client: Client, cast: Cast) -> None:
    client.force_login(cast.of(Role.OPERATOR))
    assert client.get(f"{V1}/workorders/").status_code == 200
    assert client.get(f"{V1}/workorders/", **bearer("wrong")).status_code == 401


def test_a_scope_that_was_taken_back_no_longer_counts_in_tokens_that_are_out(issued: clients.Issued) -> None:
    machine = Machine(STREET, client=issued.client)
    ApiClient.objects.update(scopes=["orders:read"])
    assert machine.send("/workorders/bulk/sign/", {"numbers": ["1"]}).json()["code"] == "insufficient_scope"


def test_last_use_is_written_at_most_once_a_minute(issued: clients.Issued) -> None:
    machine = Machine(STREET, client=issued.client)
    machine.read("/units/")
    first = ApiClient.objects.get().last_used_at
    assert first is not None
    machine.read("/units/")
    assert ApiClient.objects.get().last_used_at == first
    ApiClient.objects.update(last_used_at=first - timedelta(minutes=2))
    machine.read("/units/")
    assert ApiClient.objects.get().last_used_at > first - timedelta(minutes=2)


def test_the_service_user_acts_and_cannot_log_in(client: Client, issued: clients.Issued, road: Road) -> None:
    order = road.to("dispatched")
    answer = Machine(STREET, client=issued.client).send(f"/workorders/{order.number}/sign/").json()
    assert answer["event"]["actor"] == "街道业务系统"
    user = User.objects.get(pk=issued.client.user_id)
    assert (user.unit.code, user.is_staff, user.has_usable_password()) == (STREET, False, False)
    assert user.roles == [Role.HANDLER, Role.REVIEWER]


def test_service_users_of_a_unit_have_names_of_their_own() -> None:
    unit = Unit.objects.get(code=STREET)
    names = [clients.create(unit, HANDLING).client.user.username for _ in range(3)]
    assert names == ["api-j110105009-1", "api-j110105009-2", "api-j110105009-3"]


@pytest.mark.parametrize(
    ("unit", "scopes"),
    [(STREET, []), (STREET, ["all"]), (STREET, CHANNEL), ("1100", HANDLING), ("1100", ["orders:handle"])],
)
def test_scopes_that_do_not_fit_the_unit_are_refused(unit: str, scopes: list[str]) -> None:
    with pytest.raises(ValidationError):
        clients.create(Unit.objects.get(code=unit), scopes)
    assert (ApiClient.objects.count(), User.objects.count()) == (0, 0)


def test_a_client_of_the_city_that_only_reads_sees_all_and_does_nothing(road: Road) -> None:
    order = road.to("dispatched")
    machine = Machine("1100", Scope.ORDERS_READ)
    detail = machine.read(f"/workorders/{order.number}/")
    assert detail["actions"] == []
    assert machine.send(f"/workorders/{order.number}/note/", {"text": "x"}).status_code == 403


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("api_client", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_issues_rotates_lists_and_revokes(client: Client) -> None:
    lines = dict(
        line.split(None, 1)
        for line in run(
            "create", "--unit", STREET, "--scope", "orders:read", "orders:handle", "--name", "测试"
        ).splitlines()
    )
    assert ask(client, lines["client_id"], lines["client_secret"]).status_code == 200
    assert lines["client_secret"] not in run("list")
    assert "never used" in run("list")
    new = dict(line.split(None, 1) for line in run("rotate", lines["client_id"], "--overlap-days", "0").splitlines())
    answers = [
        ask(client, lines["client_id"], secret).status_code for secret in (lines["client_secret"], new["client_secret"])
    ]
    assert answers == [401, 200]
    run("revoke", lines["client_id"])
    assert "revoked" in run("list")
    for again in (
        ("revoke", lines["client_id"]),
        ("rotate", "nobody"),
        ("create", "--unit", "NOWHERE", "--scope", "orders:read"),
        ("create", "--unit", "1100", "--scope", "orders:handle"),
    ):
        with pytest.raises(CommandError):
            run(*again)


@pytest.mark.parametrize("tried", [["own"] * 4, ["own", "a", "b", "c"]], ids=["one client", "many clients"])
def test_who_guesses_is_slowed_down_by_address_and_locks_nobody_out(
    tried: list[str], client: Client, issued: clients.Issued, settings: Any
) -> None:
    settings.API_RATES = {**settings.API_RATES, "token": (3, 60)}
    own = issued.client.client_id
    answers = [ask(client, own if name == "own" else name, f"wrong {name}") for name in tried]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert int(answers[-1]["Retry-After"]) <= 60
    assert ask(client, own, issued.secret).status_code == 200, "a right secret enters"
    assert ask(client, own, "wrong").status_code == 429
    elsewhere = Client(REMOTE_ADDR="203.0.114.7")
    assert ask(elsewhere, own, "wrong").status_code == 401


def test_right_calls_are_not_counted_as_guesses(client: Client, issued: clients.Issued, settings: Any) -> None:
    settings.API_RATES = {**settings.API_RATES, "token": (3, 60)}
    codes = {ask(client, issued.client.client_id, issued.secret).status_code for _time in range(6)}
    assert codes == {200}


def test_a_secret_issued_before_digests_were_kept_is_known_after_its_first_use(
    client: Client, issued: clients.Issued, settings: Any
) -> None:
    ApiClient.objects.update(secret_digest="")
    settings.API_RATES = {**settings.API_RATES, "token": (1, 60)}
    assert ask(client, issued.client.client_id, issued.secret).status_code == 200
    assert ask(client, issued.client.client_id, "wrong").status_code == 401
    assert ask(client, issued.client.client_id, issued.secret).status_code == 200


def test_a_rotation_without_overlap_ends_every_token_and_both_rights_of_the_old_secret(
    client: Client, issued: clients.Issued, settings: Any
) -> None:
    token = ask(client, issued.client.client_id, issued.secret).json()["access_token"]
    new = clients.rotate(issued.client, overlap=timedelta(0)).secret
    assert client.get(f"{V1}/workorders/", **bearer(token)).status_code == 401
    assert ask(client, issued.client.client_id, issued.secret).status_code == 401
    assert ask(client, issued.client.client_id, new).status_code == 200
    settings.API_RATES = {**settings.API_RATES, "token": (0, 60)}
    assert ask(client, issued.client.client_id, issued.secret).status_code == 429, "its digest opens nothing either"


def test_no_token_of_the_old_secret_outlives_the_overlap(client: Client, issued: clients.Issued) -> None:
    before = ask(client, issued.client.client_id, issued.secret).json()["access_token"]
    clients.rotate(issued.client, overlap=timedelta(minutes=5))
    within = ask(client, issued.client.client_id, issued.secret).json()["access_token"]
    until = ApiClient.objects.get(pk=issued.client.pk).previous_secret_until
    assert {token.expires for token in AccessToken.objects.all()} == {until}
    assert {client.get(f"{V1}/workorders/", **bearer(token)).status_code for token in (before, within)} == {200}


def test_people_send_the_csrf_token(road: Road, cast: Cast) -> None:
    order = road.to("dispatched")
    person = Client(enforce_csrf_checks=True)
    person.force_login(cast.of(Role.HANDLER, road.lead))
    assert send(person, f"/workorders/{order.number}/sign/").status_code == 403
    person.get("/orders/")
    assert (
        send(person, f"/workorders/{order.number}/sign/", X_CSRFToken=person.cookies["csrftoken"].value).status_code
        == 200
    )


def test_machines_need_none(road: Road) -> None:
    order = road.to("dispatched")
    machine = Machine(STREET, *HANDLING)
    machine.handler.enforce_csrf_checks = True
    assert machine.send(f"/workorders/{order.number}/sign/").status_code == 200


# Administration


def secret_in(page: Any) -> str:
    return page.context["issued"].secret


def test_an_administrator_issues_rotates_and_revokes_in_the_administration(client: Client, cast: Cast) -> None:
    client.force_login(cast.of(Role.ADMINISTRATOR))
    unit = Unit.objects.get(code=STREET)
    assert client.get("/admin/dispatch/apiclient/add/").status_code == 200
    issued = client.post(
        "/admin/dispatch/apiclient/add/", {"name": "街道系统", "unit": unit.pk, "scopes": list(HANDLING)}
    )
    assert issued.status_code == 200 and secret_in(issued) in issued.content.decode()
    assert "no-store" in issued["Cache-Control"]
    found = ApiClient.objects.get()
    assert ask(Client(), found.client_id, secret_in(issued)).status_code == 200
    for page in ("", f"{found.pk}/change/"):
        shown = client.get(f"/admin/dispatch/apiclient/{page}")
        assert shown.status_code == 200 and found.client_id in shown.content.decode()
        assert secret_in(issued) not in shown.content.decode() and found.client_secret not in shown.content.decode()
    chosen = {"_selected_action": [found.pk]}
    rotated = client.post("/admin/dispatch/apiclient/", {"action": "rotate", **chosen})
    assert ask(Client(), found.client_id, secret_in(rotated)).status_code == 200
    client.post("/admin/dispatch/apiclient/", {"action": "revoke", **chosen})
    assert ask(Client(), found.client_id, secret_in(rotated)).status_code == 401


def test_scopes_that_do_not_fit_are_refused_in_the_administration(client: Client, cast: Cast) -> None:
    client.force_login(cast.of(Role.ADMINISTRATOR))
    for form in ({"scopes": ["appeals:write"]}, {"scopes": []}, {"scopes": ["all"]}):
        page = client.post(
            "/admin/dispatch/apiclient/add/", {"name": "x", "unit": Unit.objects.get(code=STREET).pk, **form}
        )
        assert page.status_code == 200 and page.context["adminform"].form.errors
    assert not ApiClient.objects.exists()


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_nobody_else_sees_the_clients(role: Role, client: Client, cast: Cast, issued: clients.Issued) -> None:
    client.force_login(cast.of(role))
    for address in ("", "add/", f"{issued.client.pk}/change/"):
        assert client.get(f"/admin/dispatch/apiclient/{address}").status_code in (302, 403)
    client.post("/admin/dispatch/apiclient/", {"action": "revoke", "_selected_action": [issued.client.pk]})
    assert ApiClient.objects.get().revoked_at is None


def test_the_toolkits_own_tables_are_not_in_the_administration(client: Client, cast: Cast) -> None:
    client.force_login(cast.of(Role.ADMINISTRATOR))
    assert client.get("/admin/oauth2_provider/accesstoken/").status_code == 404
