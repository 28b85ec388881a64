"""The supervisors' dashboard: every figure and every mark leads to exactly the orders it counts, at a constant cost."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.cast import Cast
from dispatch import alerts, supervision, thresholds
from dispatch.models import Alert, Threshold
from evaluation import dashboard, pictures, tally, tasks
from evaluation.models import Mark, Tally
from tests.conftest import NOW
from tests.feeds import own_is_settled  # noqa: F401
from tests.roads import Road
from workorders.lifecycle import Role
from workorders.models import Unit, WorkOrder

pytestmark = pytest.mark.usefixtures("own_is_settled")

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LATE = NOW + 9 * DAY
SOME = ("registered", "incomplete", "suspended", "reported", "archived", "merged", "reviewing")
COUNT = re.compile(r'<p class="summary">\s*([^\s件]+)')


@pytest.fixture
def city(road: Road) -> Iterator[Road]:
    """Orders on every part of the road, with limits missed and running out; seen nine days after they began."""
    for status in SOME:
        road.now = NOW
        road.to(status)
    for begin, status in ((NOW, "handling"), (LATE - 30 * HOUR, "dispatched"), (LATE - 40 * HOUR, "callback")):
        road.now = begin
        road.to(status)
    road.now = NOW
    late = road.to("dispatched")
    road.act(late, "sign", after=4 * DAY)
    road.act(late, "contact", after=DAY)
    road.now = LATE - HOUR
    fresh = road.to("dispatched")
    road.act(fresh, "sign")
    road.act(fresh, "contact")
    supervision.scan(LATE)
    tally.follow()
    with time_machine.travel(LATE, tick=False):
        yield road


@pytest.fixture
def supervisor(client: Client, cast: Cast) -> Client:
    client.force_login(cast.of(Role.SUPERVISOR))
    return client


def links_of(found: Any) -> Iterator[tuple[str, str]]:
    """(what is shown, where it leads) of everything that counts, wherever it stands."""
    if isinstance(found, dashboard.Figure):
        yield found.shown, found.link
    elif isinstance(found, dict) and "link" in found:
        yield str(found["value"]), found["link"]
    parts = vars(found).values() if hasattr(found, "__dataclass_fields__") else found
    parts = parts.values() if isinstance(parts, dict) else parts
    if isinstance(parts, list | tuple | type({}.values())):
        for part in parts:
            yield from links_of(part)


def listed(client: Client, link: str) -> str:
    answer = client.get(link, headers={"HX-Request": "true"})
    assert 'class="error"' not in answer.content.decode(), link
    found = COUNT.search(answer.content.decode())
    assert found, link
    return found[1]


def test_every_figure_leads_to_as_many_orders_as_it_says(city: Road, supervisor: Client) -> None:
    figures = list(links_of(dashboard.live(LATE)))
    assert len(figures) > 40
    wrong = [(shown, link) for shown, link in set(figures) if listed(supervisor, link) != shown]
    assert wrong == []
    assert sum(shown != "0" for shown, _link in figures) > 20, "the figures are about something"


@pytest.mark.parametrize("code", ["Q110105", "J110105009", "J110105001"])
def test_every_figure_of_a_units_supervisor_leads_to_as_many_orders_as_it_says(
    code: str, city: Road, client: Client, cast: Cast
) -> None:
    """The district above the lead unit, the unit itself, and one that has nothing to do with the orders."""
    user = cast.of(Role.SUPERVISOR, Unit.objects.get(code=code))
    client.force_login(user)
    figures = set(links_of(dashboard.live(LATE, user)))
    assert [(shown, link) for shown, link in figures if listed(client, link) != shown] == []
    told = sum(shown != "0" for shown, _link in figures)
    assert told == 0 if code == "J110105001" else told > 10


def test_a_units_figures_are_fewer_than_the_citys(city: Road, cast: Cast) -> None:
    district = cast.of(Role.SUPERVISOR, city.lead.parent)
    theirs, all_ = (dashboard.live(LATE, user)["open"].total.shown for user in (district, cast.of(Role.SUPERVISOR)))
    assert 0 < int(theirs) < int(all_), "what was not dispatched yet is the hotline's alone"


def test_every_mark_of_every_picture_leads_to_as_many_orders_as_it_says(city: Road, supervisor: Client) -> None:
    shown = pictures.pictures(LATE)
    for name, picture in shown.items():
        marks = [(count, link) for count, link in set(links_of(picture)) if count != "0"]
        assert marks, name
        assert [(count, link) for count, link in marks if listed(supervisor, link) != count] == [], name


def test_the_figures_say_what_happened_today(city: Road) -> None:
    live = dashboard.live(LATE)
    assert [figure.shown for figure in live["today"]] == ["1", "1", "0"]
    assert live["contact"].parts[0].shown == "1"
    assert live["open"].total.shown == str(Mark.objects.filter(measure="open").count())
    assert int(live["overdue"].shown) == sum(int(level.shown) for level in live["levels"]) > 0


def test_an_overdue_order_stands_at_its_highest_level_alone(city: Road) -> None:
    live = dashboard.live(LATE + 30 * DAY)
    supervision.scan(LATE + 30 * DAY)
    live = dashboard.live(LATE + 30 * DAY)
    assert len(live["levels"]) == 1
    assert live["levels"][0].shown == live["overdue"].shown


def test_a_figure_beyond_a_thousand_is_not_counted_to_the_end(monkeypatch: pytest.MonkeyPatch, city: Road) -> None:
    monkeypatch.setattr(dashboard, "COUNT_UP_TO", 3)
    assert dashboard.live(LATE)["overdue"].shown == "3+"
    monkeypatch.setattr(dashboard, "AT_ONCE", 2)
    assert dashboard.live(LATE)["overdue"].shown in ("1+", "2+")


def test_the_contact_rate_counts_who_still_waits_as_not_contacted(city: Road) -> None:
    contact = dashboard.live(LATE)["contact"]
    in_time, late, waiting = (int(part.shown) for part in contact.parts)
    assert waiting > 0
    assert contact.rate == f"{100 * in_time / (in_time + late + waiting):.1f}%"


def test_the_trend_stands_beside_the_same_weekday_of_a_year_before(road: Road) -> None:
    road.now = NOW - 364 * DAY
    road.register()
    tally.follow()
    received, closed, before = pictures.pictures(NOW)["trend"]["series"]
    assert [point["value"] for point in before["points"]] == [0] * 29 + [1]
    assert sum(point["value"] for point in received["points"] + closed["points"]) == 0
    assert "since=2025-03-11" in before["points"][-1]["link"]


def test_the_funnel_tells_median_and_90th_percentile_of_each_stay(road: Road) -> None:
    for hours in (1, 2, 3, 20):
        road.now = NOW
        order = road.register()
        road.act(order, "accept", after=hours * HOUR)
    tally.follow()
    registered, accepted = pictures.pictures(NOW + DAY)["funnel"]["stages"][:2]
    assert (registered["value"], accepted["value"]) == (4, 4)
    assert registered["median"].startswith(("1小时", "2小时"))
    assert registered["p90"].startswith(("19小时", "20小时", "21小时"))
    assert accepted["median"] == "–", "nobody has left it yet"


def test_of_closed_orders_the_funnel_tells_the_whole_way(road: Road) -> None:
    road.to("closed")
    everything = road.now - NOW
    tally.follow()
    closed = pictures.pictures(NOW + DAY)["funnel"]["stages"][-1]
    assert (closed["value"], everything) == (1, 70 * timedelta(minutes=1))
    assert closed["median"].startswith("1小时"), "an hour and some minutes"


def test_units_are_ranked_by_what_they_missed_under_each_clock(city: Road) -> None:
    shown = pictures.pictures(LATE)["lateness"]
    assert str(city.lead) in shown["units"]
    assert "签收" in str(shown["clocks"])
    assert sum(cell["value"] for row in shown["cells"] for cell in row) > 0


def test_a_district_counts_its_streets_and_what_is_only_known_as_the_district(road: Road) -> None:
    district = road.street.parent
    road.register()
    road.register(area=district)
    tally.follow()
    (shown,) = pictures.pictures(NOW)["areas"]["districts"]
    assert (shown["name"], shown["value"], len(shown["children"])) == (district.name, 2, 2)


# The page


def test_a_supervisor_of_the_city_finds_it_on_the_first_page_of_the_administration(
    city: Road, supervisor: Client
) -> None:
    page = supervisor.get("/admin/").content.decode()
    assert 'id="board"' in page
    data = re.search(r'<script id="pictures" type="application/json">(.*?)</script>', page)
    assert data
    assert set(json.loads(data[1])) == {"trend", "funnel", "areas", "lateness", "categories"}
    for source in re.findall(r'(?:src|href)="/static/([^"]+)"', page):
        assert finders.find(source), f"{source} is there"
    assert "<script>" not in page.split('id="board"')[1].split('id="pictures"')[0]


def test_figures_and_pictures_come_anew_without_the_page(city: Road, supervisor: Client) -> None:
    before = supervisor.get("/admin/dashboard/figures/").content.decode()
    city.now = LATE - HOUR
    city.register()
    tally.follow()
    after = supervisor.get("/admin/dashboard/figures/")
    assert 'id="board"' not in after.content.decode()
    assert after.content.decode() != before
    assert "no-store" in after["Cache-Control"]
    data = supervisor.get("/admin/dashboard/pictures/").json()
    assert data["trend"]["series"][0]["points"][-1]["value"] == 2


def test_counters_that_stand_still_are_not_called_live(city: Road, supervisor: Client) -> None:
    assert "统计数据已停止更新" in supervisor.get("/admin/dashboard/figures/").content.decode()
    tasks.follow_tallies()
    assert "实时更新" in supervisor.get("/admin/dashboard/figures/").content.decode()
    with time_machine.travel(LATE + timedelta(minutes=1), tick=False):
        assert "统计数据已停止更新" in supervisor.get("/admin/dashboard/figures/").content.decode()


@pytest.mark.parametrize(
    ("role", "unit", "status"),
    [
        (Role.ADMINISTRATOR, None, (403, 403)),
        (Role.SUPERVISOR, "Q110105", (200, 403)),
        (Role.OPERATOR, None, (403, 403)),
        (Role.HANDLER, "J110105009", (403, 403)),
        (Role.AUDITOR, None, (403, 403)),
        (Role.SUPERVISOR, None, (200, 200)),
    ],
)
def test_figures_are_for_supervisors_and_the_citys_pictures_for_the_citys(
    role: Role, unit: str | None, status: tuple[int, int], client: Client, cast: Cast
) -> None:
    client.force_login(cast.of(role, Unit.objects.get(code=unit) if unit else None))
    addresses = ("/admin/dashboard/figures/", "/admin/dashboard/pictures/")
    assert tuple(client.get(address).status_code for address in addresses) == status
    page = client.get("/admin/")
    if page.status_code == 200:
        shown = page.content.decode()
        assert ('id="board"' in shown, 'id="pictures"' in shown) == tuple(one == 200 for one in status)


def test_a_units_supervisor_reads_whose_orders_the_figures_are(client: Client, cast: Cast, road: Road) -> None:
    client.force_login(cast.of(Role.SUPERVISOR, road.lead))
    client.cookies["django_language"] = "en"
    assert f"The orders that concern {road.lead} and the units below it." in client.get("/admin/").content.decode()


def links_of_menu(page: str) -> list[str]:
    return re.findall(r'<a href="(/admin/[^"]*)"', page.split('id="nav-sidebar-apps"')[1].split("</nav>")[0])


def test_what_a_supervisor_works_at_comes_first_in_the_menu(client: Client, cast: Cast, road: Road) -> None:
    desks = [f"/admin/dispatch/{name}/" for name in ("alert", "slip", "rectification", "accountability", "threshold")]
    for unit in (None, road.lead.parent):
        client.force_login(cast.of(Role.SUPERVISOR, unit))
        menu = links_of_menu(client.get("/admin/dispatch/slip/").content.decode())
        assert menu[:6] == ["/admin/", *desks]
        assert len(menu) == len(set(menu)), "nothing stands there twice"
        for link in menu:
            assert client.get(link).status_code == 200, link
    client.force_login(cast.of(Role.ADMINISTRATOR))
    menu = links_of_menu(client.get("/admin/").content.decode())
    assert "/admin/workorders/policy/" in menu
    assert "/admin/dispatch/alert/" not in menu, "the administrator sees no order"


def test_alerts_lead_to_the_desk_those_of_thresholds_too_until_they_are_resolved(
    road: Road, supervisor: Client, cast: Cast
) -> None:
    order, _another = road.register(), road.register()
    supervision.scan(NOW + DAY)
    Threshold.objects.create(kind="volume", count=1, window=24, created_by=cast.of(Role.SUPERVISOR), level=4)
    thresholds.evaluate(road.now)
    shown = supervisor.get("/admin/dashboard/figures/").content.decode()
    of_order, of_threshold = Alert.objects.filter(order=order).latest("pk"), Alert.objects.get(order=None)
    for alert, words in ((of_order, order.title), (of_threshold, unescape(str(of_threshold.breach)))):
        assert f'href="/admin/dispatch/alert/{alert.pk}/change/"' in shown
        assert words in unescape(shown)
    alerts.resolve(of_threshold.pk, actor=cast.of(Role.SUPERVISOR), now=road.now, text="已派专人值守")
    after = supervisor.get("/admin/dashboard/figures/").content.decode()
    assert f"/alert/{of_threshold.pk}/" not in after
    assert f"/alert/{of_order.pk}/" in after


def test_nobody_sees_a_figure_without_logging_in(client: Client, db: None) -> None:
    for address in ("/admin/dashboard/figures/", "/admin/dashboard/pictures/"):
        assert client.get(address).status_code == 302


def test_the_list_says_in_words_what_a_link_narrowed_it_to(city: Road, supervisor: Client) -> None:
    late = [link for shown, link in links_of(pictures.pictures(LATE)["lateness"]) if shown != "0"]
    page = unescape(supervisor.get(late[0]).content.decode())
    assert 'data-clear="counted"' in page
    assert "2026" in page
    assert re.search(r'<input type="hidden" name="counted" value="missed"', page)


# What it costs


def queries_of(client: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


def test_few_orders_or_many_the_page_asks_as_many_queries(city: Road, supervisor: Client) -> None:
    supervisor.get("/admin/")
    few = queries_of(supervisor, "/admin/")
    for _ in range(4):
        city.now = LATE - 2 * HOUR
        city.to("handling")
    tally.follow()
    many = queries_of(supervisor, "/admin/")
    assert len(few) == len(many) <= 18, few
    assert len(queries_of(supervisor, "/admin/dashboard/figures/")) <= 13


def test_a_units_page_asks_as_many_queries_for_few_orders_as_for_many(city: Road, client: Client, cast: Cast) -> None:
    client.force_login(cast.of(Role.SUPERVISOR, city.lead.parent))
    client.get("/admin/")
    few = queries_of(client, "/admin/")
    for _ in range(4):
        city.now = LATE - 2 * HOUR
        city.to("handling")
    tally.follow()
    assert len(queries_of(client, "/admin/")) == len(few) <= 18, few


MANY = """
INSERT INTO workorders_workorder (number, status, kind, grade, address, title, matter, policy_id, round, version,
    registered_at, tokens, category_id, area_id)
SELECT 'x' || n, 'registered', 'help', 'ordinary', '', 'x', 'x', policy_id, 1, 1, registered_at - n * interval '1 minute',
    '{}', category_id, area_id FROM workorders_workorder, generate_series(1, 20000) n WHERE id = %(order)s;
INSERT INTO workorders_clock (order_id, kind, round, in_working_time, provisional, started_at, counted_from,
    due_at, alerts_at, level, extra_days, pauses, stopped_at, outcome)
SELECT id, 'acceptance', 1, false, false, registered_at, registered_at, registered_at + interval '1 hour', '{}', 0, 0, '{}',
    registered_at + interval '1 minute', 'met' FROM workorders_workorder WHERE number LIKE 'x%%';
INSERT INTO evaluation_mark (order_id, measure, day, key)
SELECT id, measure, registered_at::date, '' FROM workorders_workorder, unnest('{received,closed}'::text[]) measure
    WHERE number LIKE 'x%%';
INSERT INTO evaluation_tally (measure, cut, day, key, category_id, count)
SELECT 'received', 'category', date '2020-01-01' + n, '', category.id, 5
    FROM generate_series(1, 400) n, (SELECT id FROM workorders_category LIMIT 50) category;
ANALYZE workorders_workorder; ANALYZE workorders_clock; ANALYZE evaluation_mark; ANALYZE evaluation_tally;
"""
GROWING = re.compile(
    r"Seq Scan on (workorders_workorder|workorders_event|workorders_clock|evaluation_\w+|dispatch_alert)"
)


def test_no_query_of_the_page_reads_a_growing_table_from_end_to_end(city: Road, supervisor: Client, cast: Cast) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MANY, {"order": WorkOrder.objects.values_list("pk", flat=True)[0]})
    asked = [sql for sql in queries_of(supervisor, "/admin/") if sql.startswith("SELECT")]
    orders = [sql for sql in asked if '"workorders_workorder"' in sql]
    beside_alerts = [sql for sql in orders if "dispatch_alert" not in sql]
    assert all("LIMIT 1001" in sql for sql in beside_alerts), "orders that wait for nobody are counted up to a bound"
    no_growing_scan(asked)
    supervisor.force_login(cast.of(Role.SUPERVISOR, city.lead.parent))
    no_growing_scan([sql for sql in queries_of(supervisor, "/admin/") if sql.startswith("SELECT")])


def no_growing_scan(asked: list[str]) -> None:
    for sql in asked:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert not GROWING.search(plan), f"{sql}\n{plan}"


def test_the_days_that_a_page_reads_do_not_grow_with_the_years(city: Road) -> None:
    before = pictures.pictures(LATE)
    Tally.objects.create(measure="received", day=timezone.localdate(LATE - 3000 * DAY), count=9)
    assert pictures.pictures(LATE) == before
