"""The unit desk: what a unit has in hand in the order of its own deadlines, and one order as it works on it."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from dispatch import replies, reply_words, unit_desk
from tests.queries import queries_of
from tests.roads import RESULT, TEXT, Road
from workorders.lifecycle import Role, Status
from workorders.models import Event, StandardText, StoredAnswer, Unit, User, WorkOrder
from workorders.models.work_order import first_contact_recorded
from workorders.standard_texts import texts_for

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"
)


def counts(road: Road, role: Role = Role.HANDLER, unit: Any = None) -> dict[str, int]:
    shelves = unit_desk.shelves(road.cast.of(role, unit or road.lead))
    return {shelf.name: shelf.count for shelf in shelves if shelf.count}


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def signed_in(road: Road, steps: tuple[str, ...], **facts: Any) -> WorkOrder:
    order = road.register(**facts)
    for step in ("accept", "dispatch", *steps):
        road.act(order, step)
    return order


# Tabs


def test_each_order_stands_where_its_unit_has_something_to_do(road: Road) -> None:
    assert counts(road) == {}
    order = signed_in(road, ())
    assert counts(road) == {"sign": 1}
    road.act(order, "sign")
    assert counts(road) == {"contact": 1}
    road.act(order, "contact")
    assert counts(road) == {"handling": 1}
    road.act(order, "request_extension")
    assert counts(road) == {"handling": 1, "asked": 1}
    road.act(order, "report")
    assert counts(road) == {}
    assert counts(road, Role.REVIEWER) == {"review": 1}
    road.act(order, "send_back")
    assert counts(road) == {"handling": 1, "again": 1}
    road.act(order, "report")
    road.act(order, "approve")
    assert counts(road) == counts(road, Role.REVIEWER) == {}
    road.act(order, "rework")
    assert counts(road) == {"contact": 1, "again": 1}


def test_a_co_handling_unit_signs_and_reports_and_then_is_done(road: Road) -> None:
    order = signed_in(road, ("sign", "contact"))
    assert counts(road, unit=road.co_unit) == {"sign": 1, "co": 1}
    road.act(order, "co_sign")
    assert counts(road, unit=road.co_unit) == {"co": 1}
    road.act(order, "co_report")
    assert counts(road, unit=road.co_unit) == {}


def test_a_unit_sees_nothing_of_another_and_who_handles_nothing_has_no_tab(road: Road, as_: Callable) -> None:
    order = signed_in(road, ())
    assert counts(road, unit=road.stranger) == {}
    assert as_(Role.HANDLER, road.stranger).get(f"/unit/{order.number}/").status_code == 404
    assert "shelves" not in page(as_(Role.OPERATOR), "/unit/")
    assert 'href="/unit/"' in page(as_(Role.HANDLER, road.lead), "/orders/")
    assert 'href="/unit/"' not in page(as_(Role.OPERATOR), "/orders/")


def test_cards_come_in_the_order_of_this_units_own_deadlines(road: Road) -> None:
    slow = signed_in(road, (), grade="complex")
    quick = signed_in(road, (), grade="utility")
    usual = signed_in(road, (), grade="ordinary")
    handler = road.cast.of(Role.HANDLER, road.lead)
    cards = unit_desk.page(handler, unit_desk.tab_of(handler, "sign"), 1).orders
    assert [card.pk for card in cards] == [quick.pk, slow.pk, usual.pk], "the same limit: who was dispatched first"


@pytest.mark.parametrize(
    ("steps", "grade", "following", "road_now"),
    [
        ((), "ordinary", "sign", "sign"),
        (("sign",), "ordinary", "reveal", "contact"),
        (("sign", "contact"), "ordinary", "report", "report"),
        (("sign", "contact"), "emergency", "arrive", "arrive"),
        (("sign", "contact", "arrive"), "emergency", "report", "report"),
    ],
)
def test_a_card_says_what_comes_next(
    steps: tuple[str, ...], grade: str, following: str, road_now: str, road: Road, as_: Callable
) -> None:
    order = signed_in(road, steps, grade=grade)
    shown = page(as_(Role.HANDLER, road.lead), f"/unit/{order.number}/")
    assert f'data-step="{following}"' in shown.split("thumb-bar")[1].split("<details")[0]
    found = WorkOrder.objects.get(pk=order.pk)
    found.own_clocks = list(found.clocks.running().filter(unit=road.lead))  # type: ignore[attr-defined]
    unit_desk.tell(found, road.cast.of(Role.HANDLER, road.lead))
    assert [stop for stop, _label, state in found.road if state == "now"] == [road_now]  # type: ignore[attr-defined]


def test_the_desk_asks_the_same_number_of_questions_for_ten_and_for_twenty(as_: Callable, recent: Road) -> None:
    client = as_(Role.HANDLER, recent.lead)
    for _number in range(10):
        signed_in(recent, ())
    page(client, "/unit/")
    few = queries_of(client, "/unit/")
    for _number in range(10):
        signed_in(recent, ())
    assert queries_of(client, "/unit/") == few <= 8


def test_one_order_asks_no_more_for_a_longer_history(as_: Callable, recent: Road) -> None:
    client = as_(Role.HANDLER, recent.lead)
    order = signed_in(recent, ("sign", "contact"))
    page(client, f"/unit/{order.number}/")
    few = queries_of(client, f"/unit/{order.number}/")
    for _number in range(5):
        recent.act(order, "progress", files=[SimpleUploadedFile("现场.png", PNG)])
        recent.act(order, "co_report")
    assert queries_of(client, f"/unit/{order.number}/") == few <= 16


def test_only_so_many_cards_are_on_a_page(as_: Callable, recent: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_desk, "PAGE_SIZE", 2)
    orders = [signed_in(recent, ()) for _number in range(3)]
    client = as_(Role.HANDLER, recent.lead)
    assert 'rel="next"' in page(client, "/unit/?tab=sign")
    last = page(client, "/unit/?tab=sign&page=2")
    assert orders[2].number in last and 'rel="next"' not in last
    assert page(client, "/unit/?tab=nonsense&page=x")


# Many at once


def test_many_are_signed_at_once_and_each_says_what_became_of_it(as_: Callable, recent: Road) -> None:
    new = [signed_in(recent, ()) for _number in range(3)]
    gone = signed_in(recent, ("sign",))
    chosen = [new[0].number, new[1].number, gone.number, "2603100000000"]
    response = as_(Role.HANDLER, recent.lead).post("/unit/sign/", {"number": chosen})
    shown = response.content.decode().split("outcomes")[1].split("</section>")[0]
    assert shown.count("outcome-met") == 2 and shown.count("outcome-missed") == 1
    assert [WorkOrder.objects.get(pk=order.pk).status for order in new] == ["handling", "handling", "dispatched"]
    as_(Role.HANDLER, recent.lead).post("/unit/sign/", {"all": "1"})
    assert WorkOrder.objects.get(pk=new[2].pk).status == "handling"


def test_who_is_no_handler_signs_nothing(as_: Callable, recent: Road) -> None:
    order = signed_in(recent, ())
    assert as_(Role.REVIEWER, recent.lead).post("/unit/sign/", {"all": "1"}).status_code == 403
    assert as_(Role.HANDLER, recent.stranger).post("/unit/sign/", {"number": order.number}).status_code == 200
    assert WorkOrder.objects.get(pk=order.pk).status == "dispatched"


def test_a_co_handling_unit_signs_for_itself(as_: Callable, recent: Road) -> None:
    order = signed_in(recent, ("sign",))
    as_(Role.HANDLER, recent.co_unit).post("/unit/sign/", {"all": "1"})
    assert Event.objects.filter(order=order).latest("number").step == "co_sign"


# The complainant


def test_who_calls_says_why_and_then_sees_the_number(as_: Callable, recent: Road) -> None:
    order = signed_in(recent, ("sign",))
    client, address = as_(Role.HANDLER, recent.lead), f"/unit/{order.number}/"
    shown = page(client, address)
    assert "138****1234" in shown and "13800001234" not in shown and "tel:" not in shown
    reveal = client.post(f"/orders/{order.number}/steps/reveal/", {"reason": "首次联系", "next": f"{address}?call"})
    assert reveal["Location"] == f"{address}?call"
    shown = page(client, f"{address}?call")
    assert 'href="tel:13800001234"' in shown
    assert shown.index("tel:") < shown.index('id="step"'), "to be pressed before anything is written"
    assert f"/steps/contact/?next={address}" in shown.split('id="step"')[1].split("</div>")[0], "asks: contacted?"


def test_who_wishes_to_stay_unknown_stays_so_and_the_hotline_passes_messages_on(as_: Callable, recent: Road) -> None:
    order = signed_in(recent, ("sign",), anonymous_to_unit=True)
    shown = page(as_(Role.HANDLER, recent.lead), f"/unit/{order.number}/?call")
    assert "138" not in shown.split('id="caller"')[1].split("</section>")[0]
    assert 'data-step="reveal"' not in shown


@pytest.mark.parametrize("when", ["2099-01-01T10:00", "2001-01-01T10:00"])
def test_a_contact_was_neither_in_the_future_nor_before_the_order(when: str, as_: Callable, recent: Road) -> None:
    order = signed_in(recent, ("sign",))
    client, address = as_(Role.HANDLER, recent.lead), f"/orders/{order.number}/steps/contact/"
    assert client.post(address, {"way": "phone", "when": when, **TEXT}).status_code == 400
    assert WorkOrder.objects.get(pk=order.pk).version == order.version
    spoken = timezone.localtime(timezone.now()).strftime("%Y-%m-%dT%H:%M")
    assert client.post(address, {"way": "phone", "when": spoken, **TEXT}).status_code == 303
    assert Event.objects.filter(order=order).latest("number").data["when"].startswith(spoken)


# Lead and helpers


def test_the_lead_sees_every_co_report_in_one_place_and_who_owes_one(as_: Callable, recent: Road) -> None:
    order = signed_in(recent, ("sign", "contact"))
    client, address = as_(Role.HANDLER, recent.lead), f"/unit/{order.number}/"
    before = page(client, address).split("co-reports")[1].split("</section>")[0]
    assert str(recent.co_unit) in before and "countdown" in before
    recent.act(order, "co_report", text="区级部门已查处沿街商户。", files=[SimpleUploadedFile("查处.png", PNG)])
    after = page(client, address).split("co-reports")[1].split("</section>")[0]
    assert "区级部门已查处沿街商户。" in after and "<img" in after


def test_a_picture_stands_small_beside_the_report_it_came_with(as_: Callable, recent: Road) -> None:
    order = signed_in(recent, ("sign",))
    files = [SimpleUploadedFile("现场.png", PNG), SimpleUploadedFile("说明.txt", "说明".encode())]
    recent.act(order, "progress", files=files)
    for address in (f"/unit/{order.number}/", f"/orders/{order.number}/"):
        timeline = page(as_(Role.HANDLER, recent.lead), address).split('class="timeline"')[1]
        assert timeline.count("<img") == 1 and 'loading="lazy"' in timeline and "说明.txt" in timeline


def test_a_return_says_until_when_and_afterwards_why_not(as_: Callable, recent: Road) -> None:
    order = signed_in(recent, ("sign",))
    client, address = as_(Role.HANDLER, recent.lead), f"/unit/{order.number}/"
    assert 'data-step="request_return"' in page(client, address)
    order.assignments.filter(part="lead").update(returnable_until=timezone.now() - timedelta(hours=1))
    menu = page(client, address).split("thumb-bar")[1]
    assert 'data-step="request_return"' not in menu and 'class="cannot"' in menu


def test_a_result_says_what_is_still_owed_before_it_instead_of_offering_a_form_that_is_refused(
    as_: Callable, recent: Road
) -> None:
    order = signed_in(recent, ("sign", "contact"), grade="emergency")
    client, address = as_(Role.HANDLER, recent.lead), f"/unit/{order.number}/"
    menu = page(client, address).split("thumb-bar")[1]
    assert 'data-step="report"' not in menu and str(first_contact_recorded.refusal) in menu  # type: ignore[attr-defined]
    recent.act(order, "arrive")
    assert 'data-step="report"' in page(client, address).split("thumb-bar")[1]


def test_it_is_handed_down_by_choosing_a_unit_below(as_: Callable, recent: Road) -> None:
    order, below = signed_in(recent, ("sign",)), recent.below
    client, address = as_(Role.HANDLER, recent.lead), f"/orders/{order.number}/steps/assign_down/"
    shown = page(client, address)
    assert f'<option value="{below.code}">' in shown and recent.stranger.name not in shown
    assert client.post(address, {"lead": below.code, "next": "/unit/"})["Location"] == "/unit/"
    assert counts(recent, unit=below) == {"sign": 1}
    assert counts(recent) == {}, "the unit above owes nothing more"


# The leader's review


def test_the_leader_reads_all_of_it_and_lets_it_out_or_sends_it_back(as_: Callable, recent: Road) -> None:
    order = signed_in(recent, ("sign", "contact"))
    recent.act(order, "co_report", text="已配合查处。")
    recent.act(order, "report", files=[SimpleUploadedFile("整改后.png", PNG)])
    leader, address = as_(Role.REVIEWER, recent.lead), f"/unit/{order.number}/"
    shown = page(leader, address)
    assert RESULT["text"] in shown.split("the-letter")[1].split("</section>")[0]
    assert "<img" in shown.split("the-letter")[1].split("</section>")[0] and "已配合查处。" in shown
    assert all(f'data-step="{step}"' in shown for step in ("approve", "send_back"))
    leader.post(f"/orders/{order.number}/steps/send_back/", {"reason": "请附整改前后对比"})
    assert "请附整改前后对比" in page(as_(Role.HANDLER, recent.lead), address).split("sent-back")[1]


def test_only_a_letter_that_ends_with_a_signature_is_set_like_one(as_: Callable, recent: Road) -> None:
    plain, structured = (signed_in(recent, ("sign", "contact")) for _number in range(2))
    parts = dict.fromkeys(replies.SECTIONS, "已到现场核查并完成整改。")
    recent.act(plain, "report")
    recent.act(structured, "report", text=replies.compose(parts, reply_words.headings()))
    leader = as_(Role.REVIEWER, recent.lead)
    set_so = [
        'class="letter-text signed"' in page(leader, f"/unit/{one.number}/letter/") for one in (plain, structured)
    ]
    assert set_so == [False, True]


def test_the_letter_is_on_a_page_of_its_own_for_printing(as_: Callable, recent: Road) -> None:
    order = signed_in(recent, ("sign", "contact"))
    leader, address = as_(Role.REVIEWER, recent.lead), f"/unit/{order.number}/letter/"
    assert leader.get(address).status_code == 404, "there is none yet"
    recent.act(order, "report")
    assert RESULT["text"] in page(leader, address) and 'class="draft"' in page(leader, address)
    recent.act(order, "approve")
    assert 'class="draft"' not in page(leader, address)
    assert as_(Role.HANDLER, recent.stranger).get(address).status_code == 404


# Sent again


def send(client: Client, order: WorkOrder, token: str, step: str = "progress", **data: Any) -> Any:
    given = {"version": order.version, "token": token, **TEXT, **data}
    return client.post(f"/orders/{order.number}/steps/{step}/", given, headers={"HX-Request": "true"})


def test_a_form_that_comes_twice_under_one_token_is_done_once_and_both_are_told_so(as_: Callable, recent: Road) -> None:
    order, token = signed_in(recent, ("sign",)), str(uuid.uuid4())
    client = as_(Role.HANDLER, recent.lead)
    answers = [send(client, order, token, next="/unit/")["HX-Redirect"] for _time in range(3)]
    assert answers == ["/unit/"] * 3
    assert Event.objects.filter(order=order, step="progress").count() == 1
    assert send(client, order, str(uuid.uuid4())).status_code == 409, "another form is as stale as ever"


def test_what_was_refused_may_come_again_under_its_token(as_: Callable, recent: Road) -> None:
    order, token = signed_in(recent, ("sign",)), str(uuid.uuid4())
    client = as_(Role.HANDLER, recent.lead)
    assert send(client, order, token, text="").status_code == 400
    assert not StoredAnswer.objects.exists()
    assert send(client, order, token)["HX-Redirect"]
    assert Event.objects.filter(order=order, step="progress").count() == 1


def test_a_token_is_its_owners_and_its_steps(as_: Callable, recent: Road) -> None:
    order, token = signed_in(recent, ("sign",)), str(uuid.uuid4())
    send(as_(Role.HANDLER, recent.lead), order, token)
    order.refresh_from_db()
    assert send(as_(Role.REVIEWER, recent.lead), order, token, "note")["HX-Redirect"]
    order.refresh_from_db()
    assert send(as_(Role.HANDLER, recent.lead), order, token, "note")["HX-Redirect"]
    assert Event.objects.filter(order=order, step="note").count() == 2
    order.refresh_from_db()
    assert send(as_(Role.HANDLER, recent.lead), order, "not a token")["HX-Redirect"], "as a form without one"


def test_an_order_that_was_reported_has_no_step_left_for_its_handler(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.REPORTED)
    bar = page(as_(Role.HANDLER, recent.lead), f"/unit/{order.number}/").split("thumb-bar")[1]
    assert "waits" in bar and 'data-step="approve"' not in bar


# Without a network


def test_a_phone_may_keep_what_its_owner_sees_but_never_a_number_that_was_shown(as_: Callable, recent: Road) -> None:
    order, whose = signed_in(recent, ("sign",)), str(recent.cast.of(Role.HANDLER, recent.lead).pk)
    client, address = as_(Role.HANDLER, recent.lead), f"/unit/{order.number}/"
    assert [client.get(one)["Keep-Offline"] for one in ("/unit/", address)] == [whose, whose]
    client.post(f"/orders/{order.number}/steps/reveal/", {"reason": "首次联系"})
    assert "Keep-Offline" not in client.get(address)
    assert "Keep-Offline" not in Client().get(address), "nor the log-in"


def test_what_answers_without_a_network_is_served_under_the_desk_and_asked_for_anew(client: Client) -> None:
    response = client.get("/unit/worker.js")
    assert (response.status_code, response["Cache-Control"]) == (200, "no-cache")
    assert response["Content-Type"].startswith("text/javascript")


def test_a_form_that_waited_says_how_the_order_stands_after_it_also_when_it_comes_twice(
    as_: Callable, recent: Road
) -> None:
    order, token = signed_in(recent, ("sign",)), str(uuid.uuid4())
    client = as_(Role.HANDLER, recent.lead)
    assert [send(client, order, token)["Order-Version"] for _time in range(2)] == [str(order.version + 1)] * 2


@pytest.mark.parametrize("step", ["contact", "arrive"])
def test_a_moment_that_was_written_down_before_it_was_sent_stands_in_the_ledger(
    step: str, as_: Callable, recent: Road
) -> None:
    order = signed_in(recent, ("sign",), grade="emergency")
    client, address = as_(Role.HANDLER, recent.lead), f"/orders/{order.number}/steps/{step}/"
    given = {"way": "phone", **TEXT} if step == "contact" else {"place": "北门"}
    assert client.post(address, {**given, "when": "2099-01-01T10:00"}).status_code == 400
    then = timezone.localtime() - timedelta(minutes=20)
    assert client.post(address, {**given, "when": then.strftime("%Y-%m-%dT%H:%M")}).status_code == 303
    assert Event.objects.filter(order=order).latest("number").data["when"].startswith(then.strftime("%Y-%m-%dT%H:%M"))


# The telephone of who handles it


def test_the_telephone_of_the_handler_or_of_the_unit_stands_in_letter_and_first_response(
    as_: Callable, recent: Road
) -> None:
    handler, order = recent.cast.of(Role.HANDLER, recent.lead), signed_in(recent, ("sign",))
    client, address = as_(Role.HANDLER, recent.lead), f"/orders/{order.number}/steps"

    def texts() -> str:
        found = StandardText.objects.get(code="contact-first")
        facts = texts_for(order, "contact", User.objects.select_related("unit").get(pk=handler.pk), now=recent.now)
        return next(one.text for one in facts if one.title == found.title)

    assert "电话【" in texts(), "a gap, while nobody has given one"
    Unit.objects.filter(pk=recent.lead.pk).update(phone="010-10000001")
    assert "电话010-10000001" in texts()
    response = client.post("/unit/telephone/", {"office_phone": "010-10000002 转 801"}, follow=True)
    assert "010-10000002 转 801" in response.content.decode()
    assert "电话010-10000002 转 801" in texts()
    recent.act(order, "contact")
    letter = page(client, f"{address}/report/").split('name="text_follow_up"')[1].split("</textarea>")[0]
    assert "010-10000002 转 801" in letter and "【" not in letter


@pytest.mark.parametrize("wrong", ["打我手机", "12", "65001234；65001235；65001236", "<b>65001234</b>", "6" * 41])
def test_what_is_no_telephone_is_refused_in_its_place_and_stays(wrong: str, as_: Callable, recent: Road) -> None:
    client = as_(Role.HANDLER, recent.lead)
    response = client.post("/unit/telephone/", {"office_phone": wrong})
    assert response.status_code == 400
    form = response.content.decode().split("own-telephone")[1].split("</details>")[0]
    assert f'value="{escape(wrong)}"' in form and 'aria-invalid="true"' in form and 'class="error"' in form
    assert not User.objects.exclude(office_phone="").exists()
