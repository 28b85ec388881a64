"""The callback desk: whom to call next, what the agent has before them, and that it only does the ordinary steps."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evaluation import callback_queue
from evaluation.models import Callback
from tests.conftest import NOW
from tests.queries import queries_of
from tests.roads import BAD, GOOD, Road
from tests.test_lifecycle import picture
from workorders import leases
from workorders.lifecycle import Role, Status
from workorders.models import Clock, StandardText, User, WorkOrder
from workorders.moments import written
from workorders.refusals import Invalid
from workorders.transitions import perform

pytestmark = pytest.mark.django_db
DESK = "/callbacks/"


@pytest.fixture
def agents(road: Road) -> list[User]:
    first = road.cast.of(Role.CALLBACK_AGENT)
    return [first, User.objects.create(username="callback-2", unit=first.unit, roles=[Role.CALLBACK_AGENT])]


def callback(order: WorkOrder) -> Callback:
    return Callback.objects.get(order=order, round=order.round)


def tried(road: Road, order: WorkOrder, **given: Any) -> WorkOrder:
    road.act(order, "attempt", **given)
    return order


# The queue


def test_danger_comes_first_then_the_earliest_deadline_and_each_order_to_one_agent(
    road: Road, agents: list[User]
) -> None:
    road.to("handling")
    ordinary, utility, danger = (road.to("callback", grade=grade) for grade in ("ordinary", "utility", "ordinary"))
    WorkOrder.objects.filter(pk=danger.pk).update(grade="emergency")
    Clock.objects.filter(order=ordinary, kind="callback").update(due_at=road.now + timedelta(hours=1))
    given = [callback_queue.take_next(agents[turn % 2], road.now) for turn in range(4)]
    assert given == [danger, ordinary, utility, None]


def test_who_was_not_reached_comes_again_in_the_other_half_of_the_day_and_not_before(
    road: Road, agents: list[User]
) -> None:
    order = road.to("callback")
    road.act(order, "attempt", after=NOW.replace(hour=15, minute=0) - road.now)
    again = NOW.replace(day=11, hour=10, minute=0)
    assert callback(order).next_attempt_at == again, "three and a half hours of working time"
    assert callback_queue.take_next(agents[0], again - timedelta(seconds=1)) is None
    assert [one.order for one in callback_queue.later(agents[0], road.now)] == [order]
    assert callback_queue.take_next(agents[0], again) == order
    assert callback_queue.later(agents[0], again) == []


def test_the_list_s_next_one_waits_for_the_next_attempt_as_the_desk_does(road: Road, agents: list[User]) -> None:
    order = tried(road, road.to("callback"))
    again = callback(order).next_attempt_at
    assert again is not None
    assert leases.next_for(agents[0], now=again - timedelta(seconds=1)) is None
    assert leases.next_for(agents[0], now=again) == order


def test_an_agreed_time_goes_before_the_wait_of_the_policy_and_before_a_later_deadline(
    road: Road, agents: list[User]
) -> None:
    agreed = timezone.now() + timedelta(days=2)
    appointed, other = road.to("callback"), road.to("callback")
    tried(road, appointed, why="later", again_at=agreed)
    Clock.objects.filter(order=appointed, kind="callback").update(due_at=agreed + timedelta(days=9))
    Clock.objects.filter(order=other, kind="callback").update(due_at=agreed + timedelta(days=1))
    assert callback(appointed).next_attempt_at == agreed
    assert appointed.events.get(step="attempt").data == {"why": "later", "again_at": written(agreed)}
    assert callback_queue.take_next(agents[0], agreed - timedelta(minutes=1)) == other
    assert callback_queue.take_next(agents[1], agreed) == appointed


def test_a_time_that_has_passed_is_not_agreed_on(road: Road, agents: list[User]) -> None:
    order = road.to("callback")
    before = picture(order)
    with pytest.raises(Invalid) as refused:
        perform(order.pk, "attempt", actor=agents[0], why="later", again_at=timezone.now() - timedelta(minutes=1))
    assert set(refused.value.fields) == {"again_at"}
    assert picture(order) == before


def test_after_the_attempts_of_the_policy_nobody_waits_and_the_round_s_end_forgets_the_time(
    road: Road, agents: list[User]
) -> None:
    order = tried(road, road.to("callback"))
    assert callback(order).next_attempt_at is not None
    tried(road, order)
    assert callback(order).next_attempt_at is None
    assert callback_queue.take_next(agents[0], road.now) == order
    agreed = timezone.now() + timedelta(days=1)
    tried(road, order, why="later", again_at=agreed)
    assert callback(order).next_attempt_at == agreed, "what was agreed is kept to"
    road.act(order, "rework")
    assert Callback.objects.get(order=order, round=1).next_attempt_at is None


def test_attempts_of_an_earlier_round_do_not_hold_back_the_next_one(road: Road, agents: list[User]) -> None:
    order = tried(road, road.to("callback"))
    for step in ("rework", "contact", "report", "approve"):
        road.act(order, step)
    assert callback_queue.take_next(agents[0], road.now) == order


def test_a_page_that_is_opened_again_shows_the_same_order_and_who_asks_for_another_gets_another(
    recent: Road, as_: Callable[..., Client]
) -> None:
    orders = [recent.to("callback"), recent.to("callback")]
    agent = as_(Role.CALLBACK_AGENT)
    shown = [agent.get(DESK, follow=True).context["order"] for _time in range(2)]
    assert shown == [orders[0], orders[0]]
    assert agent.post(f"{DESK}another/")["Location"] == f"{DESK}{orders[1].number}/"
    assert agent.get(DESK, follow=True).context["order"] == orders[1]
    assert "没有" in agent.post(f"{DESK}another/", follow=True).content.decode()
    leases.take(orders[0], recent.cast.of(Role.SUPERVISOR), now=timezone.now() + leases.LASTS)
    assert agent.get(f"{DESK}{orders[0].number}/").context["lease"].user == recent.cast.of(Role.SUPERVISOR)


# The page


def test_the_agent_has_the_filled_script_the_result_the_contact_and_the_matter(
    recent: Road, as_: Callable[..., Client]
) -> None:
    order = recent.to("callback")
    html = as_(Role.CALLBACK_AGENT).get(DESK, follow=True).content.decode()
    for words in (order.spoken_number, recent.lead.name, "已到现场核查并完成整改", "已与诉求人核实情况", order.matter):
        assert words in html
    assert "12345市民服务热线" in html and "{number}" not in html
    assert "13800001234" not in html and "王小明" not in html


def test_a_script_for_the_category_and_for_a_rework_goes_before_the_general_one(
    recent: Road, as_: Callable[..., Client]
) -> None:
    agent, order = as_(Role.CALLBACK_AGENT), recent.to("callback")
    StandardText.objects.create(step="close", category=recent.category, title="本类开场", text="本类{number}")
    assert agent.get(DESK, follow=True).context["scripts"][0].title == "本类开场"
    StandardText.objects.filter(title="本类开场").update(is_active=False)
    recent.act(order, "rework")
    for step in ("contact", "report", "approve"):
        recent.act(order, step)
    assert "也回访过您" in agent.get(DESK, follow=True).context["scripts"][0].text


def test_without_a_script_the_page_says_where_one_comes_from(recent: Road, as_: Callable[..., Client]) -> None:
    StandardText.objects.filter(step="close").update(is_active=False)
    recent.to("callback")
    assert 'class="read-out"' not in as_(Role.CALLBACK_AGENT).get(DESK, follow=True).content.decode()


def test_the_telephone_is_shown_after_one_press_and_the_look_is_in_the_ledger(
    recent: Road, as_: Callable[..., Client]
) -> None:
    order, agent = recent.to("callback"), as_(Role.CALLBACK_AGENT)
    html = agent.get(DESK, follow=True).content.decode()
    assert "tel:" not in html and 'data-key="p"' in html
    page = agent.get(DESK, follow=True).context
    given = {"version": order.version, "reason": page["looking"], "next": f"{DESK}{order.number}/"}
    response = agent.post(f"/orders/{order.number}/steps/reveal/", given)
    assert response["Location"] == f"{DESK}{order.number}/"
    assert 'href="tel:13800001234"' in agent.get(response["Location"]).content.decode()
    assert order.events.get(step="reveal").reason == str(page["looking"])


@pytest.mark.parametrize(
    ("step", "given"), [("close", GOOD), ("rework", {**BAD, "reached": "yes", "reason": "未解决"})]
)
def test_what_the_desk_sends_does_the_ordinary_step_and_leads_to_the_next_call(
    step: str, given: dict[str, str], recent: Road, as_: Callable[..., Client]
) -> None:
    order, following = recent.to("callback"), recent.to("callback")
    agent = as_(Role.CALLBACK_AGENT)
    assert agent.get(DESK, follow=True).context["order"] == order
    sent = {**given, "version": order.version, "next": DESK}
    assert agent.post(f"{DESK}{order.number}/{step}/", sent)["Location"] == DESK
    assert agent.get(DESK, follow=True).context["order"] == following
    assert WorkOrder.objects.get(pk=order.pk).round == (2 if step == "rework" else 1)


def checked(html: str) -> set[tuple[str, str]]:
    return set(re.findall(r'name="(\w+)"\s+id="[^"]+"\s+value="(\w+)"\s+aria-keyshortcuts="\d"\s+checked', html))


@pytest.mark.parametrize(("step", "answers"), [("close", GOOD), ("rework", {**BAD, "reached": "yes"})])
def test_a_stale_send_comes_back_in_the_desk_with_all_that_was_typed_and_what_has_happened(
    step: str, answers: dict[str, str], recent: Road, as_: Callable[..., Client]
) -> None:
    order, agent = recent.to("callback"), as_(Role.CALLBACK_AGENT)
    address = f"{DESK}{order.number}/{step}/"
    typed = {**answers, "words": "说了很多话", "reason": "他说没有修好", "next": DESK}
    sealed = re.search('name="seen"\\s+value="([^"]+)"', agent.get(DESK, follow=True).content.decode())
    assert sealed
    stale = {**typed, "version": order.version, "seen": sealed[1]}
    recent.act(order, "urge", text="又来电催办了")
    before = picture(order)
    response = agent.post(address, stale)
    html = response.content.decode()
    assert (response.status_code, picture(order)) == (409, before)
    for words in ("又来电催办了", "说了很多话", "他说没有修好", 'class="read-out"', 'role="alert"'):
        assert words in html, words
    assert checked(html) == {(name, answers[name]) for name in ("contacted", "solved", "satisfied")}
    assert agent.post(address, {**typed, "version": response.context["order"].version})["Location"] == DESK


def test_a_wrong_time_of_the_next_attempt_is_said_in_place(recent: Road, as_: Callable[..., Client]) -> None:
    order, agent = recent.to("callback"), as_(Role.CALLBACK_AGENT)
    before = picture(order)
    typed = {"why": "later", "again_at": "2026-01-01T10:00", "version": order.version, "next": DESK}
    response = agent.post(f"{DESK}{order.number}/attempt/", typed)
    html = response.content.decode()
    assert (response.status_code, picture(order)) == (400, before)
    assert checked(html) == {("why", "later")}
    assert 'value="2026-01-01T10:00"' in html and 'id="id_again_at_error"' in html
    assert 'class="read-out"' in html


def test_a_missing_answer_is_asked_for_where_it_belongs(recent: Road, as_: Callable[..., Client]) -> None:
    order, agent = recent.to("callback"), as_(Role.CALLBACK_AGENT)
    given = {**GOOD, "satisfied": "", "version": order.version, "next": DESK}
    html = agent.post(f"{DESK}{order.number}/close/", given).content.decode()
    assert 'id="id_satisfied_error"' in html and 'id="id_solved_error"' not in html


def test_what_cannot_be_sent_any_more_is_handed_back_with_the_way_to_the_desk(
    recent: Road, as_: Callable[..., Client]
) -> None:
    order, agent = recent.to("callback"), as_(Role.CALLBACK_AGENT)
    recent.act(order, "close")
    before = picture(order)
    response = agent.post(f"{DESK}{order.number}/rework/", {**BAD, "reason": "没修好", "next": DESK})
    html = response.content.decode()
    assert (response.status_code, picture(order)) == (409, before)
    assert "没修好" in html and f'href="{DESK}">' in html


def test_who_had_to_log_in_again_comes_back_to_the_call(recent: Road, as_: Callable[..., Client]) -> None:
    order, agent = recent.to("callback"), as_(Role.CALLBACK_AGENT)
    assert agent.get(f"{DESK}{order.number}/close/")["Location"] == f"{DESK}{order.number}/"
    assert agent.get(f"{DESK}another/")["Location"] == DESK
    assert agent.post(f"{DESK}{order.number}/note/", {"text": "备注"}).status_code == 404


def test_where_nobody_left_a_telephone_no_attempt_is_made_up(recent: Road, as_: Callable[..., Client]) -> None:
    order, agent = recent.to("callback", phone="", name=""), as_(Role.CALLBACK_AGENT)
    page = agent.get(DESK, follow=True)
    assert page.context["unreachable"] and 'data-key="p"' not in page.content.decode()
    sent = {"reached": "no", "version": order.version, "next": DESK}
    assert agent.post(f"{DESK}{order.number}/close/", sent)["Location"] == DESK
    assert (callback(order).reached, callback(order).attempts) == (False, 0)


def test_two_attempts_then_closed_as_unreachable(recent: Road, as_: Callable[..., Client]) -> None:
    order, agent = recent.to("callback"), as_(Role.CALLBACK_AGENT)

    def send(step: str, **given: str) -> Any:
        order.refresh_from_db()
        sent = {**given, "version": order.version, "next": DESK}
        response = agent.post(f"{DESK}{order.number}/{step}/", sent)
        return agent.get(response["Location"], follow=True) if response.status_code == 303 else response

    unreached = {"reached": "no", "words": ""}
    assert not agent.get(DESK, follow=True).context["unreachable"]
    first = send("attempt", why="no_answer")
    assert "order" not in first.context, "nobody is called again at once"
    assert [one.order for one in first.context["later"]] == [order]
    assert send("close", **unreached).status_code == 400
    assert not agent.get(f"{DESK}{order.number}/").context["unreachable"]
    second = send("attempt", why="busy")
    assert (second.context["order"], second.context["unreachable"]) == (order, True)
    assert [attempt.why for attempt in second.context["tried"]] == ["无人接听", "占线或关机"]
    assert "order" not in send("close", **unreached).context
    order.refresh_from_db()
    assert (order.status, callback(order).reached) == (Status.CLOSED, False)


def test_the_order_s_page_tells_unit_and_supervisor_of_rounds_attempts_and_words(
    recent: Road, as_: Callable[..., Client]
) -> None:
    order = tried(recent, recent.to("callback"), why="wrong_number")
    for step in ("rework", "contact", "report", "approve", "close"):
        recent.act(order, step)
    for client in (as_(Role.REVIEWER, recent.lead), as_(Role.SUPERVISOR)):
        html = client.get(f"/orders/{order.number}/").content.decode()
        for words in ("号码有误", BAD["words"], GOOD["words"], "第1轮", "第2轮"):
            assert words in html, words


def test_an_order_that_has_moved_on_leads_to_its_page(recent: Road, as_: Callable[..., Client]) -> None:
    order = recent.to("closed")
    assert as_(Role.CALLBACK_AGENT).get(f"{DESK}{order.number}/")["Location"] == f"/orders/{order.number}/"


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.CALLBACK_AGENT}))
def test_the_desk_is_for_callback_agents_of_the_hotline(role: Role, recent: Road, as_: Callable[..., Client]) -> None:
    order = recent.to("callback")
    unit = recent.lead if role in (Role.HANDLER, Role.REVIEWER) else None
    client = as_(role, unit)
    assert client.get(DESK).status_code == 403
    assert client.get(f"{DESK}{order.number}/").status_code == 403
    assert client.post(f"{DESK}another/").status_code == 403
    assert client.post(f"{DESK}{order.number}/close/", GOOD).status_code == 403
    assert DESK not in client.get("/orders/").content.decode()
    assert not hasattr(WorkOrder.objects.get(pk=order.pk), "lease")


def test_a_unit_s_member_with_the_role_by_mistake_does_not_get_in(recent: Road, as_: Callable[..., Client]) -> None:
    recent.to("callback")
    assert as_(Role.CALLBACK_AGENT, recent.lead).get(DESK).status_code == 403
    assert Client().get(DESK).status_code == 302
    assert as_(Role.CALLBACK_AGENT).get(f"{DESK}nonsense/").status_code == 404


def test_the_desk_asks_as_often_for_ten_orders_as_for_twenty(recent: Road, as_: Callable[..., Client]) -> None:
    agent, counts = as_(Role.CALLBACK_AGENT), []
    for _time in range(2):
        for number in range(10):
            order = recent.to("callback")
            if number % 3 == 0:
                tried(recent, order, again_at=timezone.now() + timedelta(days=1))
        agent.get(DESK, follow=True)
        counts.append(queries_of(agent, DESK))
    assert counts[0] == counts[1] <= 24


def test_many_rounds_and_attempts_are_no_more_queries(recent: Road, as_: Callable[..., Client]) -> None:
    agent, order, counts = as_(Role.CALLBACK_AGENT), recent.to("callback"), []
    for _round in range(2):
        for step in ("attempt", "attempt", "rework", "contact", "report", "approve"):
            recent.act(order, step)
        agent.get(DESK, follow=True)
        with CaptureQueriesContext(connection) as queries:
            agent.get(f"{DESK}{order.number}/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
