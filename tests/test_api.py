"""The REST API of the orders: reading, steps, files, reference data; the same door and the same refusals as the console."""

import gzip
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from redis.exceptions import ConnectionError as RedisGone

from config.cast import Cast
from intake.models import Appeal, Call
from tests.api import CHANNEL, HANDLING, V1, Machine, send
from tests.media import PNG
from tests.roads import Road
from workorders.api import throttles
from workorders.lifecycle import Role, Status
from workorders.models import Attachment, CalendarDay, Event, Unit, User, WorkOrder

pytestmark = pytest.mark.django_db
STREET = "J110105009"


@pytest.fixture
def street(db: None) -> Machine:
    return Machine(STREET, *HANDLING)


@pytest.fixture
def channel(db: None) -> Machine:
    return Machine("1100", *CHANNEL)


def post(client: Client, order: WorkOrder, step: str, body: object = None, **headers: str) -> tuple[int, dict]:
    response = send(client, f"/workorders/{order.number}/{step}/", body, **headers)
    return response.status_code, response.json()


# Reading


def test_a_unit_reads_its_orders_and_what_it_may_do(street: Machine, road: Road) -> None:
    order = road.to("dispatched")
    road.register(matter="别的工单")
    assert [row["number"] for row in street.read("/workorders/")["results"]] == [order.number]
    detail = street.read(f"/workorders/{order.number}/")
    assert "sign" in [action["step"] for action in detail["actions"]]
    assert {clock["kind"] for clock in detail["clocks"] if not clock["stopped_at"]} >= {"contact", "signing"}
    assert detail["due_at"] == min(clock["due_at"] for clock in detail["clocks"] if not clock["stopped_at"])


def test_actions_say_what_each_step_asks_for(street: Machine, road: Road) -> None:
    order = road.to("handling")
    actions = {action["step"]: action for action in street.read(f"/workorders/{order.number}/")["actions"]}
    report = {field["name"]: field for field in actions["report"]["fields"]}
    assert report["text"]["schema"] == {"type": "string", "maxLength": 10_000, "minLength": 1}
    assert report["solved"]["schema"]["enum"] == ["yes", "explained", "partly"]
    assert (report["solved"]["required"], report["files"]["required"]) == (True, False)
    assert actions["report"]["url"].endswith(f"{V1}/workorders/{order.number}/report/")


def test_every_step_that_actions_offer_can_be_sent_to_its_address(street: Machine, road: Road) -> None:
    for status in (Status.DISPATCHED, Status.HANDLING, Status.REPORTED):
        order = road.to(status)
        for action in street.read(f"/workorders/{order.number}/")["actions"]:
            answered = street.post(action["url"], {}, content_type="application/json")
            assert answered.status_code in (200, 400, 409), action


@pytest.mark.parametrize("number", ["{}-{}-{}", "{}{}{}"])
def test_a_number_may_be_written_in_groups(number: str, street: Machine, road: Road) -> None:
    order = road.to("dispatched")
    written = number.format(order.number[:6], order.number[6:12], order.number[12:])
    assert street.read(f"/workorders/{written}/")["number"] == order.number


def test_who_asked_is_shown_masked(street: Machine, road: Road) -> None:
    order = road.to("dispatched")
    asked = street.read(f"/workorders/{order.number}/")["appeals"][0]["complainant"]
    assert (asked["name"], asked["phone"], asked["anonymous"], asked["relay"]) == ("王**", "138****1234", False, "")


def test_who_wishes_to_stay_unknown_is_unknown_to_units_and_known_to_the_hotline(
    street: Machine, road: Road, cast: Cast
) -> None:
    order = road.to("dispatched", anonymous_to_unit=True)
    asked = street.read(f"/workorders/{order.number}/")["appeals"][0]["complainant"]
    assert (asked["name"], asked["phone"], asked["anonymous"]) == ("", "", True)
    assert asked["relay"]
    _code, answer = post(street, order, "reveal", {"reason": "需要核实"})
    assert {answer["complainants"][0][name] for name in ("name", "phone", "identity", "address")} == {""}
    city = Machine("1100", "orders:read")
    assert city.read(f"/workorders/{order.number}/")["appeals"][0]["complainant"]["name"] == "王**"
    person = Client()
    person.force_login(cast.of(Role.HANDLER, road.lead))
    assert "王" not in person.get(f"/orders/{order.number}/").content.decode()


def test_revealing_takes_a_reason_leaves_an_event_and_answers_once(street: Machine, road: Road) -> None:
    order = road.to("handling")
    assert post(street, order, "reveal", {})[0] == 400
    code, answer = post(street, order, "reveal", {"reason": "回拨电话核实"})
    assert code == 200
    assert (answer["complainants"][0]["name"], answer["complainants"][0]["phone"]) == ("王小明", "13800001234")
    assert Event.objects.filter(order=order, step="reveal", reason="回拨电话核实").count() == 1
    assert "13800001234" not in str(street.read(f"/workorders/{order.number}/"))
    assert "13800001234" not in str(street.read(f"/workorders/{order.number}/events/"))


def test_an_order_of_another_unit_is_not_found(road: Road) -> None:
    order = road.to("dispatched")
    stranger = Machine("J110101001", *HANDLING)
    assert stranger.get(f"{V1}/workorders/{order.number}/").json()["code"] == "not_found"
    assert post(stranger, order, "sign")[0] == 404
    assert stranger.read("/workorders/")["results"] == []


def test_the_ledger_can_be_read_and_checked(street: Machine, road: Road) -> None:
    order = road.to("handling")
    events = street.read(f"/workorders/{order.number}/events/")["results"]
    assert [event["number"] for event in events] == list(range(1, order.version + 1))
    assert [event["hash"] for event in events[:-1]] == [event["previous_hash"] for event in events[1:]]
    assert all(event["at"].endswith("+08:00") for event in events)


# Lists


def walk(client: Machine, path: str, **query: Any) -> list[dict]:
    page = client.read(path, **query)
    found = page["results"]
    while page["next"]:
        page = client.get(page["next"]).json()
        found += page["results"]
    return found


@pytest.mark.parametrize("ordering", ["number", "registered_at", "updated_at", "due_at"])
def test_pages_join_without_a_gap_whichever_way_they_are_sorted(ordering: str, road: Road) -> None:
    city = Machine("1100", "orders:read")
    numbers = [road.register(matter=f"第 {n} 件").number for n in range(5)]
    numbers += [road.to(status).number for status in ("accepted", "closed", "archived", "withdrawn", "suspended")]
    rising = [row["number"] for row in walk(city, "/workorders/", limit=3, ordering=ordering)]
    assert sorted(rising) == sorted(numbers)
    falling = [row["number"] for row in walk(city, "/workorders/", limit=3, ordering=f"-{ordering}")]
    assert falling == rising[::-1]


def test_a_page_begins_where_the_one_before_ended_whatever_came_in_between(road: Road) -> None:
    city = Machine("1100", "orders:read")
    numbers = [road.register(matter=f"第 {n} 件").number for n in range(4)]
    first = city.read("/workorders/", limit=2)
    road.register(matter="新来的")
    second = city.get(first["next"]).json()
    assert [row["number"] for row in first["results"] + second["results"]] == numbers[::-1]
    assert second["next"] is None


def test_the_next_page_is_named_in_a_link_header_too(road: Road) -> None:
    for n in range(2):
        road.register(matter=f"第 {n} 件")
    answer = Machine("1100", "orders:read").get(f"{V1}/workorders/", {"limit": 1})
    assert answer["Link"] == f'<{answer.json()["next"]}>; rel="next"'


def test_orders_are_narrowed_by_every_filter(road: Road) -> None:
    city = Machine("1100", "orders:read")
    led, registered = road.to("handling"), road.register(grade="emergency", area=None, category=None)
    table: list[tuple[dict[str, Any], list[WorkOrder]]] = [
        ({"status": "handling"}, [led]),
        ({"status": ["handling", "registered"]}, [led, registered]),
        ({"grade": "emergency"}, [registered]),
        ({"kind": "complaint"}, [led, registered]),
        ({"category": road.category.code}, [led]),
        ({"category": road.category.chain()[-1]}, [led]),
        ({"area": "110105"}, [led]),
        ({"area": "110101"}, []),
        ({"unit": STREET}, [led]),
        ({"unit": "Q110105"}, [led]),
        ({"unit": "Q110106"}, []),
        ({"open": "true"}, [led, registered]),
        ({"open": "false"}, []),
        ({"overdue": "true"}, [led, registered]),
        ({"number": f"{led.number},{registered.number}"}, [led, registered]),
        ({"number": led.spoken_number}, [led]),
        ({"registered_since": registered.registered_at.isoformat()}, [registered]),
        ({"registered_before": registered.registered_at.isoformat()}, [led]),
        ({"updated_since": (road.now + timedelta(minutes=1)).isoformat()}, []),
        ({"updated_since": led.registered_at.isoformat()}, [led, registered]),
        ({"due_before": led.registered_at.isoformat()}, []),
        ({"due_before": "2099-01-01T00:00:00+08:00"}, [led, registered]),
    ]
    for query, expected in table:
        found = {row["number"] for row in city.read("/workorders/", **query)["results"]}
        assert found == {order.number for order in expected}, query


def test_only_the_fields_that_were_asked_for_are_answered(street: Machine, road: Road) -> None:
    order = road.to("dispatched")
    listed = street.read("/workorders/", fields="number,status")["results"]
    assert listed == [{"number": order.number, "status": "dispatched"}]
    assert list(street.read(f"/workorders/{order.number}/", fields="actions")) == ["actions"]
    assert set(street.read("/units/", fields="code")["results"][0]) == {"code"}


LISTS = [
    "/workorders/",
    "/workorders/?ordering=due_at&overdue=true",
    "/workorders/{}/events/",
    "/workorders/{}/attachments/",
    "/units/",
    "/areas/",
    "/categories/",
    "/calendar/",
]


@pytest.mark.parametrize("path", LISTS)
def test_a_longer_list_takes_no_more_queries(path: str, street: Machine, road: Road) -> None:
    order = road.to("handling")

    def more(count: int) -> int:
        for n in range(count):
            road.to("dispatched")
            road.act(order, "note", files=[SimpleUploadedFile(f"{n}.txt", b"x")])
        Unit.objects.bulk_create(
            Unit(
                code=f"X{Unit.objects.count() + n}", name="x", path=f"/X{Unit.objects.count() + n}/", kind="department"
            )
            for n in range(count)
        )
        with CaptureQueriesContext(
            connection,
        ) as queries:
            street.get(V1 + path.format(order.number))
        return len(queries)

    street.get(V1 + "/units/")  # the first call of a minute also writes when the client was last used
    assert more(2) == more(4)


def test_one_order_takes_a_fixed_number_of_queries(street: Machine, road: Road) -> None:
    order = road.to("handling")
    with CaptureQueriesContext(connection) as few:
        street.read(f"/workorders/{order.number}/")
    for _ in range(6):
        road.act(order, "progress")
    with CaptureQueriesContext(connection) as many:
        street.read(f"/workorders/{order.number}/")
    assert len(many) <= len(few) <= 21


# Conditional requests


READS = [
    "/workorders/",
    "/workorders/{}/",
    "/workorders/{}/events/",
    "/units/",
    "/categories/",
    "/areas/",
    "/policy/",
    "/calendar/",
]


@pytest.mark.parametrize("path", READS)
def test_what_the_caller_has_already_is_not_sent_again(path: str, street: Machine, road: Road) -> None:
    address = V1 + path.format(road.to("dispatched").number)
    first = street.get(address)
    again = street.get(address, headers={"If-None-Match": first["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again["ETag"] == first["ETag"] and "RateLimit" in again
    assert street.get(address, headers={"If-None-Match": '"another"'}).status_code == 200


def test_a_changed_order_has_another_etag_and_so_has_another_language(street: Machine, road: Road) -> None:
    order = road.to("handling")
    address = f"{V1}/workorders/{order.number}/"
    before = street.get(address)["ETag"]
    assert street.get(address, headers={"Accept-Language": "en"})["ETag"] != before
    post(street, order, "progress", {"text": "已派人"})
    assert street.get(address)["ETag"] != before


def test_a_write_with_if_match_is_refused_when_the_order_has_changed(street: Machine, road: Road) -> None:
    order = road.to("handling")
    seen = street.get(f"{V1}/workorders/{order.number}/")["ETag"]
    assert post(street, order, "progress", {"text": "一"}, If_Match=seen)[0] == 200
    code, problem = post(street, order, "progress", {"text": "二"}, If_Match=seen)
    assert (code, problem["code"], problem["order"]["version"]) == (412, "precondition_failed", order.version + 1)
    assert post(street, order, "progress", {"text": "三"}, If_Match='"nonsense"')[0] == 412
    assert post(street, order, "progress", {"text": "四"}, If_Match="*")[0] == 200
    narrow = street.get(f"{V1}/workorders/{order.number}/", {"fields": "number"}, headers={"Accept-Encoding": "gzip"})
    assert post(street, order, "progress", {"text": "五"}, If_Match=narrow["ETag"])[0] == 200


def test_answers_are_packed_for_who_can_unpack_them(street: Machine) -> None:
    plain = street.get(f"{V1}/units/")
    packed = street.get(f"{V1}/units/", headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 2
    assert (
        street.get(f"{V1}/units/", headers={"Accept-Encoding": "gzip", "If-None-Match": packed["ETag"]}).status_code
        == 304
    )


# Steps


def test_a_step_through_the_api_is_the_same_act(street: Machine, road: Road) -> None:
    order = road.to("dispatched")
    code, answer = post(street, order, "sign", {"version": order.version})
    assert (code, answer["order"]["status"]) == (200, "handling")
    code, answer = post(street, order, "contact", {"way": "phone", "text": "已联系"})
    assert code == 200
    assert Event.objects.get(order=order, number=answer["event"]["number"]).data["way"] == "phone"


def test_a_unit_works_an_order_from_signing_to_the_callback(street: Machine, road: Road) -> None:
    order = road.to("dispatched")
    for step, body in (
        ("sign", {}),
        ("contact", {"way": "phone", "text": "已联系"}),
        ("progress", {"text": "已派人到现场"}),
        ("report", {"solved": "yes", "text": "已整改"}),
        ("approve", {}),
    ):
        assert post(street, order, step, body)[0] == 200, step
    assert WorkOrder.objects.get(pk=order.pk).status == "callback"


def test_dashes_and_underscores_name_the_same_step(road: Road) -> None:
    order = road.to("handling")
    co_handling = Machine("Q110105", *HANDLING)
    assert post(co_handling, order, "co-sign")[0] == 200
    assert post(co_handling, order, "co_report", {"text": "已配合"})[0] == 200


def test_a_step_may_bring_files(street: Machine, road: Road) -> None:
    order = road.to("handling")
    form = {
        "solved": "yes",
        "text": "见附件",
        "version": str(order.version),
        "files": [SimpleUploadedFile("照片.png", PNG), SimpleUploadedFile("b.txt", b"b")],
    }
    answer = street.post(f"{V1}/workorders/{order.number}/report/", form)
    assert answer.status_code == 200, answer.content
    assert [one.name for one in Attachment.objects.filter(order=order)] == ["照片.png", "b.txt"]


@pytest.mark.parametrize(
    ("step", "body", "status", "code"),
    [
        ("accept", {}, 403, "not_allowed"),
        ("accept", {"colour": "red"}, 403, "not_allowed"),
        ("report", {"text": "x", "solved": "yes"}, 409, "wrong_state"),
        ("sign", {"version": 1}, 409, "stale_version"),
        ("sign", {"colour": "red"}, 400, "invalid"),
        ("sign", {"version": "one"}, 400, "invalid"),
        ("sign", {"version": True}, 400, "invalid"),
        ("sign", {"actor": 1}, 400, "invalid"),
        ("sign", {"now": "2026-01-01"}, 400, "invalid"),
        ("sign", [], 400, "invalid"),
        ("note", {"text": ""}, 400, "invalid"),
        ("note", {"text": 5}, 400, "invalid"),
        ("note", {"text": None}, 400, "invalid"),
        ("note", {"text": ["x"]}, 400, "invalid"),
        ("note", {"text": "x", "files": ["x"]}, 400, "invalid"),
        ("nothing", {}, 404, "not_found"),
    ],
)
def test_a_refused_act_says_why_and_changes_nothing(
    step: str, body: object, status: int, code: str, street: Machine, road: Road
) -> None:
    order = road.to("dispatched")
    events = order.events.count()
    answer = send(street, f"/workorders/{order.number}/{step}/", body)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["status"]) == (status, code, status)
    assert answer["Content-Type"] == "application/problem+json"
    assert problem["type"] == f"urn:jiesu:problem:{code}" and problem["title"] and problem["detail"]
    assert ("order" in problem) == (status == 409)
    assert ("fields" in problem) == (status == 400)
    assert order.events.count() == events


def test_orders_are_signed_in_bulk_each_for_itself(street: Machine, road: Road) -> None:
    ready, done = road.to("dispatched"), road.to("handling")
    answer = street.send("/workorders/bulk/sign/", {"numbers": [ready.number, done.number, "1", ready.number]})
    results = {row["number"]: row for row in answer.json()["results"]}
    assert results[ready.number]["order"]["status"] == "handling"
    assert (results[done.number]["signed"], results[done.number]["problem"]["code"]) == (False, "wrong_state")
    assert results["1"]["problem"]["code"] == "not_found"
    assert len(answer.json()["results"]) == 3


# Files


def test_files_are_added_listed_and_fetched(street: Machine, road: Road) -> None:
    order = road.to("handling")
    address = f"{V1}/workorders/{order.number}/attachments/"
    answer = street.post(address, {"files": [SimpleUploadedFile("现场.txt", "内容".encode())]})
    assert answer.status_code == 201, answer.content
    listed = street.read(f"/workorders/{order.number}/attachments/")["results"]
    assert listed == answer.json()["results"]
    data = answer.json()["event"]["data"]
    digest = sha256("内容".encode()).hexdigest()
    assert data == {"text": "现场.txt", "files": [{"name": "现场.txt", "came": digest, "kept": digest}]}
    file = street.get(listed[0]["url"])
    assert (file.getvalue().decode(), file["Content-Type"]) == ("内容", "text/plain")
    assert Machine("J110101001", *HANDLING).get(listed[0]["url"]).status_code == 404


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (lambda: {"text": "x"}, "files"),
        (lambda: {"files": "not a file"}, "files"),
        (lambda: {"files": SimpleUploadedFile("a.exe", b"MZ")}, "files"),
        (lambda: {"files": SimpleUploadedFile("a.txt", b"")}, "files"),
        (lambda: {"files": SimpleUploadedFile("a.txt", b"x"), "colour": "red"}, "colour"),
        (lambda: {"file": SimpleUploadedFile("a.txt", b"x")}, "file"),
        (lambda: {"files": SimpleUploadedFile("a.txt", b"x"), "text": "a\0b"}, "text"),
    ],
)
def test_a_file_that_is_not_taken_leaves_nothing(
    form: Callable[[], dict], field: str, street: Machine, road: Road
) -> None:
    order = road.to("handling")
    answer = street.post(f"{V1}/workorders/{order.number}/attachments/", form())
    assert (answer.status_code, list(answer.json()["fields"])[0].partition(".")[0]) == (400, field)
    assert not Attachment.objects.exists()


# Intake


VOICE = {"matter": "楼下夜间施工", "kind": "complaint", "channel": "app", "phone": "13900002222", "name": "李四"}


def test_a_channel_registers_an_appeal_once(channel: Machine) -> None:
    body = {**VOICE, "source_id": "app-1", "area": "110105009"}
    first, again = channel.send("/appeals/", body), channel.send("/appeals/", {**body, "matter": "又发了一遍"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    order = WorkOrder.objects.get()
    assert first["Location"].endswith(f"{V1}/appeals/{order.number}/")
    assert (order.matter, order.area.code) == ("楼下夜间施工", "110105009")
    assert Appeal.objects.get().complainant.phone == "13900002222"


def test_a_channel_follows_its_own_appeals_and_no_others(channel: Machine, road: Road) -> None:
    number = channel.send("/appeals/", {**VOICE, "source_id": "app-1"}).json()["number"]
    assert channel.read(f"/appeals/{number}/")["status"] == "registered"
    for other in (Machine("1100", *CHANNEL),):
        assert other.get(f"{V1}/appeals/{number}/").status_code == 404
    assert channel.get(f"{V1}/appeals/{road.register().number}/").status_code == 404


def test_the_channel_hears_the_answer_when_it_is_out(channel: Machine, road: Road, cast: Cast) -> None:
    number = channel.send("/appeals/", {**VOICE, "category": road.category.code, "area": "110105009"}).json()["number"]
    order = WorkOrder.objects.get(number=number)
    for step in ("accept", "dispatch", "sign", "contact", "report"):
        road.act(order, step)
    assert channel.read(f"/appeals/{number}/")["answer"] is None
    road.act(order, "approve")
    told = channel.read(f"/appeals/{number}/")
    assert told["answer"].startswith("已到现场核查")
    assert [stage["status"] for stage in told["stages"]] == [
        "registered",
        "accepted",
        "dispatched",
        "handling",
        "reported",
        "callback",
    ]


def test_a_call_is_announced_once_and_answered_with_what_is_known(channel: Machine, road: Road, cast: Cast) -> None:
    road.register(phone="13900002222", name="李四")
    road.to("closed", phone="13900002222", name="李四")
    road.register(phone="13700000000", name="别人")
    body = {"call_id": "pbx-1", "phone": "+86 139-0000-2222", "line": "12345", "agent": cast.of(Role.OPERATOR).username}
    first, again = channel.send("/calls/", body), channel.send("/calls/", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    told = first.json()
    assert told["caller"] == {"known": True, "name": "李*", "phone": told["caller"]["phone"]}
    assert "13900002222" not in first.content.decode()
    assert (told["history"]["total"], told["history"]["open"]) == (2, 1)
    assert [row["status"] for row in told["open_orders"]] == ["registered"]
    call = Call.objects.get()
    assert (call.phone, call.agent) == ("+86 139-0000-2222", body["agent"])


@pytest.mark.parametrize("agent", ["nobody", "1' OR '1'='1", "a-handler", "who-left"])
def test_a_call_for_nobody_at_the_hotline_is_refused_by_its_field(channel: Machine, cast: Cast, agent: str) -> None:
    User.objects.create(username="a-handler", roles=[Role.HANDLER])
    User.objects.create(username="who-left", roles=[Role.OPERATOR], is_active=False)
    answer = channel.send("/calls/", {"call_id": "pbx-1", "phone": "13900002222", "agent": agent})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["agent"])
    assert not Call.objects.exists()


def test_an_unknown_or_withheld_number_is_known_of_nothing(channel: Machine) -> None:
    for call_id, body in (("1", {"phone": "13111111111"}), ("2", {}), ("3", {"phone": None})):
        told = channel.send("/calls/", {"call_id": call_id, **body}).json()
        assert (told["caller"]["known"], told["history"]["total"], told["open_orders"]) == (False, 0, [])


def test_only_the_hotline_registers(road: Road, cast: Cast) -> None:
    person = Client()
    for role, unit, expected in (
        (Role.OPERATOR, None, 201),
        (Role.DISPATCHER, None, 403),
        (Role.HANDLER, road.lead, 403),
    ):
        person.force_login(cast.of(role, unit))
        assert send(person, "/appeals/", VOICE).status_code == expected
    crossed = cast.of(Role.HANDLER, road.lead)
    crossed.roles = [Role.HANDLER, Role.OPERATOR]
    crossed.save()
    person.force_login(crossed)
    assert send(person, "/appeals/", VOICE).status_code == 403


# Reference data


def test_reference_data_is_whole(street: Machine) -> None:
    for path, model in (("units", Unit), ("calendar", None)):
        found = street.read(f"/{path}/")
        assert len(found["results"]) == model.objects.count() if model else found["announced"]
    assert street.read("/policy/")["version"] == 1
    assert street.read("/policy/", version=1)["document"]["limits"]
    assert street.get(f"{V1}/policy/?version=9").status_code == 404
    assert street.read("/calendar/", year=2026)["days"][0] == {
        "date": "2026-01-01",
        "is_working": False,
        "note": CalendarDay.objects.get(date="2026-01-01").note,
    }
    assert street.read("/calendar/", year=2999) == {"year": 2999, "announced": False, "days": []}


# Rate limits


def test_a_caller_is_told_what_is_left_and_stopped_when_nothing_is(street: Machine, settings: Any) -> None:
    settings.API_RATES = {**settings.API_RATES, "calls": (2, 3600)}
    answers = [street.get(f"{V1}/units/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0]["RateLimit-Policy"] == '"default";q=2;w=3600'
    assert [answer["RateLimit"].split(";")[1] for answer in answers] == ["r=1", "r=0", "r=0"]
    problem = answers[2].json()
    assert problem["code"] == "throttled" and 0 < int(answers[2]["Retry-After"]) <= 3600
    assert Machine("Q110105", *HANDLING).get(f"{V1}/units/").status_code == 200


def test_where_redis_is_away_nobody_is_kept_out(street: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_args: object, **_options: object) -> None:
        raise RedisGone

    monkeypatch.setattr(throttles.cache, "add", gone)
    answer = street.get(f"{V1}/units/")
    assert answer.status_code == 200 and "RateLimit" not in answer


# The shape of errors


def test_every_kind_of_error_is_a_problem(street: Machine, road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    number = road.to("dispatched").number
    table = [
        (street.get(f"{V1}/nowhere/"), 404, "not_found"),
        (street.get(f"{V1}/units"), 404, "not_found"),
        (street.get(f"{V1}/workorders/1/"), 404, "not_found"),
        (street.delete(f"{V1}/units/"), 405, "method_not_allowed"),
        (street.options(f"{V1}/units/"), 405, "method_not_allowed"),
        (street.get(f"{V1}/workorders/{number}/sign/"), 405, "method_not_allowed"),
        (street.get(f"{V1}/units/", headers={"Accept": "text/html"}), 406, "not_acceptable"),
        (
            street.post(f"{V1}/workorders/{number}/sign/", "a=1", content_type="text/plain"),
            415,
            "unsupported_media_type",
        ),
        (Client().get(f"{V1}/units/"), 401, "not_authenticated"),
    ]
    for answer, status, code in table:
        assert (answer.status_code, answer.json()["code"], answer["Content-Type"]) == (
            status,
            code,
            "application/problem+json",
        )
    assert "GET" in table[3][0]["Allow"]


def test_what_nobody_expected_is_a_problem_without_a_word_of_the_inside(
    street: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr("workorders.api.reference.chosen_fields", broken)
    answer = street.get(f"{V1}/units/")
    assert (answer.status_code, answer.json()["code"]) == (500, "error")
    assert "inside" not in answer.content.decode()
