"""Telephones as people and telephone systems write them: read, kept, known again, and never the end of a complaint."""

from collections.abc import Callable
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from config.cast import Cast
from intake import callers
from intake.models import Appeal, Call, Complainant, Message
from intake.services import Voice, register
from tests.api import CHANNEL, Machine
from tests.conftest import NOW
from tests.roads import Road
from workorders import telephones
from workorders.fields import mask_telephone, telephone_indexes
from workorders.lifecycle import Role
from workorders.models import WorkOrder

MOBILE, OTHER, LANDLINE = "13900001234", "13900005678", "010-66778899"
WAYS: dict[str, tuple[str, ...]] = {
    MOBILE: (
        "１３９００００１２３４",
        "139 0000 1234",
        "139-0000-1234",
        "139.0000.1234",
        "139·0000·1234",
        "139\xa00000\xa01234",
        "139—0000–1234",
        "139\u200b0000\u200b1234",
        "\u202a13900001234\u202c",
        "\ufeff13900001234",
        "+8613900001234",
        "+86 139 0000 1234",
        "＋86-139-0000-1234",
        "+(86)13900001234",
        "(+86) 13900001234",
        "0086-13900001234",
        "008613900001234",
        "086-13900001234",
        "8613900001234",
        "013900001234",
        "17951 13900001234",
        "一三九零零零零一二三四",
        "幺三九〇〇〇〇幺二三四",
        "٠١٣٩٠٠٠٠١٢٣٤",
        "①③⑨00001234",
        "13900001234.0",
        "'13900001234",
        "tel:+86-139-0000-1234",
        "sip:13900001234@10.0.0.1:5060;transport=udp",
        "sip:+8613900001234@ims.mnc000.mcc460.3gppnetwork.org;user=phone",
        "sips:%2B8613900001234@proxy.example",
        "手机：13900001234",
        "13900001234；",
    ),
    LANDLINE: (
        "（010）66778899",
        "(010) 6677-8899",
        "010)66778899",
        "010 6677 8899",
        "010—66778899",
        "010一66778899",
        "010/66778899",
        "01066778899",
        "１０－６６７７８８９９",
        "+86 (0)10 6677 8899",
        "0086-10-66778899",
        "861066778899",
        "66778899",
        "6677 8899",
    ),
    "010-66778899转8001": (
        "010-66778899转8001",
        "010-66778899-8001",
        "010-6677-8899-8001",
        "66778899转8001",
        "010-66778899 ext 8001",
        "010-66778899 Ext. 8001",
        "010-66778899x8001",
        "010-66778899#8001",
        "010-66778899*8001",
        "010-66778899分机8001",
        "010-66778899 分机号：8001",
        "（010）66778899（转8001）",
        "010-66778899总机转8001",
        "tel:+86-10-66778899;ext=8001",
    ),
    f"{MOBILE}、{OTHER}": (
        "13900001234/13900005678",
        "13900001234 13900005678",
        "13900001234,13900005678",
        "13900001234；13900005678",
        "13900001234、13900005678",
        "13900001234或13900005678",
        "13900001234-13900005678",
        "1390000123413900005678",
        "139 0000 1234 / 139 0000 5678",
    ),
    f"{MOBILE}、{LANDLINE}转8001": ("13900001234、010-66778899转8001", "手机13900001234 座机66778899转8001"),
    "+85291234567": ("+852 9123 4567", "00852-91234567", "85291234567"),
    "+16502530000": ("+1 650-253-0000", "001 650 253 0000"),
    "4008001234": ("400-800-1234",),
    "12345": ("12345", "1 2345"),
}
NONE = (
    *(
        "无",
        "没有",
        "無",
        "不详",
        "未知",
        "暂无",
        "无电话",
        "没有电话",
        "电话：无",
        "无联系方式",
        "不愿透露",
        "拒绝提供",
        "保密",
        "无/无",
    ),
    *("-", "—", "/", "*", "***", "0", "00000000000", "N/A", "n/a", "none", "null", "空"),
    *(
        "anonymous",
        "Anonymous",
        "Restricted",
        "unknown",
        "Unknown Caller",
        "No Caller ID",
        "Private Number",
        "withheld",
    ),
    *("隐藏", "隐藏号码", "主叫号码隐藏", "未显示", "", "   ", "\u200b", "sip:anonymous@anonymous.invalid"),
    *('"Anonymous" <sip:anonymous@anonymous.invalid>', "sip:x@privacy.invalid", "anonymous@10.0.0.1"),
)
NO_NUMBER = ("打我电话", "见来电显示", "1.39E+10", "139****1234", "139xxxx1234", "12", "sip:alice@corp.example", "abc")


@pytest.mark.parametrize(("kept", "written"), [(kept, way) for kept, ways in WAYS.items() for way in ways])
def test_however_a_number_is_written_it_is_the_same_number(kept: str, written: str) -> None:
    reading = telephones.read(written)
    assert (reading.text, reading.rest, reading.is_clear) == (kept, "", True)
    assert reading.keys == telephones.read(kept).keys


@pytest.mark.parametrize("written", NONE)
def test_what_says_that_there_is_no_number_is_none(written: str) -> None:
    assert telephones.read(written) == telephones.Reading("")


@pytest.mark.parametrize("written", NO_NUMBER)
def test_what_is_no_number_is_kept_as_it_was_written_and_doubted(written: str) -> None:
    reading = telephones.read(written)
    assert (reading.text, reading.numbers, reading.is_clear) == (written, (), False)


@pytest.mark.parametrize("written", ["1390000123", "139000012345", "0311-8765432", "1234567"])
def test_a_number_with_a_digit_too_few_or_too_many_is_known_again_and_doubted(written: str) -> None:
    reading = telephones.read(written)
    assert (len(reading.keys), reading.is_clear) == (1, False)


@pytest.mark.parametrize(
    ("written", "kept", "rest"),
    [
        ("13900001234（家属）", MOBILE, "家属"),
        ("王女士13900001234", MOBILE, "王女士"),
        ("010-66778899/8890", LANDLINE, "8890"),
    ],
)
def test_what_stands_beside_a_number_is_not_lost(written: str, kept: str, rest: str) -> None:
    reading = telephones.read(written)
    assert (reading.text, reading.written) == (kept, written)
    assert rest in reading.rest


def test_a_short_number_is_one_of_the_sites_area(settings: Any) -> None:
    settings.SITE_AREA_CODE = "0311"
    assert telephones.read("87654321").text == "0311-87654321"
    assert telephones.read("87654321").keys == telephones.read("+86 311 8765 4321").keys


def test_a_number_is_dialled_with_its_extension() -> None:
    dialled = [number.uri for number in telephones.read("13900001234、010-66778899转8001").numbers]
    assert dialled == ["tel:13900001234", "tel:01066778899;ext=8001"]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60) | st.text("0123456789+-()（）/、;转一零 x*#@", max_size=60))
def test_any_text_is_read_twice_alike_and_loses_no_digit(written: str) -> None:
    reading = telephones.read(written)
    assert telephones.read(reading.text).keys == reading.keys
    assert reading.numbers or reading.text in ("", reading.written)


# The doors


@pytest.fixture
def channel(db: None) -> Machine:
    return Machine("1100", *CHANNEL)


def through_the_api(channel: Machine, phone: str, **facts: Any) -> WorkOrder:
    said = {"matter": "楼道灯不亮", "kind": "complaint", "channel": "phone", "name": "甲某", "phone": phone, **facts}
    answer = channel.send("/appeals/", said)
    assert answer.status_code == 201, answer.content
    return WorkOrder.objects.get(number=answer.json()["number"])


def through_the_desk(operator: Client, phone: str, **facts: Any) -> WorkOrder:
    said = {"matter": "楼道灯不亮", "kind": "complaint", "channel": "phone", "name": "甲某", "act": "register"}
    assert operator.post("/reception/", {**said, "phone": phone, **facts}).status_code == 303
    return WorkOrder.objects.latest("id")


def through_the_import(folder: Path, phone: str, **facts: Any) -> WorkOrder:
    row = {
        "id": "1",
        "detail": "楼道灯不亮",
        "created_at": "2026-11-20 10:00",
        "姓名": "甲某",
        "联系电话": phone,
        **facts,
    }
    cells = ["\t".join(row), "\t".join(row.values())]
    file = folder / "rows.csv"
    file.write_text("\n".join(",".join(f'"{cell}"' for cell in line.split("\t")) for line in cells))
    call_command("import_orders", str(file), stdout=StringIO(), stderr=StringIO())
    return WorkOrder.objects.latest("id")


DOORS = ["desk", "api", "import", "service"]


@pytest.fixture
def bring(tmp_path: Path, channel: Machine, as_: Callable[..., Client], cast: Cast) -> Callable[..., WorkOrder]:
    def through(door: str, phone: str, **facts: Any) -> WorkOrder:
        if door == "desk":
            return through_the_desk(as_(Role.OPERATOR), phone, **facts)
        if door == "api":
            return through_the_api(channel, phone, **facts)
        if door == "import":
            return through_the_import(tmp_path, phone, **facts)
        return register(Voice(matter="楼道灯不亮", name="甲某", phone=phone, **facts), actor=cast.of(Role.OPERATOR))

    return through


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("written", "kept", "asked"),
    [
        ("１３９００００１２３４", MOBILE, [MOBILE, "+86 139 0000 1234"]),
        ("（010）66778899转8001", "010-66778899转8001", ["66778899", "010-66778899-8002"]),
        ("13900001234/13900005678", f"{MOBILE}、{OTHER}", [MOBILE, OTHER]),
        ("13900001234（家属）", MOBILE, ["sip:13900001234@pbx.example"]),
        ("139\x7f0000\x021234", MOBILE, [MOBILE]),
        ("打我电话", "打我电话", []),
    ],
)
def test_a_telephone_never_costs_a_complaint_and_its_owner_is_known_at_every_door(
    bring: Callable[..., WorkOrder], cast: Cast, door: str, written: str, kept: str, asked: list[str]
) -> None:
    order = bring(door, written)
    person = Complainant.objects.get(appeals__order=order)
    assert person.phone == kept
    assert person.phone_written == (written if "家属" in written else "")
    assert bool(person.doubts) is (not asked)
    for way in asked:
        assert callers.of_phone(way, cast.of(Role.OPERATOR)).orders == [order]


def test_the_import_says_which_row_has_a_doubtful_telephone_and_not_what_stands_there(
    tmp_path: Path, cast: Cast
) -> None:
    file, said = tmp_path / "rows.csv", StringIO()
    file.write_text("id,detail,created_at,联系电话\n1,楼道灯不亮,2026-11-20 10:00,打我电话88\n")
    call_command("import_orders", str(file), stdout=said, stderr=said)
    assert "no complete number" in said.getvalue()
    assert "打我电话88" not in said.getvalue()


@pytest.mark.parametrize("door", DOORS)
def test_where_there_is_no_telephone_none_is_kept(bring: Callable[..., WorkOrder], door: str) -> None:
    order = bring(door, "无")
    assert Complainant.objects.get(appeals__order=order).phone == ""


def test_the_same_person_with_a_second_number_is_found_by_both_and_loses_none(
    bring: Callable[..., WorkOrder], cast: Cast
) -> None:
    for written in (MOBILE, f"{MOBILE}、{OTHER}", "139 0000 1234"):
        bring("service", written)
    assert [person.phone for person in Complainant.objects.order_by("pk")] == [MOBILE, f"{MOBILE}、{OTHER}"]
    assert callers.of_phone(OTHER, cast.of(Role.OPERATOR)).total == 1
    assert callers.of_phone(MOBILE, cast.of(Role.OPERATOR)).total == 3


@pytest.mark.parametrize(
    "hidden", ["anonymous", "Restricted", "unknown", "隐藏号码", "", "*", None, "sip:a@anonymous.invalid"]
)
def test_who_hides_the_number_is_put_through_and_the_desk_opens(
    channel: Machine, as_: Callable[..., Client], cast: Cast, hidden: str | None
) -> None:
    operator = cast.of(Role.OPERATOR)
    answer = channel.send("/calls/", {"call_id": "pbx-1", "phone": hidden, "agent": operator.username})
    assert (answer.status_code, answer.json()["caller"]) == (201, {"known": False, "name": "", "phone": ""})
    assert Call.objects.get().phone == ""
    assert "隐藏号码" in str(as_(Role.OPERATOR).get("/reception/ringing/").json())
    assert as_(Role.OPERATOR).get("/reception/", {"call": "pbx-1"}).context["form"]["phone"].value() == ""


@pytest.mark.parametrize(
    ("sent", "kept"), [("sip:+8613900001234@ims.example", MOBILE), ("sip:alice@corp.example",) * 2]
)
def test_a_call_is_recorded_whatever_the_telephone_system_sends(channel: Machine, sent: str, kept: str) -> None:
    assert channel.send("/calls/", {"call_id": "pbx-1", "phone": sent}).status_code == 201
    assert (Call.objects.get().phone, Call.objects.get().number) == (sent, kept)


def test_a_caller_is_known_by_the_call_however_the_import_wrote_the_number(
    bring: Callable[..., WorkOrder], channel: Machine
) -> None:
    order = bring("import", "王女士 0086-139 0000 1234")
    answer = channel.send("/calls/", {"call_id": "pbx-1", "phone": "+8613900001234"}).json()
    assert (answer["caller"]["known"], answer["open_orders"][0]["number"]) == (True, order.number)


def test_a_doubtful_number_is_marked_where_it_is_read(
    bring: Callable[..., WorkOrder], as_: Callable[..., Client]
) -> None:
    order = bring("desk", "1390000123", identity="110105194912310021")
    page = as_(Role.OPERATOR).get(f"/orders/{order.number}/").content.decode()
    assert page.count("text-warning-emphasis") == 2
    assert "1390000123" not in page
    asked = as_(Role.OPERATOR).post("/reception/caller/", {"phone": "1390000123"}).content.decode()
    assert "alert-warning" in asked


def test_a_message_goes_to_the_mobile_number_and_none_to_what_is_no_number(road: Road) -> None:
    for phone in (f"{LANDLINE}、{MOBILE}", "打我电话"):
        order = road.register(channel="web", phone=phone)
        road.act(order, "answer")
    assert [message.phone for message in Message.objects.all()] == [MOBILE]


def test_a_telephone_is_masked_number_by_number_and_what_is_none_by_half() -> None:
    assert mask_telephone(f"{MOBILE}、{LANDLINE}转8001") == "139****1234、010*****8899"
    assert mask_telephone("王小明家的电话") == "王小明…"


@pytest.mark.django_db
def test_old_rows_are_counted_anew_and_again_without_a_change() -> None:
    people = [Complainant.objects.create(phone=phone) for phone in ("66778899", "010-66778899-8001", "打我电话", "")]
    expected = list(Complainant.objects.order_by("pk").values_list("phone_indexes", flat=True))
    Complainant.objects.update(phone_indexes=[])
    module: Any = import_module("intake.migrations.0008_count_the_indexes_anew")
    for _time in range(2):
        module.count_anew(apps, connection.schema_editor())
        assert list(Complainant.objects.order_by("pk").values_list("phone_indexes", flat=True)) == expected
    assert set(Complainant.by_phone("010-66778899")) == set(people[:2])


@pytest.mark.django_db
def test_a_caller_is_found_by_index_however_many_there_are() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "complainant_by_phone" in Complainant.by_phone(MOBILE).explain()
    assert telephone_indexes("无") == []
    assert not Appeal.objects.filter(received_at=NOW).exists()
