"""Thresholds a leader sets: exceeded they alert, over they close themselves, and they link to exactly what was counted."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.cast import Cast
from dispatch import alerts, tasks, thresholds
from dispatch.models import Alert, Breach, Threshold
from dispatch.thresholds import Verdict, share, verdict, volume
from tests.conftest import NOW
from tests.roads import Road
from workorders.lifecycle import Role, Status
from workorders.models import Area, Category, Unit, User, WorkOrder

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ADD = "/admin/dispatch/threshold/add/"


@pytest.fixture
def supervisor(cast: Cast) -> User:
    return cast.of(Role.SUPERVISOR)


@pytest.fixture
def set_(supervisor: User) -> Callable[..., Threshold]:
    def make(**facts: Any) -> Threshold:
        volume: dict[str, Any] = {"kind": "volume", "count": 2, "window": 1}
        return Threshold.objects.create(**{**volume, **facts}, created_by=supervisor)

    return make


def share_of(unit: Unit | None, percent: int = 50, **facts: Any) -> dict[str, Any]:
    return {"kind": "overdue_share", "window": None, "unit": unit, "percent": percent, "count": 1, **facts}


def register(road: Road, count: int, **facts: Any) -> list[WorkOrder]:
    return [road.register(**facts) for _ in range(count)]


def breaches() -> list[tuple[str, int, int, bool]]:
    """(subject, at the beginning, peak, over)"""
    found = Breach.objects.order_by("pk").values_list("subject", "began_with", "peak", "ended_at")
    return [(subject, int(began), int(peak), ended is not None) for subject, began, peak, ended in found]


# The decision


@pytest.mark.parametrize(
    ("counted", "limit", "exceeded"), [(0, 2, False), (2, 2, False), (3, 2, True), (1, 1, False), (2, 1, True)]
)
def test_more_than_n_is_more_than_n(counted: int, limit: int, exceeded: bool) -> None:
    assert volume(counted, limit) == (Decimal(counted), exceeded)


@pytest.mark.parametrize(
    ("overdue", "total", "percent", "least", "measure", "exceeded"),
    [
        (0, 0, 10, 1, "0", False),
        (1, 10, 10, 1, "10.0", False),
        (2, 10, 10, 1, "20.0", True),
        (1, 1, 10, 5, "100.0", False),
        (5, 5, 99, 5, "100.0", True),
        (1001, 10000, 10, 1, "10.0", True),
        (1, 3, 33, 3, "33.3", True),
    ],
)
def test_a_share_above_p_is_above_p_and_of_enough_orders(
    overdue: int, total: int, percent: int, least: int, measure: str, exceeded: bool
) -> None:
    assert share(overdue, total, percent, least) == (Decimal(measure), exceeded)


@pytest.mark.parametrize(
    ("exceeded", "burning", "expected"),
    [
        (False, False, Verdict.QUIET),
        (True, False, Verdict.BEGINS),
        (True, True, Verdict.GOES_ON),
        (False, True, Verdict.ENDS),
    ],
)
def test_what_a_measure_means_depends_on_what_burns(exceeded: bool, burning: bool, expected: Verdict) -> None:
    assert verdict(exceeded, burning) == expected


# Number of orders


def test_a_threshold_alerts_once_and_closes_itself_when_it_is_over_and_can_begin_again(
    road: Road, set_: Callable[..., Threshold]
) -> None:
    threshold = set_(category=road.category, area=road.street)
    register(road, 2)
    thresholds.evaluate(NOW)
    assert not Alert.objects.exists()
    register(road, 1)
    thresholds.evaluate(NOW + MINUTE)
    alert = Alert.objects.get()
    assert (alert.status, alert.level, alert.raised_at, alert.clock, alert.order) == (
        "open",
        2,
        NOW + MINUTE,
        None,
        None,
    )
    road.now += 30 * MINUTE
    register(road, 2)
    thresholds.evaluate(road.now)
    assert breaches() == [(road.street.code, 3, 5, False)]
    assert Alert.objects.count() == 1
    over = NOW + HOUR
    thresholds.evaluate(over)  # the first three have left the window
    alert = Alert.objects.get()
    assert (alert.status, alert.resolved_at, alert.resolved_by) == ("resolved", over, None)
    assert "2" in alert.resolution
    assert "5" in alert.resolution
    assert alert.notes.get().act == "settle"
    breach = Breach.objects.get()
    assert (breach.threshold, breach.measure, breach.measured_at, breach.peak_at) == (threshold, 2, over, road.now)
    register(road, 1)
    thresholds.evaluate(road.now)
    assert breaches() == [(road.street.code, 3, 5, True), (road.street.code, 6, 6, False)]


def test_it_counts_its_category_and_area_with_what_is_below_them_and_nothing_else(
    road: Road, set_: Callable[..., Threshold]
) -> None:
    district, parent = road.street.parent, road.category.parent
    other = Category.objects.filter(grade="ordinary", children=None).order_by("-path")[0]
    set_(category=parent, area=district, count=1)
    register(road, 2)
    register(road, 3, category=other)
    register(road, 3, area=Area.objects.get(code="110101001"))
    road.now -= 2 * HOUR
    register(road, 3)
    thresholds.evaluate(NOW)
    assert breaches() == [("110105", 2, 2, False)]


def test_without_category_and_area_it_counts_the_whole_city(road: Road, set_: Callable[..., Threshold]) -> None:
    set_(count=1)
    register(road, 1)
    register(road, 1, area=None)
    thresholds.evaluate(NOW)
    assert breaches() == [("", 2, 2, False)]


def test_each_street_is_measured_on_its_own(road: Road, set_: Callable[..., Threshold]) -> None:
    one, two, three = (Area.objects.get(code=code) for code in ("110105009", "110105010", "110101001"))
    set_(area=one.parent, each="street", count=1)
    for street, count in ((one, 2), (two, 3), (three, 4)):
        register(road, count, area=street)
    thresholds.evaluate(NOW)
    assert breaches() == [(one.code, 2, 2, False), (two.code, 3, 3, False)]


def test_an_alert_links_to_exactly_the_orders_counted(
    road: Road, set_: Callable[..., Threshold], client: Client, supervisor: User
) -> None:
    set_(category=road.category, area=road.street)
    road.now -= HOUR
    register(road, 1)  # an hour old: no longer in the window
    road.now += HOUR
    counted = register(road, 3)
    register(road, 2, area=Area.objects.get(code="110101001"))
    thresholds.evaluate(NOW)
    road.now += MINUTE
    register(road, 1)
    client.force_login(supervisor)
    alert = Alert.objects.get()
    (link,) = {orders for _label, _words, _at, orders in alert.breach.shown}  # type: ignore[union-attr]
    page = client.get(f"/admin/dispatch/alert/?alert={alert.pk}").content.decode()
    assert link.replace("&", "&amp;") in page
    listing = client.get(f"/orders/?{link}").context["listing"]
    assert {order.pk for order in listing.orders} == {order.pk for order in counted}


# Overdue share


def test_the_overdue_share_of_a_unit_alerts_its_supervisors_and_closes_itself(
    road: Road, set_: Callable[..., Threshold], client: Client, cast: Cast
) -> None:
    set_(**share_of(road.lead))
    first, second = road.to(Status.DISPATCHED), road.to(Status.DISPATCHED)
    road.act(second, "sign")
    road.act(second, "contact")
    late = max(clock.due_at for clock in first.clocks.running().filter(kind="signing", unit=road.lead)) + MINUTE
    thresholds.evaluate(late)
    assert not Alert.objects.exists(), "one of two is not above a half"
    road.act(second, "report")
    road.act(second, "approve")
    thresholds.evaluate(late)
    alert = Alert.objects.get()
    assert (alert.unit, breaches()) == (road.lead, [(road.lead.code, 100, 100, False)])
    for unit, seen in ((road.lead, 1), (road.lead.parent, 1), (road.stranger, 0), (cast.city, 1)):
        client.force_login(cast.of(Role.SUPERVISOR, unit))
        assert len(client.get("/admin/dispatch/alert/").context["page"].alerts) == seen
    first.clocks.running().filter(kind="signing").update(due_at=late + HOUR)
    thresholds.evaluate(late + MINUTE)
    assert Alert.objects.get().status == "resolved"


def test_the_list_behind_an_overdue_share_holds_the_orders_counted(
    road: Road, set_: Callable[..., Threshold], client: Client, supervisor: User
) -> None:
    set_(**share_of(road.lead))
    held, given_back = road.to(Status.DISPATCHED), road.to(Status.CALLBACK)
    assert given_back.lead_unit == road.lead
    thresholds.evaluate(NOW + 90 * timedelta(days=1))
    client.force_login(supervisor)
    breach = Breach.objects.get()
    assert breach.peak == 100
    listing = client.get(f"/orders/?{breach.orders_at(NOW)}").context["listing"]
    assert [order.pk for order in listing.orders] == [held.pk]


def test_each_unit_of_a_kind_is_measured_on_its_own(road: Road, set_: Callable[..., Threshold]) -> None:
    set_(**share_of(None, each="street"))
    road.to(Status.DISPATCHED)
    road.lead = road.stranger
    road.to(Status.DISPATCHED)
    thresholds.evaluate(NOW + 90 * timedelta(days=1))
    assert {subject for subject, *_rest in breaches()} == {"J110105009", "J110101001"}
    assert {alert.unit_id for alert in Alert.objects.all()} == set(
        Unit.objects.filter(code__in=["J110105009", "J110101001"]).values_list("pk", flat=True)
    )


# By hand, switched off, twice at once


def test_one_resolved_by_hand_stays_resolved_until_it_is_over_and_keeps_its_reason(
    road: Road, set_: Callable[..., Threshold], supervisor: User
) -> None:
    set_()
    register(road, 3)
    thresholds.evaluate(NOW)
    alerts.resolve(Alert.objects.get().pk, actor=supervisor, now=NOW, text="已知停水，统一答复")
    for later in (MINUTE, 2 * HOUR):
        thresholds.evaluate(NOW + later)
    alert = Alert.objects.get()
    assert (alert.resolution, alert.notes.count()) == ("已知停水，统一答复", 1)
    assert breaches() == [("", 3, 3, True)]


def test_what_is_switched_off_is_over(road: Road, set_: Callable[..., Threshold]) -> None:
    threshold = set_()
    register(road, 3)
    thresholds.evaluate(NOW)
    Threshold.objects.filter(pk=threshold.pk).update(is_active=False)
    thresholds.evaluate(NOW + MINUTE)
    assert Alert.objects.get().status == "resolved"
    thresholds.evaluate(NOW + 2 * MINUTE)
    assert len(breaches()) == 1


def test_the_database_refuses_the_same_breach_twice(road: Road, set_: Callable[..., Threshold]) -> None:
    set_()
    register(road, 3)
    thresholds.evaluate(NOW)
    breach = Breach.objects.get()
    breach.pk = None
    with pytest.raises(IntegrityError, match="one_breach_at_a_time"), transaction.atomic():
        breach.save(force_insert=True)
    assert Breach.objects.count() == 1


def test_four_evaluations_at_once_alert_once(committed: None) -> None:
    road = Road(Cast(), NOW)
    facts = {"kind": "volume", "count": 2, "window": 1, "created_by": road.cast.of(Role.SUPERVISOR)}
    Threshold.objects.create(**facts)
    register(road, 3)
    start = threading.Barrier(4)

    def evaluate(_number: int) -> None:
        try:
            start.wait(10)
            thresholds.evaluate(NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(evaluate, range(4)))
    assert (Alert.objects.count(), breaches()) == (1, [("", 3, 3, False)])


def test_the_task_evaluates(set_: Callable[..., Threshold], road: Road) -> None:
    set_()
    register(road, 3)
    WorkOrder.objects.update(registered_at=timezone.now() - MINUTE)
    tasks.evaluate_thresholds()
    assert Alert.objects.count() == 1


# Cost


COPIES = """
    INSERT INTO workorders_workorder (number, status, kind, grade, category_id, area_id, lead_unit_id, address, title,
        matter, policy_id, round, version, registered_at, tokens)
    SELECT lpad(n::text, 13, '0'), CASE WHEN n %% 20 = 0 THEN 'handling' ELSE 'archived' END, kind, grade, category_id,
        area_id, lead_unit_id, address, title, matter, policy_id, 1, 1, registered_at - n * interval '10 minutes', '{}'
    FROM workorders_workorder, generate_series(1, 100000) AS n WHERE id = %(id)s
"""


def test_among_100000_orders_a_measure_is_read_by_index(road: Road, set_: Callable[..., Threshold]) -> None:
    order = road.to(Status.HANDLING)
    with connection.cursor() as cursor:
        cursor.execute(COPIES, {"id": order.pk})
        cursor.execute("ANALYZE workorders_workorder")
    volumes = set_(category=road.category, area=road.street, window=24)
    shares = set_(**share_of(road.lead))
    plans = []
    for threshold, measure in ((volumes, thresholds.registered), (shares, thresholds.in_hand)):
        with CaptureQueriesContext(connection) as queries:
            measure(threshold, NOW)
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {queries[0]['sql']}")
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
    assert "order_by_registration" in plans[0], plans[0]
    assert "order_in_hand" in plans[1], plans[1]
    assert "Seq Scan on workorders_workorder" not in "".join(plans)


def test_an_evaluation_takes_as_many_queries_for_twenty_orders_as_for_ten(
    road: Road, set_: Callable[..., Threshold]
) -> None:
    set_(each="street", count=50)
    counts = []
    for _ in range(2):
        register(road, 10)
        with CaptureQueriesContext(connection) as queries:
            thresholds.evaluate(NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# Setting them


def typed(**facts: Any) -> dict[str, Any]:
    return {"kind": "volume", "count": "10", "window": "24", "level": "2", "is_active": "on", "each": "", **facts}


@pytest.fixture
def admin(client: Client, supervisor: User) -> Client:
    client.force_login(supervisor)
    return client


def test_a_supervisor_sets_a_threshold(admin: Client, road: Road, supervisor: User) -> None:
    facts = typed(category=road.category.pk, area=road.street.pk)
    assert admin.post(ADD, facts).status_code == 302
    made = Threshold.objects.get()
    assert (made.kind, made.category, made.area, made.count, made.window) == (
        "volume",
        road.category,
        road.street,
        10,
        24,
    )
    assert made.created_by == supervisor
    admin.post(ADD, typed(kind="overdue_share", window="", percent="20", unit=road.lead.pk))
    for url in ("/admin/dispatch/threshold/", f"/admin/dispatch/threshold/{made.pk}/change/"):
        assert admin.get(url).status_code == 200
    admin.post(f"/admin/dispatch/threshold/{made.pk}/change/", {**facts, "is_active": ""})
    made.refresh_from_db()
    assert not made.is_active


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"window": ""}, "window"),
        ({"window": "0"}, "window"),
        ({"window": "9999"}, "window"),
        ({"count": "0"}, "count"),
        ({"count": ""}, "count"),
        ({"percent": "10"}, "percent"),
        ({"kind": ""}, "kind"),
        ({"each": "department"}, "each"),
        ({"kind": "overdue_share", "percent": "20"}, "window"),
        ({"kind": "overdue_share", "window": "", "percent": "20"}, "unit"),
        ({"kind": "overdue_share", "window": "", "percent": "", "each": "street"}, "percent"),
        ({"kind": "overdue_share", "window": "", "percent": "100", "each": "street"}, "percent"),
        ({"level": "9"}, "level"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_field(facts: dict[str, str], field: str, admin: Client) -> None:
    answer = admin.post(ADD, typed(**facts))
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not Threshold.objects.exists()


def test_a_units_leader_sets_thresholds_for_the_own_branch_only(client: Client, cast: Cast, road: Road) -> None:
    district = Unit.objects.get(code="Q110105")
    client.force_login(cast.of(Role.SUPERVISOR, district))
    for facts in (typed(), typed(kind="overdue_share", window="", percent="20", unit=road.stranger.pk)):
        assert "unit" in client.post(ADD, facts).context["adminform"].form.errors
    assert not Threshold.objects.exists()
    assert client.post(ADD, typed(kind="overdue_share", window="", percent="20", unit=road.lead.pk)).status_code == 302
    made = Threshold.objects.get()
    url = f"/admin/dispatch/threshold/{made.pk}/change/"
    assert client.get(url).status_code == 200
    client.force_login(cast.of(Role.SUPERVISOR, road.stranger))
    assert client.get(url).status_code == 302
    client.force_login(cast.of(Role.ADMINISTRATOR))
    assert client.get(url).status_code == 403
