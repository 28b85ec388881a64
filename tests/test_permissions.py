"""Who sees which orders, by role and by what their unit has to do with the order; and whose roles count where."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.cast import Cast
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import Unit, User, WorkOrder
from workorders.permissions import may_act
from workorders.refusals import NotAllowed, NotVisible
from workorders.transitions import STEPS, available, perform

UNIT_ROLES = {Role.HANDLER, Role.REVIEWER, Role.SUPERVISOR}
BY_SYSTEM = (
    "archive",
    "issue_slip",
    "raise_slip",
    "reckon",
    "remind_correction",
    "lapse_correction",
    "hand_over",
    "replace_co_handling",
)
CITY_ROLES = {*Role} - {Role.HANDLER, Role.REVIEWER, Role.ADMINISTRATOR}
# The orders of `orders` below, in whose handling a unit has the relation's part.
RELATIONS: dict[str, tuple[str, set[str]]] = {
    "city": ("1100", {"registered", "led", "recalled", "elsewhere"}),
    "lead": ("J110105009", {"led"}),
    "above the lead": ("Q110105", {"led"}),
    "co-handling": ("Q110106", {"led"}),
    "above nobody": ("Q110107", set()),
    "below a co-handling unit": ("J110106001", set()),
    "was the lead, co-handles nothing": ("J110105010", set()),
    "co-handled what was recalled": ("Q110108", set()),
    "leads another": ("J110101001", {"elsewhere"}),
    "above the lead of another": ("Q110101", {"elsewhere"}),
    "sector department of nothing": ("D01", set()),
}


def unit(code: str) -> Unit:
    return Unit.objects.get(code=code)


def user(role: Role | None, code: str | None, **facts: object) -> User:
    roles = [role] if role else []
    return User.objects.create(
        username=f"{role}-{code}-{len(facts)}", roles=roles, unit=unit(code) if code else None, **facts
    )


@pytest.fixture
def orders(road: Road) -> dict[str, int]:
    found = {"registered": road.register().pk}
    for name, lead, others in (
        ("led", "J110105009", ["Q110106"]),
        ("recalled", "J110105010", ["Q110108"]),
        ("elsewhere", "J110101001", []),
    ):
        order = road.to(Status.ACCEPTED)
        road.act(order, "dispatch", lead=lead, co_handling=others)
        if name == "recalled":
            road.act(order, "recall")
        found[name] = order.pk
    return found


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_user_sees_what_the_table_says(relation: str, orders: dict[str, int]) -> None:
    code, handled = RELATIONS[relation]
    for role in Role:
        roles = CITY_ROLES if relation == "city" else UNIT_ROLES
        expected = {orders[name] for name in handled} if role in roles else set()
        seen = set(WorkOrder.objects.visible_to(user(role, code)).values_list("pk", flat=True))
        assert seen == expected, f"{role} of {relation}"


def test_nobody_without_a_unit_nobody_inactive_and_nobody_without_a_role_sees_anything(orders: dict[str, int]) -> None:
    strangers = [user(None, "1100"), user(None, None, is_superuser=True), AnonymousUser()]
    for role in Role:
        strangers += [user(role, None), user(role, "1100", is_active=False), user(role, "J110105009", is_active=False)]
    assert [WorkOrder.objects.visible_to(someone).count() for someone in strangers] == [0] * len(strangers)


def test_the_system_sees_all(orders: dict[str, int]) -> None:
    assert WorkOrder.objects.visible_to(None).count() == len(orders)


def test_an_order_led_and_co_handled_by_the_same_branch_is_seen_once(road: Road) -> None:
    order = road.to(Status.ACCEPTED)
    road.act(order, "dispatch", lead="J110105009", co_handling=["Q110105", "J110105010", "J110105001"])
    assert list(WorkOrder.objects.visible_to(user(Role.HANDLER, "Q110105"))) == [order]


def test_visibility_is_one_query_whatever_the_size_of_the_branch(orders: dict[str, int], road: Road) -> None:
    someone = User.objects.select_related("unit").get(pk=user(Role.REVIEWER, "Q110105").pk)
    with CaptureQueriesContext(connection) as queries:
        list(WorkOrder.objects.visible_to(someone))
    assert len(queries) == 1


def picture(order_id: int) -> tuple[object, ...]:
    order = WorkOrder.objects.filter(pk=order_id)
    return (
        order.values().get(),
        list(order.get().events.values("hash")),
        list(order.get().clocks.order_by("pk").values()),
    )


@pytest.mark.parametrize("step", ["recall", "withdraw", "archive"])
def test_a_role_of_the_hotline_given_to_somebody_in_a_unit_does_not_count_there(
    step: str, orders: dict[str, int], road: Road
) -> None:
    someone = user(None, "J110105009")
    before = picture(orders["led"])
    for roles, refusal in ((CITY_ROLES - UNIT_ROLES, NotVisible), ({*CITY_ROLES, Role.HANDLER}, NotAllowed)):
        someone.roles = sorted(roles)
        with pytest.raises(refusal):
            perform(orders["led"], step, actor=someone, now=road.now, **road.needs(step, road.parent))
    assert picture(orders["led"]) == before
    assert step not in available(WorkOrder.objects.get(pk=orders["led"]), someone)


@pytest.mark.parametrize(
    ("code", "steps"),
    [
        ("J110105009", {"sign", "note", "reveal"}),
        ("Q110105", {"note", "reveal"}),
        ("Q110106", {"co_sign", "note", "reveal"}),
    ],
)
def test_a_handler_does_what_is_for_the_own_unit_to_do(code: str, steps: set[str], orders: dict[str, int]) -> None:
    order = WorkOrder.objects.get(pk=orders["led"])
    assert set(available(order, user(Role.HANDLER, code))) == steps


@pytest.mark.parametrize("name", STEPS)
def test_the_system_archives_supervises_and_recomputes_and_does_nothing_else(name: str) -> None:
    assert may_act(STEPS[name], WorkOrder(), None) == (name in BY_SYSTEM)


def test_a_lead_unit_that_co_handles_nothing_cannot_sign_for_those_who_do(road: Road) -> None:
    order = road.to(Status.HANDLING)
    before = picture(order.pk)
    with pytest.raises(NotAllowed):
        perform(order.pk, "co_sign", actor=user(Role.HANDLER, "J110105009"), now=road.now)
    assert picture(order.pk) == before


def test_after_a_recall_a_co_handling_unit_neither_sees_nor_acts(road: Road) -> None:
    order = road.to(Status.HANDLING)
    someone = user(Role.HANDLER, "Q110106")
    other = road.to(Status.ACCEPTED)
    road.act(other, "dispatch", co_handling=["Q110106"])
    road.act(other, "recall")
    for one in (order, other):
        with pytest.raises(NotVisible):
            perform(one.pk, "co_sign", actor=someone, now=road.now)


@pytest.mark.parametrize(("unit", "may"), [("1100", True), ("Q110105", True), ("J110105009", False)])
def test_only_a_body_above_the_lead_unit_decides_on_an_objection(unit: str, may: bool, road: Road, cast: Cast) -> None:
    order = road.to("reviewing")
    supervisor = cast.of(Role.SUPERVISOR, Unit.objects.get(code=unit))
    for step in ("uphold", "dismiss"):
        assert may_act(STEPS[step], order, supervisor) is may
