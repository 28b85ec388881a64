"""Triage: the queue, the page on which one order is decided, and what declining, transferring and merging ask for."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from dispatch.models import Assignment
from intake import triage_queue
from intake.models import Appeal
from intake.shown import appeals_of
from tests.queries import queries_of
from tests.roads import Road
from tests.test_lifecycle import picture
from workorders.lifecycle import Role, Status
from workorders.models import Clock, Event, Lease, WorkOrder
from workorders.refusals import Invalid
from workorders.selectors import told
from workorders.transitions import perform

pytestmark = pytest.mark.usefixtures("no_statistics")

REPLY = "该事项不属于派单范围，请按以下途径办理。"


def refused(road: Road, order: WorkOrder, step: str, **data: Any) -> dict[str, list[str]]:
    """The fields that were refused, in English; that nothing changed is checked here."""
    before = picture(order)
    with pytest.raises(Invalid) as caught, transaction.atomic(), override("en"):
        perform(order.pk, step, actor=road.cast.of(Role.OPERATOR), now=road.now, **data)
    assert picture(order) == before
    return caught.value.fields


def ledger(order: WorkOrder, step: str) -> dict[str, Any]:
    return dict(Event.objects.get(order=order, step=step).data)


# Decline: six branches, each with its reply (Art. 11)

BRANCHES = [
    ("emergency_line", {"emergency_line": "119"}, "emergency_line"),
    ("legal_channel", {"channel": "arbitration"}, "channel"),
    ("no_new_facts", {"about": "another"}, "about"),
    ("secret", {}, ""),
    ("beyond_duty", {"elsewhere": "人民调解委员会"}, "elsewhere"),
    ("unlawful", {}, ""),
]


@pytest.mark.parametrize(("code", "more", "demanded"), BRANCHES)
def test_each_branch_says_what_it_has_to(road: Road, code: str, more: dict[str, Any], demanded: str) -> None:
    order, other = road.register(), road.register(matter="前一件")
    more = {"about": other.spoken_number} if "about" in more else more
    if demanded:
        assert list(refused(road, order, "decline", code=code, text=REPLY)) == [demanded]
    road.act(order, "decline", code=code, text=REPLY, **{"channel": "", **more})
    assert order.status == Status.DECLINED
    kept = {"about": other.number} if code == "no_new_facts" else more
    assert ledger(order, "decline") == {"code": code, "text": REPLY, **kept}


def test_what_belongs_to_another_branch_is_not_kept(road: Road) -> None:
    order = road.register()
    left_over = {"channel": "court", "about": "no number", "emergency_line": "110"}
    road.act(order, "decline", code="unlawful", text=REPLY, **left_over)
    assert ledger(order, "decline") == {"code": "unlawful", "text": REPLY}


@pytest.mark.parametrize("text", ["", "  \n ", "不予受理", "不 予 受 理 不 予 受"])
def test_a_reply_that_says_nothing_is_refused(road: Road, text: str) -> None:
    assert list(refused(road, road.register(), "decline", code="secret", text=text)) == ["text"]


@pytest.mark.parametrize("about", ["itself", "261122-000042-7", "hello", ""])
def test_no_new_facts_names_another_order_that_is_there(road: Road, about: str) -> None:
    order = road.register()
    about = order.number if about == "itself" else about
    assert list(refused(road, order, "decline", code="no_new_facts", text=REPLY, about=about)) == ["about"]


# Transfer


def test_an_emergency_is_passed_on_and_its_order_goes_on_as_one(road: Road) -> None:
    order = road.to(Status.DISPATCHED)
    road.act(order, "transfer", keep_grade=False)
    assert (order.status, order.grade) == (Status.DISPATCHED, "emergency")
    kept = ledger(order, "transfer")
    assert (kept["emergency_line"], kept["officer"]) == ("119", "119 指挥中心 07 号")
    assert (kept["grade"], kept["old_grade"]) == ("emergency", "ordinary")
    resolution = Clock.objects.get(order=order, kind="resolution")
    assert resolution.due_at < resolution.started_at + timedelta(hours=3)
    assert Clock.objects.filter(order=order, kind="arrival", stopped_at=None).count() == 1
    assert Assignment.objects.filter(order=order, ended_at=None).exists()
    with override("en"):
        lines = dict(told(Event.objects.get(order=order, step="transfer")))
    assert (lines["Emergency line"], lines["Grade"], lines["Grade before"]) == (
        "119 Fire brigade",
        "Emergency",
        "Ordinary",
    )


@pytest.mark.parametrize("status", [Status.REGISTERED, Status.INCOMPLETE, Status.SUSPENDED])
def test_an_order_that_waits_keeps_waiting_under_the_limits_of_an_emergency(road: Road, status: str) -> None:
    order = road.to(status)
    road.act(order, "transfer", keep_grade=False)
    assert (order.status, order.grade) == (status, "emergency")


def test_the_grade_stays_where_the_operator_says_so(road: Road) -> None:
    order = road.register()
    due = Clock.objects.get(order=order).due_at
    road.act(order, "transfer", keep_grade=True)
    assert (order.grade, Clock.objects.get(order=order).due_at) == ("ordinary", due)
    assert not {"grade", "old_grade", "keep_grade"} & set(ledger(order, "transfer"))


@pytest.mark.parametrize("missing", ["emergency_line", "officer", "text"])
def test_a_transfer_says_where_to_whom_and_what(road: Road, missing: str) -> None:
    order = road.register()
    given = {"emergency_line": "110", "officer": "07 号", "text": "有人受伤"}
    assert list(refused(road, order, "transfer", **{**given, missing: ""})) == [missing]


# Merge


def test_the_complainants_of_both_are_kept_and_the_parent_says_so(recent: Road, as_: Callable[..., Client]) -> None:
    parent = recent.register(phone="13900000001", name="李华")
    for phone in ("13800001234", "13700000002"):
        child = recent.register(phone=phone, name="", channel=Appeal.Channel.WEB)
        recent.act(child, "merge", parent=parent.spoken_number)
    shown = as_(Role.OPERATOR).get(f"/orders/{parent.number}/", headers={"Accept-Language": "en"}).content.decode()
    for part in ("139****0001", "138****1234", "137****0002", "2 orders merged into this one", child.spoken_number):
        assert part in shown
    assert len(appeals_of(parent, recent.cast.of(Role.OPERATOR))) == 3


# The queue


def test_the_queue_shows_what_waits_the_most_pressing_first(as_: Callable[..., Client], recent: Road) -> None:
    late = recent.register(matter="先登记的", channel=Appeal.Channel.WEB)
    corrected = recent.to(Status.INCOMPLETE, matter="等补正的")
    danger = recent.register(matter="危险的", grade="emergency")
    accepted = recent.to(Status.ACCEPTED, matter="已受理的")
    page = as_(Role.OPERATOR).get("/reception/queue/", headers={"Accept-Language": "en"})
    shown = page.content.decode()
    assert [order.pk for order in page.context["orders"]] == [danger.pk, late.pk]
    assert [order.pk for order in page.context["waiting"]] == [corrected.pk]
    assert "Web" in shown
    assert "reminded 0 times" in shown
    assert accepted.title not in shown


def test_grade_goes_first_then_the_green_channel_then_the_deadline(as_: Callable[..., Client], recent: Road) -> None:
    plain = recent.register(matter="先登记的普通件")
    complex_one = recent.register(matter="复杂的绿色通道", grade="complex", green_channel="disabled")
    parent = recent.parent
    recent.act(recent.register(matter="老人的", green_channel="elderly"), "merge")
    elderly = recent.register(matter="后登记的老人件", green_channel="elderly")
    utility = recent.register(matter="水电气热", grade="utility")
    danger = recent.register(matter="危险的", grade="emergency")
    client = as_(Role.OPERATOR)
    page = client.get("/reception/queue/", headers={"Accept-Language": "en"})
    due = [danger.pk, utility.pk, parent.pk, elderly.pk, plain.pk, complex_one.pk]
    assert [order.pk for order in page.context["orders"]] == due
    assert page.content.decode().count("Green channel") == 3
    given = [client.post("/reception/queue/next/").headers["Location"] for _time in due]
    assert given == [f"/reception/{WorkOrder.objects.get(pk=pk).number}/" for pk in due]


def test_the_queue_finds_the_green_channel_by_its_own_index(recent: Road) -> None:
    recent.register(green_channel="elderly")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        plan = triage_queue.to_decide(recent.cast.of(Role.OPERATOR)).explain()
    assert plan.count("appeal_in_green_channel") == 2
    assert "Seq Scan on intake_appeal" not in plan


def test_a_queue_longer_than_its_page_says_so(
    as_: Callable[..., Client], recent: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triage_queue, "SHOWN", 2)
    for waiting, says in ((2, False), (3, True)):
        while WorkOrder.objects.count() < waiting:
            recent.register()
        page = as_(Role.OPERATOR).get("/reception/queue/", headers={"Accept-Language": "en"})
        assert ("The first 2 of them" in page.content.decode()) is says
        assert len(page.context["orders"]) == 2


def test_the_queue_asks_the_same_number_of_questions_whatever_waits(as_: Callable[..., Client], recent: Road) -> None:
    client, counts = as_(Role.OPERATOR), []
    for _time in range(2):
        for _order in range(5):
            recent.register(channel=Appeal.Channel.WEB)
            recent.to(Status.INCOMPLETE)
        counts.append(queries_of(client, "/reception/queue/"))
    assert counts[0] == counts[1] <= 16


def test_the_next_one_is_given_to_one_operator(as_: Callable[..., Client], recent: Road) -> None:
    first, second = recent.register(grade="emergency"), recent.register()
    recent.to(Status.INCOMPLETE)
    recent.to(Status.ACCEPTED)
    client = as_(Role.OPERATOR)
    given = [client.post("/reception/queue/next/").headers["Location"] for _time in range(3)]
    assert given == [f"/reception/{first.number}/", f"/reception/{second.number}/", "/reception/queue/"]
    assert as_(Role.DISPATCHER).post("/reception/queue/next/").status_code == 403


def test_an_empty_queue_says_what_would_fill_it(as_: Callable[..., Client]) -> None:
    shown = as_(Role.OPERATOR).get("/reception/queue/", headers={"Accept-Language": "en"}).content.decode()
    assert "Nothing waits." in shown
    assert "To be accepted" in shown


# The page


def page(client: Client, order: WorkOrder, query: str = "") -> str:
    answer = client.get(f"/reception/{order.number}/{query}", headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_shows_who_what_and_what_stands_beside_it(as_: Callable[..., Client], recent: Road) -> None:
    twin = recent.register(matter="小区楼下夜间施工噪音扰民，影响休息")
    order = recent.register(channel=Appeal.Channel.WEB)
    shown = page(as_(Role.OPERATOR), order)
    for part in (
        "138****1234",
        order.matter,
        twin.spoken_number,
        f"merge/?parent={twin.number}",
        'aria-keyshortcuts="a"',
    ):
        assert part in shown
    assert "13800001234" not in shown
    assert f"next=/reception/{twin.number}/" in shown


def test_a_step_named_in_the_address_is_open_at_once(as_: Callable[..., Client], recent: Road) -> None:
    order, client = recent.register(), as_(Role.OPERATOR)
    opens = f'hx-get="/orders/{order.number}/steps/decline/?next=/reception/queue/" hx-trigger="load"'
    assert opens in page(client, order, "?step=decline")
    assert 'hx-trigger="load"></div>' not in page(client, order, "?step=archive")
    assert 'hx-trigger="load"></div>' not in page(client, order, "?step=%22%3E")


def test_whoever_opens_it_has_it_unless_somebody_else_does(as_: Callable[..., Client], recent: Road) -> None:
    order = recent.register()
    page(as_(Role.OPERATOR), order)
    assert Lease.objects.get().user == recent.cast.of(Role.OPERATOR)
    other = recent.cast.of(Role.DISPATCHER)
    Lease.objects.update(user=other, until=timezone.now() + timedelta(minutes=3))
    page(as_(Role.OPERATOR), order)
    assert Lease.objects.get().user == other


def test_what_is_past_reception_has_no_steps_and_is_not_taken(as_: Callable[..., Client], recent: Road) -> None:
    order = recent.to(Status.CLOSED)
    assert "past reception" in page(as_(Role.OPERATOR), order)
    assert not Lease.objects.exists()


def test_only_operators_triage_what_is_there(as_: Callable[..., Client], recent: Road) -> None:
    order = recent.register()
    for role in (Role.DISPATCHER, Role.SUPERVISOR):
        assert as_(role).get(f"/reception/{order.number}/").status_code == 403
    assert as_(Role.OPERATOR).get("/reception/2611220000427/").status_code == 404


def test_a_prefilled_step_takes_the_suggestion_and_goes_on_with_the_next(
    as_: Callable[..., Client], recent: Road
) -> None:
    order, client = recent.register(), as_(Role.OPERATOR)
    query = "?category=010102+暴露垃圾堆积&grade=utility&status=closed"
    form = client.get(f"/orders/{order.number}/steps/accept/{query}").context["form"]
    assert (form["category"].value(), form["grade"].value()) == ("010102 暴露垃圾堆积", "utility")
    typed = {"category": "010102", "grade": "utility", "area": "", "next": "/reception/queue/"}
    answer = client.post(f"/orders/{order.number}/steps/accept/", typed)
    assert answer.headers["Location"] == "/reception/queue/"


def test_the_page_asks_a_bounded_number_of_questions(as_: Callable[..., Client], recent: Road) -> None:
    client, counts = as_(Role.OPERATOR), []
    order = recent.register()
    page(client, order)
    for _time in range(2):
        for _order in range(5):
            child = recent.register()
            recent.act(child, "merge", parent=order)
            recent.register()
        counts.append(queries_of(client, f"/reception/{order.number}/"))
    assert counts[0] == counts[1] <= 30


def test_an_answer_at_once_names_the_knowledge_it_rests_on(road: Road, as_: Callable) -> None:
    order = road.register(kind="consultation")
    road.act(order, "answer", knowledge="居住证办理指南（2026 版）")
    assert ledger(order, "answer")["knowledge"] == "居住证办理指南（2026 版）"
    assert "居住证办理指南（2026 版）" in as_(Role.OPERATOR).get(f"/orders/{order.number}/").content.decode()


def test_the_page_names_what_the_same_caller_asked_before(recent: Road, as_: Callable) -> None:
    before = recent.register(matter="小区北门路灯不亮三天了", phone="13900005678")
    recent.register(matter="小区北门路灯不亮三天了", phone="13900005679", address="别处")
    web = recent.register(matter="小区北门路灯还是不亮", channel="web", phone="13900005678")
    page = as_(Role.OPERATOR).get(f"/reception/{web.number}/").content.decode()
    assert before.spoken_number in page
    assert page.count("同一来电人") == 1
