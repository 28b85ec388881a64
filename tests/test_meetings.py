"""Joint meetings: called with a question, heard in opinions of the participants, concluded by a designation or without one."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction

from dispatch import migrations
from dispatch.models import Meeting, Notice, Opinion
from tests.api import V1
from tests.roads import Road
from tests.test_calendar import at
from tests.test_lifecycle import picture
from workorders import feed, ledger
from workorders.lifecycle import Role, Status
from workorders.models import WorkOrder
from workorders.refusals import Invalid, NotAllowed, NotVisible, WrongState
from workorders.selectors import to_do
from workorders.transitions import available, perform


@pytest.fixture
def order(road: Road) -> WorkOrder:
    return road.to(Status.CONSULTING)


def meeting_of(order: WorkOrder) -> Meeting:
    return Meeting.objects.get(order=order)


def opine(road: Road, order: WorkOrder, duty: str = "partly", **more: object) -> None:
    road.act(order, "opine", duty=duty, **more)


def test_a_meeting_keeps_its_question_its_hour_and_whom_it_asks(road: Road) -> None:
    order = road.to(Status.ACCEPTED)
    road.act(order, "consult", reason="职责交叉，由谁主办？", held_at="2026-03-11T15:00")
    meeting = meeting_of(order)
    assert (meeting.question, meeting.called_by) == ("职责交叉，由谁主办？", road.cast.of(Role.DISPATCHER))
    assert (meeting.called_at, meeting.held_at, meeting.is_open) == (road.now, at("2026-03-11T15:00"), True)
    asked = Opinion.objects.filter(meeting=meeting).order_by("id")
    assert [(one.unit, one.at) for one in asked] == [(road.lead, None), (road.co_unit, None)]


WRONG = [("participants", ["1100"]), ("held_at", "2026-03-09T10:00"), ("held_at", "soon"), ("reason", " ")]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_call_that_makes_no_sense_is_refused_and_nothing_changes(field: str, value: object, road: Road) -> None:
    order = road.to(Status.ACCEPTED)
    before = picture(order)
    with pytest.raises(Invalid) as caught, transaction.atomic():
        road.act(order, "consult", **{field: value})
    assert field in caught.value.fields
    assert picture(order) == before


def test_participants_see_the_order_while_it_is_consulted_and_afterwards_only_who_handles_it(
    order: WorkOrder, road: Road
) -> None:
    people = {unit: road.cast.of(Role.HANDLER, unit) for unit in (road.lead, road.co_unit, road.stranger)}

    def sees() -> set[str]:
        return {unit.code for unit, who in people.items() if WorkOrder.objects.visible_to(who).exists()}

    assert sees() == {road.lead.code, road.co_unit.code}
    road.act(order, "end_meeting")
    assert sees() == set()


@pytest.mark.parametrize("role", [Role.HANDLER, Role.REVIEWER])
def test_a_participant_is_asked_once_and_may_think_again(role: Role, order: WorkOrder, road: Road) -> None:
    actor = road.cast.of(role, road.co_unit)
    assert WorkOrder.objects.filter(to_do(actor)).get() == order
    assert {"opine"} <= set(available(order, actor, road.now))
    for duty, text in (("no", "不属我单位"), ("yes", "经核查属我单位")):
        opine(road, order, duty, text=text)
        assert order.status == Status.CONSULTING
    said = Opinion.objects.get(meeting__order=order, unit=road.co_unit)
    assert (said.duty, said.text, said.at) == ("yes", "经核查属我单位", road.now)
    told = order.events.filter(step="opine").order_by("number")
    assert [event.data["text"] for event in told] == ["不属我单位", "经核查属我单位"], "both stand in the ledger"
    assert not WorkOrder.objects.filter(to_do(actor)).exists()
    assert ledger.verify(order) is None


def test_nobody_else_gives_an_opinion(order: WorkOrder, road: Road) -> None:
    before = picture(order)
    given = road.needs("opine", order)
    city = road.cast.city
    for role, unit, refusal in (
        (Role.HANDLER, road.stranger, NotVisible),
        (Role.DISPATCHER, city, NotAllowed),
        (Role.SUPERVISOR, road.co_unit, NotAllowed),
        (Role.HANDLER, city, NotVisible),
    ):
        with pytest.raises(refusal), transaction.atomic():
            perform(order.pk, "opine", actor=road.cast.of(role, unit), now=road.now, **given)
    for missing in ("duty", "text"):
        with pytest.raises(Invalid), transaction.atomic():
            opine(road, order, **{missing: ""})
    assert picture(order) == before


@pytest.mark.parametrize("role", [Role.HANDLER, Role.SUPERVISOR])
def test_who_is_only_asked_for_an_opinion_does_not_look_at_personal_data(
    role: Role, order: WorkOrder, road: Road, as_: Callable
) -> None:
    actor = road.cast.of(role, road.co_unit)
    before = picture(order)
    with pytest.raises(NotAllowed), transaction.atomic():
        perform(order.pk, "reveal", actor=actor, now=road.now, reason="想了解诉求人")
    assert picture(order) == before
    assert "reveal" not in available(order, actor, road.now)
    page = as_(role, road.co_unit).get(f"/orders/{order.number}/").content.decode()
    assert 'data-step="reveal"' not in page and "13800001234" not in page
    road.act(order, "designate", lead=road.co_unit, co_handling=[])
    assert "reveal" in available(order, actor, road.now), "who has it in hand calls back"


def test_the_participants_are_told_and_whoever_called_hears_when_all_have_answered(road: Road) -> None:
    handler, reviewer = road.cast.of(Role.HANDLER, road.lead), road.cast.of(Role.REVIEWER, road.co_unit)
    order = road.to(Status.CONSULTING)
    caller = road.cast.of(Role.DISPATCHER)

    def told() -> list[tuple[object, str]]:
        return [(notice.user, notice.link) for notice in Notice.objects.filter(key__startswith="meeting")]

    link = f"/orders/{order.number}/"
    assert set(told()) == {(handler, link), (reviewer, link)}
    opine(road, order)
    assert len(told()) == 2
    perform(order.pk, "opine", actor=handler, now=road.now, **road.needs("opine", order))
    assert (caller, link) in told()
    assert not any(order.matter[:6] in notice.body for notice in Notice.objects.all()), "nobody's own words go out"


def test_a_designation_concludes_the_meeting_and_the_unit_may_not_return_the_order(
    order: WorkOrder, road: Road
) -> None:
    opine(road, order)
    road.act(order, "designate", reason="由街道主办，区政府协办")
    meeting = meeting_of(order)
    assert (meeting.conclusion, meeting.concluded_at, meeting.end) == (
        "由街道主办，区政府协办",
        road.now,
        "designated",
    )
    with pytest.raises(WrongState), transaction.atomic():
        road.act(order, "request_return")
    with pytest.raises(NotAllowed), transaction.atomic():
        opine(road, order)


def test_a_meeting_ends_without_a_designation_with_the_dispatchers_clock_going_on(order: WorkOrder, road: Road) -> None:
    clocks = list(order.clocks.order_by("pk").values())
    road.act(order, "end_meeting", reason="无须指定，按目录派单")
    assert (order.status, list(order.clocks.order_by("pk").values())) == ("accepted", clocks)
    assert (meeting_of(order).end, meeting_of(order).conclusion) == ("undecided", "无须指定，按目录派单")
    road.act(order, "dispatch")
    assert not order.assignments.get(part="lead").designated


def test_a_complaint_that_is_withdrawn_takes_its_meeting_with_it_and_another_may_be_called_later(
    order: WorkOrder, road: Road
) -> None:
    other = road.to(Status.CONSULTING)
    road.act(order, "withdraw")
    assert meeting_of(order).end == "lapsed"
    road.act(other, "end_meeting")
    road.act(other, "consult")
    assert [meeting.end for meeting in Meeting.objects.filter(order=other).order_by("id")] == ["undecided", ""]


BROKEN: list[dict[str, object]] = [
    {"concluded_at": None, "end": "undecided"},
    {"concluded_at": at("2026-03-11T10:00"), "end": ""},
]


@pytest.mark.parametrize("facts", BROKEN)
def test_the_database_keeps_a_meeting_in_one_piece(facts: dict[str, object], order: WorkOrder) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Meeting.objects.filter(order=order).update(**facts)
    with pytest.raises(IntegrityError), transaction.atomic():
        Opinion.objects.filter(meeting__order=order).update(duty="yes")


def test_the_orders_page_tells_the_meeting_and_asks_nothing_more_for_it(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.CONSULTING)
    recent.act(order, "opine", text="施工许可由住建部门核发")
    page = as_(Role.DISPATCHER).get(f"/orders/{order.number}/").content.decode()
    for words in ("涉及多个部门职责", "施工许可由住建部门核发", recent.lead.name, 'data-step="end_meeting"'):
        assert words in page
    form = as_(Role.HANDLER, recent.co_unit).get(f"/orders/{order.number}/steps/opine/").content.decode()
    assert "施工许可由住建部门核发" in form, "who thinks again begins with what was said"
    recent.act(order, "designate", reason="由街道主办")
    page = as_(Role.HANDLER, recent.lead).get(f"/orders/{order.number}/").content.decode()
    assert "由街道主办" in page


def test_the_api_takes_an_opinion_and_shows_the_meeting(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.CONSULTING)
    client = as_(Role.HANDLER, recent.co_unit)
    opinion = {"duty": "no", "text": "不属我单位职责"}
    answer = client.post(f"{V1}/workorders/{order.number}/opine/", opinion, content_type="application/json")
    assert answer.status_code == 200, answer.content
    (meeting,) = client.get(f"{V1}/workorders/{order.number}/").json()["meetings"]
    assert (meeting["question"], meeting["end"]) == ("涉及多个部门职责", "")
    said = {one["unit"]: (one["duty"], one["text"]) for one in meeting["opinions"]}
    assert said == {recent.lead.code: ("", ""), recent.co_unit.code: ("no", "不属我单位职责")}


def test_a_machine_reads_in_the_feed_what_was_asked_of_its_unit_but_no_free_words(order: WorkOrder, road: Road) -> None:
    opine(road, order, after=timedelta(minutes=1))
    event = order.events.select_related("order").get(step="opine")
    assert feed.shown(event)["data"] == {"duty": "partly"}


def test_meetings_and_dispatches_from_before_there_were_records_come_from_the_ledger(
    order: WorkOrder, road: Road
) -> None:
    sent = road.to(Status.DISPATCHED)
    Opinion.objects.all().delete()
    Meeting.objects.all().delete()
    sent.assignments.update(dispatched_by=None, dispatched_at=None)  # type: ignore[attr-defined]
    (migration,) = Path(migrations.__path__[0]).glob("*_dispatch_desk.py")
    with connection.cursor() as cursor:
        cursor.execute(import_module(f"dispatch.migrations.{migration.stem}").FROM_THE_LEDGER)
    meeting = meeting_of(order)
    assert (meeting.question, meeting.called_by) == ("涉及多个部门职责", road.cast.of(Role.DISPATCHER))
    assert {one.unit for one in meeting.opinions.all()} == {road.lead, road.co_unit}
    lead = sent.assignments.get(part="lead")  # type: ignore[attr-defined]
    assert (lead.dispatched_by, lead.dispatched_at) == (road.cast.of(Role.DISPATCHER), lead.assigned_at)
