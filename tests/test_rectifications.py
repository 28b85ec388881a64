"""Rectification: what forces it, the report, its review and its check; who sees it and who may do what."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from dispatch import rectifications, slips, supervision
from dispatch.models import Accountability, Alert, Rectification, RectificationEntry
from tests.conftest import NOW
from tests.queries import queries_of
from tests.roads import Road
from tests.test_calendar import at
from workorders.lifecycle import Role, Status
from workorders.models import Category, Unit, WorkOrder
from workorders.policy import Rules, default_document
from workorders.refusals import Invalid, NotAllowed, NotVisible, Refused, WrongState

DAY = timedelta(days=1)
REPORT = {"words": "一是增加巡查频次；二是明确专人负责。", "date": "2026-12-31"}
ACTS: dict[str, dict[str, str]] = {
    "report": REPORT,
    "sign": {},
    "accept": {"date": "2027-01-15"},
    "give_back": {"words": "措施不具体"},
    "close": {"words": "复查合格"},
    "demand_again": {"words": "问题依旧"},
}
TO: dict[str, tuple[str, ...]] = {
    "demanded": (),
    "drafted": ("report",),
    "reported": ("report", "sign"),
    "returned": ("report", "sign", "give_back"),
    "accepted": ("report", "sign", "accept"),
    "closed": ("report", "sign", "accept", "close"),
}
# act: (from, to, who)
TABLE = {
    "report": ("demanded drafted returned", "drafted", "handler reviewer"),
    "sign": ("drafted", "reported", "reviewer"),
    "accept": ("reported", "accepted", "city above"),
    "give_back": ("reported", "returned", "city above"),
    "close": ("accepted", "closed", "city above"),
    "demand_again": ("accepted", "demanded", "city above"),
}


def people(road: Road) -> dict[str, Any]:
    return {
        "handler": road.cast.of(Role.HANDLER, road.lead),
        "reviewer": road.cast.of(Role.REVIEWER, road.lead),
        "own supervisor": road.cast.of(Role.SUPERVISOR, road.lead),
        "above": road.cast.of(Role.SUPERVISOR, road.co_unit),
        "city": road.cast.of(Role.SUPERVISOR),
        "dispatcher": road.cast.of(Role.DISPATCHER),
        "handler above": road.cast.of(Role.HANDLER, road.co_unit),
        "stranger": road.cast.of(Role.SUPERVISOR, road.stranger),
        "administrator": road.cast.of(Role.ADMINISTRATOR),
    }


def demanded(road: Road, status: str = "demanded", unit: Unit | None = None, now: datetime = NOW) -> Rectification:
    found = Rectification.objects.create(
        unit=unit or road.lead, cause="repeated_redo", demanded_at=now, due_at=now + 7 * DAY
    )
    for name in TO[status]:
        who = people(road)[TABLE[name][2].split()[0]]
        rectifications.perform(found.pk, name, actor=who, now=now, data=ACTS[name])
    found.refresh_from_db()
    assert found.status == status
    return found


def picture(found: Rectification) -> tuple[Any, ...]:
    entries = RectificationEntry.objects.filter(rectification=found).order_by("pk").values()
    return (Rectification.objects.filter(pk=found.pk).values().get(), list(entries))


def test_the_table_names_every_act_and_every_status() -> None:
    assert set(TABLE) == set(rectifications.ACTS)
    assert set(TO) == set(Rectification.Status.values)


@pytest.mark.parametrize("status", TO)
def test_an_act_is_done_or_refused_as_the_table_says(status: str, road: Road) -> None:
    found, everybody = demanded(road, status), people(road)
    before = picture(found)
    for name, (sources, target, allowed) in TABLE.items():
        for who, user in everybody.items():
            hidden = who in ("stranger", "administrator")
            refusal: type[Refused] = NotVisible if hidden else NotAllowed if who not in allowed.split() else WrongState
            may = who in allowed.split() and status in sources.split()
            savepoint = transaction.savepoint()
            if may:
                done = rectifications.perform(found.pk, name, actor=user, now=NOW, data=ACTS[name])
                entry = RectificationEntry.objects.latest("pk")
                assert (done.status, entry.act, entry.by) == (target, name, user)
            else:
                with pytest.raises(refusal):
                    rectifications.perform(found.pk, name, actor=user, now=NOW, data=ACTS[name])
                assert picture(found) == before
            transaction.savepoint_rollback(savepoint)
            offered = dict(rectifications.available(Rectification.objects.get(pk=found.pk), user))
            assert (name in offered) == may, (name, who)


@pytest.mark.parametrize(
    ("status", "name", "field", "value"),
    [
        ("demanded", "report", "words", " "),
        ("demanded", "report", "date", ""),
        ("demanded", "report", "date", "2026-03-09"),
        ("reported", "accept", "date", "soon"),
        ("reported", "give_back", "words", ""),
        ("accepted", "close", "words", ""),
        ("accepted", "demand_again", "words", "长" * 2001),
    ],
)
def test_what_is_missing_or_wrong_is_named(status: str, name: str, field: str, value: str, road: Road) -> None:
    found, who = demanded(road, status), people(road)[TABLE[name][2].split()[0]]
    before = picture(found)
    with pytest.raises(Invalid) as caught:
        rectifications.perform(found.pk, name, actor=who, now=NOW, data={**ACTS[name], field: value})
    assert set(caught.value.fields) == {field}
    assert picture(found) == before


def test_the_history_keeps_every_rounds_words(road: Road) -> None:
    found = demanded(road, "accepted")
    city = people(road)["city"]
    rectifications.perform(found.pk, "demand_again", actor=city, now=at("2026-03-20T10:00"), data={"words": "依旧"})
    found.refresh_from_db()
    assert (found.status, found.round, found.due_at) == ("demanded", 2, at("2026-03-27T10:00"))
    kept = found.entries.values_list("act", "round", "words")
    assert list(kept) == [
        ("report", 1, REPORT["words"]),
        ("sign", 1, ""),
        ("accept", 1, ""),
        ("demand_again", 1, "依旧"),
    ]


def test_a_report_that_was_given_back_has_a_limit_of_its_own(road: Road) -> None:
    found = demanded(road, "returned", now=at("2026-03-10T10:00"))
    assert found.due_at == at("2026-03-13T10:00")


# What forces it


def redone(road: Road, times: int) -> list[WorkOrder]:
    orders = [road.to(Status.CALLBACK, category=category) for category in categories(times)]
    for order in orders:
        road.act(order, "rework")
    return orders


def categories(count: int) -> list[Category]:
    return list(Category.objects.filter(grade="ordinary", children=None).order_by("path")[:count])


def test_repeated_rework_forces_a_report_once_with_its_orders_as_evidence(road: Road) -> None:
    redone(road, 2)
    assert rectifications.demand(road.now) == 0
    redone(road, 1)
    assert rectifications.demand(road.now) == 1
    found = Rectification.objects.get()
    assert (found.unit, found.cause, found.subject, found.status) == (road.lead, "repeated_redo", "", "demanded")
    assert set(found.orders.all()) == set(WorkOrder.objects.filter(round=2))
    assert found.entries.get().act == "demand"
    assert rectifications.demand(road.now + DAY) == 0


def test_what_was_evidence_once_forces_nothing_again_and_new_cases_wait_for_the_end_of_the_open_one(
    road: Road,
) -> None:
    redone(road, 3)
    rectifications.demand(road.now)
    redone(road, 3)
    assert rectifications.demand(road.now) == 0, "one is open"
    first, everybody = Rectification.objects.get(), people(road)
    for name in TO["closed"]:
        who = everybody[TABLE[name][2].split()[0]]
        rectifications.perform(first.pk, name, actor=who, now=road.now, data=ACTS[name])
    assert rectifications.demand(road.now) == 1
    again = Rectification.objects.latest("pk")
    assert again.orders.count() == 3
    assert not set(again.orders.all()) & set(first.orders.all())


def test_rework_longer_ago_than_the_policys_days_forces_nothing(road: Road) -> None:
    redone(road, 3)
    assert rectifications.demand(road.now + 31 * DAY) == 0


def test_the_same_complaint_again_and_again_from_one_place_forces_a_report_on_it(road: Road) -> None:
    for _ in range(4):
        road.to(Status.DISPATCHED)
    road.to(Status.DISPATCHED, category=categories(2)[1])
    road.to(Status.DISPATCHED, kind="consultation")
    road.to(Status.WITHDRAWN)
    assert rectifications.demand(road.now) == 0
    road.to(Status.DISPATCHED)
    assert rectifications.demand(road.now) == 1
    found = Rectification.objects.get()
    assert (found.cause, found.category, found.area) == ("repeated_complaints", road.category, road.street)
    assert found.orders.count() == 5
    assert found.subject == f"{road.category} · {road.street}"


@pytest.mark.parametrize(("grade", "forced"), [("emergency", 1), ("utility", 0), ("ordinary", 0)])
def test_an_emergency_that_has_gone_up_to_the_last_level_is_a_grave_miss(grade: str, forced: int, road: Road) -> None:
    order = road.to(Status.DISPATCHED, grade=grade)
    supervision.scan(road.now + 40 * DAY)
    assert Alert.objects.filter(order=order, level=max(Alert.Level.values)).exists()
    assert rectifications.demand(road.now + 40 * DAY) == forced
    assert Rectification.objects.filter(cause="grave_miss", unit=road.lead).count() == forced


def test_a_red_slip_overdue_is_a_grave_miss(road: Road) -> None:
    order = road.to(Status.HANDLING)
    for step in ("issue_slip", "raise_slip", "raise_slip"):
        road.act(order, step)
    road.now += 10 * DAY
    assert rectifications.demand(road.now) == 0
    slips.watch(road.now)
    assert rectifications.demand(road.now) == 1
    found = Rectification.objects.get()
    assert (found.cause, list(found.orders.all())) == ("grave_miss", [order])


def test_the_search_asks_a_number_of_queries_that_does_not_grow_with_the_orders(road: Road) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert rectifications.demand(road.now) == 0
        return len(captured)

    redone(road, 1)
    few = queries()
    redone(road, 1)
    road.to(Status.DISPATCHED)
    assert queries() == few


def test_a_report_that_is_overdue_is_flagged_once_and_the_unit_has_to_account_for_it(road: Road) -> None:
    found = demanded(road)
    late = found.due_at + timedelta(minutes=1)
    assert rectifications.flag_overdue(found.due_at) == 0
    assert rectifications.flag_overdue(late) == 1
    assert rectifications.flag_overdue(late + DAY) == 0
    found.refresh_from_db()
    held = Accountability.objects.get()
    assert (found.overdue_at, held.unit, held.cause, held.rectification, held.due_at) == (
        late,
        road.lead,
        "rectification",
        found,
        found.due_at,
    )


def test_a_report_that_was_handed_in_is_not_overdue(road: Road) -> None:
    found = demanded(road, "reported")
    assert rectifications.flag_overdue(found.due_at + DAY) == 0
    assert not Accountability.objects.exists()


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"status": "reported"}, "rectification_reported_with_a_date"),
        ({"status": "accepted", "complete_by": date(2026, 4, 1)}, "rectification_accepted_with_a_check"),
        ({"cause": "repeated_complaints"}, "rectification_says_its_subject"),
    ],
)
def test_the_database_refuses_a_rectification_that_does_not_hold_together(
    changes: dict[str, Any], constraint: str, road: Road
) -> None:
    found = demanded(road)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Rectification.objects.filter(pk=found.pk).update(**changes)


def test_one_rectification_of_a_subject_is_open_at_a_time(road: Road) -> None:
    demanded(road)
    with pytest.raises(IntegrityError, match="one_open_rectification_a_subject"), transaction.atomic():
        demanded(road)


def test_the_policy_says_how_many_within_how_long() -> None:
    rules = Rules(default_document())
    found = {cause: rules.forces_rectification(cause) for cause in Rectification.Cause.values}
    assert found == {
        "repeated_complaints": (5, 30 * DAY),
        "repeated_redo": (3, 30 * DAY),
        "grave_miss": (1, 30 * DAY),
    }


# The pages


def test_the_unit_reports_its_head_signs_and_the_supervisor_decides_on_the_same_page(as_: Callable, road: Road) -> None:
    redone(road, 3)
    rectifications.demand(road.now)
    found = Rectification.objects.get()
    page = f"/rectifications/{found.pk}/"
    handler = as_(Role.HANDLER, road.lead)
    assert f'href="{page}"' in handler.get("/rectifications/").content.decode()
    assert 'data-act="report"' in handler.get(page).content.decode()
    assert handler.post(f"{page}report/", REPORT).status_code == 302
    reviewer = as_(Role.REVIEWER, road.lead)
    assert REPORT["words"] in reviewer.get(page).content.decode()
    assert reviewer.post(f"{page}sign/").status_code == 302
    assert reviewer.post(f"{page}accept/", ACTS["accept"]).status_code == 403
    supervisor = as_(Role.SUPERVISOR)
    assert 'data-act="give_back"' in supervisor.get(page).content.decode()
    assert supervisor.post(f"{page}accept/", ACTS["accept"]).status_code == 302
    found.refresh_from_db()
    assert (found.status, found.check_on) == ("accepted", date(2027, 1, 15))


def test_a_refused_report_keeps_what_was_typed(as_: Callable, road: Road) -> None:
    found = demanded(road)
    response = as_(Role.HANDLER, road.lead).post(
        f"/rectifications/{found.pk}/report/", {"words": "已部署整改措施", "date": "2020-01-01"}
    )
    assert response.status_code == 400
    page = response.content.decode()
    assert "已部署整改措施" in page
    assert 'id="report_date_error"' in page
    found.refresh_from_db()
    assert found.status == "demanded"


def test_another_unit_neither_sees_nor_acts(as_: Callable, road: Road) -> None:
    found = demanded(road)
    client = as_(Role.REVIEWER, road.stranger)
    assert "/rectifications/" in client.get("/orders/").content.decode()
    assert f"/rectifications/{found.pk}/" not in client.get("/rectifications/").content.decode()
    assert client.get(f"/rectifications/{found.pk}/").status_code == 404
    assert client.post(f"/rectifications/{found.pk}/report/", REPORT).status_code == 404
    assert client.get(f"/rectifications/{found.pk}/report/").status_code == 405


def test_what_the_unit_has_to_account_for_stands_on_its_page_to_be_read(as_: Callable, road: Road) -> None:
    found = demanded(road)
    rectifications.flag_overdue(found.due_at + DAY)
    client = as_(Role.HANDLER, road.lead)
    client.post("/i18n/setlang/", {"language": "en"})
    page = client.get("/rectifications/").content.decode()
    assert "Rectification report overdue" in page
    assert "To be decided" in page


def test_lists_do_not_ask_more_for_more_rows(as_: Callable, road: Road) -> None:
    units = list(Unit.objects.filter(kind="street").order_by("path")[:12])
    client = as_(Role.SUPERVISOR)
    lists = ("/rectifications/", "/admin/dispatch/rectification/", "/admin/dispatch/accountability/")
    counts: list[list[int]] = []
    for some in (units[:5], units[5:]):
        for unit in some:
            rectifications.flag_overdue(demanded(road, unit=unit).due_at + DAY)
        counts.append([queries_of(client, address) for address in lists])
    assert counts[0] == counts[1]


def test_the_desk_finds_what_waits_and_what_is_overdue(as_: Callable, road: Road) -> None:
    late = demanded(road)
    client = as_(Role.SUPERVISOR)

    def shown(query: str) -> bool:
        page = client.get(f"/admin/dispatch/rectification/{query}").content.decode()
        return f'href="/rectifications/{late.pk}/"' in page

    assert shown("")
    assert shown("?overdue=yes"), "by the real clock it is long due"
    assert shown(f"?q={road.lead.code}")
    assert not shown("?waits=me")
    assert not shown("?status__exact=closed")
    for name in ("report", "sign"):
        who = people(road)["handler" if name == "report" else "reviewer"]
        rectifications.perform(late.pk, name, actor=who, now=NOW, data=ACTS[name])
    assert shown("?waits=me")
    assert not shown("?overdue=yes")
