"""At every door words of danger make an emergency, and an order without a title gets one."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from intake.models import Appeal
from intake.services import Voice, register
from tests.api import CHANNEL, Machine
from tests.roads import Road
from workorders.lifecycle import Grade, Role
from workorders.models import Category, WorkOrder

pytestmark = pytest.mark.django_db
FIRE = "您好，我住望京花园3号楼，五楼着火了，老人困在屋里"
NOISE = "您好，我住望京花园3号楼，楼下夜间施工，噪音扰民"


def desk(client: Any, matter: str, **more: str) -> WorkOrder:
    client.post("/reception/", {"matter": matter, "kind": "complaint", "channel": "phone", "act": "register", **more})
    return WorkOrder.objects.latest("pk")


def test_a_call_in_danger_is_an_emergency_that_nobody_chose(as_: Callable, recent: Road) -> None:
    order = desk(as_(Role.OPERATOR), FIRE)
    assert order.grade == Grade.EMERGENCY
    assert order.events.get(step="register").data["danger"] == ["119 着火", "119 老人困"]
    assert desk(as_(Role.OPERATOR), NOISE).grade == Grade.ORDINARY


def test_who_saw_the_words_may_choose_another_grade_and_who_did_not_may_not(as_: Callable, recent: Road) -> None:
    client = as_(Role.OPERATOR)
    assert desk(client, FIRE, grade="ordinary").grade == Grade.EMERGENCY
    assert desk(client, FIRE, grade="ordinary", danger_seen="on").grade == Grade.ORDINARY
    assert desk(client, FIRE, danger_seen="on").grade == Grade.EMERGENCY


def test_accepted_at_the_desk_it_stays_an_emergency(as_: Callable, recent: Road) -> None:
    category = f"{recent.category.code} {recent.category.name}"
    order = desk(as_(Role.OPERATOR), FIRE, act="accept", category=category)
    assert (order.status, order.grade) == ("accepted", Grade.EMERGENCY)


def test_the_strip_stands_there_while_it_is_typed(as_: Callable) -> None:
    client = as_(Role.OPERATOR)
    strip = client.post("/reception/spoken/", {"matter": FIRE}).content.decode()
    assert "着火" in strip and "119" in strip and 'name="danger_seen"' in strip and 'value="transfer"' in strip
    calm = client.post("/reception/spoken/", {"matter": NOISE, "category": "x", "address": "y" * 300}).content.decode()
    assert "alert" not in calm and "danger_seen" not in calm and 'data-title="' in calm


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.AUDITOR])
def test_only_operators_ask_what_words_say(role: Role, as_: Callable) -> None:
    assert as_(role).post("/reception/spoken/", {"matter": FIRE}).status_code == 403


def test_one_key_leads_to_the_transfer_filled_in(as_: Callable, recent: Road) -> None:
    client = as_(Role.OPERATOR)
    answer = client.post(
        "/reception/", {"matter": FIRE, "address": "望京街10号", "kind": "help", "channel": "phone", "act": "transfer"}
    )
    order = WorkOrder.objects.latest("pk")
    assert reverse("triage", args=[order.number]) in answer["Location"] and "step=transfer" in answer["Location"]
    assert "着火" in client.get(answer["Location"]).content.decode()
    form = client.get(f"/orders/{order.number}/steps/transfer/").context["form"]
    assert form["emergency_line"].value() == "119"
    assert "望京街10号" in form["text"].value() and "五楼着火了" in form["text"].value()


def test_new_words_of_danger_lead_from_the_desk_to_the_transfer(as_: Callable, recent: Road) -> None:
    order = recent.register(matter=NOISE)
    client = as_(Role.OPERATOR)
    add = {"kind": "complaint", "channel": "phone", "act": order.number}
    answer = client.post("/reception/", {**add, "matter": "现在楼下着火了"})
    assert f"/orders/{order.number}/steps/transfer/" in answer["Location"]
    form = client.get(answer["Location"]).context["form"]
    assert form["emergency_line"].value() == "119" and "现在楼下着火了" in form["text"].value()
    assert Appeal.objects.filter(order=order).count() == 2
    assert client.post("/reception/", {**add, "matter": "今天又吵"})["Location"] == "/reception/"


def test_a_channel_cannot_bring_danger_as_an_ordinary_matter(recent: Road) -> None:
    body = {"matter": FIRE, "kind": "help", "channel": "app", "grade": "ordinary"}
    answer = Machine("1100", *CHANNEL).send("/appeals/", body)
    assert answer.status_code == 201
    order = WorkOrder.objects.get(number=answer.json()["number"])
    assert (order.grade, order.title) == (Grade.EMERGENCY, "望京花园3号楼五楼着火了")


def test_a_table_brings_danger_as_emergencies_and_titles_made(recent: Road, tmp_path: Path) -> None:
    file, head, at = tmp_path / "rows.csv", "id,内容,标题,来电时间\n", f"{recent.now:%Y-%m-%d %H:%M}"
    file.write_text(f"{head}1,{FIRE},,{at}\n2,{NOISE},,{at}\n3,路灯不亮,路灯坏了三天,{at}\n", encoding="utf-8")
    call_command("import_orders", str(file), stdout=StringIO(), stderr=StringIO())
    orders = WorkOrder.objects.order_by("pk")
    assert [order.grade for order in orders] == [Grade.EMERGENCY, Grade.ORDINARY, Grade.ORDINARY]
    assert [order.title for order in orders][1:] == ["望京花园3号楼楼下夜间施工", "路灯坏了三天"]


def test_a_title_that_somebody_wrote_stays_as_it_is(recent: Road) -> None:
    actor = recent.cast.of(Role.OPERATOR)
    order = register(Voice(matter=NOISE, title="您好，请看正文"), actor=actor, now=recent.now)
    assert order.title == "您好，请看正文"


def test_the_triage_of_an_order_in_danger_shows_it_and_offers_no_lower_grade(as_: Callable, recent: Road) -> None:
    order = recent.register(matter=FIRE, category=None)
    page = as_(Role.OPERATOR).get(reverse("triage", args=[order.number])).content.decode()
    assert 'class="alert alert-danger danger"' in page and "grade=ordinary" not in page
    form = as_(Role.OPERATOR).get(f"/orders/{order.number}/steps/accept/").context["form"]
    assert form["grade"].value() == Grade.EMERGENCY
    assert Category.objects.filter(grade="ordinary").exists()
