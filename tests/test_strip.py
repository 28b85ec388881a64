"""The strip after an act, what can be taken back by it, and addresses that name what is on the screen."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from dispatch.models import Request
from tests.roads import Road
from workorders import undo
from workorders.lifecycle import Role, Status
from workorders.models import Event, Lease, User, WorkOrder
from workorders.refusals import NotAllowed, NotVisible, Refused, StaleVersion, WrongState
from workorders.transitions import perform

DISPATCH = "/dispatch/"


def strip_of(page: Any) -> str:
    """The words of the strip."""
    inside = re.search(r'id="messages">(.*?)</div>\s*<!-- messages -->', page.content.decode(), re.S)
    assert inside
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", inside[1])).split())


def after(client: Client, address: str, sent: dict[str, Any], **options: Any) -> Any:
    """Send a form and open the page that it leads to."""
    answer = client.post(address, sent, **options)
    return client.get(answer["Location"], follow=True)


def dispatched(client: Client, order: WorkOrder, lead: Any) -> Any:
    """The page after a dispatch at the desk."""
    address, desk = f"/orders/{order.number}/steps/dispatch/", f"http://testserver/dispatch/{order.number}/"
    sent = {"lead": lead.code, "version": order.version, "next": DISPATCH}
    return after(client, address, sent, headers={"Referer": desk})


# The strip


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_after_a_dispatch_a_strip_names_number_unit_and_what_follows(
    language: str, as_: Callable, recent: Road
) -> None:
    order, client = recent.to(Status.ACCEPTED), as_(Role.DISPATCHER)
    client.post("/i18n/setlang/", {"language": language})
    words = strip_of(dispatched(client, order, recent.lead))
    follows = {"zh-hans": "待承办单位签收", "en": "It waits for the unit to sign."}[language]
    for part in (order.spoken_number, recent.lead.name, follows, "Alt+Z"):
        assert part in words


def test_the_strip_of_every_step_says_what_follows_and_offers_a_way_back_only_where_there_is_one(
    as_: Callable, recent: Road
) -> None:
    order = recent.to(Status.HANDLING)
    client = as_(Role.HANDLER, recent.lead)
    step = f"/orders/{order.number}/steps/progress/"
    page = after(client, step, {"text": "已到现场查看", "version": order.version})
    assert "承办单位办理中" in strip_of(page)
    assert 'action="/orders/' not in strip_of(page)
    assert b"take-back" not in page.content


def test_what_was_just_dispatched_is_recalled_by_the_strip_as_an_event_of_its_own(as_: Callable, recent: Road) -> None:
    order, client = recent.to(Status.ACCEPTED), as_(Role.DISPATCHER)
    page = dispatched(client, order, recent.lead).content.decode()
    event = re.search(r'name="event" value="(\d+)"', page)
    back = re.search(r'name="back" value="([^"]+)"', page)
    assert event and back
    answer = after(client, f"/orders/{order.number}/take-back/", {"event": event[1], "back": back[1]})
    assert answer.request["PATH_INFO"] == f"/dispatch/{order.number}/"
    assert "待派单" in strip_of(answer)
    order.refresh_from_db()
    assert (order.status, order.lead_unit) == (Status.ACCEPTED, None)
    assert [event.step for event in order.events.order_by("number")][-2:] == ["dispatch", "recall"]
    assert b"take-back" not in answer.content, "a recall is not taken back by it"


def test_what_went_out_together_names_its_unit_and_is_taken_back_one_by_one(as_: Callable, recent: Road) -> None:
    orders = [recent.to(Status.ACCEPTED) for _time in range(2)]
    client = as_(Role.DISPATCHER)
    sent = {"lead": recent.lead.code, "order": [f"{order.number}-{order.version}" for order in orders]}
    page = client.post(f"/dispatch/{orders[0].number}/alike/", sent).content.decode()
    assert page.count("take-back/") == 2
    assert f"→ {recent.lead}" in page
    event = orders[1].events.latest("number")
    answer = client.post(f"/orders/{orders[1].number}/take-back/", {"event": event.number})
    assert answer.status_code == 303
    assert [WorkOrder.objects.get(pk=order.pk).status for order in orders] == [Status.DISPATCHED, Status.ACCEPTED]


def taken_back(road: Road, order: WorkOrder, event: Event, **changed: Any) -> Any:
    facts = {"actor": road.cast.of(Role.DISPATCHER), "now": event.at + timedelta(seconds=2), **changed}
    return undo.take_back(order, event.number, **facts)


def test_who_did_not_do_it_does_not_take_it_back(road: Road) -> None:
    order = road.to(Status.ACCEPTED)
    event = road.act(order, "dispatch")
    other = User.objects.create(username="other", roles=[Role.DISPATCHER], unit=road.cast.city)
    for actor in (other, road.cast.of(Role.OPERATOR)):
        with pytest.raises(NotVisible):
            taken_back(road, order, event, actor=actor)
    assert WorkOrder.objects.get(pk=order.pk).version == event.number


@pytest.mark.parametrize("seconds", [21, 3600])
def test_after_its_time_nothing_is_taken_back_by_the_strip(seconds: int, road: Road) -> None:
    order = road.to(Status.ACCEPTED)
    event = road.act(order, "dispatch")
    with pytest.raises(WrongState):
        taken_back(road, order, event, now=event.at + timedelta(seconds=seconds))
    assert WorkOrder.objects.get(pk=order.pk).status == Status.DISPATCHED


def test_what_somebody_has_gone_on_with_is_not_taken_back(road: Road) -> None:
    order = road.to(Status.ACCEPTED)
    event = road.act(order, "dispatch")
    perform(order.pk, "sign", actor=road.cast.of(Role.HANDLER, road.lead), now=event.at + timedelta(seconds=1))
    with pytest.raises(StaleVersion):
        taken_back(road, order, event)
    assert WorkOrder.objects.get(pk=order.pk).status == Status.HANDLING


def test_a_step_without_a_way_back_is_not_taken_back_at_any_door(as_: Callable, recent: Road) -> None:
    order = recent.register()
    client = as_(Role.OPERATOR)
    now = timezone.now()
    event = perform(order.pk, "note", actor=recent.cast.of(Role.OPERATOR), now=now, text="补充")
    with pytest.raises(NotAllowed):
        undo.take_back(order, event.number, actor=recent.cast.of(Role.OPERATOR), now=now)
    assert client.post(f"/orders/{order.number}/take-back/", {"event": event.number}).status_code == 403
    for typed in ("", "x", "-1", "9" * 30, "²"):
        assert client.post(f"/orders/{order.number}/take-back/", {"event": typed}).status_code == 404
    assert client.get(f"/orders/{order.number}/take-back/").status_code == 405
    assert WorkOrder.objects.get(pk=order.pk).version == event.number


@pytest.mark.parametrize(("step", "back"), sorted(undo.WAYS_BACK.items()))
def test_every_way_back_leads_back(step: str, back: str, road: Road) -> None:
    before = {"dispatch": "accepted", "designate": "consulting", "consult": "accepted", "suspend": "handling"}
    order = road.to(before[step])
    event = road.act(order, step)
    assert undo.way_back(event, now=event.at) == back
    assert taken_back(road, order, event).step == back


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"])
def test_the_way_back_leads_to_no_page_of_a_stranger(back: str, as_: Callable, recent: Road) -> None:
    order, client = recent.to(Status.ACCEPTED), as_(Role.DISPATCHER)
    dispatched(client, order, recent.lead)
    event = order.events.latest("number")
    answer = client.post(f"/orders/{order.number}/take-back/", {"event": event.number, "back": back})
    assert answer["Location"] == f"/orders/{order.number}/"


# Addresses


def address_of(client: Client, path: str) -> str:
    page = client.get(path, follow=True)
    assert page.status_code == 200
    return str(page.request["PATH_INFO"])


def test_the_address_names_the_order_on_the_screen_and_shows_the_same_again(as_: Callable, recent: Road) -> None:
    accepted, handling, callback = (recent.to(status) for status in ("accepted", "handling", "callback"))
    recent.act(handling, "request_return")
    wish = Request.objects.get()
    desks = [
        (Role.DISPATCHER, DISPATCH, f"/dispatch/{accepted.number}/", accepted),
        (Role.DISPATCHER, "/dispatch/requests/", f"/dispatch/requests/{wish.pk}/", handling),
        (Role.CALLBACK_AGENT, "/callbacks/", f"/callbacks/{callback.number}/", callback),
    ]
    for role, desk, address, order in desks:
        client = as_(role)
        assert address_of(client, desk) == address
        assert client.get(address).context["order"] == order
        assert address_of(client, address) == address


@pytest.mark.parametrize(
    ("role", "desk", "status"),
    [
        (Role.DISPATCHER, DISPATCH, "accepted"),
        (Role.DISPATCHER, "/dispatch/requests/", "handling"),
        (Role.CALLBACK_AGENT, "/callbacks/", "callback"),
    ],
)
def test_an_empty_desk_stays_empty_when_it_is_opened_again_though_work_has_come(
    role: Role, desk: str, status: str, as_: Callable, recent: Road
) -> None:
    client = as_(role)
    empty = address_of(client, desk)
    assert empty == f"{desk}empty/"
    order = recent.to(status)
    if status == "handling":
        recent.act(order, "request_return")
    page = client.get(empty)
    assert 'data-settles=""' in page.content.decode()
    assert not Lease.objects.exists(), "looking takes nothing"
    assert f'href="{desk}"' in page.content.decode(), "and leads to what has come"


def test_a_decided_request_is_shown_with_its_order_by_whoever_comes_back_to_it(as_: Callable, recent: Road) -> None:
    order, client = recent.to(Status.HANDLING), as_(Role.DISPATCHER)
    recent.act(order, "request_return")
    wish = Request.objects.get()
    recent.act(order, "grant_return")
    page = client.get(f"/dispatch/requests/{wish.pk}/")
    assert page.context["order"] == order
    assert page.context["gone"]
    assert not Lease.objects.exists()
    assert "order" not in client.get("/dispatch/requests/999999/").context


def test_what_another_has_taken_says_so_and_opens_no_form_by_itself(as_: Callable, recent: Road) -> None:
    order = recent.to(Status.ACCEPTED)
    other = User.objects.create(username="other", roles=[Role.DISPATCHER], unit=recent.cast.city, last_name="李四")
    Lease.objects.create(order=order, user=other, until=timezone.now() + timedelta(minutes=3))
    page = as_(Role.DISPATCHER).get(f"/dispatch/{order.number}/")
    assert page.context["opened"] == ""
    assert "李四" in page.content.decode()


@pytest.mark.parametrize("act", ["answer", "merge", "decline", "ask_correction"])
def test_after_a_call_comes_an_empty_desk_and_not_another_citizens_order(act: str, as_: Callable, recent: Road) -> None:
    other, client = recent.register(), as_(Role.OPERATOR)
    call = {"matter": "社保怎么办", "kind": "consultation", "channel": "phone", "act": act}
    triage = client.post("/reception/", call)["Location"]
    page = client.get(triage)
    assert page.context["next"] == "/reception/"
    order = page.context["order"]
    typed = recent.needs(act, order)
    sent = {**typed, "next": page.context["next"]}
    if act == "merge":
        sent["parent"] = typed["parent"].number
    answer = client.post(f"/orders/{order.number}/steps/{act}/", sent)
    assert answer["Location"] == "/reception/"
    assert client.get(f"/reception/{order.number}/").context["next"] == f"/reception/{other.number}/", "from the queue"


def test_a_refused_undo_says_why_in_both_languages(as_: Callable, recent: Road) -> None:
    order, client = recent.to(Status.ACCEPTED), as_(Role.DISPATCHER)
    dispatched(client, order, recent.lead)
    event = order.events.latest("number")
    perform(order.pk, "note", actor=recent.cast.of(Role.OPERATOR), text="又打来一次")
    for language, words in (("zh-hans", "工单"), ("en", "Somebody changed the order")):
        client.post("/i18n/setlang/", {"language": language})
        answer = client.post(f"/orders/{order.number}/take-back/", {"event": event.number})
        assert answer.status_code == 409
        assert words in answer.content.decode()
    with pytest.raises(Refused):
        undo.take_back(order, event.number, actor=recent.cast.of(Role.DISPATCHER), now=event.at)
