"""The first screens: log-in, list, order page, the one view of all steps, registration."""

import html
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.cast import Cast
from tests.media import PNG
from tests.queries import queries_of
from tests.roads import ROADS, Road
from workorders.lifecycle import Role, Status
from workorders.models import User
from workorders.transitions import perform

pytestmark = pytest.mark.django_db


def test_every_page_asks_a_stranger_to_log_in(client: Client, road: Road) -> None:
    order = road.register()
    for address in (
        "/orders/",
        f"/orders/{order.number}/",
        f"/orders/{order.number}/steps/accept/",
        "/reception/",
    ):
        response = client.get(address)
        assert response.status_code == 302
        assert response["Location"].startswith("/login/")


def test_the_list_uses_a_number_of_queries_that_does_not_grow_with_its_rows(as_: Callable, recent: Road) -> None:
    client = as_(Role.SUPERVISOR)
    for status in ("registered", "handling", "closed", "callback"):
        recent.to(status)
    few = queries_of(client, "/orders/?view=all")
    for status in ROADS:
        recent.to(status)
    assert queries_of(client, "/orders/?view=all") == few <= 12


@pytest.mark.parametrize("status", Status.values)
def test_an_order_page_uses_at_most_twelve_queries(status: str, as_: Callable, recent: Road) -> None:
    order = recent.to(status)
    assert queries_of(as_(Role.SUPERVISOR), f"/orders/{order.number}/") <= 12


def test_an_order_page_does_not_ask_more_for_a_longer_history(as_: Callable, recent: Road) -> None:
    order = recent.to("handling")
    client = as_(Role.HANDLER, recent.lead)
    short = queries_of(client, f"/orders/{order.number}/")
    for _ in range(20):
        recent.act(order, "progress")
    assert queries_of(client, f"/orders/{order.number}/") == short <= 13


@pytest.mark.parametrize("status", Status.values)
def test_every_status_has_a_page_that_shows_its_matter_and_where_it_stands(
    status: str, as_: Callable, recent: Road
) -> None:
    order = recent.to(status, matter="和平里某小区楼道堆放杂物")
    page = as_(Role.SUPERVISOR).get(f"/orders/{order.number}/").content.decode()
    assert "和平里某小区楼道堆放杂物" in page
    assert str(Status(status).label) in page
    assert 'aria-current="step"' in page


def test_an_order_of_another_unit_is_not_found(as_: Callable, recent: Road) -> None:
    order = recent.to("handling")
    response = as_(Role.HANDLER, recent.stranger).get(f"/orders/{order.number}/")
    assert response.status_code == 404
    assert order.title not in response.content.decode()


def test_a_step_that_asks_for_nothing_is_done_by_its_button(as_: Callable, recent: Road) -> None:
    order = recent.to("dispatched")
    client = as_(Role.HANDLER, recent.lead)
    assert f'hx-post="/orders/{order.number}/steps/sign/"' in client.get(f"/orders/{order.number}/").content.decode()
    response = client.post(f"/orders/{order.number}/steps/sign/", {"version": order.version})
    assert response.status_code == 303
    order.refresh_from_db()
    assert order.status == "handling"


def test_htmx_is_sent_on_to_the_order_after_a_step(as_: Callable, recent: Road) -> None:
    order = recent.to("dispatched")
    response = as_(Role.HANDLER, recent.lead).post(
        f"/orders/{order.number}/steps/sign/", {"version": order.version}, headers={"HX-Request": "true"}
    )
    assert response["HX-Redirect"] == reverse("order", args=[order.number])


def test_the_dispatch_form_offers_the_unit_of_the_catalogue_and_says_why(as_: Callable, recent: Road) -> None:
    order = recent.to("accepted")
    page = as_(Role.DISPATCHER).get(f"/orders/{order.number}/steps/dispatch/").content.decode()
    assert f"J110105009 {recent.lead.name}" in page
    assert "派单目录" in page


def test_an_unknown_unit_is_refused_in_place_and_nothing_typed_is_lost(as_: Callable, recent: Road) -> None:
    order = recent.to("accepted")
    response = as_(Role.DISPATCHER).post(
        f"/orders/{order.number}/steps/dispatch/",
        {
            "version": order.version,
            "lead": "X999 没有的单位",
            "co_handling": ["", "J110101001 北京市东城区人民政府东华门街道办事处"],
            "instructions": "请尽快处理",
        },
    )
    page = response.content.decode()
    assert response.status_code == 400
    assert "X999" in page
    assert "请尽快处理" in page
    assert "J110101001 北京市东城区人民政府东华门街道办事处" in page
    order.refresh_from_db()
    assert order.status == "accepted"


def test_a_stale_form_says_what_happened_and_keeps_what_was_typed(as_: Callable, recent: Road) -> None:
    order = recent.to("accepted")
    seen = order.version
    recent.act(order, "note", text="诉求人来电补充：夜间也有噪音")
    response = as_(Role.DISPATCHER).post(
        f"/orders/{order.number}/steps/consult/",
        {"version": seen, "reason": "职责交叉需会商", "participants": ["Q110105"]},
    )
    page = response.content.decode()
    assert response.status_code == 409
    assert "职责交叉需会商" in page
    assert f'name="version" value="{order.version}"' in page
    order.refresh_from_db()
    assert order.status == "accepted"


def test_a_step_of_another_role_is_refused_with_403(as_: Callable, recent: Road) -> None:
    order = recent.to("accepted")
    client = as_(Role.OPERATOR)
    assert client.get(f"/orders/{order.number}/steps/dispatch/").status_code == 403
    assert client.post(f"/orders/{order.number}/steps/dispatch/", {"lead": "J110105009"}).status_code == 403
    assert client.get(f"/orders/{order.number}/steps/nothing/").status_code == 404


def test_a_step_in_the_wrong_status_is_refused_with_409(as_: Callable, recent: Road) -> None:
    order = recent.to("closed")
    assert as_(Role.DISPATCHER).get(f"/orders/{order.number}/steps/dispatch/").status_code == 409


def test_personal_data_is_shown_only_after_a_reason_that_stays_in_the_ledger(as_: Callable, cast: Cast) -> None:
    now = timezone.now()
    recent = Road(cast, now - timedelta(minutes=50))
    order = recent.to("handling")
    client = as_(Role.HANDLER, recent.lead)
    address = f"/orders/{order.number}/"
    assert "13800001234" not in client.get(address).content.decode()
    assert client.post(f"{address}steps/reveal/", {"reason": ""}).status_code == 400
    assert "13800001234" not in client.get(address).content.decode()
    client.post(f"{address}steps/reveal/", {"reason": "联系诉求人核实地点"})
    assert "13800001234" in client.get(address).content.decode()
    assert order.events.get(step="reveal").reason == "联系诉求人核实地点"
    client.force_login(cast.of(Role.SUPERVISOR))
    assert "13800001234" not in client.get(address).content.decode(), "only who gave the reason sees it"


def test_the_list_is_filtered_by_status_category_area_unit_and_deadline(as_: Callable, recent: Road) -> None:
    handled = recent.to("handling")
    closed = recent.to("closed")
    client = as_(Role.SUPERVISOR)

    def numbers(**chosen: str) -> set[str]:
        page = client.get("/orders/", {"view": "all", **chosen}).content.decode()
        return {order.number for order in (handled, closed) if order.spoken_number in page}

    both, none = {handled.number, closed.number}, set()
    assert numbers() == both
    assert numbers(status="closed") == {closed.number}
    assert numbers(view="open") == {handled.number}
    assert numbers(category="01") == both, "a branch of the tree holds its leaves"
    assert numbers(category="02") == none
    assert numbers(area="110105") == both
    assert numbers(area="110101") == none
    assert numbers(unit="Q110105") == both
    assert numbers(unit="J110101001") == none
    assert numbers(deadline="overdue") == none
    assert numbers(grade="emergency") == none


def test_the_list_finds_by_number_and_by_words(as_: Callable, recent: Road) -> None:
    lamp = recent.register(matter="路灯不亮已经一周", address="建国路")
    recent.register(matter="地铁站口共享单车乱停放")
    client = as_(Role.SUPERVISOR)
    found = client.get("/orders/", {"q": "路灯"}).content.decode()
    assert lamp.spoken_number in found
    assert "共享单车" not in found
    response = client.get("/orders/", {"q": lamp.spoken_number})
    assert response["Location"] == f"/orders/{lamp.number}/"


def test_each_role_opens_the_list_on_what_waits_for_it(as_: Callable, recent: Road) -> None:
    orders = {
        status: recent.to(status, matter=f"{status} 的工单")
        for status in ("registered", "accepted", "dispatched", "reported", "callback")
    }
    waits = {
        (Role.OPERATOR, None): {"registered"},
        (Role.DISPATCHER, None): {"accepted"},
        (Role.HANDLER, recent.lead): {"dispatched"},
        (Role.REVIEWER, recent.lead): {"reported"},
        (Role.CALLBACK_AGENT, None): {"callback"},
    }
    for (role, unit), statuses in waits.items():
        page = as_(role, unit).get("/orders/").content.decode()
        assert {status for status, order in orders.items() if order.spoken_number in page} == statuses, role


def test_files_come_with_a_step_and_are_given_only_to_those_who_see_the_order(
    as_: Callable, recent: Road, settings: object, tmp_path: object
) -> None:
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]
    order = recent.to("handling")
    client = as_(Role.HANDLER, recent.lead)
    picture = SimpleUploadedFile("现场 照片.png", PNG, "text/html")
    client.post(f"/orders/{order.number}/steps/progress/", {"text": "已到现场", "files": [picture]})
    attachment = order.attachments.get()
    address = f"/orders/{order.number}/files/{attachment.pk}/"
    response = client.get(address)
    assert response["Content-Type"] == "image/png", "the type is ours, not what the browser claimed"
    assert "sandbox" in response["Content-Security-Policy"]
    client.force_login(User.objects.get(pk=recent.cast.of(Role.HANDLER, recent.stranger).pk))
    assert client.get(address).status_code == 404


def test_a_file_of_a_kind_that_is_not_taken_is_refused_in_place(as_: Callable, recent: Road) -> None:
    order = recent.to("handling")
    response = as_(Role.HANDLER, recent.lead).post(
        f"/orders/{order.number}/steps/progress/",
        {"text": "已到现场查看", "files": [SimpleUploadedFile("run.exe", b"MZ")]},
    )
    assert response.status_code == 400
    assert "run.exe" in response.content.decode()
    assert "已到现场查看" in response.content.decode()
    assert not order.attachments.exists()


def test_an_open_page_learns_that_somebody_worked_on_the_order(as_: Callable, recent: Road) -> None:
    order = recent.to("accepted")
    client = as_(Role.DISPATCHER)
    said = re.search(r'hx-get="([^"]+changed[^"]+)"', client.get(f"/orders/{order.number}/").content.decode())
    assert said is not None
    address = html.unescape(said[1])
    assert client.get(address).status_code == 204
    perform(order.pk, "note", actor=recent.cast.of(Role.OPERATOR), text="补充")
    assert "刚刚" in client.get(address).content.decode()


@pytest.mark.parametrize("page", ["/orders/", "/login/", "/healthz"])
def test_the_content_security_policy_allows_no_inline_script(page: str, client: Client) -> None:
    policy = client.get(page)["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy


def test_the_console_speaks_english_and_chinese(as_: Callable, recent: Road) -> None:
    recent.register()
    client = as_(Role.SUPERVISOR)
    assert "工单" in client.get("/orders/?view=all").content.decode()
    client.post("/i18n/setlang/", {"language": "en"})
    page = client.get("/orders/?view=all").content.decode()
    assert "Work orders" in page
    assert "Registered" in page


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [("/callbacks/", "/callbacks/"), ("https://elsewhere.example/", None), ("//elsewhere.example", None), ("", None)],
)
def test_a_desk_goes_on_where_it_asked_for_and_never_at_a_strangers(
    wanted: str, goes_to: str | None, as_: Callable, recent: Road
) -> None:
    order = recent.register()
    client, step = as_(Role.OPERATOR), f"/orders/{order.number}/steps/note/"
    shown = client.get(step, {"next": wanted}).content.decode()
    assert (f'name="next" value="{wanted}"' in shown) is bool(goes_to)
    answer = client.post(step, {"text": "请回拨", "next": wanted})
    assert answer["Location"] == (goes_to or f"/orders/{order.number}/")
