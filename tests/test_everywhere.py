"""What every page of the console has: the palette, new work, both versions of a stale form, the way back from the log-in."""

import html
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.cast import Cast
from tests.queries import queries_of
from tests.roads import Road
from workorders import facts, feed, news
from workorders.lifecycle import Role
from workorders.models import SavedView, WorkOrder

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
AT_CITY = (Role.OPERATOR, Role.DISPATCHER, Role.CALLBACK_AGENT, Role.SUPERVISOR, Role.ARCHIVIST, Role.AUDITOR)


def rows(client: Client, words: str = "") -> str:
    answer = client.post("/palette/", {"q": words})
    assert answer.status_code == 200
    return answer.content.decode()


# The palette


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("place", ["city", "lead", "stranger"])
def test_the_palette_offers_nobody_more_orders_than_they_may_see(
    role: Role, place: str, as_: Callable, recent: Road
) -> None:
    handled, registered = recent.to("handling", matter="楼道堆物一"), recent.register(matter="楼道堆物二")
    unit = {"city": None, "lead": recent.lead, "stranger": recent.stranger}[place]
    found = rows(as_(role, unit), "楼道堆物")
    seen = set(WorkOrder.objects.visible_to(recent.cast.of(role, unit)))
    for order in (handled, registered):
        assert (f"/orders/{order.number}/" in found) is (order in seen)


@pytest.mark.parametrize("role", Role.values)
def test_the_palette_offers_the_pages_of_the_menu_and_no_other(role: Role, as_: Callable) -> None:
    client = as_(role)
    menu = client.get("/orders/").content.decode().partition("<nav")[2].partition("</nav>")[0]
    offered = rows(client)
    assert set(re.findall(r'href="([^"?]+)"', offered)) == set(re.findall(r'href="([^"?]+)"', menu))


def test_the_palette_finds_by_number_words_views_units_and_categories(as_: Callable, recent: Road) -> None:
    order, client = recent.register(matter="路灯不亮已经一周"), as_(Role.DISPATCHER)
    SavedView.objects.create(owner=recent.cast.of(Role.DISPATCHER), name="逾期未派", query="deadline=overdue")
    SavedView.objects.create(owner=recent.cast.of(Role.OPERATOR), name="逾期别人的", query="view=all")
    for words in (order.number, order.spoken_number[:10], "路灯 一周"):
        assert f'href="/orders/{order.number}/"' in rows(client, words), words
    found = rows(client, "逾期")
    assert "逾期未派" in found and "逾期别人的" not in found
    assert "unit=J110105009" in rows(client, recent.lead.name)
    assert f"category={recent.category.code}" in rows(client, recent.category.name)
    assert 'role="option"' not in rows(client, "没有这样的东西")


def test_a_page_of_the_palette_asks_as_often_for_ten_orders_as_for_twenty(as_: Callable, recent: Road) -> None:
    client, counts = as_(Role.SUPERVISOR), []
    rows(client, "同一件事")
    for _time in range(2):
        for number in range(10):
            recent.register(matter=f"同一件事 {number}")
        with CaptureQueriesContext(connection) as asked:
            rows(client, "同一件事")
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 8
    assert rows(client, "同一件事").count('href="/orders/2') == 8


def test_a_stranger_is_sent_to_the_log_in_by_palette_and_work(client: Client) -> None:
    for answer in (client.post("/palette/", {"q": "a"}), client.get("/work/")):
        assert answer["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("typed", ["13900005678", "+86 139-0000-5678"])
def test_the_palette_finds_telephones_for_those_who_may_ask_and_by_no_address(
    typed: str, as_: Callable, recent: Road
) -> None:
    theirs, other = recent.to("handling", phone="13900005678"), recent.register(phone="13900005679")
    found = rows(as_(Role.OPERATOR), typed)
    assert f"/orders/{theirs.number}/" in found and other.number not in found
    for client in (as_(Role.DISPATCHER), as_(Role.HANDLER, recent.lead)):
        assert theirs.number not in rows(client, typed)
    assert as_(Role.OPERATOR).get("/palette/", {"q": typed}).status_code == 405


def test_a_telephone_that_nobody_has_is_looked_for_in_the_words(as_: Callable, recent: Road) -> None:
    order = recent.register(matter="请联系物业经理13900005678处理")
    assert f"/orders/{order.number}/" in rows(as_(Role.OPERATOR), "13900005678")


@pytest.mark.parametrize(("words", "address"), [("pdt", "/dispatch/"), ("diaodu", ""), ("paidan", "/dispatch/")])
def test_pages_are_found_by_their_pinyin(words: str, address: str, as_: Callable) -> None:
    found = rows(as_(Role.DISPATCHER), words)
    assert (f'href="{address}"' in found) is bool(address)


# New work


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Settles what the test's own transaction has written, as its commit would."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        after = feed.Position(cursor.fetchone()[0] + 1)
    return lambda: monkeypatch.setattr(feed, "settled", lambda: after)


def poll(client: Client, address: str = "/work/") -> tuple[int, str, str]:
    """(status, what is said, where to ask next)"""
    answer = client.get(address)
    page = answer.content.decode()
    asks = re.search(r'hx-get="([^"]+)"', page)
    return answer.status_code, page, html.unescape(asks[1]) if asks else address


def test_new_work_is_announced_once_it_is_there_and_counted(
    as_: Callable, recent: Road, later: Callable[[], None]
) -> None:
    client = as_(Role.DISPATCHER)
    recent.to("accepted")
    status, page, address = poll(client)
    assert status == 200 and "fresh" not in page and ">1<" in page
    assert poll(client, address)[0] == 204, "nothing new"
    recent.to("accepted"), recent.to("accepted")
    later()
    status, page, address = poll(client, address)
    assert status == 200 and ">3<" in page
    assert re.search(r'class="fresh">.*3', page, re.DOTALL)
    assert poll(client, address)[0] == 204


def test_what_no_longer_waits_is_announced_no_longer(as_: Callable, recent: Road, later: Callable[[], None]) -> None:
    client, order = as_(Role.DISPATCHER), recent.to("accepted")
    since = feed.settled().transaction
    later()
    _status, page, address = poll(client, f"/work/?since={since}")
    assert "fresh" in page
    recent.act(order, "dispatch")
    status, page, _address = poll(client, address)
    assert status == 200 and "fresh" not in page and "badge" not in page


def test_nobody_hears_of_their_own_work_nor_of_what_does_not_wait_for_them(
    as_: Callable, recent: Road, later: Callable[[], None]
) -> None:
    since = feed.settled().transaction
    recent.register()
    later()
    for role, unit in ((Role.OPERATOR, None), (Role.DISPATCHER, None), (Role.HANDLER, recent.lead)):
        assert "fresh" not in poll(as_(role, unit), f"/work/?since={since}")[1]


def test_a_request_that_is_to_be_decided_is_new_work(as_: Callable, recent: Road, later: Callable[[], None]) -> None:
    order = recent.to("handling")
    since = feed.settled().transaction
    recent.act(order, "request_extension")
    later()
    assert "fresh" in poll(as_(Role.DISPATCHER), f"/work/?since={since}")[1]
    assert "fresh" not in poll(as_(Role.OPERATOR), f"/work/?since={since}")[1]


def test_counting_new_work_costs_as_much_for_ten_orders_as_for_twenty_and_stops(
    as_: Callable, recent: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, counts = as_(Role.OPERATOR), []
    for _time in range(2):
        for _number in range(10):
            recent.register()
        counts.append(queries_of(client, f"/work/?since=1&known={'-'.join(map(str, range(1, 50)))}"))
    assert counts[0] == counts[1] <= 9
    monkeypatch.setattr(news, "COUNT_UP_TO", 15)
    assert ">15+<" in poll(client)[1]


@pytest.mark.parametrize(
    "query", ["since=x", "since=-1", f"since={10**30}", "known=1-x", f"known={'9' * 30}", "said=" + "x" * 99]
)
def test_a_poll_that_makes_no_sense_begins_anew(query: str, as_: Callable) -> None:
    assert poll(as_(Role.OPERATOR), f"/work/?{query}")[0] == 200


def test_new_work_is_found_by_index(recent: Road) -> None:
    recent.to("accepted")
    waiting = news.waiting_for(recent.cast.of(Role.DISPATCHER)).order_by()[: news.COUNT_UP_TO + 1]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "order_by_status" in waiting.explain()


def test_who_has_no_work_asks_for_none(as_: Callable) -> None:
    assert 'id="work"' in as_(Role.OPERATOR).get("/orders/").content.decode()
    for role in (Role.AUDITOR, Role.ADMINISTRATOR):
        assert 'id="work"' not in as_(role).get("/orders/").content.decode()


# Stale writes


def form_seen(client: Client, order: WorkOrder, step: str) -> dict[str, str]:
    page = client.get(f"/orders/{order.number}/steps/{step}/").content.decode()
    return dict(re.findall(r'type="hidden" name="(version|seen)" value="([^"]+)"', page))


def send(client: Client, order: WorkOrder, step: str, **typed: Any) -> Any:
    return client.post(f"/orders/{order.number}/steps/{step}/", typed)


def test_a_stale_form_shows_both_versions_and_the_next_sending_applies(as_: Callable, recent: Road) -> None:
    order, client = recent.to("accepted"), as_(Role.DISPATCHER)
    seen = form_seen(client, order, "consult")
    recent.act(order, "regrade", grade="emergency")
    typed = {"reason": "职责交叉需会商", "participants": ["Q110105"]}
    answer = send(client, order, "consult", **seen, **typed)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "<del>一般</del>" in page and "<ins>紧急</ins>" in page, "the grade, and with it"
    assert page.count("<del>") == 2, "the deadline"
    assert "职责交叉需会商" in page
    order.refresh_from_db()
    assert order.status == "accepted"
    again = dict(re.findall(r'type="hidden" name="(version|seen)" value="([^"]+)"', page))
    assert again["version"] == str(order.version)
    assert send(client, order, "consult", **again, **typed).status_code == 303
    order.refresh_from_db()
    assert order.status == "consulting"


def test_what_is_not_possible_any_more_says_what_is_and_hands_the_text_back(as_: Callable, recent: Road) -> None:
    order, client = recent.to("accepted"), as_(Role.DISPATCHER)
    seen = form_seen(client, order, "consult")
    recent.act(order, "dispatch")
    answer = send(client, order, "consult", **seen, reason="职责交叉需会商", participants=["Q110105"])
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "<del>—</del>" in page and recent.lead.name in page, "the lead unit, before and now"
    assert re.search(r"<textarea[^>]* readonly>职责交叉需会商</textarea>", page)
    assert 'data-step="recall"' in page and 'data-step="consult"' not in page
    order.refresh_from_db()
    assert order.status == "dispatched"


def test_an_order_that_one_may_see_no_more_gives_the_text_back_and_nothing_else(as_: Callable, recent: Road) -> None:
    order, client = recent.to("handling"), as_(Role.HANDLER, recent.lead)
    seen = form_seen(client, order, "progress")
    recent.act(order, "recall")
    answer = send(client, order, "progress", **seen, text="已到现场查看")
    page = answer.content.decode()
    assert answer.status_code == 404
    assert "已到现场查看" in page and order.title not in page


def test_what_a_form_saw_is_believed_only_where_we_sealed_it(as_: Callable, recent: Road) -> None:
    order, other = recent.to("accepted"), recent.register()
    assert facts.opened(order, facts.sealed(order)) == facts.of(order)
    assert facts.opened(other, facts.sealed(order)) == {}
    recent.act(order, "regrade", grade="emergency")
    for seal in ("", "x", facts.sealed(other), facts.sealed(order)[:-1]):
        page = send(as_(Role.DISPATCHER), order, "consult", version=2, seen=seal, reason="会商").content.decode()
        assert "<del>" not in page and "情况比受理时复杂" in page


def test_a_form_opened_from_a_page_that_is_old_says_what_happened_since(as_: Callable, recent: Road) -> None:
    order, client = recent.to("accepted"), as_(Role.DISPATCHER)
    address = f"/orders/{order.number}/steps/dispatch/?version={order.version}"
    assert 'class="changes"' not in client.get(address).content.decode()
    recent.act(order, "note", text="诉求人补充：夜间也有噪音")
    assert "夜间也有噪音" in client.get(address).content.decode()


def test_every_fact_of_an_order_is_compared() -> None:
    shown = {"status", "grade", "category", "area", "address", "title", "unit", "round", "deadline"}
    assert {fact.name for fact in facts.FACTS} == shown


# The end of a session


def test_a_fragment_after_the_end_of_the_session_leaves_the_page_as_it_is(client: Client, recent: Road) -> None:
    order = recent.register()
    page = f"http://testserver/orders/{order.number}/?a=b"
    for ask in (client.get, client.post):
        answer = ask(f"/orders/{order.number}/steps/accept/", headers={**HTMX, "HX-Current-URL": page})
        assert (answer.status_code, answer["HX-Retarget"]) == (401, "#logged-out")
        assert f"/login/?next=%2Forders%2F{order.number}%2F%3Fa%3Db" in answer.content.decode()
    order.refresh_from_db()
    assert order.status == "registered"


def test_a_form_sent_after_the_end_of_the_session_leads_back_to_its_own_page(client: Client, cast: Cast) -> None:
    referer = {"Referer": "http://testserver/reception/"}
    answer = client.post("/reception/", {"matter": "路灯不亮"}, headers=referer)
    assert answer["Location"] == "/login/?next=%2Freception%2F&kept=1"
    assert "alert-info" in client.get(answer["Location"]).content.decode()
    elsewhere = client.post("/views/", headers={"Referer": "https://elsewhere.example//evil.example/"})
    assert elsewhere["Location"] == "/login/?next=%2Forders%2F&kept=1"


def test_the_admin_goes_to_the_log_in_as_a_whole_and_so_does_a_page_that_is_opened(client: Client) -> None:
    current = {"HX-Current-URL": "http://testserver/admin/dispatch/alert/"}
    assert "HX-Redirect" in client.get("/orders/", headers={**HTMX, **current})
    assert client.get("/orders/?q=a")["Location"] == "/login/?next=/orders/%3Fq%3Da"


def test_logging_out_is_no_end_of_a_session(as_: Callable) -> None:
    assert (
        as_(Role.OPERATOR).post("/logout/", headers={"Referer": "http://testserver/orders/"})["Location"] == "/login/"
    )


def test_a_page_older_than_the_last_log_in_is_refused_kindly_and_does_nothing(cast: Cast, recent: Road) -> None:
    order, client = recent.register(), Client(enforce_csrf_checks=True)
    client.force_login(cast.of(Role.OPERATOR))
    address = f"/orders/{order.number}/steps/note/"
    page = f"http://testserver/orders/{order.number}/"
    plain = client.post(address, {"text": "补充"}, headers={"Referer": page})
    assert plain.status_code == 403 and f'href="/orders/{order.number}/"' in plain.content.decode()
    fragment = client.post(address, {"text": "补充"}, headers=HTMX)
    assert (fragment.status_code, fragment["HX-Retarget"]) == (403, "#logged-out")
    assert order.events.count() == 1


def test_every_page_says_whose_drafts_it_keeps(as_: Callable, cast: Cast) -> None:
    user = cast.of(Role.OPERATOR)
    assert f'data-user="{user.pk}"' in as_(Role.OPERATOR).get("/orders/").content.decode()
    assert 'data-user=""' in Client().get("/login/").content.decode()


# Errors of the server


@pytest.mark.parametrize("given", ["", "edge-0123456789", "x" * 99, "a b"])
def test_an_error_of_the_server_has_a_number_that_stands_in_the_log(
    given: str, as_: Callable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = as_(Role.OPERATOR)
    client.raise_request_exception = False
    monkeypatch.setattr("workorders.selectors.listing", lambda *_, **__: 1 / 0)
    with caplog.at_level(logging.ERROR):
        answer = client.get("/orders/", headers={"X-Request-Id": given})
    number = answer["X-Request-Id"]
    assert answer.status_code == 500 and number in answer.content.decode() and number in caplog.text
    assert (number == given) is (given == "edge-0123456789")


def test_an_address_that_leads_nowhere_is_a_page_of_ours(as_: Callable, client: Client) -> None:
    for visitor in (client, as_(Role.OPERATOR)):
        answer = visitor.get("/no/such/page/")
        assert answer.status_code == 404 and 'href="/orders/"' in answer.content.decode()
