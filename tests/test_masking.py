"""Numbers that name a person are hidden at every door, and what only looks like one stays readable."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from config.cast import Cast
from dispatch import clients
from tests.api import HANDLING, Machine
from tests.roads import Road
from workorders import numbers
from workorders.lifecycle import Role
from workorders.masking import masked
from workorders.models import Event, WorkOrder
from workorders.reading import SHOWN_FOR, words_for
from workorders.reference import rows

HIDDEN = (
    *("+8613900001234", "8613900001234", "139\xa00000\xa01234", "139.0000.1234", "139·0000·1234", "139。0000。1234"),
    *("139-0000-1234", "139—0000—1234", "139–0000–1234", "139\u20110000\u20111234", "139~0000~1234", "139_0000_1234"),
    *(
        "139（0000）1234",
        "(139)0000-1234",
        "【139】0000 1234",
        "1 3 9 0 0 0 0 1 2 3 4",
        "13-900-001-234",
        "139 - 0000 - 1234",
    ),
    *(
        "139\u200b0000\u200b1234",
        "1\u200b3\u20609000\ufeff01234",
        "139\u30000000\u30001234",
        "１３９－００００－１２３４",
    ),
    *(
        "一三九零零零零一二三四",
        "幺三九〇〇〇〇幺二三四",
        "139零零零零1234",
        "139一0000一1234",
        "①③⑨00001234",
        "٠١٣٩٠٠٠٠١٢٣٤",
    ),
    *("+86 (0)139 0000 1234", "0086 13900001234", "(+86)13900001234", "17951 13900001234", "1390000123413900005678"),
    *(
        "010-12345678",
        "（010）12345678",
        "010 1234 5678",
        "0311—87654321",
        "(0311) 8765 4321",
        "+86 10 6677 8899",
        "010/66778899",
    ),
    *("+852 9123 4567", "00852-91234567", "+1 (650) 253-0000", "6222 0212 3456 7890 128"),
    *(
        "11010519491231002X",
        "110105 19491231 002X",
        "110105-1949-12-31-002x",
        "1101 0519 4912 3100 2X",
        "110105．19491231．002Ｘ",
    ),
    *(
        "110105491231002",
        "110105 491231 002",
        "A123456(7)",
        "A123456（7）",
        "AB123456(9)",
        "5123456(7)",
        "E12345678",
        "e 1234 5678",
    ),
    *("EA1234567", "H01234567", "M0123456701", "A123456789", "ABC123456789012"),
    *(
        "电话66778899",
        "联系电话：6677-8899",
        "手机139,0000,1234",
        "台胞证12345678",
        "护照号：C01X00T47",
        "身份证 1101051949",
    ),
)
READABLE = (
    *(
        "2026-11-27",
        "2026年11月27日15时30分",
        "2026/11/27 15:30",
        "2026.11.27",
        "20261127",
        "20261127153000",
        "27/11/2026",
    ),
    *(
        "2026-11-27至2026-12-31",
        "2026-11-27 08:30-17:30",
        "0830-1130 1330-1730",
        "13:00-14:30 15:00-16:00",
        "二〇二六年十一月",
    ),
    *(
        "12,345.67元",
        "1390000元",
        "13900001234元",
        "￥13900001234.00",
        "13,900,001,234元",
        "1500-2000元",
        "139.00元",
        "150 2026-11-27",
    ),
    *(
        "京A12345",
        "京AD12345",
        "京A·12345",
        "沪C12345D",
        "粤B·D12345",
        "京N·8Q5A2",
        "12345",
        "10086",
        "电话12345",
        "邮编100020",
    ),
    *(
        "3号楼2单元501室",
        "1301、1302、1303室",
        "公交139路、300路、1234路",
        "135、1402、1503",
        "一二三四五六七",
        "京12345-20261127",
    ),
)


@pytest.mark.parametrize("before", ["", "请拨", "3号楼", "2026-11-27 "])
@pytest.mark.parametrize("number", HIDDEN)
def test_a_number_of_a_person_is_hidden_however_it_is_written(number: str, before: str) -> None:
    if before and number[:1] in "电联手台护身":
        before = ""
    shown = masked(f"{before}{number}，无人接听。")
    assert shown.startswith(before)
    assert shown.endswith("，无人接听。")
    assert shown.count("*") >= sum(character.isalnum() for character in number) // 2 - 3 > 0


@pytest.mark.parametrize("number", ["1390000123", "139 0000 12", "+86 139-0000-1", "010-6677889", "110105194912"])
def test_a_number_that_a_title_was_cut_in_is_hidden_too(number: str) -> None:
    assert "*" in masked(f"路灯不亮，请回电{number}…")
    assert masked("报修于2026-11-27 15…") == "报修于2026-11-27 15…"


@pytest.mark.parametrize("around", ["{}", "工单{}已办", "于 {} 前", "（{}）"])
@pytest.mark.parametrize("text", READABLE)
def test_what_only_looks_like_a_number_of_a_person_stays_readable(text: str, around: str) -> None:
    assert masked(around.format(text)) == around.format(text)


@settings(max_examples=100, deadline=None)
@given(st.dates(), st.integers(0, 999_999), st.sampled_from(["{}", "工单{}。", "见 {}，已并单"]))
def test_no_number_of_an_order_is_hidden(day: Any, running: int, around: str) -> None:
    digits = f"{day:%y%m%d}{running:06d}"
    number = digits + numbers.check_digit(digits)
    for written in (number, numbers.spoken(number)):
        assert masked(around.format(written)) == around.format(written)


GAPS = st.sampled_from(["", " ", "-", ".", "\xa0", "—", "－", "\u200b", " - ", "·", "　"])


@settings(max_examples=200, deadline=None)
@given(
    st.from_regex(r"\A1[3-9][0-9]{9}\Z"),
    GAPS,
    st.sampled_from([(3, 7), (3, 6), (4, 7), (3, 11)]),
    st.sampled_from("，。 电\n"),
)
def test_no_mobile_number_is_read_whatever_stands_between_its_groups(
    number: str, gap: str, cuts: tuple[int, int], after: str
) -> None:
    written = gap.join(part for part in (number[: cuts[0]], number[cuts[0] : cuts[1]], number[cuts[1] :]) if part)
    shown = masked(f"请拨打{written}{after}谢谢")
    assert sum(character.isdigit() for character in shown) <= 7
    wide = masked(written.translate(str.maketrans("0123456789", "０１２３４５６７８９")))
    assert sum(character.isdigit() for character in wide) <= 7


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_masking_changes_nothing_but_the_hidden_signs_and_is_done_after_one_time(text: str) -> None:
    shown = masked(text)
    assert len(shown) == len(text)
    assert all(now in (was, "*") for was, now in zip(text, shown, strict=True))


# The doors

PHONE, PAPER, HOME = "+86 139-0000-5678", "110105 19491231 002X", "（010）8586 1234"
SECRETS = ("0000-5678", "19491231", "8586 1234")
SAID = {"title": f"请回电{PHONE}", "matter": f"路灯不亮，回电{PHONE}，证件{PAPER}", "address": f"酒仙桥路10号 {HOME}"}


@pytest.fixture
def order(recent: Road) -> WorkOrder:
    order = recent.to("handling", **SAID)
    recent.act(order, "note", text=f"诉求人补充电话{PHONE}")
    return order


def pages_of(order: WorkOrder) -> dict[Role, list[str]]:
    number = order.number
    return {
        Role.OPERATOR: ["/orders/?view=all", f"/orders/{number}/", f"/orders/{number}/steps/note/"],
        Role.SUPERVISOR: ["/orders/?view=all&columns=words&columns=address", f"/orders/{number}/"],
        Role.HANDLER: ["/unit/", f"/unit/{number}/", f"/orders/{number}/"],
    }


def read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.SUPERVISOR, Role.HANDLER])
def test_no_page_shows_a_number_that_somebody_wrote_into_the_words(
    role: Role, order: WorkOrder, cast: Cast, recent: Road
) -> None:
    client = Client()
    client.force_login(cast.of(role, recent.lead) if role == Role.HANDLER else cast.of(role))
    for path in pages_of(order)[role]:
        page = read(client, path)
        assert not [secret for secret in SECRETS if secret in page], path


def test_who_gave_a_reason_reads_the_words_plain_for_ten_minutes_and_nobody_else(
    order: WorkOrder, cast: Cast, as_: Callable[..., Client], recent: Road
) -> None:
    reader, page = cast.of(Role.OPERATOR), f"/orders/{order.number}/"
    recent.now = timezone.now()
    recent.act(order, "reveal", reason="核对号码")
    shown = read(as_(Role.OPERATOR), page)
    assert all(secret in shown for secret in SECRETS)
    assert not any(secret in read(as_(Role.SUPERVISOR), page) for secret in SECRETS)
    assert not any(secret in read(as_(Role.OPERATOR), "/orders/?view=all&columns=words") for secret in SECRETS)
    later = Event.objects.filter(order=order, step="reveal").latest("id").at + SHOWN_FOR + timedelta(seconds=1)
    assert PHONE not in words_for(WorkOrder.objects.get(pk=order.pk), reader, SAID["matter"], now=later)


def test_the_api_masks_as_the_list_does_and_reveals_for_a_reason(order: WorkOrder, recent: Road) -> None:
    machine, path = Machine(recent.lead.code, *HANDLING), f"/workorders/{order.number}/"
    for text in (machine.read(path), machine.read("/workorders/"), machine.read(f"{path}events/")):
        assert not [secret for secret in SECRETS if secret in str(text)]
    answer = machine.send(f"{path}reveal/", {"reason": "回拨核实"})
    assert answer.json()["order"]["matter"] == SAID["matter"]
    assert all(secret in str(machine.read(path)) for secret in SECRETS)
    assert "0000-5678" in str(machine.read(f"{path}events/"))
    assert not [secret for secret in SECRETS if secret in str(machine.read("/workorders/"))]


def test_nothing_is_read_plain_by_a_unit_that_is_not_to_know_who_asked(recent: Road) -> None:
    order = recent.to("handling", **SAID, anonymous_to_unit=True)
    machine, path = Machine(recent.lead.code, *HANDLING), f"/workorders/{order.number}/"
    machine.send(f"{path}reveal/", {"reason": "回拨核实"})
    for text in (machine.read(path), machine.read(f"{path}events/")):
        assert not [secret for secret in SECRETS if secret in str(text)]


def test_feed_and_palette_tell_no_number(order: WorkOrder, as_: Callable[..., Client]) -> None:
    assert clients is not None
    found = as_(Role.OPERATOR).post("/palette/", {"q": order.number}).content.decode()
    assert order.spoken_number in found
    assert not [secret for secret in SECRETS if secret in found]


def test_the_code_of_a_unit_is_read_as_it_stands() -> None:
    codes = [row["code"] for row in rows("units")]
    assert [masked(code) for code in codes] == codes
