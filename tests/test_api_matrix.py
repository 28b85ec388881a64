"""Who may do what through the API, by product: every address × every caller × every relation to the order."""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.utils import timezone

from dispatch import deliveries, webhooks
from dispatch.models import ApiClient
from tests.api import V1, Machine, send
from tests.roads import Road
from tests.test_api_idempotency import views
from workorders.api.orders import dashed
from workorders.api.scopes import Scope
from workorders.lifecycle import Role, Status
from workorders.models import Unit, User, WorkOrder
from workorders.transitions import STEPS, perform

pytestmark = pytest.mark.django_db

LEAD, ABOVE, CO_HANDLING, OTHER, CITY = "J110105009", "Q110105", "Q110106", "J110101001", "1100"
UNITS = (LEAD, ABOVE, CO_HANDLING, OTHER, CITY)
PERSON = ("王小明", "王**", "13800001234", "138****1234")  # as `Road` registers them
UNIT_ROLES = {Role.HANDLER, Role.REVIEWER, Role.SUPERVISOR}
CITY_ROLES = {*Role} - {Role.HANDLER, Role.REVIEWER, Role.ADMINISTRATOR}
NOTES = {Role.OPERATOR, Role.DISPATCHER, Role.HANDLER, Role.REVIEWER, Role.CALLBACK_AGENT, Role.SUPERVISOR}
REVEALS = {Role.OPERATOR, Role.HANDLER, Role.CALLBACK_AGENT, Role.SUPERVISOR, Role.ARCHIVIST}
ALL = frozenset(Scope.values)


@dataclass(frozen=True)
class Address:
    """`roles` who may by their role, `units` for whom it is to do (none: any that sees the order).

    Where `by_scope`, a machine's scope is enough, and `roles` are for people. What has an `owner` is there for no other.
    """

    method: str
    path: str
    scope: str
    body: Any = None
    roles: frozenset[str] | None = None
    units: tuple[str, ...] = UNITS
    done: int = 200
    by_scope: bool = False
    owner: str = ""


READ, HANDLE, WRITE = Scope.ORDERS_READ, Scope.ORDERS_HANDLE, Scope.APPEALS_WRITE
OF_ORDER = [
    Address("GET", "", READ),
    Address("GET", "events/", READ),
    Address("GET", "attachments/", READ),
    Address("GET", "attachments/{file}/", READ),
    Address("POST", "sign/", HANDLE, {}, frozenset({Role.HANDLER}), (LEAD,)),
    Address("POST", "co-sign/", HANDLE, {}, frozenset({Role.HANDLER}), (CO_HANDLING,)),
    Address("POST", "note/", HANDLE, {"text": "备注"}, frozenset(NOTES)),
    Address("POST", "reveal/", HANDLE, {"reason": "核实"}, frozenset(REVEALS)),
    Address("POST", "recall/", HANDLE, {"reason": "派错了"}, frozenset({Role.DISPATCHER}), (CITY,)),
    Address("POST", "withdraw/", HANDLE, {"reason": "撤回"}, frozenset({Role.OPERATOR}), (CITY,)),
    Address("POST", "attachments/", HANDLE, "file", frozenset(NOTES), done=201),
]
HOOK = {"url": "https://93.184.216.34/hook", "event_types": ["*"]}
SUPERVISES, HOOKS = frozenset({Role.SUPERVISOR}), Scope.WEBHOOKS_WRITE
VOICE = {"matter": "楼下夜间施工", "kind": "complaint", "channel": "app"}
OF_ALL = [
    Address("GET", "/workorders/", READ),
    Address("POST", "/workorders/bulk/sign/", HANDLE, {"numbers": ["1"]}),
    Address("GET", "/units/", ""),
    Address("GET", "/categories/", ""),
    Address("GET", "/areas/", ""),
    Address("GET", "/policy/", ""),
    Address("GET", "/calendar/", ""),
    Address("POST", "/appeals/", WRITE, VOICE, frozenset({Role.OPERATOR}), (CITY,), 201),
    Address("GET", "/appeals/{number}/", WRITE, None, frozenset({Role.OPERATOR}), (CITY,), 404),  # another channel's
    Address("POST", "/calls/", WRITE, {"call_id": "1"}, frozenset({Role.OPERATOR}), (CITY,), 201),
    Address("GET", "/events/", Scope.EVENTS_READ),
    Address("GET", "/webhooks/", HOOKS, None, SUPERVISES, by_scope=True),
    Address("POST", "/webhooks/", HOOKS, HOOK, SUPERVISES, done=201, by_scope=True),
    *(
        Address(method, f"/webhooks/{{hook}}/{path}", HOOKS, body, SUPERVISES, done=done, by_scope=True, owner=LEAD)
        for method, path, body, done in [
            ("GET", "", None, 200),
            ("PATCH", "", {"is_active": True}, 200),
            ("DELETE", "", None, 204),
            ("POST", "secret/", {}, 200),
            ("POST", "test/", {}, 202),
            ("GET", "deliveries/", None, 200),
            ("POST", "deliveries/{delivery}/replay/", {}, 202),
        ]
    ),
]
TO_ALL = {"schema/", "docs/"}  # what the API is


@dataclass
class Caller:
    """`scopes` none is a person."""

    name: str
    unit: str
    roles: frozenset[str]
    scopes: frozenset[str] | None
    client: Client

    @property
    def sees(self) -> bool:
        if self.unit == CITY:
            return bool(self.roles & CITY_ROLES)
        return self.unit != OTHER and bool(self.roles & UNIT_ROLES)

    def expected(self, address: Address, *, of_order: bool) -> int:
        if self.scopes is not None and address.scope and address.scope not in self.scopes:
            return 403
        if of_order and not self.sees:
            return 404
        if not (address.by_scope and self.scopes is not None) and not self._may(address):
            return 403
        return address.done if address.owner in ("", self.unit) else 404

    def _may(self, address: Address) -> bool:
        counting = self.roles if self.unit == CITY else self.roles & UNIT_ROLES
        return address.roles is None or (bool(counting & address.roles) and self.unit in address.units)


def people() -> Iterator[Caller]:
    for role, code in itertools.product(Role, UNITS):
        user = User.objects.create(username=f"{role}-{code}", roles=[role], unit=Unit.objects.get(code=code))
        client = Client(raise_request_exception=False)
        client.force_login(user)
        yield Caller(f"{role} of {code}", code, frozenset({role}), None, client)


# One scope, all but that one, and all: whatever the unit may be given in earnest.
SCOPES = sorted({*(frozenset({scope}) for scope in ALL), *(ALL - {scope} for scope in ALL), ALL}, key=sorted)


def machines(sets: Sequence[frozenset[str]] = SCOPES) -> Iterator[Caller]:
    for scopes, code in itertools.product(sets, UNITS):
        machine = Machine(code, Scope.ORDERS_READ)
        roles = [Role.OPERATOR] if code == CITY else [Role.HANDLER, Role.REVIEWER]
        ApiClient.objects.filter(pk=machine.client.pk).update(scopes=sorted(scopes))
        User.objects.filter(pk=machine.client.user_id).update(roles=roles)
        token = Machine(code, client=ApiClient.objects.get(pk=machine.client.pk))
        yield Caller(f"machine of {code} with {sorted(scopes)}", code, frozenset(roles), scopes, token)


@pytest.fixture
def order(road: Road) -> WorkOrder:
    return dispatched(road)


def dispatched(road: Road, **facts: Any) -> WorkOrder:
    order = road.to(Status.ACCEPTED, **facts)
    road.act(order, "dispatch", lead=LEAD, co_handling=[CO_HANDLING])
    perform(
        order.pk, "note", actor=road.cast.of(Role.DISPATCHER), text="附件", files=[SimpleUploadedFile("a.txt", b"a")]
    )
    order.refresh_from_db()
    return order


def places(order: WorkOrder) -> dict[str, Any]:
    """What the addresses name."""
    unit, actor = Unit.objects.get(code=LEAD), User.objects.filter(unit__code=CITY)[0]
    hook = webhooks.subscribe(unit, HOOK["url"], ["*"], actor=actor, now=timezone.now())
    delivery = deliveries.try_out(hook, now=timezone.now())
    file = order.attachments.get().pk
    return {"number": order.number, "file": file, "hook": hook.pk, "delivery": delivery.pk}


def call(client: Client, address: Address, path: str) -> Any:
    if address.method != "POST":
        return client.generic(
            address.method, V1 + path, json.dumps(address.body or {}), content_type="application/json"
        )
    if address.body == "file":
        return client.post(V1 + path, {"files": SimpleUploadedFile("a.txt", b"a")})
    return send(client, path, address.body)


def calls(caller: Caller, names: dict[str, Any]) -> Iterator[tuple[Caller, Address, str]]:
    for address in OF_ORDER + OF_ALL:
        yield caller, address, whole(address).format(**names)


def whole(address: Address) -> str:
    return f"/workorders/{{number}}/{address.path}" if address in OF_ORDER else address.path


def said_by(answer: Any) -> str:
    content: bytes = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode()


def tried(client: Client, address: Address, path: str) -> Any:
    """The answer; what was done is undone."""
    with transaction.atomic():
        answer = call(client, address, path)
        transaction.set_rollback(True)
    return answer


@pytest.mark.parametrize("kind", [people, machines])
def test_every_caller_may_what_the_table_says_and_whoever_stays_unknown_to_the_units_is_named_to_none_of_them(
    kind: Any, road: Road, settings: Any
) -> None:
    settings.API_RATES = {**settings.API_RATES, "calls": (10_000, 60)}
    order = dispatched(road, anonymous_to_unit=True)
    wrong, names = [], places(order)
    for caller, address, path in itertools.chain.from_iterable(calls(caller, names) for caller in kind()):
        answer = tried(caller.client, address, path)
        expected, said = caller.expected(address, of_order=address in OF_ORDER), said_by(answer)
        if answer.status_code != expected:
            wrong.append(f"{caller.name}: {address.method} {path} {answer.status_code}, not {expected}: {said:.200}")
        if caller.unit != CITY and any(secret in said for secret in PERSON):
            wrong.append(f"{caller.name}: {address.method} {path} names the complainant")
    assert wrong == []
    assert WorkOrder.objects.get(pk=order.pk).version == order.version


def test_a_reason_shows_the_person_to_a_unit_they_do_not_hide_from(order: WorkOrder) -> None:
    shown = send(
        Machine(LEAD, READ, HANDLE), f"/workorders/{order.number}/reveal/", {"reason": "核实"}
    ).content.decode()
    assert PERSON[0] in shown and PERSON[2] in shown


def test_without_a_log_in_nothing_but_the_document_is_there(order: WorkOrder) -> None:
    names = places(order)
    for address in OF_ORDER + OF_ALL:
        path = whole(address).format(**names)
        assert call(Client(), address, path).status_code == 401, path
    assert Client().get(f"{V1}/schema/").status_code == 200


@pytest.mark.parametrize("unit", UNITS)
def test_the_list_shows_what_can_be_read_one_by_one(unit: str, order: WorkOrder, road: Road) -> None:
    others = [road.register(), order]
    machine = Machine(unit, Scope.ORDERS_READ)
    listed = {row["number"] for row in machine.read("/workorders/")["results"]}
    read = {one.number for one in others if machine.get(f"{V1}/workorders/{one.number}/").status_code == 200}
    expected = {CITY: others, OTHER: []}.get(unit, [order])
    assert listed == read == {one.number for one in expected}


def test_bulk_sign_signs_what_the_caller_could_sign_one_by_one(order: WorkOrder) -> None:
    for unit in UNITS[:-1]:
        machine = Machine(unit, READ, HANDLE)
        address = Address("POST", "/workorders/bulk/sign/", HANDLE, {"numbers": [order.number]})
        result = tried(machine, address, address.path).json()["results"][0]
        assert result["signed"] == (unit == LEAD)
        if unit != LEAD:
            assert result["problem"]["code"] == ("not_found" if unit == OTHER else "not_allowed")


def test_actions_offer_what_the_scopes_allow(order: WorkOrder) -> None:
    reads, handles = Machine(LEAD, READ), Machine(LEAD, READ, HANDLE)
    assert reads.read(f"/workorders/{order.number}/")["actions"] == []
    assert {action["step"] for action in handles.read(f"/workorders/{order.number}/")["actions"]} >= {"sign", "note"}


def test_the_table_knows_every_address_and_every_method() -> None:
    """Steps have one address each and one rule for all, `perform()`: those of the table stand for them."""
    known = {(one.method, re.sub(r"{\w+}", "*", whole(one)).removeprefix("/")) for one in OF_ORDER + OF_ALL}
    steps = {("POST", f"workorders/*/{name}/") for name in [*map(dashed, STEPS), "*"]}
    there = {(method, re.sub("<[^>]+>", "*", path)) for path, method in served() if path not in TO_ALL}
    assert there - known - steps == set()
    assert known - there == set()


def served() -> Iterator[tuple[str, str]]:
    for path, view in views():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if hasattr(view, method.lower()):
                yield path, method
