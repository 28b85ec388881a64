"""Standard texts: the right ones for the order, its facts in them and nothing that is masked, kept by administrators."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from config.cast import Cast
from intake.forms import DECLINE_CODES
from tests.roads import Road
from workorders import reference, standard_texts
from workorders.lifecycle import Kind, Role
from workorders.models import Category, StandardText, User, WorkOrder
from workorders.selectors import order_page
from workorders.standard_texts import fill, preview, takes_texts, texts_for, unknown_in
from workorders.transitions import perform

pytestmark = pytest.mark.django_db
STEP = "note"  # for which nothing is shipped


def own(text: str = "您好", **facts: Any) -> StandardText:
    return StandardText.objects.create(**{"step": STEP, "title": text, "text": text, **facts})


def page(order: WorkOrder, user: User) -> WorkOrder:
    found = order_page(user, order.number)
    assert found is not None
    return found


def titles(road: Road, order: WorkOrder, step: str = STEP) -> list[str]:
    user = road.cast.of(Role.OPERATOR)
    return [one.title for one in texts_for(page(order, user), step, user, now=road.now)]


def filled(road: Road, order: WorkOrder, text: str, user: User) -> str:
    StandardText.objects.filter(step=STEP).delete()
    own(text, title="自用")
    (one,) = texts_for(page(order, user), STEP, user, now=road.now)
    return one.text


def test_every_text_that_is_shipped_names_facts_that_exist_at_steps_that_take_it() -> None:
    shipped = list(StandardText.objects.exclude(code=""))
    assert len(shipped) > 30
    assert {one.code: unknown_in(one.text) for one in shipped if unknown_in(one.text)} == {}
    assert [one.code for one in shipped if not takes_texts(one.step)] == []
    assert {one.code.removeprefix("decline-") for one in shipped if one.step == "decline"} == {
        code for code, _label in DECLINE_CODES
    }
    letters = {one.kind for one in shipped if one.step == "report"}
    assert letters == {"", *Kind.values}


def test_loading_again_adds_what_is_missing_and_keeps_what_an_administrator_changed() -> None:
    first, second, third = StandardText.objects.filter(step="decline")[:3]
    StandardText.objects.filter(pk=first.pk).update(title="自定标题", text="自定内容")
    StandardText.objects.filter(pk=second.pk).update(is_active=False)
    third.delete()
    ours = own(step=third.step, title=third.title)
    assert reference.load()["standard texts"] == 0, "a title of ours is not taken away"
    ours.delete()
    assert (reference.load()["standard texts"], reference.load()["standard texts"]) == (1, 0)
    assert StandardText.objects.get(code=first.code).text == "自定内容"
    assert not StandardText.objects.get(code=second.code).is_active
    assert StandardText.objects.get(code=third.code).text == third.text


def test_the_most_specific_category_comes_first_then_rework_kind_and_place(road: Road) -> None:
    leaf = road.category
    for title, facts in {
        "所有，次": {"position": 2},
        "所有，首": {"position": 1},
        "投诉": {"kind": "complaint", "position": 9},
        "咨询": {"kind": "consultation"},
        "大类": {"category": leaf.parent.parent},
        "小类": {"category": leaf},
        "别类": {"category": Category.objects.filter(parent=leaf.parent).exclude(pk=leaf.pk)[0]},
        "停用": {"is_active": False},
        "重办": {"again": True},
        "别步": {"step": "urge"},
    }.items():
        own(title, **facts)
    order = road.to("callback")
    assert titles(road, order) == ["小类", "大类", "投诉", "所有，首", "所有，次"]
    road.act(order, "rework")
    assert titles(road, order) == ["小类", "大类", "重办", "投诉", "所有，首", "所有，次"]


def test_an_order_without_a_category_gets_what_is_for_all(road: Road) -> None:
    own("所有")
    own("小类", category=road.category)
    assert titles(road, road.register(category=None, grade="ordinary")) == ["所有"]


def test_the_facts_of_the_order_stand_in_the_text_in_the_language_of_the_site(road: Road) -> None:
    order, handler = road.to("handling"), road.cast.of(Role.HANDLER, road.lead)
    text = "{number}|{title}|{kind}|{unit}|{own_unit}|{today}|{received}|{due}|{limit}|{channel}"
    for language in ("zh-hans", "en"):
        with translation.override(language):
            facts = filled(road, order, text, handler).split("|")
        assert facts[:5] == [order.spoken_number, order.title, "投诉", road.lead.name, road.lead.name]
        assert facts[5:7] == ["2026年3月10日", "2026年3月10日"]
        assert facts[7].startswith("2026年3月19日"), "seven working days from Tuesday morning"
        assert facts[8:] == ["7个工作日", "电话"]


def test_the_result_and_its_day_stand_in_the_text_once_they_are_there(road: Road) -> None:
    agent, text = road.cast.of(Role.CALLBACK_AGENT), "{result_day}：{result}"
    assert re.fullmatch("【.+】：【.+】", filled(road, road.to("handling"), text, agent)), "a gap for the writer"
    assert filled(road, road.to("callback"), text, agent) == "2026年3月10日：已到现场核查并完成整改，后续加强巡查。"


def test_a_text_gives_away_nothing_that_the_page_masks(road: Road) -> None:
    matter = "噪音扰民，请回电13800001234"
    facts = {"matter": matter, "title": matter, "address": "建国路8号13800001234旁"}
    hidden, plain = (road.to("handling", anonymous_to_unit=hides, **facts) for hides in (True, False))
    handler, operator = road.cast.of(Role.HANDLER, road.lead), road.cast.of(Role.OPERATOR)
    everything = "|".join(f"{{{field.name}}}" for field in standard_texts.known_fields())
    for order, user in ((hidden, handler), (hidden, operator), (plain, handler), (plain, operator)):
        perform(order.pk, "reveal", actor=user, now=road.now, reason="核实")
        text = filled(road, order, everything, user)
        assert not any(secret in text for secret in ("13800001234", "王小明"))
        assert ("王**" in text or "王*" in text) == (order == plain or user == operator)


@pytest.mark.parametrize("name", ["order.policy", "order", "user.password", "0", "", "number!r", "matter", " number"])
def test_nothing_but_the_known_names_is_a_fact(name: str) -> None:
    text = f"您好{{{name}}}。"
    assert unknown_in(text) == [name]
    assert fill(text, {"number": "1"}) == text


def test_braces_in_a_fact_are_only_characters(road: Road) -> None:
    order = road.to("handling", matter="{user}", title="{user}{unit}")
    text = filled(road, order, "{title}，{unit}", road.cast.of(Role.OPERATOR))
    assert text == f"{{user}}{{unit}}，{road.lead.name}"


def test_texts_are_one_query_however_many_there_are(road: Road) -> None:
    user, counts = road.cast.of(Role.OPERATOR), []
    order = page(road.to("handling"), user)
    for count in (10, 20):
        for number in range(count):
            own(f"{count}-{number} {{number}}{{unit}}{{due}}{{limit}}")
        with CaptureQueriesContext(connection) as queries:
            texts_for(order, STEP, user, now=road.now)
        counts.append(len(queries))
    assert counts == [1, 1]


def data_of(html: str) -> list[str]:
    found = re.search(r'<script id="standard-texts" type="application/json">(.*?)</script>', html, re.S)
    return json.loads(found[1]) if found else []


def test_the_form_of_a_step_offers_them_and_one_without_a_place_for_text_does_not(
    as_: Callable[..., Client], recent: Road
) -> None:
    own("</script><b>{title}</b>")
    order, client = recent.to("accepted"), as_(Role.DISPATCHER)
    html = client.get(f"/orders/{order.number}/steps/note/").content.decode()
    assert data_of(html) == [f"</script><b>{order.title}</b>"]
    assert 'data-texts="id_text"' in html and "<b></script>" not in html
    assert data_of(client.get(f"/orders/{order.number}/steps/dispatch/").content.decode()) == []
    refused = client.post(f"/orders/{order.number}/steps/note/", {"text": ""}).content.decode()
    assert len(data_of(refused)) == 1, "a refused form offers them again"


# The administration


@pytest.fixture
def administrator(client: Client, cast: Cast) -> Client:
    client.force_login(cast.of(Role.ADMINISTRATOR))
    return client


ADD = "/admin/workorders/standardtext/add/"
NEW: dict[str, Any] = {
    "step": "report",
    "title": "答复",
    "text": "{number}由{unit}办理",
    "position": 5,
    "is_active": "on",
}


def test_an_administrator_adds_a_text_and_sees_how_it_reads(administrator: Client) -> None:
    assert administrator.get("/admin/workorders/standardtext/?step=report").status_code == 200
    assert administrator.post(ADD, NEW).status_code == 302
    made = StandardText.objects.get(title="答复")
    html = administrator.get(f"/admin/workorders/standardtext/{made.pk}/change/").content.decode()
    assert preview("{number}") != "{number}" and preview(NEW["text"]) in html
    assert all(f"{{{field.name}}}" in html for field in standard_texts.known_fields())


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"text": "{numbre}"}, "{numbre}"),
        ({"text": "{order.policy}"}, "{order.policy}"),
        ({"step": "sign"}, "sign"),
        ({"step": "reckon"}, "reckon"),
        ({"text": ""}, ""),
    ],
)
def test_a_text_with_an_unknown_fact_or_step_is_refused(
    administrator: Client, given: dict[str, Any], field: str
) -> None:
    before = StandardText.objects.count()
    response = administrator.post(ADD, {**NEW, **given})
    assert response.status_code == 200
    assert response.context["errors"] and field in response.content.decode()
    assert StandardText.objects.count() == before


def test_the_same_title_twice_is_refused_in_the_form_and_in_the_database(administrator: Client) -> None:
    assert administrator.post(ADD, NEW).status_code == 302
    assert (
        "同名" in administrator.post(ADD, NEW).content.decode()
        or StandardText.objects.filter(title="答复").count() == 1
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        own(step="report", title="答复")


def test_a_supervisor_looks_and_nobody_deletes(client: Client, cast: Cast, administrator: Client) -> None:
    row = StandardText.objects.all()[0]
    assert administrator.post(f"/admin/workorders/standardtext/{row.pk}/delete/").status_code == 403
    client.force_login(cast.of(Role.SUPERVISOR))
    assert client.get(f"/admin/workorders/standardtext/{row.pk}/change/").status_code == 200
    assert client.post(ADD, NEW).status_code == 403
