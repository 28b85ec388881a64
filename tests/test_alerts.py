"""Working off alerts: who may do what, who was first, what is settled, and that none is ever out of reach."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, InternalError, connection, transaction
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.cast import Cast
from dispatch import alert_desk, alerts, tasks
from dispatch.models import Alert, AlertNote
from tests.conftest import NOW
from tests.owner import as_owner
from tests.roads import Road
from workorders.lifecycle import Level, Role, Status
from workorders.models import Clock, Unit, User, WorkOrder
from workorders.refusals import Invalid, NotAllowed, NotVisible, Refused, StaleVersion, WrongState

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DESK = "/admin/dispatch/alert/"
ACTS = ("acknowledge", "assign", "comment", "escalate", "resolve")
GIVEN: dict[str, dict[str, Any]] = {"comment": {"text": "已电话催办"}, "escalate": {"text": "请上级督办"}}
GIVEN["resolve"] = {"text": "单位已承诺今日办结"}


def raised(order: WorkOrder, level: int = 3, *, kind: str = "", since: timedelta = HOUR, **facts: Any) -> Alert:
    """An alert as the scan writes it, on the clock of this kind of the order or its lead unit."""
    ours = Clock.objects.filter(Q(unit=None) | Q(unit=order.lead_unit), order=order)
    clock = (ours.filter(kind=kind) if kind else ours.running()).order_by("unit", "pk")[0]
    of_clock = {"clock": clock, "order": order, "unit": clock.unit, "kind": clock.kind}
    return Alert.objects.create(level=level, due_since=NOW - since, raised_at=NOW, **of_clock, **facts)


def state(alert: Alert) -> tuple[Any, ...]:
    fields = ("status", "assigned_to", "acknowledged_by", "resolved_by", "resolution", "escalated_to", "urgency")
    return (*Alert.objects.values_list(*fields).get(pk=alert.pk), alert.notes.count())


def act(name: str, alert: Alert, actor: User, **given: Any) -> AlertNote:
    to = {"to": actor} if name == "assign" else {}
    return alerts.ACTS[name](alert.pk, actor=actor, now=NOW, **{**GIVEN.get(name, {}), **to, **given})


@pytest.fixture
def handling(road: Road) -> WorkOrder:
    return road.to(Status.HANDLING)


@pytest.fixture
def alert(handling: WorkOrder) -> Alert:
    return raised(handling, kind="unit_resolution")


@pytest.fixture
def supervisor(cast: Cast) -> User:
    return cast.of(Role.SUPERVISOR)


@pytest.fixture
def desk(client: Client, supervisor: User) -> Client:
    client.force_login(supervisor)
    return client


def again(alert: Alert) -> Alert:
    return Alert.objects.get(pk=alert.pk)


def last(alert: Alert) -> AlertNote:
    note = alert.notes.last()
    assert note
    return note


def test_an_alert_that_is_acknowledged_has_somebody_who_looks_after_it(alert: Alert, supervisor: User) -> None:
    act("acknowledge", alert, supervisor)
    alert = again(alert)
    assert (alert.status, alert.acknowledged_by, alert.acknowledged_at) == ("acknowledged", supervisor, NOW)
    assert alert.assigned_to == supervisor
    assert (last(alert).act, last(alert).author, last(alert).at) == ("acknowledge", supervisor, NOW)


def test_what_somebody_has_stays_theirs_when_another_acknowledges_it(
    alert: Alert, supervisor: User, cast: Cast, road: Road
) -> None:
    street = cast.of(Role.SUPERVISOR, road.lead)
    act("assign", alert, supervisor, to=street)
    act("acknowledge", alert, supervisor)
    alert = again(alert)
    assert (alert.assigned_to, alert.acknowledged_by) == (street, supervisor)


def test_an_alert_is_resolved_with_a_reason_that_stays_with_it(alert: Alert, supervisor: User) -> None:
    act("resolve", alert, supervisor, text=" 已现场核实 ")
    alert = again(alert)
    assert (alert.status, alert.resolved_by, alert.resolved_at) == ("resolved", supervisor, NOW)
    assert (alert.resolution, last(alert).text) == ("已现场核实", "已现场核实")


@pytest.mark.parametrize("name", ["comment", "escalate", "resolve"])
def test_what_needs_words_is_refused_without_them(name: str, alert: Alert, supervisor: User) -> None:
    before = state(alert)
    with pytest.raises(Invalid) as refusal:
        act(name, alert, supervisor, text="  ")
    assert list(refusal.value.fields) == ["text"]
    assert state(alert) == before


def test_an_alert_is_escalated_one_level_at_a_time_up_to_the_hotline_and_the_scan_is_not_in_its_way(
    alert: Alert, supervisor: User
) -> None:
    for level in (4, 5):
        act("escalate", alert, supervisor)
        alert = again(alert)
        assert (alert.escalated_to, alert.urgency, alert.level, alert.escalated_at) == (level, level, 3, NOW)
        assert last(alert).level == level
    raised(alert.order, 4, kind=alert.kind)  # what the ladder of the clock brings later, under its own level
    before = state(alert)
    with pytest.raises(WrongState):
        act("escalate", alert, supervisor)
    assert state(alert) == before


def test_an_alert_is_assigned_to_supervisors_whom_it_concerns_only(
    alert: Alert, supervisor: User, cast: Cast, road: Road
) -> None:
    district = Unit.objects.get(code="Q110105")
    concerned = [supervisor, *(cast.of(Role.SUPERVISOR, unit) for unit in (road.lead, district))]
    others = [cast.of(Role.SUPERVISOR, road.stranger), cast.of(Role.HANDLER, road.lead), cast.of(Role.DISPATCHER), None]
    for person in concerned:
        act("assign", alert, supervisor, to=person)
        assert last(alert).to == person
    before = state(alert)
    for stranger in others:
        with pytest.raises(Invalid, match="to"):
            act("assign", alert, supervisor, to=stranger)
    assert state(alert) == before


# Who may do what: by whose supervisor, by the level the alert has reached.
EVERYTHING = set(ACTS)
MAY: dict[tuple[str, int], set[str]] = {
    **{("hotline", level): EVERYTHING for level in (1, 2, 3, 4)},
    ("hotline", 5): EVERYTHING - {"escalate"},
    **{("district", level): EVERYTHING for level in (1, 2, 3, 4)},
    ("district", 5): EVERYTHING - {"escalate", "resolve"},
    **{("own", level): EVERYTHING for level in (1, 2, 3)},
    ("own", 4): EVERYTHING - {"resolve"},
    ("own", 5): EVERYTHING - {"escalate", "resolve"},
    **{("co-handling", level): {"comment"} for level in (1, 2, 3, 4, 5)},
    **{("other", level): set() for level in (1, 2, 3, 4, 5)},
}


@pytest.mark.parametrize(("whose", "level"), MAY)
def test_the_watched_do_not_call_off_the_watch(whose: str, level: int, road: Road, cast: Cast) -> None:
    road.co_unit = Unit.objects.get(code="D01")
    alert = raised(road.to(Status.HANDLING), level, kind="unit_resolution")
    units = {"hotline": cast.city, "district": road.lead.parent, "own": road.lead}
    units |= {"co-handling": road.co_unit, "other": road.stranger}
    actor, before, done = cast.of(Role.SUPERVISOR, units[whose]), state(alert), set()
    for name in ACTS:
        point = transaction.savepoint()
        try:
            act(name, alert, actor)
            assert last(alert).act == name
            done.add(name)
        except (NotAllowed, NotVisible, WrongState) as refusal:
            assert isinstance(refusal, NotVisible) == (whose == "other")
            assert state(alert) == before
        transaction.savepoint_rollback(point)
    assert done == MAY[whose, level]


@pytest.mark.parametrize("role", [role for role in Role if role != Role.SUPERVISOR])
def test_nobody_but_supervisors_works_off_alerts(role: Role, alert: Alert, cast: Cast) -> None:
    before = state(alert)
    for name in ACTS:
        with pytest.raises(NotVisible):
            act(name, alert, cast.of(role))
    assert state(alert) == before


def test_a_clock_of_the_hotline_is_the_hotlines_alone(road: Road, cast: Cast, supervisor: User) -> None:
    alert = raised(road.to(Status.HANDLING), kind="resolution")
    with pytest.raises(NotAllowed):
        act("acknowledge", alert, cast.of(Role.SUPERVISOR, road.lead))
    assert alert.notes.count() == 0
    act("acknowledge", alert, supervisor)


def test_who_comes_second_hears_who_was_first(alert: Alert, supervisor: User, road: Road, cast: Cast) -> None:
    act("acknowledge", alert, cast.of(Role.SUPERVISOR, road.lead), seen=0)
    before = state(alert)
    for name in ("acknowledge", "assign", "escalate", "resolve"):
        with pytest.raises(StaleVersion) as refusal:
            act(name, alert, supervisor, seen=0)
        assert str(cast.of(Role.SUPERVISOR, road.lead)) in str(refusal.value.message)
        assert "10:00" in str(refusal.value.message)
    assert state(alert) == before


def test_a_comment_is_in_nobodys_way_and_nobody_in_its(alert: Alert, supervisor: User) -> None:
    act("comment", alert, supervisor, seen=0)
    act("acknowledge", alert, supervisor, seen=0)
    act("comment", alert, supervisor, seen=0)
    act("resolve", alert, supervisor, seen=alert.notes.get(act="acknowledge").pk)
    act("comment", alert, supervisor)
    assert [note.act for note in alert.notes.all()] == ["comment", "acknowledge", "comment", "resolve", "comment"]


@pytest.mark.parametrize("name", ["acknowledge", "assign", "escalate", "resolve"])
def test_what_is_resolved_is_done_with(name: str, alert: Alert, supervisor: User) -> None:
    act("resolve", alert, supervisor)
    before = state(alert)
    with pytest.raises(WrongState):
        act(name, alert, supervisor)
    assert state(alert) == before


@pytest.mark.parametrize("statement", ["UPDATE dispatch_alertnote SET text = 'x'", "DELETE FROM dispatch_alertnote"])
def test_the_history_of_an_alert_is_only_added_to(statement: str, alert: Alert, supervisor: User) -> None:
    act("comment", alert, supervisor)
    with as_owner(), pytest.raises((InternalError, IntegrityError), match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)
    assert last(alert).text == "已电话催办"


def test_an_alert_belongs_to_a_clock_or_to_a_threshold() -> None:
    with pytest.raises(IntegrityError, match="alert_of_a_clock_or_a_threshold"), transaction.atomic():
        Alert.objects.create(level=2, due_since=NOW, raised_at=NOW)
    assert not Alert.objects.exists()


def test_together_is_each_for_itself(road: Road, supervisor: User) -> None:
    first, second, third = (raised(road.to(Status.ACCEPTED)) for _ in range(3))
    act("acknowledge", second, supervisor)
    outcome = alerts.together(
        "resolve", [(one.pk, 0) for one in (first, second, third)], actor=supervisor, now=NOW, text="统一办结"
    )
    assert outcome.done == [first.pk, third.pk]
    assert {pk: type(why) for pk, why in outcome.refused.items()} == {second.pk: StaleVersion}
    assert [state(one)[0] for one in (first, second, third)] == ["resolved", "acknowledged", "resolved"]


def test_of_two_supervisors_at_once_one_acknowledges_and_the_other_hears_who(committed: None) -> None:
    road = Road(Cast(), NOW)
    alert = raised(road.to(Status.ACCEPTED))
    people = [road.cast.of(Role.SUPERVISOR), User.objects.create(username="second", unit=road.cast.city)]
    User.objects.filter(username="second").update(roles=[Role.SUPERVISOR], is_staff=True)
    start = threading.Barrier(2)

    def try_it(pk: int) -> str:
        try:
            actor = User.objects.select_related("unit").get(pk=pk)
            start.wait(10)
            alerts.acknowledge(alert.pk, actor=actor, now=NOW, seen=0)
        except Refused as refusal:
            return refusal.code
        else:
            return "done"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(try_it, [person.pk for person in people])) == ["done", "stale_version"]
    assert alert.notes.count() == 1


def test_an_alert_whose_clock_stops_resolves_itself_and_says_why(road: Road, supervisor: User) -> None:
    order = road.to(Status.DISPATCHED)
    stopping, going_on = raised(order, kind="signing"), raised(order, kind="unit_resolution")
    done = raised(order, 1, kind="signing")
    act("resolve", done, supervisor)
    act("acknowledge", stopping, supervisor)
    road.act(order, "sign")
    assert alerts.settle(NOW + HOUR) == 1
    stopping = again(stopping)
    assert (stopping.status, stopping.resolved_by, stopping.resolved_at) == ("resolved", None, NOW + HOUR)
    assert stopping.resolution == last(stopping).text != ""
    assert (last(stopping).act, last(stopping).author) == ("settle", None)
    assert (state(going_on)[0], state(done)[4]) == ("open", GIVEN["resolve"]["text"])
    assert alerts.settle(NOW + HOUR) == 0


def test_the_task_settles(road: Road) -> None:
    order = road.register()
    alert = raised(order)
    road.act(order, "answer")
    tasks.settle_alerts()
    assert state(alert)[0] == "resolved"


# The desk


def shown(client: Client, query: str = "") -> list[int]:
    return [one.pk for one in client.get(f"{DESK}?{query}").context["page"].alerts]


def test_what_burns_most_comes_first_and_then_what_has_burnt_longest(
    desk: Client, road: Road, supervisor: User
) -> None:
    order = road.to(Status.HANDLING)
    old, new = raised(order, 2, kind="resolution", since=9 * HOUR), raised(road.to(Status.ACCEPTED), 2)
    high, escalated = raised(road.to(Status.ACCEPTED), 4), raised(road.to(Status.ACCEPTED), 2, since=0 * HOUR)
    for _ in range(3):
        act("escalate", escalated, supervisor)
    assert shown(desk) == [escalated.pk, high.pk, old.pk, new.pk]
    assert desk.get(DESK).context["alert"] == escalated


def test_by_cursor_every_alert_is_reached_once(
    desk: Client, road: Road, monkeypatch: pytest.MonkeyPatch, supervisor: User
) -> None:
    monkeypatch.setattr(alert_desk, "PAGE_SIZE", 3)
    expected = {
        raised(road.to(Status.ACCEPTED), level, since=since * HOUR).pk for level in (2, 3) for since in (1, 1, 2, 3)
    }
    for status in ("", "resolved"):
        if status:
            for pk in expected:
                alerts.resolve(pk, actor=supervisor, now=NOW, text="批量办结")
        found, after = [], ""
        while True:
            page = desk.get(DESK, {"status": status, "after": after}).context["page"]
            found += [one.pk for one in page.alerts]
            if not (after := page.following):
                break
        assert len(found) == len(expected) == 8
        assert set(found) == expected


@pytest.mark.parametrize("after", ["x", "3~x~1", "3~2026-13-40T00:00:00Z~1", "3~2026-03-10T10:00:00~1", "9" * 40, "~~"])
def test_a_cursor_that_is_none_is_the_beginning(after: str, desk: Client, alert: Alert) -> None:
    assert desk.get(DESK, {"after": after}).context["page"].alerts == [alert]


def test_the_filters_narrow_the_desk(desk: Client, road: Road, supervisor: User) -> None:
    order = road.to(Status.HANDLING)
    units, hotlines = raised(order, 3, kind="unit_resolution"), raised(order, 2, kind="resolution")
    urgent = raised(road.to(Status.REGISTERED, grade="emergency"), 1)
    act("acknowledge", units, supervisor)
    act("resolve", urgent, supervisor)
    assert set(shown(desk)) == {units.pk, hotlines.pk}
    for query, found in {
        "level=3": [units], "level=1": [], "status=open": [hotlines], "status=acknowledged": [units],
        "status=resolved": [urgent], "kind=resolution": [hotlines], "kind=threshold": [], "who=mine": [units],
        "who=nobody": [hotlines], "unit=Q110105": [units], "unit=J110101001": [], "grade=emergency": [],
        "grade=emergency&status=resolved": [urgent],
    }.items():  # fmt: skip
        assert shown(desk, query) == [one.pk for one in found], query
    assert dict(desk.get(DESK).context["levels"])[Level.OVERDUE] == 1


def test_a_unit_that_is_unknown_is_said_and_the_list_is_still_there(desk: Client, alert: Alert) -> None:
    response = desk.get(DESK, {"unit": "nowhere"})
    assert "nowhere" in response.content.decode()
    assert response.context["page"].alerts == [alert]


def test_a_district_sees_the_alerts_of_its_branch_and_no_others(
    client: Client, cast: Cast, alert: Alert, road: Road
) -> None:
    other = raised(road.to(Status.ACCEPTED))
    client.force_login(cast.of(Role.SUPERVISOR, Unit.objects.get(code="Q110105")))
    assert shown(client) == [alert.pk]
    client.force_login(cast.of(Role.SUPERVISOR, road.stranger))
    assert shown(client) == []
    for url in (f"{DESK}?alert={alert.pk}", f"{DESK}?alert={other.pk}", f"{DESK}?alert=x", f"{DESK}?alert={'9' * 30}"):
        assert client.get(url).status_code == 404, url
    before = state(alert)
    assert client.post(f"{DESK}{alert.pk}/resolve/", GIVEN["resolve"]).status_code == 404
    assert state(alert) == before


@pytest.mark.parametrize("role", [role for role in Role if role != Role.SUPERVISOR])
def test_nobody_but_supervisors_opens_the_desk(role: Role, client: Client, cast: Cast, alert: Alert) -> None:
    client.force_login(cast.of(role))
    before = state(alert)
    answers = [client.get(DESK), client.post(f"{DESK}{alert.pk}/acknowledge/", {"seen": "0"})]
    # Who has other pages of the administration finds none here; the others are asked to log in.
    inside = role in (Role.ADMINISTRATOR, Role.AUDITOR)
    assert {answer.status_code for answer in answers} == ({404} if inside else {302})
    assert state(alert) == before


def test_the_order_stands_beside_its_alert(desk: Client, alert: Alert, handling: WorkOrder) -> None:
    page = desk.get(f"{DESK}?alert={alert.pk}").content.decode()
    for words in (
        handling.matter,
        f"/orders/{handling.number}/",
        handling.spoken_number,
        'class="timeline"',
        str(handling.lead_unit),
    ):
        assert words in page, words


def test_an_act_at_the_desk_is_done_and_leads_back_to_where_one_was(desk: Client, alert: Alert) -> None:
    answer = desk.post(f"{DESK}{alert.pk}/acknowledge/?level=3", {"seen": "0"})
    assert (answer.status_code, answer["Location"]) == (302, f"{DESK}?level=3&alert={alert.pk}")
    answer = desk.post(f"{DESK}{alert.pk}/resolve/?level=3", {"seen": last(alert).pk, "text": "已办结"})
    assert (answer["Location"], state(alert)[0]) == (f"{DESK}?level=3", "resolved")


def test_what_was_typed_is_still_there_when_somebody_was_first(desk: Client, alert: Alert, supervisor: User) -> None:
    act("acknowledge", alert, supervisor)
    before = state(alert)
    answer = desk.post(f"{DESK}{alert.pk}/resolve/", {"seen": "0", "text": "我写的长长的理由"})
    assert answer.status_code == 409
    assert "我写的长长的理由" in answer.content.decode()
    assert str(supervisor) in answer.content.decode()
    assert state(alert) == before


def test_a_reason_that_is_missing_is_asked_for(desk: Client, alert: Alert) -> None:
    before = state(alert)
    assert desk.post(f"{DESK}{alert.pk}/resolve/", {"seen": "0", "text": ""}).status_code == 400
    assert state(alert) == before


def test_the_ticked_ones_are_resolved_with_one_reason_and_the_rest_stays_ticked(
    desk: Client, road: Road, supervisor: User
) -> None:
    first, second = raised(road.to(Status.ACCEPTED)), raised(road.to(Status.ACCEPTED))
    act("acknowledge", second, supervisor)
    ticked = {"chosen": [f"{first.pk}-0", f"{second.pk}-0"], "text": "统一处理完毕"}
    answer = desk.post(f"{DESK}together/resolve/", ticked)
    assert answer.status_code == 409
    assert [state(one)[0] for one in (first, second)] == ["resolved", "acknowledged"]
    page = answer.content.decode()
    assert "统一处理完毕" in page
    assert f'value="{second.pk}-{last(second).pk}" checked' in " ".join(page.split())
    answer = desk.post(f"{DESK}together/resolve/", {**ticked, "chosen": [f"{second.pk}-{last(second).pk}"]})
    assert (answer.status_code, state(second)[0], state(second)[4]) == (302, "resolved", "统一处理完毕")


def test_the_ticked_ones_are_acknowledged_and_assigned(desk: Client, road: Road, supervisor: User) -> None:
    both = [raised(road.to(Status.ACCEPTED)) for _ in range(2)]
    for name in ("acknowledge", "assign"):
        ticked = [f"{one.pk}-{one.notes.last().pk if one.notes.exists() else 0}" for one in both]
        answer = desk.post(f"{DESK}together/{name}/", {"chosen": ticked, "to": supervisor.pk})
        assert answer.status_code == 302
    assert {state(one)[:2] for one in both} == {("acknowledged", supervisor.pk)}


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("together/resolve/", {"text": "理由"}, 400),
        ("together/resolve/", {"text": "理由", "chosen": ["x"]}, 404),
        ("together/resolve/", {"text": "理由", "chosen": ["999999-0"]}, 404),
        ("together/comment/", {"text": "理由"}, 404),
        ("999999/resolve/", {"text": "理由"}, 404),
        ("1/destroy/", {}, 404),
    ],
)
def test_what_makes_no_sense_is_refused(path: str, data: Any, status: int, desk: Client, alert: Alert) -> None:
    before = state(alert)
    assert desk.post(DESK + path, data).status_code == status
    assert state(alert) == before


def test_looking_does_nothing(desk: Client, alert: Alert) -> None:
    before = state(alert)
    assert desk.get(f"{DESK}{alert.pk}/resolve/").status_code == 405
    assert desk.get(f"{DESK}together/resolve/").status_code == 405
    assert state(alert) == before


def test_the_desk_takes_as_many_queries_for_ten_alerts_as_for_twenty(
    desk: Client, road: Road, supervisor: User
) -> None:
    desk.get(DESK)
    counts = []
    for _ in range(2):
        for one in [raised(road.register()) for _ in range(10)]:
            act("comment", one, supervisor)
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(DESK).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 40


def plan(queryset: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    return str(queryset.explain())


def test_the_list_is_read_by_the_indexes_of_what_burns_and_of_what_is_done(supervisor: User, alert: Alert) -> None:
    rows = alert_desk._following(alert_desk.narrowed(supervisor, {}), False, "")
    assert "alert_unresolved" in plan(rows[:26])
    done = alert_desk._following(alert_desk.narrowed(supervisor, {"status": "resolved"}), True, "")
    assert "alert_resolved" in plan(done[:26])


def test_the_desk_says_how_late_an_alert_is_by_now(desk: Client, alert: Alert) -> None:
    assert alert.due_since < timezone.now()
    assert 'class="countdown overdue"' in desk.get(DESK).content.decode()
