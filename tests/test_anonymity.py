"""Whoever wished once to stay unknown to the handling unit stays so on the whole order, at every door of the unit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from intake import confidence, services
from intake.models import Appeal, Complainant, Message
from intake.services import Voice
from tests.api import HANDLING, V1, Machine, send
from tests.roads import Road
from workorders import standard_texts
from workorders.api.scopes import Scope
from workorders.lifecycle import Role, Status
from workorders.models import WorkOrder
from workorders.transitions import perform

pytestmark = pytest.mark.django_db

PERSON = {"name": "欧阳甲某", "phone": "13911110000", "identity": "110101199003074477", "home": "翠湖南里7号楼3单元401"}
MOVED = "远洋东街22号院9单元1502"
SPEAKER = "欧阳小某"
UNIT = (Role.HANDLER, Role.REVIEWER, Role.SUPERVISOR)
# What a mask would leave, too.
TRACES = {
    "name": ("欧阳", "欧**", "欧*"),
    "phone": ("13911110000", "1110000", "*0000"),
    "identity": ("110101199003074477", "03074477", "*4477"),
    "home": ("翠湖南里", "翠湖"),
    "moved": ("远洋东街", "远洋"),
}


def voice(road: Road, **facts: Any) -> Voice:
    common = {"matter": "幸福里小区北门路灯不亮", "category": road.category, "area": road.street}
    return Voice(**{**common, **facts})  # type: ignore[arg-type]


@dataclass
class Doors:
    """All that a handling unit can open of one order: console, unit desk, letter, lists, API, exports, feed, texts."""

    road: Road
    people: dict[Role, Client]
    machine: Machine

    def say(self, order: WorkOrder, *roles: Role) -> str:
        """To the handler, unless others are named."""
        number = order.number
        pages = [
            self.machine.get(f"{V1}{path}").content for path in (f"/workorders/{number}/", "/workorders/", "/events/")
        ]
        pages.append(self.machine.get(f"{V1}/workorders/{number}/events/").content)
        pages.append(send(self.machine, f"/workorders/{number}/reveal/", {"reason": "核实"}).content)
        for role in roles or (Role.HANDLER,):
            client, actor = self.people[role], self.road.cast.of(role, self.road.lead)
            if role != Role.REVIEWER:
                perform(order.pk, "reveal", actor=actor, now=timezone.now(), reason="核实")
            addresses = [f"/orders/{number}/", f"/unit/{number}/?call", "/unit/", "/orders/?view=all"]
            addresses += [f"/orders/{number}/steps/report/", "/admin/intake/message/"]
            pages += [client.get(address).content for address in addresses]
            export: Any = client.get("/orders.csv?view=all&columns=words&columns=address")
            pages.append(b"".join(export.streaming_content))
            pages.append(client.post("/palette/", {"q": number}).content)
            case = standard_texts.Case(order, actor, timezone.now())
            pages += [str(field.fact(case)).encode() for field in standard_texts.known_fields()]
        return b"\n".join(pages).decode()


@pytest.fixture
def doors(as_: Callable[..., Client], recent: Road) -> Doors:
    people = {role: as_(role, recent.lead) for role in UNIT}
    return Doors(recent, people, Machine(recent.lead.code, *HANDLING, Scope.EVENTS_READ))


def traces(answers: str, *of: str) -> list[str]:
    return [trace for kind in of or TRACES for trace in TRACES[kind] if trace in answers]


def test_the_doors_say_who_asked_where_nobody_wished_otherwise(doors: Doors, recent: Road) -> None:
    """Else the tests below would prove nothing."""
    answers = doors.say(recent.to(Status.HANDLING, **PERSON), *UNIT)
    assert all(traces(answers, kind) for kind in ("name", "phone", "identity", "home"))


SECOND_CALLS: dict[str, dict[str, Any]] = {
    "the same details": PERSON,
    "another home": {**PERSON, "home": MOVED},
    "the telephone alone": {"phone": PERSON["phone"]},
    "another telephone": {**PERSON, "phone": "13911119999"},
    "somebody who speaks for them": {**PERSON, "on_behalf_by": SPEAKER},
    "somebody else": {"name": "欧阳乙某", "phone": "13922220000", "identity": "", "home": MOVED},
}


WAYS = ("added", "merged", "merged twice", "it is merged into theirs")


@pytest.mark.parametrize(
    ("what", "way", "first_is_secret"),
    [
        (what, WAYS[(number + is_secret) % len(WAYS)], bool(is_secret))
        for number, what in enumerate(SECOND_CALLS)
        for is_secret in (0, 1)
    ],
)
def test_a_second_call_uncovers_nobody_at_no_door_of_the_unit(
    what: str, way: str, first_is_secret: bool, doors: Doors, recent: Road
) -> None:
    order = recent.register(**PERSON, anonymous_to_unit=first_is_secret)
    second = {**SECOND_CALLS[what], "anonymous_to_unit": not first_is_secret}
    if way == "added":
        services.add_to(order, voice(recent, **second), actor=recent.cast.of(Role.OPERATOR), now=recent.now)
    else:
        other = recent.register(**second)
        merge = [(other, order)]
        if way == "merged twice":
            between = recent.register(name="", phone="")
            merge = [(other, between), (between, order)]
        if way == "it is merged into theirs":
            merge, order = [(order, other)], other
        for child, parent in merge:
            recent.act(child, "merge", parent=parent)
    for step in ("accept", "dispatch", "sign", "contact"):
        recent.act(order, step)
    recent.act(order, "note", text="请转达")
    assert traces(doors.say(order)) == []


def test_nor_does_it_to_the_units_leaders_or_in_the_messages_to_the_complainant(doors: Doors, recent: Road) -> None:
    order = recent.to(Status.INCOMPLETE, **PERSON, anonymous_to_unit=True)
    services.add_to(order, voice(recent, **PERSON), actor=recent.cast.of(Role.OPERATOR), now=recent.now)
    for step in ("accept", "dispatch", "sign", "contact"):
        recent.act(order, step)
    assert Message.objects.filter(order=order).exists()
    assert traces(doors.say(order, *UNIT)) == []


calls = st.lists(
    st.tuples(
        st.sampled_from(["add", "merge", "elsewhere", "merge elsewhere"]),
        st.booleans(),
        st.fixed_dictionaries(
            {"phone": st.just(PERSON["phone"])},
            optional={
                "name": st.just(PERSON["name"]),
                "identity": st.just(PERSON["identity"]),
                "home": st.sampled_from([PERSON["home"], MOVED]),
            },
        ),
    ),
    min_size=1,
    max_size=5,
)


def follow(road: Road, order: WorkOrder, elsewhere: WorkOrder, history: Any) -> None:
    operator = road.cast.of(Role.OPERATOR)
    for way, secret, details in history:
        target = elsewhere if "elsewhere" in way else order
        facts = {"name": "", **details, "anonymous_to_unit": secret}
        if "merge" in way:
            road.act(road.register(**facts), "merge", parent=target)
        else:
            services.add_to(target, voice(road, **facts), actor=operator, now=road.now)


def check_unknown(doors: Doors, road: Road, history: Any) -> None:
    """Of both orders the unit hears only what was told openly, on an order that nobody wished to be unknown on."""
    order = road.to(Status.HANDLING, phone="", name="")
    elsewhere = road.to(Status.HANDLING, phone="", name="")
    follow(road, order, elsewhere, history)
    calls_of = {
        target: [call for call in history if ("elsewhere" in call[0]) is (target == elsewhere)]
        for target in (order, elsewhere)
    }
    open_orders = [
        target for target, theirs in calls_of.items() if not any(secret for _way, secret, _details in theirs)
    ]
    openly = {value for target in open_orders for call in calls_of[target] for value in call[2].values()}
    kinds = {
        "name": PERSON["name"],
        "phone": PERSON["phone"],
        "identity": PERSON["identity"],
        "home": PERSON["home"],
        "moved": MOVED,
    }
    for target in calls_of:
        unknown = [kind for kind, value in kinds.items() if target not in open_orders or value not in openly]
        assert not unknown or traces(doors.say(target), *unknown) == [], history


@settings(
    max_examples=5, suppress_health_check=list(HealthCheck), phases=[Phase.generate], deadline=None, derandomize=True
)
@given(calls)
def test_after_any_calls_a_unit_hears_nothing_of_who_wished_to_stay_unknown(
    doors: Doors, recent: Road, history: Any
) -> None:
    with transaction.atomic():
        check_unknown(doors, recent, history)
        transaction.set_rollback(True)


@pytest.mark.proof
@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(calls)
def test_after_very_many_histories_too(doors: Doors, recent: Road, history: Any) -> None:
    with transaction.atomic():
        check_unknown(doors, recent, history)
        transaction.set_rollback(True)


def test_nothing_is_copied_out_of_what_was_told_in_confidence(recent: Road) -> None:
    recent.register(**PERSON, anonymous_to_unit=True)
    openly = recent.register(name=PERSON["name"], phone=PERSON["phone"], home=MOVED)
    person = Appeal.objects.get(order=openly).complainant
    assert person and (person.identity, person.address) == ("", MOVED)
    again = recent.register(name=PERSON["name"], phone=PERSON["phone"])
    assert Appeal.objects.get(order=again).complainant == person, "what is told openly is one row still"


def test_who_stays_unknown_need_not_say_again_what_the_hotline_knows(recent: Road) -> None:
    recent.register(**PERSON)
    secret = recent.register(name=PERSON["name"], phone=PERSON["phone"], anonymous_to_unit=True)
    person = Appeal.objects.get(order=secret).complainant
    assert person and person.identity == PERSON["identity"]
    assert Complainant.objects.filter(pk=person.pk, appeals__anonymous_to_unit=False).count() == 0


def test_the_hotline_knows_everybody_and_passes_messages_on(as_: Callable[..., Client], recent: Road) -> None:
    order = recent.to(Status.HANDLING, **PERSON, anonymous_to_unit=True)
    operator = as_(Role.OPERATOR)
    operator.post(f"/orders/{order.number}/steps/reveal/", {"reason": "转达单位的问题"})
    assert PERSON["phone"] in operator.get(f"/orders/{order.number}/").content.decode()
    page = as_(Role.HANDLER, recent.lead).get(f"/unit/{order.number}/").content.decode()
    assert confidence.relay_note() in page or "12345" in page


def test_the_rule_for_many_rows_is_the_rule_for_one(recent: Road) -> None:
    secret, plain, merged = (recent.register(**PERSON, anonymous_to_unit=hides) for hides in (True, False, False))
    recent.act(merged, "merge", parent=secret)
    handler, operator = recent.cast.of(Role.HANDLER, recent.lead), recent.cast.of(Role.OPERATOR)
    appeals = Appeal.objects.filter(order__in=[secret, plain, merged])
    rows = appeals.annotate(is_hidden=confidence.hides(handler, "order"))
    assert {row.order_id: row.is_hidden for row in rows} == {secret.pk: True, plain.pk: False, merged.pk: True}
    for order in (secret, plain, merged):
        order.refresh_from_db()
        assert confidence.is_hidden(order, handler) is (order != plain)
        assert not confidence.is_hidden(order, operator) and not confidence.is_hidden(order, None)
    assert not any(row.is_hidden for row in appeals.annotate(is_hidden=confidence.hides(operator, "order")))
