"""Messages: the right people are told, once, and nothing rings at night but an emergency."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from config.cast import Cast
from dispatch import alerts, clients, notices, tasks, thresholds
from dispatch.models import Alert, Channel, Notice, Threshold
from tests.alerts import channel, raised
from tests.conftest import CHINA, NOW
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import Policy, Unit, User, WorkOrder
from workorders.moments import spelled
from workorders.policy import default_document, problems_of
from workorders.quiet import Hours, awake, following_digest

pytestmark = pytest.mark.django_db
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))

CITY, LEAD, DISTRICT = "city", "lead", "district"
EVERYBODY = [
    *((CITY, role) for role in (Role.OPERATOR, Role.DISPATCHER, Role.CALLBACK_AGENT, Role.SUPERVISOR, Role.AUDITOR)),
    *((LEAD, role) for role in (Role.HANDLER, Role.REVIEWER)),
    *((DISTRICT, role) for role in (Role.HANDLER, Role.REVIEWER, Role.SUPERVISOR)),
    ("stranger", Role.REVIEWER),
]
HOTLINE, HIGHER = {(CITY, Role.SUPERVISOR)}, {(DISTRICT, Role.REVIEWER), (DISTRICT, Role.SUPERVISOR)}
HANDLER, REVIEWER = (LEAD, Role.HANDLER), (LEAD, Role.REVIEWER)


def units(road: Road) -> dict[str, Unit]:
    assert road.lead.parent
    return {CITY: road.cast.city, LEAD: road.lead, DISTRICT: road.lead.parent, "stranger": road.stranger}  # type: ignore[dict-item]


def staffed(road: Road) -> dict[int, tuple[str, Role]]:
    """Somebody for every part; user → the part they play."""
    return {road.cast.of(role, units(road)[where]).pk: (where, role) for where, role in EVERYBODY}


def told() -> list[Notice]:
    return list(Notice.objects.order_by("pk"))


def out(**chosen: Any) -> list[Notice]:
    return list(Notice.objects.filter(channel__isnull=False, **chosen).order_by("pk"))


def rows() -> list[dict[str, Any]]:
    return list(Notice.objects.order_by("pk").values())


# Who


@pytest.mark.parametrize(
    ("status", "kind", "level", "expected"),
    [
        ("handling", "unit_resolution", 1, {HANDLER}),
        ("handling", "unit_resolution", 2, {HANDLER, REVIEWER}),
        ("handling", "unit_resolution", 3, {REVIEWER}),
        ("handling", "unit_resolution", 4, HIGHER),
        ("handling", "unit_resolution", 5, HOTLINE),
        ("dispatched", "signing", 1, {HANDLER}),
        ("registered", "acceptance", 1, {(CITY, Role.OPERATOR)}),
        ("registered", "acceptance", 2, {(CITY, Role.OPERATOR)}),
        ("registered", "acceptance", 3, HOTLINE),
        ("accepted", "dispatch", 1, {(CITY, Role.DISPATCHER)}),
        ("accepted", "dispatch", 2, {(CITY, Role.DISPATCHER)}),
        ("accepted", "dispatch", 3, HOTLINE),
        ("callback", "callback", 2, {(CITY, Role.CALLBACK_AGENT)}),
        ("callback", "callback", 4, HOTLINE),
        ("handling", "resolution", 2, {(CITY, Role.DISPATCHER)}),
        ("handling", "resolution", 5, HOTLINE),
    ],
)
def test_a_level_of_the_ladder_is_told_to_whom_it_concerns(
    status: str, kind: str, level: int, expected: set[Any], road: Road
) -> None:
    parts = staffed(road)
    raised(road.to(status), kind, level, road.now)
    assert notices.plan(road.now) == 1
    assert {parts[notice.user_id] for notice in told() if notice.user_id} == expected
    assert len(told()) == len(expected), "each in the console, and no channel is there to ring"
    assert {notice.state for notice in told()} == {"sent"}


def test_a_unit_directly_below_the_city_goes_up_to_the_hotlines_supervisors(road: Road) -> None:
    parts = staffed(road)
    district = road.lead.parent
    alert = raised(road.to(Status.HANDLING), "unit_resolution", 4, road.now)
    Alert.objects.filter(pk=alert.pk).update(unit=district)
    notices.plan(road.now)
    assert {parts[notice.user_id] for notice in told() if notice.user_id} == HOTLINE


def test_a_threshold_that_is_exceeded_is_told_the_hotlines_supervisors_in_its_own_words(road: Road) -> None:
    parts = staffed(road)
    leader = road.cast.of(Role.SUPERVISOR)
    Threshold.objects.create(kind="volume", count=1, window=24, area=road.street, created_by=leader)
    for _number in range(2):
        road.register()
    thresholds.evaluate(road.now)
    notices.plan(road.now)
    found = [notice for notice in told() if notice.user_id]
    assert {parts[notice.user_id] for notice in found} == HOTLINE
    alert = Alert.objects.get()
    assert str(alert.breach) in found[0].subject
    assert found[0].link == f"/admin/dispatch/alert/?alert={alert.pk}"


def test_an_alert_that_went_up_by_hand_is_told_anew_to_those_above(road: Road) -> None:
    parts = staffed(road)
    alert = raised(road.to(Status.HANDLING), "unit_resolution", 2, road.now)
    notices.plan(road.now)
    for _time in range(2):
        alerts.escalate(alert.pk, actor=road.cast.of(Role.SUPERVISOR), now=road.now, text="请上级督促")
    notices.plan(road.now)
    assert [parts[notice.user_id] for notice in told() if notice.user_id] == [
        HANDLER,
        REVIEWER,
        (DISTRICT, Role.REVIEWER),
        (DISTRICT, Role.SUPERVISOR),
    ]


def test_where_nobody_plays_the_part_the_hotlines_supervisors_are_told(road: Road) -> None:
    supervisor = road.cast.of(Role.SUPERVISOR)
    order = road.to(Status.DISPATCHED)
    User.objects.filter(unit=road.lead).update(is_active=False)
    raised(order, "signing", 1, road.now)
    notices.plan(road.now)
    assert [notice.user_id for notice in told()] == [supervisor.pk]


def test_a_departments_system_is_not_taken_for_a_person(road: Road) -> None:
    client = clients.create(road.lead, clients.HANDLING).client
    supervisor = road.cast.of(Role.SUPERVISOR)
    order = road.to(Status.DISPATCHED)
    User.objects.filter(unit=road.lead).exclude(pk=client.user_id).update(is_active=False)
    assert client.user.has_role(Role.HANDLER)
    raised(order, "signing", 1, road.now)
    notices.plan(road.now)
    assert [notice.user_id for notice in told()] == [supervisor.pk]


def test_a_unit_with_a_channel_is_told_there_once_whoever_of_its_people_is_meant(road: Road) -> None:
    staffed(road)
    own, group = channel(user=road.cast.of(Role.REVIEWER, road.lead)), channel(unit=road.lead)
    fallback, stranger = channel(), channel(unit=road.stranger)
    off = channel(unit=road.lead, is_active=False)
    raised(road.to(Status.HANDLING), "unit_resolution", 2, road.now)
    notices.plan(road.now)
    assert [(notice.channel_id, notice.unit_id) for notice in out()] == [(own.pk, None), (group.pk, road.lead.pk)]
    assert {fallback.pk, stranger.pk, off.pk} & {notice.channel_id for notice in told()} == set()


def test_whoever_has_no_channel_is_told_by_the_one_that_belongs_to_nobody(road: Road) -> None:
    staffed(road)
    fallback = channel()
    raised(road.to(Status.HANDLING), "unit_resolution", 2, road.now)
    notices.plan(road.now)
    assert [(notice.channel_id, notice.unit_id) for notice in out()] == [(fallback.pk, road.lead.pk)]
    channel(user=road.cast.of(Role.REVIEWER, road.lead))
    raised(road.to(Status.HANDLING), "unit_resolution", 3, road.now)
    notices.plan(road.now)
    assert len(out(channel=fallback)) == 1, "the only one who is meant has a channel"


# Once


@pytest.fixture
def many(committed: None) -> Road:
    road = Road(Cast(), NOW)
    staffed(road)
    channel(unit=road.lead)
    order = road.to(Status.HANDLING)
    for level in (1, 2, 3, 4, 5):
        raised(order, "unit_resolution", level, NOW)
    for _ in range(15):
        raised(road.register(), "acceptance", 3, NOW)
    return road


def in_threads(count: int, act: Callable[[], Any]) -> list[Any]:
    start = threading.Barrier(count)

    def one(_number: int) -> Any:
        try:
            start.wait(10)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def expected_after(road: Road) -> int:
    people = {1: 1, 2: 2, 3: 1, 4: 2, 5: 1}
    return sum(people.values()) + len((1, 2, 3)) + 15


def test_four_planners_at_once_tell_everybody_once(many: Road) -> None:
    found = in_threads(4, lambda: notices.plan(NOW, batch=3))
    notices.plan(NOW)
    assert not Alert.objects.filter(told_at=None).exists()
    assert sum(found) <= 20
    assert len(told()) == expected_after(many)
    assert notices.plan(NOW + HOUR) == 0


def test_a_planner_that_dies_in_between_costs_nothing(many: Road) -> None:
    def dying() -> str:
        try:
            with transaction.atomic():
                notices.plan(NOW, batch=10)
                pid = connection.connection.info.backend_pid
                with connection.cursor() as cursor:
                    cursor.execute("RESET ROLE; SELECT pg_terminate_backend(%s)", [pid])
            return "lived"
        except OperationalError:
            return "died"

    assert in_threads(1, dying) == ["died"]
    assert (told(), Alert.objects.exclude(told_at=None).count()) == ([], 0)
    assert notices.plan(NOW) == 20
    assert len(told()) == expected_after(many)


def test_the_same_message_for_the_same_recipient_is_refused_by_the_database(road: Road) -> None:
    staffed(road)
    group = channel(unit=road.lead)
    alert = raised(road.to(Status.HANDLING), "unit_resolution", 3, road.now)
    notices.plan(road.now)
    before = rows()
    for way in ({"unit": road.lead, "channel": group}, {"user": road.cast.of(Role.REVIEWER, road.lead)}):
        with pytest.raises(IntegrityError, match="notice_told_once"), transaction.atomic():
            Notice.objects.create(
                key=f"alert {alert.pk} 3", state="sent", sent_at=NOW, created_at=NOW, subject="again", **way
            )
    Alert.objects.update(told_at=None)
    assert notices.plan(road.now) == 1
    assert rows() == before, "told again by mistake, nobody hears it twice"


def test_planning_takes_as_many_queries_for_twenty_alerts_as_for_ten(road: Road) -> None:
    staffed(road)
    channel()
    counts = []
    for count in (10, 20):
        for _ in range(count):
            raised(road.register(), "acceptance", 3, road.now)
        with CaptureQueriesContext(connection) as queries:
            assert notices.plan(road.now) == count
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_others_tell_people_and_units_by_one_call(road: Road) -> None:
    handler, reviewer = road.cast.of(Role.HANDLER, road.lead), road.cast.of(Role.REVIEWER, road.lead)
    group, stranger = channel(unit=road.lead), channel(unit=road.stranger)
    for _ in range(2):
        notices.tell(
            [handler, reviewer, road.stranger], "督办单", "请于今日签收", key="slip 7", now=road.now, link="/orders/1/"
        )
    assert [(notice.user_id, notice.channel_id) for notice in told()] == [
        (handler.pk, None),
        (reviewer.pk, None),
        (None, group.pk),
        (None, stranger.pk),
    ]
    notices.tell([handler], "督办单", "已办结", key="slip 7 done", now=road.now)
    assert len(told()) == 6


# When


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=CHINA)


NIGHT, NOON = Hours.of("22:00-07:00"), Hours.of("12:00-13:30")


@pytest.mark.parametrize(
    ("hours", "now", "rings"),
    [
        (NIGHT, "10T21:59:59", "10T21:59:59"),
        (NIGHT, "10T22:00:00", "11T07:00:00"),
        (NIGHT, "10T23:59:59", "11T07:00:00"),
        (NIGHT, "11T00:00:00", "11T07:00:00"),
        (NIGHT, "11T06:59:59", "11T07:00:00"),
        (NIGHT, "11T07:00:00", "11T07:00:00"),
        (NOON, "10T11:59:00", "10T11:59:00"),
        (NOON, "10T12:00:00", "10T13:30:00"),
        (NOON, "10T13:30:00", "10T13:30:00"),
        (None, "10T23:00:00", "10T23:00:00"),
    ],
)
def test_quiet_hours_end_when_they_end(hours: Hours | None, now: str, rings: str) -> None:
    assert awake(at(now), hours) == at(rings)


@pytest.mark.parametrize(
    ("now", "minutes", "due"),
    [
        ("10T10:00:00", 60, "10T11:00:00"),
        ("10T10:59:59", 60, "10T11:00:00"),
        ("10T23:30:00", 60, "11T00:00:00"),
        ("10T10:10:00", 25, "10T10:25:00"),
        ("10T23:50:00", 1000, "11T00:00:00"),
    ],
)
def test_a_digest_comes_at_whole_multiples_of_its_time(now: str, minutes: int, due: str) -> None:
    assert following_digest(at(now), timedelta(minutes=minutes)) == at(due)


@pytest.mark.parametrize(
    ("grade", "level", "now", "state", "rings"),
    [
        ("ordinary", 1, "10T10:20:00", "held", "10T11:00:00"),
        ("ordinary", 2, "10T10:20:00", "held", "10T11:00:00"),
        ("ordinary", 3, "10T10:20:00", "pending", "10T10:20:00"),
        ("ordinary", 5, "10T10:20:00", "pending", "10T10:20:00"),
        ("ordinary", 1, "10T21:30:00", "held", "11T07:00:00"),
        ("ordinary", 3, "10T22:00:00", "held", "11T07:00:00"),
        ("utility", 5, "11T03:00:00", "held", "11T07:00:00"),
        ("emergency", 1, "10T10:20:00", "pending", "10T10:20:00"),
        ("emergency", 1, "10T23:00:00", "pending", "10T23:00:00"),
        ("emergency", 2, "11T03:00:00", "pending", "11T03:00:00"),
        ("emergency", 5, "11T06:59:00", "pending", "11T06:59:00"),
    ],
)
def test_it_rings_at_once_with_the_digest_or_when_the_night_is_over_and_an_emergency_always(
    grade: str, level: int, now: str, state: str, rings: str, road: Road
) -> None:
    channel()
    staffed(road)
    raised(road.to(Status.HANDLING, grade=grade), "unit_resolution", level, at(now))
    notices.plan(at(now))
    [notice] = out()
    assert (notice.state, notice.next_attempt_at) == (state, at(rings))
    assert all(notice.state == "sent" for notice in told() if not notice.channel_id), "the console never waits"


def test_what_was_held_for_one_recipient_comes_as_one_digest(road: Road) -> None:
    staffed(road)
    group, other = channel(unit=road.lead), channel(unit=road.stranger)
    orders = [road.to(Status.HANDLING) for _ in range(3)]
    now = at("10T14:05:00")
    for number, order in enumerate(orders):
        raised(order, "unit_resolution", 1 + number % 2, now)
    notices.tell([road.stranger], "督办单", "", key="one", now=at("10T23:00:00"))
    notices.plan(now)
    assert notices.release(at("10T14:59:59")) == 0
    assert notices.release(at("10T15:00:00")) == 1
    [digest] = out(state="pending")
    assert (digest.channel, digest.unit, digest.level) == (group, road.lead, 2)
    assert {part.state for part in digest.parts.all()} == {"digested"}
    assert [order.spoken_number in digest.body for order in orders] == [True] * 3
    assert digest.body.index(orders[1].spoken_number) < digest.body.index(orders[0].spoken_number), "the worst first"
    assert all(f"/orders/{order.number}/" in digest.body for order in orders)
    assert notices.release(at("10T15:00:00")) == 0
    assert notices.release(at("11T07:00:00")) == 1
    assert [notice.subject for notice in out(channel=other)] == ["督办单"], "one alone is no digest"


def test_two_that_release_at_once_make_one_digest(many: Road) -> None:
    order = many.to(Status.HANDLING)
    raised(order, "unit_resolution", 1, NOW)
    notices.plan(NOW)
    assert sorted(in_threads(2, lambda: notices.release(NOW + HOUR))) == [0, 1]
    assert Notice.objects.filter(key__startswith="digest").count() == 1


def test_a_long_night_comes_in_digests_of_twenty(road: Road) -> None:
    staffed(road)
    channel(unit=road.cast.city)
    night = at("10T23:00:00")
    for _ in range(45):
        raised(road.register(), "acceptance", 3, night)
    notices.plan(night)
    assert notices.release(at("11T07:00:00")) == 3
    assert sorted(digest.parts.count() for digest in out(state="pending")) == [5, 20, 20]


@pytest.mark.parametrize("when", ["before it is planned", "while it is held"])
def test_what_is_settled_meanwhile_rings_no_more_but_stays_to_be_seen(when: str, road: Road) -> None:
    staffed(road)
    channel()
    order = road.to(Status.DISPATCHED)
    alert = raised(order, "signing", 1, road.now)
    if when == "while it is held":
        notices.plan(road.now)
    road.act(order, "sign")
    notices.plan(road.now)
    assert notices.release(road.now + DAY) == 0
    assert [notice.state for notice in out()] == ["dropped"]
    [shown] = Notice.objects.of(road.cast.of(Role.HANDLER, road.lead))
    assert (shown.alert, shown.is_settled) == (alert, True)


def test_the_hours_are_those_of_the_policy_in_force(road: Road) -> None:
    staffed(road)
    channel(unit=road.lead)
    document = {**default_document(), "notices": {"quiet": "", "digest_minutes": 15}}
    facts = {"effective_from": road.now - DAY, "state": Policy.State.APPROVED}
    Policy.objects.create(version=2, title="夜间不静", document=document, **facts)
    order = road.to(Status.HANDLING)
    raised(order, "unit_resolution", 3, at("10T23:01:00"))
    raised(order, "unit_resolution", 1, at("10T23:01:00"))
    notices.plan(at("10T23:01:00"))
    assert [notice.next_attempt_at for notice in out()] == [at("10T23:01:00"), at("10T23:15:00")]


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("quiet", [None, 0, [], "22:00", "22-07", "22:00-22:00", "24:00-07:00", "22:00-07:00 ", "22:00-07:00:00"]),
        ("digest_minutes", [None, "60", True, 0, 4, 1441, 60.5, []]),
    ],
)
def test_a_rule_book_with_wrong_hours_is_refused_with_the_path_of_the_mistake(setting: str, values: list[Any]) -> None:
    for value in values:
        document = default_document()
        document["notices"][setting] = value
        assert [line.split(":")[0].split("：")[0] for line in problems_of(document)] == [f"notices.{setting}"], value
        del document["notices"][setting]
        assert len(problems_of(document)) == 1
    document = default_document()
    document["notices"]["quiet"] = ""
    assert problems_of(document) == []
    del document["notices"]
    assert len(problems_of(document)) == 1


# What


def test_a_message_says_which_order_which_unit_which_clock_and_how_late(road: Road) -> None:
    staffed(road)
    order = road.to(Status.HANDLING)
    clock = order.clocks.get(kind="unit_resolution", unit=road.lead)
    now = clock.due_at + 2 * HOUR
    raised(order, "unit_resolution", 3, now, due_since=clock.due_at)
    notices.plan(now)
    [notice] = Notice.objects.of(road.cast.of(Role.REVIEWER, road.lead))
    assert order.spoken_number in notice.subject
    assert "2小时" in notice.subject
    assert notice.link == f"/orders/{order.number}/"
    for word in (road.lead.name, str(order.category), spelled(clock.due_at), "2小时"):
        assert word in notice.body
    assert notice.text.endswith(f"http://127.0.0.1:8000/orders/{order.number}/")


def test_a_message_holds_nothing_of_the_complainants_words_name_or_telephone(road: Road) -> None:
    staffed(road)
    channel()
    order: WorkOrder = road.to(
        Status.HANDLING,
        matter="我叫王小明，住幸福里3号楼，电话13800001234，楼下噪音",
        address="幸福里3号楼502",
        title="王小明 13800001234 反映噪音",
    )
    for kind, level in (("unit_resolution", 2), ("resolution", 3)):
        raised(order, kind, level, road.now)
    notices.plan(road.now)
    notices.release(road.now + DAY)
    said = " ".join(f"{notice.subject} {notice.body}" for notice in told())
    assert order.spoken_number in said
    assert [word for word in ("王小明", "13800001234", "幸福里") if word in said] == []


def test_messages_speak_the_language_of_the_site(road: Road, settings: Any) -> None:
    staffed(road)
    settings.LANGUAGE_CODE = "en"
    raised(road.to(Status.HANDLING), "unit_resolution", 3, road.now)
    notices.plan(road.now)
    assert "left" in told()[0].subject
    assert "Deadline: " in told()[0].body


def test_the_task_plans_at_the_time_it_runs(road: Road) -> None:
    staffed(road)
    raised(road.register(), "acceptance", 3, road.now)
    tasks.plan_notices()
    assert len(told()) == 1
    assert Alert.objects.exclude(told_at=None).count() == 1
    assert Channel.objects.count() == 0


def test_what_came_to_its_end_long_ago_is_forgotten_with_its_digest_and_what_waits_is_not(
    road: Road, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOTICES_KEPT_FOR = timedelta(days=190)
    monkeypatch.setattr(notices, "FORGOTTEN_AT_ONCE", 2)
    to = channel("json://gateway.example/", unit=road.lead)
    about = {"unit": road.lead, "channel": to, "subject": "督办通知"}
    old, new = road.now - timedelta(days=191), road.now - timedelta(days=189)

    def row(key: str, at: datetime, state: str, **more: Any) -> Notice:
        return Notice.objects.create(key=key, created_at=at, state=state, **about, **more)

    digest = row("digest", old, "sent", sent_at=old)
    for number in range(3):
        row(f"part {number}", old, "digested", digest=digest)
    row("given up", old, "failed")
    kept = {row("waits", old, "pending", next_attempt_at=road.now), row("recent", new, "sent", sent_at=new)}
    assert notices.prune(road.now) == 5
    assert set(Notice.objects.all()) == kept
    assert notices.prune(road.now) == 0
