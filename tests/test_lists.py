"""What people do with the list: choose columns, keep views, take it with them."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from config.cast import Cast
from tests.roads import Road
from workorders import export, selectors
from workorders.columns import COLUMNS, DEFAULT, NAMES
from workorders.fields import telephone_indexes
from workorders.lifecycle import Role, Status
from workorders.masking import masked
from workorders.models import SavedView, Unit, WorkOrder

pytestmark = pytest.mark.django_db


def table(client: Client, kind: str, query: dict[str, Any] | None = None) -> list[list[Any]]:
    response = client.get(f"/orders.{kind}", {"view": "all", **(query or {})})
    assert response.status_code == 200
    assert response["Content-Disposition"].endswith(f'.{kind}"')
    content = response.getvalue()
    if kind == "csv":
        assert content.startswith(b"\xef\xbb\xbf"), "Excel has to know that it is UTF-8"
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    return [list(row) for row in load_workbook(io.BytesIO(content)).active.values]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_holds_exactly_what_is_listed_in_its_order(kind: str, as_: Callable, recent: Road) -> None:
    closed = [recent.to("closed"), recent.to("closed")]
    recent.register()
    client = as_(Role.SUPERVISOR)
    rows = table(client, kind, {"status": "closed", "sort": "newest"})
    assert len(rows[0]) == len(DEFAULT)
    assert [row[0] for row in rows[1:]] == [order.spoken_number for order in reversed(closed)]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_has_no_end_before_the_list_has(
    kind: str, as_: Callable, recent: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workorders.export.CHUNK", 7)
    orders = [recent.register() for _ in range(30)]
    assert {row[0] for row in table(as_(Role.SUPERVISOR), kind)[1:]} == {order.spoken_number for order in orders}


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_is_sent_while_it_is_read(kind: str, now: datetime) -> None:
    """Never more of it in memory than a buffer, however long the list is."""
    read = 0

    def orders() -> Iterator[WorkOrder]:
        nonlocal read
        for number in range(20_000):
            read += 1
            yield WorkOrder(number=f"{number:013d}", matter=str(hash((number, "噪音"))) * 4, registered_at=now)

    shown = [NAMES["number"], NAMES["words"], NAMES["registered"]]
    parts = getattr(export, f"as_{kind}")(orders(), shown)
    assert len(next(parts)) and len(next(parts)) and read < 2_000
    assert max(len(part) for part in parts) < 2**20 and read == 20_000


def test_what_no_sheet_can_hold_goes_on_to_the_next(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ROWS_OF_A_SHEET", 4)
    orders = [WorkOrder(number=f"{number:013d}", title=f"<{number}> &\x0b", registered_at=now) for number in range(7)]
    shown = [NAMES["number"], NAMES["matter"], NAMES["registered"], NAMES["round"]]
    book = load_workbook(io.BytesIO(b"".join(export.as_xlsx(orders, shown))))
    rows = [list(sheet.values) for sheet in book.worksheets]
    assert [[row[0][-1] for row in sheet[1:]] for sheet in rows] == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    assert {sheet[0] for sheet in rows} == {tuple(str(column.label) for column in shown)}
    assert rows[2][1] == ("000000-000000-6", "<6> &_x000B_", now.replace(tzinfo=None), 1)


def test_an_export_reads_as_often_for_ten_orders_as_for_twenty(as_: Callable, recent: Road) -> None:
    client, counts = as_(Role.SUPERVISOR), []
    for _time in range(2):
        for _number in range(10):
            recent.to("accepted")
        with CaptureQueriesContext(connection) as queries:
            table(client, "csv")
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_numbers_of_persons_are_masked_and_nothing_is_a_formula(kind: str, as_: Callable, recent: Road) -> None:
    recent.register(matter="=HYPERLINK(1) 请回电13800001234，证件11010519491231002X", address="电话 010-85861234 旁")
    chosen = {"columns": [column.name for column in COLUMNS]}
    (row,) = table(as_(Role.SUPERVISOR), kind, chosen)[1:]
    text = "|".join(str(value) for value in row)
    assert "138****1234" in text
    assert not any(secret in text for secret in ("13800001234", "11010519491231002X", "85861234"))
    assert not any(str(value).startswith("=") for value in row)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("电话13800001234。", "电话138****1234。"),
        ("138-0000-1234", "138******1234"),
        ("138 0000 1234", "138******1234"),
        ("１３８００００１２３４", "１３８****１２３４"),
        ("０１０－８５８６１２３４", "０１０*****１２３４"),
        ("11010519491231002Ｘ", "110***********002Ｘ"),
        ("工单2611220000427，2026-11-22 18:00，1880元", "工单2611220000427，2026-11-22 18:00，1880元"),
    ],
)
def test_a_number_of_a_person_is_masked_however_it_is_written(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
def test_a_cell_that_would_begin_a_formula_is_text(sign: str, kind: str, as_: Callable, recent: Road) -> None:
    recent.register(title=f"{sign}1+cmd|' /C calc'!A0")
    (row,) = table(as_(Role.SUPERVISOR), kind, {"columns": ["matter"]})[1:]
    assert row[1] == f"'{sign}1+cmd|' /C calc'!A0"


def test_the_list_and_the_palette_show_no_number_of_a_person(as_: Callable, recent: Road) -> None:
    order = recent.register(title="请回电13800001234", matter="噪音扰民，请回电13800001234")
    client = as_(Role.SUPERVISOR)
    pages = [client.get("/orders/", {"q": "噪音"}), client.post("/palette/", {"q": "噪音"})]
    for page in (answer.content.decode() for answer in pages):
        assert order.spoken_number in page and "138****1234" in page and "13800001234" not in page


def test_the_same_list_stands_once_in_the_history_of_the_browser(as_: Callable, recent: Road) -> None:
    client, given = as_(Role.SUPERVISOR), {"view": "all", "status": "closed"}
    asked = {"HX-Request": "true", "HX-Current-URL": "http://testserver/orders/"}
    address = client.post("/orders/", given, headers=asked)["HX-Push-Url"]
    asked["HX-Current-URL"] = f"http://testserver{address}"
    assert "HX-Push-Url" not in client.post("/orders/", given, headers=asked)


def test_who_sees_no_order_exports_none(as_: Callable, recent: Road) -> None:
    recent.to("handling")
    assert len(table(as_(Role.HANDLER, recent.stranger), "csv")) == 1
    assert len(table(as_(Role.HANDLER, recent.lead), "csv")) == 2
    assert Client().get("/orders.csv").status_code == 302


def test_an_export_of_what_cannot_be_listed_says_why(as_: Callable) -> None:
    client = as_(Role.SUPERVISOR)
    assert client.get("/orders.csv", {"status": "lost"}).status_code == 400
    assert client.get("/orders.pdf").status_code == 404


def test_the_columns_of_the_list_are_those_that_were_chosen(as_: Callable, recent: Road) -> None:
    recent.register(address="建国路88号")
    client = as_(Role.SUPERVISOR)
    usual = client.get("/orders/?view=all").content.decode()
    chosen = client.get("/orders/?view=all&columns=address&columns=state").content.decode()
    assert 'class="address"' not in usual and 'class="deadline"' in usual
    assert 'class="address"' in chosen and "建国路88号" in chosen and 'class="deadline"' not in chosen
    assert 'class="number"' in chosen, "the number leads to the order"


def save(client: Client, name: str = "逾期", query: str = "view=open&deadline=overdue", **more: str) -> Any:
    return client.post("/views/", {"name": name, "query": query, **more})


def test_a_list_is_kept_as_a_view_and_opened_again(as_: Callable, recent: Road) -> None:
    client = as_(Role.DISPATCHER)
    answer = save(client, query="view=open&deadline=overdue&columns=number&columns=address&page=3&evil=1")
    view = SavedView.objects.get()
    assert view.query == "view=open&deadline=overdue&columns=number&columns=address"
    assert answer["Location"] == f"/orders/?{view.query}"
    page = client.get(answer["Location"]).content.decode()
    assert 'class="saved"' in page and "逾期" in page


def test_a_view_belongs_to_its_owner_or_to_all_of_the_unit(as_: Callable, cast: Cast) -> None:
    save(as_(Role.DISPATCHER), "自己的")
    save(as_(Role.DISPATCHER), "大家的", shared="on")
    page = as_(Role.SUPERVISOR).get("/orders/").content.decode()
    assert "大家的" in page and "自己的" not in page
    elsewhere = as_(Role.HANDLER, Unit.objects.get(code="J110105009")).get("/orders/").content.decode()
    assert "大家的" not in elsewhere


def test_a_name_that_is_there_already_is_used_again(as_: Callable) -> None:
    client = as_(Role.DISPATCHER)
    save(client)
    save(client, query="status=closed")
    assert SavedView.objects.get().query == "status=closed"


def test_only_the_owner_removes_a_view(as_: Callable) -> None:
    save(as_(Role.DISPATCHER), shared="on")
    address = f"/views/{SavedView.objects.get().pk}/remove/"
    assert as_(Role.SUPERVISOR).post(address).status_code == 404
    assert SavedView.objects.count() == 1
    assert as_(Role.DISPATCHER).post(address).status_code == 302
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    ("name", "query"), [("", "view=open"), ("x" * 41, "view=open"), ("a", "status=lost"), ("a", "q=" + "x" * 101)]
)
def test_a_view_that_cannot_be_kept_is_refused(name: str, query: str, as_: Callable) -> None:
    assert save(as_(Role.DISPATCHER), name, query).status_code == 400
    assert not SavedView.objects.exists()


def test_nobody_keeps_views_without_end(as_: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workorders.views.saved.MOST", 2)
    client = as_(Role.DISPATCHER)
    assert [save(client, name).status_code for name in "一二三二"] == [302, 302, 400, 302]
    assert SavedView.objects.count() == 2


@pytest.mark.parametrize("typed", ["13900005678", "+86 139-0000-5678", "139 0000 5678"])
def test_a_telephone_finds_the_orders_of_whoever_has_it_and_stands_in_no_address(
    typed: str, as_: Callable, recent: Road
) -> None:
    theirs, other = recent.register(phone="13900005678"), recent.register(phone="13900005679")
    operator = as_(Role.OPERATOR)
    address = operator.post("/find/", {"q": typed})["Location"]
    assert "5678" not in address.replace("-", "")
    page = operator.get(address).content.decode()
    assert theirs.spoken_number in page and other.spoken_number not in page
    again = operator.get("/orders/", {"q": typed}, headers={"HX-Request": "true"})
    assert address.partition("caller=")[2] in again["HX-Redirect"]


@pytest.mark.parametrize(("role", "unit"), [(Role.DISPATCHER, None), (Role.HANDLER, "J110105009")])
def test_who_may_not_ask_for_telephones_searches_for_words(
    role: Role, unit: str | None, as_: Callable, recent: Road
) -> None:
    recent.to(Status.HANDLING, phone="13900005678")
    client = as_(role, Unit.objects.get(code=unit) if unit else None)
    assert sought_at(client, client.post("/find/", {"q": "13900005678"}))
    mentions = recent.to(Status.HANDLING, matter="请联系物业经理13900005678处理")
    page = client.get(client.post("/find/", {"q": "13900005678"})["Location"]).content.decode()
    assert mentions.spoken_number in page and page.count('class="number"') == 1


def sought_at(client: Client, answer: Any) -> bool:
    """The words stand in the page that the answer leads to, and in no address on the way or on the page."""
    address = answer["Location"]
    page = client.get(address).content.decode()
    assert 'name="q"' in page and 'value="13900005678"' in page
    addresses = [address, *re.findall(r'(?:href|action|hx-get|hx-post)="([^"]*)"', page)]
    return not any("5678" in one for one in addresses)


def test_a_number_in_the_filters_stands_in_no_address(as_: Callable, recent: Road) -> None:
    mentions, _other = recent.register(matter="请联系经理 13900005678"), recent.register()
    client = as_(Role.DISPATCHER)
    given = {"q": "经理 13900005678", "view": "all", "status": "", "sort": "newest"}
    rows = client.post("/orders/", given, headers={"HX-Request": "true"})
    assert rows.content.decode().count("<tr>") == 2
    pushed = rows["HX-Push-Url"]
    assert "5678" not in pushed and "sought=" in pushed and "status" not in pushed
    assert client.get(pushed).context["form"].cleaned_data["q"] == given["q"]
    assert client.get("/orders/", given)["Location"].partition("sought=")[2]
    (row,) = table(client, "csv", dict(QueryDict(pushed.partition("?")[2]).items()))[1:]
    assert row[0] == mentions.spoken_number


def test_an_address_that_was_tampered_with_opens_nothing(as_: Callable, recent: Road) -> None:
    recent.register()
    answer = as_(Role.DISPATCHER).get("/orders/", {"sought": "AES-256-GCM:x:abc"})
    assert answer.status_code == 400 and "<tr>" not in answer.content.decode()


def test_the_log_of_exports_says_who_took_what_and_no_number_of_a_person(
    as_: Callable, recent: Road, caplog: pytest.LogCaptureFixture
) -> None:
    client = as_(Role.SUPERVISOR)
    with caplog.at_level("INFO"):
        client.get("/orders.csv", {"q": "13900005678", "status": "closed"})
    assert recent.cast.of(Role.SUPERVISOR).username in caplog.text and "status=closed" in caplog.text
    assert "5678" not in caplog.text


@pytest.mark.parametrize("query", ["q=13900005678", "sought=AES-256-GCM:x:abc"])
def test_no_view_keeps_a_number_of_a_person(query: str, as_: Callable) -> None:
    assert save(as_(Role.DISPATCHER), query=query).status_code == 400
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("typed", ["{day}", "{day}-{running}", "{day}{running}"])
def test_an_order_is_found_by_the_beginning_of_its_number(typed: str, as_: Callable, recent: Road) -> None:
    order = recent.register()
    words = typed.format(day=order.number[:6], running=order.number[6:11])
    page = as_(Role.OPERATOR).get(as_(Role.OPERATOR).post("/find/", {"q": words})["Location"]).content.decode()
    assert order.spoken_number in page


def test_a_telephone_is_found_by_its_index(recent: Road) -> None:
    orders = [recent.register(phone="13900005678") for _ in range(3)]
    chosen = {"caller": telephone_indexes("13900005678")[0]}
    found = selectors.listed(recent.cast.of(Role.OPERATOR), chosen, now=recent.now)
    assert set(found) == set(orders)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "Seq Scan on intake_complainant" not in found.explain()
