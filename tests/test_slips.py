"""Supervision slips beside the order: issued, answered, decided, risen; what the system does by itself; accountability."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from dispatch import accountability, rectifications, slips, supervision
from dispatch.models import Accountability, Alert, Rectification, Slip
from tests.conftest import NOW
from tests.queries import queries_of
from tests.roads import Road
from tests.test_calendar import at
from tests.test_lifecycle import picture
from workorders import ledger
from workorders.lifecycle import ActsFor, Role, Status
from workorders.models import Clock, Policy, Unit, WorkOrder
from workorders.policy import Rules, default_document, problems_of
from workorders.refusals import Invalid, NotAllowed, NotVisible, Refused, WrongState
from workorders.selectors import to_do
from workorders.transitions import STEPS, available, perform

AT_ONCE = timedelta(0)
DAY = timedelta(days=1)


def slip_of(order: WorkOrder) -> Slip:
    return Slip.objects.select_related("clock", "unit").get(order=order)


def actor_of(road: Road, order: WorkOrder, step: str) -> Any:
    lead = WorkOrder.objects.get(pk=order.pk).lead_unit
    return road.cast.of(STEPS[step].roles[0], lead if STEPS[step].acts_for == ActsFor.LEAD else None)


def refused(kind: type[Refused], road: Road, order: WorkOrder, step: str, actor: Any = None, **data: Any) -> Refused:
    """What the refusal said, in English; that nothing changed is checked here."""
    given, actor = {**road.needs(step, order), **data}, actor or actor_of(road, order, step)
    before = picture(order)
    with pytest.raises(kind) as caught, transaction.atomic(), override("en"):
        perform(order.pk, step, actor=actor, now=road.now, **given)
    assert picture(order) == before
    return caught.value


def issued_at(road: Road, moment: str, **data: Any) -> WorkOrder:
    """An order in handling with a slip issued at this very moment."""
    road.now = at(moment) - timedelta(minutes=10)
    order = road.to(Status.HANDLING)
    road.now = at(moment)
    road.act(order, "issue_slip", after=AT_ONCE, **data)
    return order


# Issuing, answering, deciding


def test_a_slip_is_issued_blue_with_its_demand_and_a_clock_of_its_own(road: Road) -> None:
    order = road.to(Status.HANDLING)
    before = {one.pk: one.due_at for one in order.clocks.running()}
    event = road.act(order, "issue_slip", demand="三日内到现场处理", days="")
    slip = slip_of(order)
    assert (slip.colour, slip.status, slip.unit, slip.demand) == ("blue", "demanded", road.lead, "三日内到现场处理")
    assert (slip.issued_by, slip.issued_at) == (road.cast.of(Role.SUPERVISOR), road.now)
    assert (slip.clock.kind, slip.clock.unit, slip.clock.stopped_at) == ("slip", road.lead, None)
    assert (order.status, event.data["colour"], event.data["days"]) == ("handling", "blue", 3)
    assert {one.pk: one.due_at for one in order.clocks.running().exclude(kind="slip")} == before
    assert ledger.verify(WorkOrder.objects.get(pk=order.pk)) is None


@pytest.mark.parametrize(
    ("days", "due"), [("", "2026-03-13T10:00"), (1, "2026-03-11T10:00"), (0.5, "2026-03-10T15:00")]
)
def test_the_limit_is_the_policys_unless_the_supervisor_sets_one(days: Any, due: str, road: Road) -> None:
    order = issued_at(road, "2026-03-10T10:00", days=days)
    clock = slip_of(order).clock
    assert clock.due_at == at(due)
    assert clock.alerts_at == sorted(clock.alerts_at)
    assert clock.next_alert_at == clock.alerts_at[0] < clock.due_at
    assert clock.due_at in clock.alerts_at


def test_the_slips_clock_is_watched_by_the_scan_like_any_other(road: Road) -> None:
    order = issued_at(road, "2026-03-10T10:00")
    clock = slip_of(order).clock
    supervision.scan(clock.due_at)
    raised = Alert.objects.filter(clock=clock).order_by("level")
    assert raised.exists()
    assert {(alert.kind, alert.unit, alert.order) for alert in raised} == {("slip", road.lead, order)}


@pytest.mark.parametrize("role", [Role.HANDLER, Role.REVIEWER])
def test_the_unit_answers_and_its_clock_stops(role: Role, road: Road) -> None:
    order = issued_at(road, "2026-03-10T10:00")
    who = road.cast.of(role, road.lead)
    perform(order.pk, "answer_slip", actor=who, now=road.now + DAY, text="已处理完毕")
    slip = slip_of(order)
    assert (slip.status, slip.answer, slip.answered_by) == ("answered", "已处理完毕", who)
    assert (slip.clock.outcome, slip.clock.stopped_at) == ("met", road.now + DAY)


def test_an_answer_that_comes_late_has_missed_its_limit(road: Road) -> None:
    order = issued_at(road, "2026-03-10T10:00")
    road.act(order, "answer_slip", after=10 * DAY)
    assert slip_of(order).clock.outcome == "missed"


def test_an_accepted_slip_is_closed_and_another_may_be_issued(road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.slip(order, answered=True)
    road.act(order, "accept_slip", reason="同意")
    slip = slip_of(order)
    assert (slip.status, slip.closed_by, slip.closed_at, slip.words) == (
        "accepted",
        road.cast.of(Role.SUPERVISOR),
        road.now,
        "同意",
    )
    road.act(order, "issue_slip")
    assert Slip.objects.filter(order=order).count() == 2


@pytest.mark.parametrize("rejections", [1, 2, 3])
def test_a_rejected_answer_raises_the_colour_and_red_is_the_last(rejections: int, road: Road) -> None:
    order = issued_at(road, "2026-03-10T10:00")
    for _ in range(rejections):
        road.act(order, "answer_slip")
        event = road.act(order, "reject_slip")
    slip = slip_of(order)
    colour, days = {1: ("orange", 2), 2: ("red", 1), 3: ("red", 1)}[rejections]
    assert (slip.colour, slip.status, slip.words) == (colour, "demanded", "未说明完成时限")
    assert (event.data["colour"], event.data["days"]) == (colour, days)
    assert (slip.clock.started_at, slip.clock.stopped_at) == (road.now, None)
    assert Clock.objects.filter(order=order, kind="slip").count() == rejections + 1


def test_a_supervisor_raises_a_slip_that_is_not_answered_and_its_clock_begins_anew(road: Road) -> None:
    order = issued_at(road, "2026-03-10T10:00")
    first = slip_of(order).clock
    road.act(order, "raise_slip")
    slip = slip_of(order)
    first.refresh_from_db()
    assert (slip.colour, first.outcome, slip.clock.stopped_at) == ("orange", "void", None)
    road.act(order, "raise_slip")
    assert "no higher colour" in str(refused(WrongState, road, order, "raise_slip").message)


# Why not


def test_one_slip_is_open_on_an_order_at_a_time(road: Road) -> None:
    order = road.to(Status.HANDLING)
    for step in ("answer_slip", "accept_slip", "reject_slip", "raise_slip"):
        refused(WrongState, road, order, step)
    road.act(order, "issue_slip")
    for step in ("issue_slip", "accept_slip", "reject_slip"):
        refused(WrongState, road, order, step)
    road.act(order, "answer_slip")
    for step in ("issue_slip", "answer_slip", "raise_slip"):
        refused(WrongState, road, order, step)


@pytest.mark.parametrize("code", ["1100", "Q110105"])
def test_a_supervisor_of_the_hotline_or_of_a_unit_above_issues_and_decides(code: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    supervisor = road.cast.of(Role.SUPERVISOR, Unit.objects.get(code=code))
    perform(order.pk, "issue_slip", actor=supervisor, now=road.now, demand="请说明情况")
    road.act(order, "answer_slip")
    perform(order.pk, "accept_slip", actor=supervisor, now=road.now)
    assert slip_of(order).closed_by == supervisor


def test_a_supervisor_of_the_unit_itself_or_of_another_does_not(road: Road) -> None:
    order = road.to(Status.HANDLING)
    refused(NotAllowed, road, order, "issue_slip", road.cast.of(Role.SUPERVISOR, road.lead))
    refused(NotVisible, road, order, "issue_slip", road.cast.of(Role.SUPERVISOR, road.stranger))
    road.act(order, "issue_slip")
    refused(NotAllowed, road, order, "answer_slip", road.cast.of(Role.HANDLER, road.co_unit))


WRONG: dict[str, dict[str, list[Any]]] = {
    "issue_slip": {"demand": [..., "", " ", "长" * 2001, ["x"]], "days": [0, -1, 61, "soon"]},
    "answer_slip": {"text": [..., "", "长" * 4001]},
    "reject_slip": {"reason": [..., "", " "]},
}


@pytest.mark.parametrize("step", WRONG)
def test_what_is_missing_or_wrong_is_named(step: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.ask_before(order, step)
    actor, before = actor_of(road, order, step), picture(order)
    for field, values in WRONG[step].items():
        for value in values:
            given = {**road.needs(step, order), field: value}
            if value is ...:
                del given[field]
            with pytest.raises(Invalid) as caught, transaction.atomic():
                perform(order.pk, step, actor=actor, now=road.now, **given)
            assert field in caught.value.fields, value
    assert picture(order) == before


def test_a_unit_does_not_hand_down_what_it_was_told_to_answer_for(road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.act(order, "issue_slip")
    assert "slip" in str(refused(WrongState, road, order, "assign_down").message)
    road.act(order, "answer_slip")
    road.act(order, "accept_slip")
    road.act(order, "assign_down")
    assert order.lead_unit == road.below


@pytest.mark.parametrize(("answered", "step"), [(False, "withdraw"), (True, "recall"), (False, "recall")])
def test_a_slip_lapses_with_its_order(answered: bool, step: str, road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.slip(order, answered=answered)
    event = road.act(order, step)
    slip = slip_of(order)
    assert (slip.status, slip.closed_by, slip.closed_at) == ("lapsed", event.actor, road.now)
    assert slip.clock.outcome == ("met" if answered else "void")


def test_a_slip_goes_on_while_the_result_is_reviewed_and_called_back_and_lapses_when_it_is_closed(road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.act(order, "issue_slip")
    for step in ("report", "approve"):
        road.act(order, step)
        assert slip_of(order).is_open
    road.act(order, "close")
    assert slip_of(order).status == "lapsed"


def test_a_slips_clock_runs_on_while_its_order_is_suspended(road: Road) -> None:
    """Why a matter cannot be solved now is what its unit may have to account for."""
    order = road.to(Status.HANDLING)
    road.act(order, "issue_slip")
    due = slip_of(order).clock.due_at
    road.act(order, "suspend")
    assert (slip_of(order).clock.paused_at, slip_of(order).clock.due_at) == (None, due)
    assert slips.watch(due + timedelta(minutes=1)) == 1
    assert slip_of(order).colour == "orange"


# Issued in error


@pytest.mark.parametrize("answered", [False, True])
def test_a_slip_issued_in_error_is_withdrawn_with_its_reason_and_its_clock_stops(answered: bool, road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.slip(order, answered=answered)
    event = road.act(order, "withdraw_slip", reason="误发，该事项已由其他单位办结")
    slip = slip_of(order)
    assert (slip.status, slip.words) == ("withdrawn", "误发，该事项已由其他单位办结")
    assert (slip.closed_by, slip.closed_at) == (event.actor, road.now)
    assert (slip.clock.stopped_at is not None, slip.clock.outcome) == (True, "met" if answered else "void")
    assert order.events.get(step="withdraw_slip").reason == slip.words, "on the record"
    supervision.scan(road.now + 60 * DAY)
    assert not Alert.objects.filter(clock=slip.clock).exists()
    assert slips.watch(road.now + 60 * DAY) == 0
    refused(WrongState, road, order, "withdraw_slip", reason="误发")


def test_a_slip_of_the_system_that_was_withdrawn_does_not_come_again_for_the_same_alert(road: Road) -> None:
    order = gone_up(road)
    assert slips.issue_by_ladder(road.now) == 1
    road.act(order, "withdraw_slip")
    assert slips.supervise(road.now + timedelta(minutes=5)) == 0
    assert order.slips.count() == 1


def test_nobody_withdraws_the_slip_to_their_own_unit_and_none_without_a_reason(road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.act(order, "issue_slip")
    refused(Invalid, road, order, "withdraw_slip", reason=" ")
    for role in (Role.SUPERVISOR, Role.HANDLER, Role.REVIEWER):
        refused(NotAllowed, road, order, "withdraw_slip", road.cast.of(role, road.lead))


def test_nobody_accounts_for_a_slip_that_was_withdrawn(held: Accountability, road: Road) -> None:
    supervisor = road.cast.of(Role.SUPERVISOR)
    road.act(held.slip.order, "withdraw_slip", reason="误发")
    held.refresh_from_db()
    assert (held.status, held.measure, held.words, held.closed_by) == ("closed", "none", "误发", supervisor)
    rectifications.demand(road.now)
    assert not Rectification.objects.exists(), "nor has it to rectify anything for it"


def test_what_was_decided_on_a_slip_stays_decided_when_it_is_withdrawn(held: Accountability, road: Road) -> None:
    decided = {"measure": "talk", "words": "约谈主要负责人", "actor": road.cast.of(Role.SUPERVISOR), "now": road.now}
    accountability.decide(held.pk, **decided)
    road.act(held.slip.order, "withdraw_slip")
    held.refresh_from_db()
    assert (held.status, held.measure) == ("decided", "talk")


def test_a_supervisor_excuses_a_unit_and_then_nothing_is_to_be_carried_out(held: Accountability, road: Road) -> None:
    supervisor = road.cast.of(Role.SUPERVISOR)
    accountability.decide(held.pk, measure="none", words="因汛情，非主观原因", actor=supervisor, now=road.now)
    held.refresh_from_db()
    assert (held.status, held.closed_by, held.closed_at) == ("closed", supervisor, road.now)
    again = Accountability(unit=held.unit, pk=held.pk + 1, raised_at=road.now)
    assert accountability.suggested(again) == "talk", "what was excused makes nothing graver"


# What the system does


def gone_up(road: Road) -> WorkOrder:
    """An order whose unit has let its deadline pass through the whole ladder."""
    order = road.to(Status.HANDLING)
    road.now += 60 * DAY
    supervision.scan(road.now)
    return order


def test_the_ladders_last_level_issues_a_slip_once(road: Road) -> None:
    order = gone_up(road)
    assert slips.issue_by_ladder(road.now) == 1
    slip = slip_of(order)
    assert (slip.issued_by, slip.colour, slip.issued_at) == (None, "blue", road.now)
    event = order.events.get(step="issue_slip")
    assert (event.actor, event.data["colour"]) == (None, "blue")
    assert slips.issue_by_ladder(road.now + timedelta(minutes=1)) == 0
    road.act(order, "answer_slip")
    road.act(order, "accept_slip")
    assert slips.issue_by_ladder(road.now) == 0, "the same alert was dealt with"


def test_an_alert_below_the_last_level_and_a_clock_that_has_stopped_issue_nothing(road: Road) -> None:
    road.to(Status.HANDLING)
    late = gone_up(road)
    Alert.objects.filter(level=max(Alert.Level.values)).exclude(order=late).delete()
    for step in ("report", "approve"):
        road.act(late, step)
    assert slips.issue_by_ladder(road.now) == 0


def in_force_with(road: Road, **slips: Any) -> None:
    document = Policy.objects.get(version=1).document
    changed = {**document, "slips": {**document["slips"], **slips}}
    facts = {"effective_from": road.now - timedelta(days=1), "state": Policy.State.APPROVED}
    Policy.objects.create(version=2, title="第二版", document=changed, **facts)


def test_the_policy_switches_the_ladders_slips_off(road: Road) -> None:
    in_force_with(road, by_ladder=False)
    gone_up(road)
    assert slips.issue_by_ladder(road.now) == 0


def test_pressing_three_times_issues_a_slip_and_three_times_more_another(road: Road) -> None:
    order = road.to(Status.HANDLING)
    other = road.to(Status.HANDLING)
    for _ in range(2):
        road.act(order, "urge")
        road.act(other, "urge")
    assert slips.issue_after_urging(road.now) == 0
    road.act(order, "urge")
    assert slips.issue_after_urging(road.now) == 1
    assert "3" in slip_of(order).demand
    road.act(order, "urge")
    assert slips.issue_after_urging(road.now) == 0, "one is open"
    road.act(order, "answer_slip")
    road.act(order, "accept_slip")
    for expected in (0, 1):
        road.act(order, "urge")
        assert slips.issue_after_urging(road.now) == expected


def test_an_order_whose_policy_counts_no_urges_gets_no_slip(road: Road) -> None:
    in_force_with(road, urges=0)
    order = road.to(Status.HANDLING)
    for _ in range(5):
        road.act(order, "urge")
    assert slips.issue_after_urging(road.now) == 0


def test_an_overdue_slip_rises_to_red_and_then_the_unit_has_to_account_for_it(road: Road) -> None:
    order = issued_at(road, "2026-03-10T10:00")
    assert slips.watch(slip_of(order).clock.due_at) == 0
    for colour, due in (("orange", "2026-03-12T10:00"), ("red", "2026-03-16T10:01")):
        slip = slip_of(order)
        assert slip.clock.due_at == at(due)
        assert slips.watch(slip.clock.due_at + timedelta(minutes=1)) == 1
        slip.clock.refresh_from_db()
        assert (slip_of(order).colour, slip.clock.outcome) == (colour, "missed")
    late = slip_of(order).clock.due_at + timedelta(minutes=1)
    assert slips.watch(late) == 1
    held = Accountability.objects.get()
    assert (held.unit, held.cause, held.slip.order, held.due_at, held.status) == (
        road.lead,
        "slip",
        order,
        slip_of(order).clock.due_at,
        "open",
    )
    assert slips.watch(late + DAY) == 0
    assert slip_of(order).colour == "red"
    assert [event.data["colour"] for event in order.events.filter(step="raise_slip").order_by("number")] == [
        "orange",
        "red",
    ]


# Accountability


@pytest.fixture
def held(road: Road) -> Accountability:
    order = issued_at(road, "2026-03-10T10:00")
    for _ in range(2):
        road.act(order, "raise_slip")
    road.now += 10 * DAY
    slips.watch(road.now)
    return Accountability.objects.get()


def test_a_supervisor_decides_by_how_much_and_then_it_is_carried_out(held: Accountability, road: Road) -> None:
    supervisor = road.cast.of(Role.SUPERVISOR)
    accountability.decide(held.pk, measure="talk", words="约谈主要负责人", actor=supervisor, now=road.now)
    done = accountability.close(held.pk, actor=supervisor, now=road.now + DAY)
    assert (done.status, done.measure, done.decided_by, done.closed_at) == (
        "closed",
        "talk",
        supervisor,
        road.now + DAY,
    )


def test_nobody_else_decides_and_nobody_decides_twice(held: Accountability, road: Road) -> None:
    decision: dict[str, Any] = {"measure": "talk", "words": "约谈", "now": road.now}
    for role, unit, kind in (
        (Role.DISPATCHER, None, NotAllowed),
        (Role.SUPERVISOR, road.lead, NotAllowed),
        (Role.SUPERVISOR, road.stranger, NotVisible),
    ):
        with pytest.raises(kind):
            accountability.decide(held.pk, actor=road.cast.of(role, unit), **decision)
    assert Accountability.objects.get().status == "open"
    accountability.decide(held.pk, actor=road.cast.of(Role.SUPERVISOR), **decision)
    with pytest.raises(WrongState):
        accountability.decide(held.pk, actor=road.cast.of(Role.SUPERVISOR), **{**decision, "measure": "discipline"})
    assert Accountability.objects.get().measure == "talk"


def test_the_measure_that_is_suggested_is_graver_each_time_within_a_year(held: Accountability, road: Road) -> None:
    found = [accountability.suggested(held)]
    for _ in range(3):
        order = issued_at(road, "2026-06-10T10:00")
        again = Accountability.objects.create(
            unit=road.lead, cause="slip", slip=slip_of(order), due_at=road.now, raised_at=road.now
        )
        found.append(accountability.suggested(again))
    assert found == ["talk", "circular", "discipline", "discipline"]


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"status": "decided"}, "accountability_decided_iff_not_open"),
        ({"measure": "talk"}, "accountability_decided_iff_not_open"),
        ({"slip": None}, "accountability_has_its_cause"),
    ],
)
def test_the_database_refuses_accountability_that_does_not_hold_together(
    changes: dict[str, Any], constraint: str, held: Accountability
) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Accountability.objects.filter(pk=held.pk).update(**changes)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"status": "accepted"}, "slip_"),
        ({"status": "answered"}, "slip_answered_in_words"),
        ({"closed_at": NOW}, "slip_closed_iff_not_open"),
        ({"colour": "yellow"}, "slip_colour_known"),
    ],
)
def test_the_database_refuses_a_slip_that_does_not_hold_together(
    changes: dict[str, Any], constraint: str, road: Road
) -> None:
    order = issued_at(road, "2026-03-10T10:00")
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Slip.objects.filter(order=order).update(**changes)


# What people see


def test_a_slip_waits_for_the_unit_and_its_answer_for_the_supervisor(road: Road) -> None:
    order = road.to(Status.REPORTED)
    handler, supervisor = road.cast.of(Role.HANDLER, road.lead), road.cast.of(Role.SUPERVISOR)

    def waits(user: Any) -> bool:
        return WorkOrder.objects.filter(to_do(user), pk=order.pk).exists()

    assert (waits(handler), waits(supervisor)) == (False, False)
    road.act(order, "issue_slip")
    assert (waits(handler), waits(supervisor)) == (True, False)
    road.act(order, "answer_slip")
    assert (waits(handler), waits(supervisor)) == (False, True)
    road.act(order, "accept_slip")
    assert (waits(handler), waits(supervisor)) == (False, False)


def test_buttons_stand_there_only_while_they_do_something(road: Road) -> None:
    order = road.to(Status.HANDLING)

    def offered(role: Role, unit: Unit | None = None) -> set[str]:
        found = available(WorkOrder.objects.get(pk=order.pk), road.cast.of(role, unit), road.now)
        return {name for name in found if name.endswith("_slip")}

    assert (offered(Role.SUPERVISOR), offered(Role.HANDLER, road.lead)) == ({"issue_slip"}, set())
    road.act(order, "issue_slip")
    assert (offered(Role.SUPERVISOR), offered(Role.HANDLER, road.lead)) == (
        {"raise_slip", "withdraw_slip"},
        {"answer_slip"},
    )
    road.act(order, "answer_slip")
    decide = {"accept_slip", "reject_slip", "withdraw_slip"}
    assert (offered(Role.SUPERVISOR), offered(Role.HANDLER, road.lead)) == (decide, set())


def test_the_orders_page_shows_the_slip_its_deadline_and_how_often_was_pressed(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.HANDLING)
    road_texts = ("请两日内到场处置", "已到场，正在处置", "措施不具体")
    recent.act(order, "issue_slip", demand=road_texts[0])
    recent.act(order, "answer_slip", text=road_texts[1])
    recent.act(order, "reject_slip", reason=road_texts[2])
    recent.act(order, "urge")
    recent.act(order, "urge")
    client = as_(Role.HANDLER, recent.lead)
    client.post("/i18n/setlang/", {"language": "en"})
    page = client.get(f"/orders/{order.number}/").content.decode()
    for words in (*road_texts, "Orange slip", "urged 2 times", 'data-step="answer_slip"'):
        assert words in page


def test_an_order_page_with_slips_keeps_to_thirteen_queries_and_does_not_ask_more_for_more(
    as_: Callable, recent: Road
) -> None:
    order = recent.to(Status.HANDLING)
    counts = []
    for _ in range(2):
        for step in ("issue_slip", "answer_slip", "accept_slip"):
            recent.act(order, step)
        recent.act(order, "urge")
        for role, unit in ((Role.SUPERVISOR, None), (Role.HANDLER, recent.lead)):
            client = as_(role, unit)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(f"/orders/{order.number}/").status_code == 200
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
    assert max(counts) <= 13


DESK = "/admin/dispatch/slip/"


def test_the_desk_filters_finds_and_leads_to_the_steps(as_: Callable, recent: Road) -> None:
    answered, demanded = recent.to(Status.HANDLING), recent.to(Status.HANDLING)
    recent.slip(answered, answered=True)
    recent.act(demanded, "issue_slip")
    for _ in range(2):
        recent.act(demanded, "urge")
    client = as_(Role.SUPERVISOR)

    def shown(query: str) -> set[str]:
        page = client.get(f"{DESK}{query}").content.decode()
        return {order.number for order in (answered, demanded) if f'href="/orders/{order.number}/"' in page}

    assert shown("") == {answered.number, demanded.number}
    assert shown("?status__exact=answered") == {answered.number}
    assert shown("?colour__exact=red") == set()
    assert shown("?urged=2") == {demanded.number}
    assert shown("?overdue=yes") == set()
    assert shown("?issued=system") == set()
    assert shown(f"?q={demanded.spoken_number}") == {demanded.number}
    client.post("/i18n/setlang/", {"language": "en"})
    page = client.get(DESK).content.decode()
    assert "Answered, to be decided" in page
    assert "Waiting for the unit" in page, "a status in words, never by its code"
    assert f"/orders/{answered.number}/steps/accept_slip/" in page
    assert f"/orders/{demanded.number}/steps/raise_slip/" in page
    for _ in range(2):
        recent.act(demanded, "raise_slip")
    page = client.get(DESK).content.decode()
    assert f"/orders/{demanded.number}/steps/raise_slip/" not in page, "red is the last"
    assert f"/orders/{demanded.number}/steps/withdraw_slip/" in page


def test_the_chosen_answers_are_accepted_and_what_cannot_be_is_said(as_: Callable, recent: Road) -> None:
    answered, demanded = recent.to(Status.HANDLING), recent.to(Status.HANDLING)
    recent.slip(answered, answered=True)
    recent.act(demanded, "issue_slip")
    chosen = [slip_of(order).pk for order in (answered, demanded)]
    response = as_(Role.SUPERVISOR).post(DESK, {"action": "accept_chosen", "_selected_action": chosen}, follow=True)
    assert (slip_of(answered).status, slip_of(demanded).status) == ("accepted", "demanded")
    assert demanded.spoken_number in "".join(str(message) for message in response.context["messages"])


def test_the_desk_does_not_ask_more_for_more_slips(as_: Callable, recent: Road) -> None:
    client = as_(Role.SUPERVISOR)
    for _ in range(3):
        recent.slip(recent.to(Status.HANDLING))
    few = queries_of(client, DESK)
    for _ in range(3):
        recent.slip(recent.to(Status.HANDLING))
    assert queries_of(client, DESK) == few


@pytest.mark.parametrize("desk", ["slip", "rectification", "accountability"])
def test_the_desks_are_the_supervisors_of_the_branch(desk: str, as_: Callable, recent: Road) -> None:
    order = recent.to(Status.HANDLING)
    recent.act(order, "issue_slip")
    for unit, rows in ((None, 1), (recent.co_unit, 1), (recent.stranger, 0)):
        page = as_(Role.SUPERVISOR, unit).get(f"/admin/dispatch/{desk}/")
        assert page.status_code == 200
        assert page.content.decode().count("/steps/raise_slip/") == (rows if desk == "slip" else 0)
    assert as_(Role.ADMINISTRATOR).get(f"/admin/dispatch/{desk}/").status_code == 403
    assert as_(Role.HANDLER, recent.lead).get(f"/admin/dispatch/{desk}/").status_code == 302


def test_accountability_is_decided_and_carried_out_at_its_desk(held: Accountability, as_: Callable) -> None:
    client, address = as_(Role.SUPERVISOR), f"/admin/dispatch/accountability/{held.pk}/change/"
    page = client.get(address).content.decode()
    assert '<option value="talk" selected>' in page
    assert client.post(address, {"measure": "talk", "words": ""}).status_code == 200
    assert Accountability.objects.get().status == "open"
    assert client.post(address, {"measure": "circular", "words": "全市通报批评"}).status_code == 302
    assert client.post(address, {"measure": "talk", "words": "改主意"}).status_code == 403
    client.post(
        "/admin/dispatch/accountability/", {"action": "close_chosen", "_selected_action": [held.pk]}, follow=True
    )
    done = Accountability.objects.get()
    assert (done.status, done.measure, done.words) == ("closed", "circular", "全市通报批评")


def test_the_system_does_all_of_it_at_one_go_and_twice_changes_nothing(road: Road) -> None:
    gone_up(road)
    urged = road.to(Status.HANDLING)
    for _ in range(3):
        road.act(urged, "urge")
    late = road.to(Status.HANDLING)
    road.act(late, "issue_slip")
    road.now += 10 * DAY
    before: datetime = road.now
    assert slips.supervise(before) == 3
    assert slips.supervise(before) == 0


def test_a_slips_limit_goes_by_its_colour_and_not_by_the_orders_grade() -> None:
    document = default_document()
    document["limits"]["slip"] = document["limits"]["signing"]
    assert any("slip" in problem for problem in problems_of(document))
    assert [Rules(default_document()).slip_days(colour) for colour in Slip.Colour.values] == [3, 2, 1]


def test_a_row_of_a_desk_can_be_looked_at_and_not_written(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.HANDLING)
    recent.act(order, "issue_slip")
    found = rectification_of(recent, order)
    client = as_(Role.SUPERVISOR)
    for desk, pk in (("slip", slip_of(order).pk), ("rectification", found.pk)):
        address = f"/admin/dispatch/{desk}/{pk}/change/"
        assert client.get(address).status_code == 200
        assert client.post(address, {"demand": "改写", "colour": "red"}).status_code == 403
    assert slip_of(order).colour == "blue"


def rectification_of(road: Road, order: WorkOrder) -> Rectification:
    found = Rectification.objects.create(
        unit=road.lead, cause="repeated_redo", demanded_at=road.now, due_at=road.now + DAY
    )
    found.orders.add(order)
    return found
