"""The reception desk: a voice comes in by telephone and becomes an order, or joins one that runs already."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.cast import Cast
from intake import services
from intake.models import Appeal, Call, Complainant
from tests.media import PNG
from tests.roads import BAD, Road
from workorders.lifecycle import Role, Status
from workorders.models import Attachment, WorkOrder
from workorders.pinyin import spelled

DESK = "/reception/"
PHONE = "13800001234"
WORDS = {
    "matter": "幸福里小区北门路灯连续三天不亮，夜间出行不便。",
    "kind": "complaint",
    "channel": "phone",
    "category": "010101 道路清扫保洁不及时",
    "grade": "",
    "area": "110105009 亚运村街道",
    "address": "幸福里小区北门",
    "name": "李华",
    "phone": "13900005678",
}


@pytest.fixture
def operator(as_: Callable[..., Client], settings: Any, tmp_path: Path) -> Client:
    settings.MEDIA_ROOT = tmp_path
    return as_(Role.OPERATOR)


def file(operator: Client, **typed: Any) -> Any:
    return operator.post(DESK, {**WORDS, "token": str(uuid4()), **typed})


def known(operator: Client, phone: str = PHONE) -> str:
    return operator.post("/reception/caller/", {"phone": phone}).content.decode()


# The form


def test_accepting_registers_and_accepts_and_leaves_an_empty_desk_with_number_and_deadline(operator: Client) -> None:
    assert file(operator)["Location"] == DESK
    order = WorkOrder.objects.get()
    assert (order.status, order.grade, order.area.code) == (Status.ACCEPTED, "ordinary", "110105009")
    assert [event.step for event in order.events.order_by("number")] == ["register", "accept"]
    page = operator.get(DESK).content.decode()
    assert order.spoken_number in page
    assert "亚运村街道" in page, "the unit that the catalogue names"
    assert WORDS["matter"] not in page
    seen = operator.get(f"/orders/{order.number}/").content.decode()
    assert "139****5678" in seen
    assert "13900005678" not in seen
    assert "李华" not in seen


@pytest.mark.parametrize("act", ["answer", "ask_correction", "decline", "merge"])
def test_what_is_not_accepted_is_registered_first_and_then_leads_to_the_step(act: str, operator: Client) -> None:
    answer = file(operator, act=act)
    order = WorkOrder.objects.get()
    assert order.status == Status.REGISTERED
    assert order.number in answer["Location"]
    assert act in answer["Location"]
    assert operator.get(answer["Location"]).status_code == 200


def test_registering_only_takes_no_category(operator: Client) -> None:
    assert file(operator, act="register", category="")["Location"] == DESK
    assert WorkOrder.objects.get().status == Status.REGISTERED
    assert file(operator, act="accept", category="").status_code == 400
    assert WorkOrder.objects.count() == 1


def test_the_same_registration_sent_twice_is_registered_and_accepted_once(operator: Client) -> None:
    token = str(uuid4())
    first, second = file(operator, token=token), file(operator, token=token)
    assert (first.status_code, second.status_code) == (303, 303)
    assert (WorkOrder.objects.count(), Appeal.objects.count(), WorkOrder.objects.get().events.count()) == (1, 1, 2)


def test_who_wrote_on_while_the_answer_was_lost_keeps_the_words_and_hears_the_number(operator: Client) -> None:
    token = str(uuid4())
    file(operator, token=token)
    answer = file(operator, token=token, matter=WORDS["matter"] + "今晚又坏了一盏。")
    page = answer.content.decode()
    assert answer.status_code == 400
    assert WorkOrder.objects.get().spoken_number in page
    assert "今晚又坏了一盏。" in page


def test_wishes_and_the_green_channel_stand_on_the_order_for_who_handles_it(
    operator: Client, as_: Callable[..., Client]
) -> None:
    wished = timezone.localtime(timezone.now() + timedelta(days=2))
    green = {"green_channel": "elderly", "home_visit": "on", "on_behalf_by": "李小华"}
    file(operator, **green, call_back_at=f"{wished:%Y-%m-%dT%H:%M}")
    appeal = Appeal.objects.get()
    assert (appeal.green_channel, appeal.home_visit, appeal.on_behalf_by) == ("elderly", True, "李小华")
    assert appeal.call_back_at == wished.replace(second=0, microsecond=0)
    page = as_(Role.DISPATCHER).get(f"/orders/{appeal.order.number}/").content.decode()
    for shown in (str(Appeal.GreenChannel.ELDERLY.label), "李**", f"{wished:%H:%M}"):
        assert shown in page
    assert "李小华" not in page
    with connection.cursor() as cursor:
        cursor.execute("SELECT on_behalf_by FROM intake_appeal")
        assert "李小华" not in cursor.fetchone()[0]


def test_files_come_with_the_event_of_the_registration(operator: Client) -> None:
    picture = SimpleUploadedFile("路灯.png", PNG, "image/png")
    file(operator, files=[picture])
    kept = Attachment.objects.get()
    assert (kept.name, kept.event.step, kept.content_type) == ("路灯.png", "register", "image/png")


LARGE = SimpleUploadedFile("录像.mp4", b"\0\0\0\x18ftypmp42" + b"0" * 30_000_000)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an over-long matter": ({"matter": "长" * 20_001}, "matter"),
    "no matter": ({"matter": ""}, "matter"),
    "an unknown category": ({"category": "999999 没有"}, "category"),
    "an unknown area": ({"area": "000 没有"}, "area"),
    "a telephone without end": ({"phone": "1" * 501}, "phone"),
    "a time that has passed": ({"call_back_at": "2026-01-01T10:00"}, "call_back_at"),
    "a time that is none": ({"call_back_at": "明天"}, "call_back_at"),
    "a file of 30 MB": ({"files": [LARGE]}, "files"),
    "a file of a kind that is not taken": ({"files": [SimpleUploadedFile("a.exe", b"MZ")]}, "files"),
    "an unknown button": ({"act": "archive"}, ""),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_is_refused_in_place_loses_nothing_and_registers_nothing(what: str, operator: Client) -> None:
    wrong, field = REFUSED[what]
    for one in wrong.get("files", []):
        one.seek(0)
    answer = file(operator, identity="110101199001011234", **wrong)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert (f'id="id_{field}_error"' in page) is bool(field)
    for name, typed in {**WORDS, "identity": "110101199001011234", **wrong}.items():
        assert name in ("files", "act") or str(typed) in page
    assert not (WorkOrder.objects.exists() or Complainant.objects.exists() or Attachment.objects.exists())


def test_htmx_gets_the_form_alone_and_is_sent_on_when_it_is_taken(operator: Client) -> None:
    asks = {"HX-Request": "true"}
    refused = operator.post(DESK, {**WORDS, "matter": ""}, headers=asks)
    assert refused.content.decode().lstrip().startswith("<form")
    assert operator.post(DESK, WORDS, headers=asks)["HX-Redirect"] == DESK


@pytest.mark.parametrize(
    ("method", "path"), [("get", ""), ("post", ""), ("post", "caller/"), ("get", "ringing/"), ("post", "urge/1/")]
)
def test_the_desk_is_the_operators_alone(method: str, path: str, as_: Callable[..., Client]) -> None:
    assert getattr(as_(Role.DISPATCHER), method)(DESK + path, WORDS).status_code == 403
    assert getattr(Client(), method)(DESK + path, WORDS).status_code in (302, 303)
    assert not WorkOrder.objects.exists()


def test_the_old_address_leads_to_the_desk(operator: Client) -> None:
    assert operator.get("/intake/registration/")["Location"] == DESK


# The caller


def test_the_caller_is_known_by_the_number_and_stays_masked(operator: Client, recent: Road) -> None:
    recent.to("closed")
    recent.to("callback")
    recent.act(WorkOrder.objects.get(status="callback"), "rework", reason="诉求人反映未解决", **BAD)
    running = recent.register(matter="楼道灯不亮")
    recent.register(phone="13900009999", matter="别人的诉求")
    page = known(operator, "138 0000 1234")
    assert [int(number) for number in page.replace("</dd>", "<dd>").split("<dd>")[1::2]] == [3, 2, 1, 1]
    assert page.index(running.spoken_number) < page.index(WorkOrder.objects.get(status="closed").spoken_number)
    assert "138****1234" in page
    for hidden in (PHONE, "王小明", "别人的诉求"):
        assert hidden not in page
    assert page.count('aria-keyshortcuts="Alt+U"') == 1, "one key, one order"


def test_who_asked_for_what_was_merged_finds_the_order_it_goes_on_in(operator: Client, recent: Road) -> None:
    parent = recent._parent = recent.to("handling", phone="13900009999", matter="主单")
    recent.act(recent.register(matter="并入的"), "merge")
    page = known(operator)
    assert [int(number) for number in page.replace("</dd>", "<dd>").split("<dd>")[1::2]][:2] == [1, 1]
    assert f'value="{parent.number}"' in page, "new words go there"
    assert "并入的" not in page


def test_what_callers_say_of_themselves_anew_is_kept_and_what_they_left_out_before_is_not_filled_in(
    operator: Client,
) -> None:
    said = [
        {"name": "", "phone": PHONE},
        {"name": "李华", "phone": PHONE},
        {"name": "", "phone": PHONE, "home": "幸福里3号楼"},
        {"name": "李华", "phone": PHONE, "identity": "110101199001011234"},
        {"name": "李华", "phone": PHONE, "home": "幸福里3号楼"},
    ]
    for one in said:
        file(operator, **one)
    people = [appeal.complainant for appeal in Appeal.objects.order_by("pk").select_related("complainant")]
    kept = [(one.name, one.identity, one.address) for one in people if one]
    identity, home = "110101199001011234", "幸福里3号楼"
    assert kept == [
        ("", "", ""),
        ("李华", "", ""),
        ("李华", "", home),
        ("李华", identity, home),
        ("李华", identity, home),
    ]
    assert people[3] == people[4]
    assert "5" in known(operator)


def test_a_number_nobody_called_from_and_one_that_is_none(operator: Client) -> None:
    assert "<dd>" not in known(operator)
    assert "alert-warning" in known(operator, "abc")
    assert "<dd>" not in known(operator, "")


def test_the_caller_takes_as_many_queries_for_a_hundred_orders_as_for_ten(operator: Client, recent: Road) -> None:
    counts = []
    for orders in (10, 90):
        for number in range(orders):
            recent.register(matter=f"第{number}件")
        with CaptureQueriesContext(connection) as asked:
            known(operator)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 11


def test_the_caller_is_found_by_index(operator: Client, recent: Road) -> None:
    for number in range(30):
        recent.register(phone=f"139000{number:05d}")
    with CaptureQueriesContext(connection) as asked:
        known(operator, "13900000007")
    ours = [one["sql"] for one in asked if "intake_" in one["sql"]]
    assert len(ours) >= 3
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        for sql in ours:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan on intake_" not in plan, plan
        cursor.execute("SET enable_seqscan = on")


def test_urging_takes_one_press_and_new_words_join_the_running_order(operator: Client, recent: Road) -> None:
    order = recent.to("handling")
    page = operator.post(f"/reception/urge/{order.number}/", {"phone": PHONE}, headers={"HX-Request": "true"})
    assert order.spoken_number in page.content.decode()
    assert order.events.filter(step="urge").count() == 1

    token = str(uuid4())
    more = {"act": order.number, "token": token, "category": "", "matter": "今天又停电了", "phone": PHONE, "name": ""}
    for _twice in range(2):
        assert file(operator, **more)["Location"] == DESK
    assert WorkOrder.objects.get() == order, "not filed twice"
    added = order.appeals.last()
    assert (order.appeals.count(), added.words, added.complainant) == (2, "今天又停电了", Complainant.objects.get())
    assert "今天又停电了" in order.events.get(step="note").data["text"]


def test_one_call_urges_once_however_often_the_key_is_pressed(operator: Client, recent: Road) -> None:
    order, path = recent.to("handling"), "/reception/urge/{}/"
    pages = [operator.post(path.format(order.number), {"phone": PHONE}, headers={"HX-Request": "true"}) for _ in "123"]
    assert ["alert-danger" in page.content.decode() for page in pages] == [False, True, True]
    assert all(order.spoken_number in page.content.decode() for page in pages), "the caller's history stays"
    assert order.events.filter(step="urge").count() == 1
    operator_again = recent.cast.of(Role.OPERATOR)
    services.urge(order, actor=operator_again, now=timezone.now() + services.ONE_CALL)
    assert order.events.filter(step="urge").count() == 2, "who calls another time presses another time"


def test_what_is_added_to_an_order_that_awaits_a_correction_is_the_correction(operator: Client, recent: Road) -> None:
    order = recent.to("incomplete")
    assert "登记补正" in known(operator)
    answer = file(operator, act=order.number, category="", matter="是3号楼2单元门口")
    assert answer["Location"] == f"/reception/{order.number}/?desk=reception", (
        "to be decided while the caller is on the line"
    )
    order = WorkOrder.objects.get()
    assert (order.status, order.appeals.last().words) == (Status.REGISTERED, "是3号楼2单元门口")
    correction = order.corrections.get()
    assert (correction.end, correction.next_at) == ("supplied", None), "it is not closed any more"
    assert "是3号楼2单元门口" in order.events.get(step="correct").data["text"]


def test_very_long_words_are_kept_whole_by_the_appeal(operator: Client, recent: Road) -> None:
    order = recent.register()
    assert file(operator, act=order.number, matter="长" * 20_000).status_code == 303
    assert len(order.appeals.last().words) == 20_000
    assert order.events.get(step="note").data["text"].endswith("…")


@pytest.mark.parametrize("status", ["archived"])
def test_an_order_that_takes_no_more_words_says_so_and_keeps_them(status: str, operator: Client, recent: Road) -> None:
    order = recent.to(status)
    answer = file(operator, act=order.number, matter="又来了")
    assert (answer.status_code, order.appeals.count()) == (400, 1)
    assert "又来了" in answer.content.decode()
    answer = operator.post(f"/reception/urge/{order.number}/", {"phone": PHONE})
    assert "alert-danger" in answer.content.decode()
    assert not order.events.filter(step="urge").exists()


# The call


def call(cast: Cast, call_id: str = "pbx-1", *, ago: int = 5, agent: str | None = None) -> Call:
    at = timezone.now() - timedelta(seconds=ago)
    agent = cast.of(Role.OPERATOR).username if agent is None else agent
    facts = {"phone": PHONE, "agent": agent, "started_at": at, "announced_at": at}
    return Call.objects.create(source="pbx", call_id=call_id, **facts)


def test_a_call_rings_at_the_desk_of_its_operator_until_it_is_opened(
    operator: Client, cast: Cast, recent: Road
) -> None:
    order = recent.to("handling")
    assert operator.get("/reception/ringing/").status_code == 204
    made = call(cast)
    rings = operator.get("/reception/ringing/")
    assert "138****1234" in rings.content.decode()
    assert PHONE not in rings.content.decode()
    assert operator.get("/reception/ringing/", {"said": made.pk}).status_code == 204
    page = operator.get(DESK, {"call": "pbx-1"}).content.decode()
    assert f'value="{PHONE}"' in page
    assert order.spoken_number in page
    assert operator.get("/reception/ringing/", {"said": made.pk}).json()["call"] is None, "it rings no more"


@pytest.mark.parametrize("call_id", ["%00", "%0A", "%F0%9F%93%9E", "none"])
def test_a_call_that_nobody_announced_opens_an_empty_desk(call_id: str, operator: Client) -> None:
    page = operator.get(f"{DESK}?call={call_id}")
    assert (page.status_code, page.context["call"]) == (200, None)


@pytest.mark.parametrize(
    ("facts", "rings", "opens"),
    [
        ({}, True, True),
        ({"agent": "somebody"}, False, False),
        ({"agent": ""}, False, True),
        ({"ago": 300}, False, True),
    ],
)
def test_a_call_rings_for_whom_it_goes_to_and_not_for_ever(
    facts: Any, rings: bool, opens: bool, operator: Client, cast: Cast
) -> None:
    call(cast, **facts)
    assert (operator.get("/reception/ringing/").status_code == 200) is rings
    assert (PHONE in operator.get(DESK, {"call": "pbx-1"}).content.decode()) is opens


# The lists


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("噪音扰民", ["zaoyinraomin", "zyrm"]),
        ("重庆长安街绿化", ["chongqingchanganjielvhua", "cqcajlh"]),
        ("12345", []),
    ],
)
def test_a_name_is_typed_by_its_pinyin(name: str, typed: list[str]) -> None:
    assert spelled(name).split() == typed


def test_every_row_of_a_list_comes_with_its_pinyin_in_few_queries(operator: Client) -> None:
    for name, least in (("category", 500), ("area", 300), ("unit", 400)):
        with CaptureQueriesContext(connection) as asked:
            page = operator.get(f"/lists/{name}/")
        assert page.content.decode().count("data-spelled") >= least
        assert len(asked) <= 3
        assert "max-age" in page["Cache-Control"]


def test_a_channel_brings_the_green_channel_too(cast: Cast) -> None:
    from intake.api import AppealForm
    from intake.services import Voice, take

    form = AppealForm({**WORDS, "green_channel": "disabled", "on_behalf_by": "李小华", "home_visit": True})
    assert form.is_valid(), form.errors
    given = {name: value for name, value in form.cleaned_data.items() if value not in (None, "")}
    appeal, _is_new = take(Voice(**given), actor=cast.of(Role.OPERATOR))
    assert (appeal.green_channel, appeal.on_behalf_by, appeal.home_visit) == ("disabled", "李小华", True)
