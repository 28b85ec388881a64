"""Tables as people hand them over: nothing of them is lost, changed or left out without a word."""

import codecs
import csv
import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl.styles import Font

from intake.heads import ALIASES, Wishes, layout, plain
from intake.models import Appeal, Complainant
from intake.moments import moment
from tests.conftest import CHINA
from tests.tables import Import, book, counts
from workorders.models import User, WorkOrder

pytestmark = pytest.mark.django_db
HEADS = ["工单编号", "标题", "诉求内容", "创建时间", "联系电话", "来电人", "身份证号", "区域"]
AT = "2026-01-05 10:00:00"


def row(number: int, **changed: object) -> list[object]:
    cells: dict[str, object] = {
        **dict.fromkeys(HEADS, ""),
        "工单编号": f"X{number:03d}",
        "诉求内容": f"样例小区{number}号楼外路灯不亮。",
        "创建时间": AT,
    }
    return list({**cells, **changed}.values())


def text(*rows: list[object], separator: str = ",", heads: list[str] = HEADS) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows([heads, *rows])
    return out.getvalue()


@pytest.fixture
def door(tmp_path: Path) -> Import:
    return Import(tmp_path)


def ids() -> list[str]:
    return sorted(Appeal.objects.values_list("source_id", flat=True))


# What a spreadsheet has rounded or put in the place of a value


@pytest.mark.parametrize("value", [2.026112e16, 20261120000000017, 10**15])
def test_a_number_that_has_lost_digits_is_no_id_and_never_already_there(door: Import, value: float) -> None:
    code, said = door.run(door.file(book([HEADS, *[row(n, 工单编号=value) for n in range(3)]])))
    assert (code, counts(said)) == (1, [3, 0, 0, 3])
    assert "line 2: source_id: As a number it has lost digits" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("身份证号", 110105194912310000.0),
        ("身份证号", "110105194912310000"),
        ("身份证号", "1.10105E+17"),
        ("工单编号", "2.6112E+12"),
        ("联系电话", "1.39E+10"),
    ],
)
def test_an_identity_a_telephone_and_an_id_that_were_shortened_are_rejected(
    door: Import, name: str, value: object
) -> None:
    code, said = door.run(door.file(book([HEADS, row(1, **{name: value}), row(2)])))
    assert (code, counts(said)) == (1, [2, 1, 0, 1])
    assert "lost digits" in said
    assert not Complainant.objects.exists()


def test_a_number_with_the_format_of_zeros_keeps_the_zeros_that_people_see(door: Import) -> None:
    def padded(workbook: Any) -> None:
        workbook.active["A2"].number_format = "000000"

    assert door.run(door.file(book([HEADS, row(1, 工单编号=123)], change=padded)))[0] == 0
    assert ids() == ["000123"]


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#NAME?", "#DIV/0!", "########"])
@pytest.mark.parametrize("is_book", [True, False])
def test_an_error_in_the_place_of_a_value_rejects_the_row(door: Import, error: str, is_book: bool) -> None:
    rows = [row(1, 诉求内容=error), row(2)]
    code, said = door.run(door.file(book([HEADS, *rows]) if is_book else text(*rows)))
    assert (code, counts(said), ids()) == (1, [2, 1, 0, 1], ["X002"])
    assert f"matter: The spreadsheet has put “{error}” in the place of the value." in said


def test_an_error_in_a_column_that_is_dropped_costs_nothing(door: Import) -> None:
    path = door.file(text([*row(1), "#REF!"], heads=[*HEADS, "备注"]))
    assert door.run(path, "--drop", "备注")[0] == 0


def test_a_formula_that_was_never_computed_is_no_empty_cell(door: Import) -> None:
    code, said = door.run(door.file(book([HEADS, row(1, 区域='="东城区"'), row(2)])))
    assert (code, counts(said), ids()) == (1, [2, 1, 0, 1], ["X002"])
    assert "area: The formula has no result" in said


def test_another_complaint_under_an_id_that_is_there_is_rejected_and_not_lost(door: Import) -> None:
    code, said = door.run(door.file(text(row(1), row(1), row(1, 诉求内容="另一件事"))))
    assert (code, counts(said)) == (1, [3, 1, 1, 1])
    assert "line 4: The id “X001” is there already, with other words or another time." in said
    again = door.file(text(row(1, 诉求内容="第三件事"), row(1), row(1, 创建时间="2026-01-06")))
    assert counts(door.run(again)[1]) == [3, 0, 1, 2]


# Columns


def test_columns_that_nobody_speaks_of_stop_the_run_before_it_begins(door: Import) -> None:
    path = door.file(text([*row(1), "附件.jpg", "急"], heads=[*HEADS, "附件", "备注"]))
    code, said = door.run(path)
    assert code == 2
    assert "Nobody has said what these columns are: 附件, 备注." in said
    assert not (WorkOrder.objects.exists() or User.objects.exists() or door.rejects.exists())
    assert door.run(path, "--drop", "附件")[0] == 2
    assert door.run(path, "--drop", "附件", "备注", "--dry-run")[0] == 0
    assert door.run(path, "--drop", "附件", "--map", "备注=address")[0] == 0
    assert WorkOrder.objects.get().address == "急"


def test_of_two_columns_with_one_head_the_second_has_a_name_of_its_own(door: Import) -> None:
    path = door.file(text([*row(1), "13900000002"], heads=[*HEADS, "联系电话"]))
    code, said = door.run(path)
    assert code == 2 and "联系电话 (2)" in said
    assert door.run(path, "--drop", "联系电话 (2)")[0] == 0
    assert door.run(path, "--drop", "nothing")[1].startswith("--drop: the file has no column “nothing”")


def test_a_value_without_a_head_above_it_rejects_its_row(door: Import) -> None:
    code, said = door.run(door.file(text([*row(1), ""], [*row(2), "回电"], heads=[*HEADS, ""])))
    assert (code, counts(said)) == (1, [2, 1, 0, 1])
    assert "Something stands in column I, which has no head." in said


@pytest.mark.parametrize(
    "head",
    [
        *("*诉求内容", "＊诉求内容", "诉求内容*", "诉求内容（必填）", "诉求内容(必填)", "诉求内容:", "诉求内容："),
        *(
            " 诉求 内容 ",
            "诉求内容\n（必填，500字以内）",
            "【必填】诉求内容",
            "3.诉求内容",
            "三、诉求内容",
            "\u200b诉求内容",
        ),
        *(
            "*诉求内容（必填）：",
            "诉求内容\u3000",
            "诉求内容-必填",
            "★诉求内容",
            "诉求内容[required]",
            "①诉求内容",
            "诉求内容(*)",
            "必填：诉求内容",
        ),
    ],
)
def test_a_head_is_known_as_forms_print_it(head: str) -> None:
    assert plain(head) == "诉求内容"


@pytest.mark.parametrize("head", ["电话（被投诉人）", "地址(户籍)", "诉求内容（补充）", "电话2"])
def test_a_remark_that_makes_it_another_thing_makes_it_another_column(head: str) -> None:
    assert layout(["诉求内容", head], Wishes(), ALIASES).unknown == [head]


def test_full_width_heads_are_the_narrow_ones(door: Import) -> None:
    assert door.run(door.file(f"ＩＤ,Ｄetail,created_at\n1,路灯,{AT}\n"))[0] == 0
    assert ids() == ["1"]


@pytest.mark.parametrize("is_book", [True, False])
def test_lines_above_the_heads_are_passed_over_and_named(door: Import, is_book: bool) -> None:
    rows: list[list[object]] = [["热线工单明细表"], ["导出时间：2026-11-20"], [], HEADS, row(1), row(2)]  # type: ignore[list-item]
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    code, said = door.run(door.file(book(rows) if is_book else out.getvalue()))
    assert (code, counts(said)) == (0, [2, 2, 0, 0])
    assert "lines above the heads were not read: 1, 2." in said


def test_the_line_of_the_heads_can_be_named(door: Import) -> None:
    path = door.file(f"id,detail\n号,话,时\n1,路灯不亮,{AT}\n")
    mapping = ("--map", "号=source_id", "话=matter", "时=registered_at")
    assert door.run(path, "--head-line", "2", *mapping)[0] == 0
    assert ids() == ["1"]
    assert "no heads stand in line 9" in door.run(path, "--head-line", "9", *mapping)[1]


# Sheets and merged cells


def two_sheets(workbook: Any) -> None:
    sheet = workbook.create_sheet("二月")
    for one in (["创建时间", "诉求内容", "工单编号"], [AT, "样例小区4号楼外路灯不亮。", "X004"]):
        sheet.append(one)


def test_all_sheets_are_read_each_by_its_own_heads(door: Import) -> None:
    code, said = door.run(door.file(book([HEADS, row(1)], change=two_sheets)))
    assert (code, counts(said), ids()) == (0, [2, 2, 0, 0], ["X001", "X004"])


def test_a_hidden_sheet_is_named_and_makes_the_code_1(door: Import) -> None:
    def hidden(workbook: Any) -> None:
        two_sheets(workbook)
        workbook["二月"].sheet_state = "hidden"

    path = door.file(book([HEADS, row(1)], name="一月", change=hidden))
    code, said = door.run(path)
    assert (code, counts(said), ids()) == (1, [1, 1, 0, 0], ["X001"])
    assert "Sheet “二月” (hidden) was not read: 2 lines." in said
    code, said = door.run(path, "--sheet", "二月")
    assert (code, counts(said)) == (0, [1, 1, 0, 0])
    assert "Sheet “一月” was not read: 2 lines." in said


def test_a_sheet_that_is_no_table_of_complaints_is_named_before_anything_is_registered(door: Import) -> None:
    def notes(workbook: Any) -> None:
        workbook.create_sheet("说明").append(["本表由样例中心填写"])

    path = door.file(book([HEADS, row(1)], name="工单", change=notes))
    code, said = door.run(path)
    assert code == 2 and "Sheet “说明”: No column is known as the matter" in said
    assert not WorkOrder.objects.exists()
    assert door.run(path, "--sheet", "工单")[0] == 0


def test_a_rejected_row_of_a_sheet_stands_under_the_heads_of_all(door: Import) -> None:
    def broken(workbook: Any) -> None:
        two_sheets(workbook)
        workbook["二月"]["A2"] = "昨天"

    path = door.file(book([HEADS, row(1)], change=broken))
    assert door.run(path)[0] == 1
    [rejected] = door.rejected()
    assert rejected[0] == "二月:2"
    assert dict(zip(HEADS, rejected[2:], strict=False))["工单编号"] == "X004"
    mended = door.rejects.read_text(encoding="utf-8-sig").replace("昨天", AT)
    assert door.run(door.file(mended, name="mended.csv"), "--source", "letters")[0] == 0
    assert ids() == ["X001", "X004"]


def test_hidden_lines_and_columns_are_read_and_named(door: Import) -> None:
    def hidden(workbook: Any) -> None:
        workbook.active.row_dimensions[3].hidden = True
        workbook.active.column_dimensions["D"].hidden = True
        workbook.active.column_dimensions["Z"].hidden = True

    code, said = door.run(door.file(book([HEADS, row(1), row(2)], change=hidden)))
    assert (code, counts(said)) == (0, [2, 2, 0, 0])
    assert "hides 1 lines that were read: 3." in said
    assert "hides columns that were read: D." in said


def merging(*areas: str) -> Callable[[Any], None]:
    return lambda workbook: [workbook.active.merge_cells(area) for area in areas] and None


def test_a_merged_time_and_area_reach_their_rows_and_no_others(door: Import) -> None:
    rows = [row(1, 区域="东城区"), row(2, 创建时间=None), row(3), row(4, 创建时间=None)]
    code, said = door.run(door.file(book([HEADS, *rows], change=merging("H2:H3", "D2:D3"))))
    assert (code, counts(said)) == (1, [4, 3, 0, 1])
    areas = dict(Appeal.objects.values_list("source_id", "order__area__name"))
    assert areas == {"X001": "东城区", "X002": "东城区", "X003": None}


def test_a_complaint_over_two_lines_is_one_and_an_empty_line_under_it_none(door: Import) -> None:
    merged = merging(*[f"{column}2:{column}4" for column in "ABCDEFGH"])
    code, said = door.run(door.file(book([HEADS, row(1), [], [], row(2)], change=merged)))
    assert (code, counts(said), ids()) == (0, [2, 2, 0, 0], ["X001", "X002"])


def test_heads_in_two_lines_are_one_head(door: Import) -> None:
    first = ["工单编号", "诉求", None, "创建时间"]
    rows = [first, [None, "标题", "诉求内容", None], ["X001", "路灯", "路灯不亮", AT]]
    code, said = door.run(door.file(book(rows, change=merging("A1:A2", "B1:C1", "D1:D2"))))
    assert (code, counts(said), ids()) == (0, [1, 1, 0, 0], ["X001"])


def test_rich_text_and_dates_of_a_workbook_are_read(door: Import) -> None:
    def bold(workbook: Any) -> None:
        workbook.active["C2"].font = Font(bold=True)

    assert door.run(door.file(book([HEADS, row(1, 创建时间=datetime(2026, 1, 5, 15, 4))], change=bold)))[0] == 0
    assert WorkOrder.objects.get().registered_at == datetime(2026, 1, 5, 15, 4, tzinfo=CHINA)


# Text


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "utf-32"])
def test_a_text_is_read_whatever_its_encoding_and_separator(door: Import, encoding: str, separator: str) -> None:
    content = text(row(1), row(2, 诉求内容="两行\n“诉求”，a;b|c\td"), separator=separator).encode(encoding)
    code, said = door.run(door.file(content, name="letters.txt"))
    assert (code, counts(said), ids()) == (0, [2, 2, 0, 0], ["X001", "X002"])


def test_the_line_that_names_the_separator_is_no_row(door: Import) -> None:
    assert door.run(door.file("sep=;\n" + text(row(1), separator=";")))[0] == 0
    assert door.run(door.file("sep=^\n" + text(row(2), separator="^")))[0] == 0
    assert ids() == ["X001", "X002"]


@pytest.mark.parametrize("marks", [codecs.BOM_UTF8 * 2, codecs.BOM_UTF8 * 3, "ï»¿".encode()])
def test_marks_before_the_text_belong_to_no_head(door: Import, marks: bytes) -> None:
    quoted = '"工单编号"' + text(row(1), row(2))[len("工单编号") :]
    assert counts(door.run(door.file(marks + quoted.encode()))[1]) == [2, 2, 0, 0]
    assert counts(door.run(door.file(text(row(1), row(2))))[1]) == [2, 0, 2, 0]


def test_a_row_of_utf_16_that_is_damaged_is_rejected_by_itself(door: Import) -> None:
    content = (
        text(row(1), row(2), row(3)).encode("utf-16").replace("X002".encode("utf-16-le"), b"\x00\xd8X\x000\x002\x00")
    )
    code, said = door.run(door.file(content))
    assert (code, counts(said), ids()) == (1, [3, 2, 0, 1], ["X001", "X003"])


PAGE = "<html><meta charset=utf-8><table><tr><td>诉求内容</td><td>13900000001</td></tr></table></html>"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (PAGE.encode(), "is a web page under the name of a table"),
        (PAGE.encode("utf-16"), "is a web page under the name of a table"),
        (codecs.BOM_UTF8 + b"\r\n<TABLE border=1><tr><td>13900000001", "is a web page under the name of a table"),
        (f"<?xml version='1.0'?>{PAGE}".encode(), "is a web page under the name of a table"),
        (b"<?xml version='1.0'?><Workbook>13900000001", "is an XML document under the name of a table"),
        (b"MIME-Version: 1.0\r\n13900000001", "is a web archive"),
        (b"%PDF-1.7 13900000001", "is a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1 13900000001", "is an Excel file of the old kind or one with a password"),
        ("姓名,13900000001,很长的一段话".encode(), "No column is known as the matter; there are 姓名, 139****0001"),
    ],
)
def test_what_is_no_table_is_named_in_one_line_without_its_content(door: Import, content: bytes, reason: str) -> None:
    code, said = door.run(door.file(content, name="orders.xls"))
    assert code == 2 and reason in said
    assert "\n" not in said and "13900000001" not in said


def test_a_zip_that_is_no_workbook_is_named(door: Import) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("orders.csv", text(row(1)))
    assert "is a zip archive, but no .xlsx" in door.run(door.file(stream.getvalue()))[1]


# Times and values


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026/11/20 下午 3:04:05", (15, 4, 5)),
        ("2026/11/20 上午 9:04", (9, 4)),
        ("2026/11/20 下午 12:04", (12, 4)),
        ("2026/11/20 上午 12:04", (0, 4)),
        ("2026/11/20 凌晨 3:04", (3, 4)),
        ("2026/11/20 中午 12:04", (12, 4)),
        ("2026/11/20 中午1:04", (13, 4)),
        ("2026/11/20 晚上8:30", (20, 30)),
        ("2026-11-20 03:04:05 PM", (15, 4, 5)),
        ("2026/11/20 3:04 p.m.", (15, 4)),
        ("2026年11月20日下午3点半", (15, 30)),
        ("2026年11月20日15时", (15,)),
        ("2026年11月20日 星期五 15:04", (15, 4)),
        ("２０２６年１１月２０日　１５：０４", (15, 4)),
        ("二〇二六年十一月二十日", ()),
        ("20261120150405", (15, 4, 5)),
        ("2026-11-20 15:04:05 +0800", (15, 4, 5)),
        ("2026-11-20T07:04:05.123Z", (15, 4, 5)),
    ],
)
def test_a_time_is_read_as_people_here_write_it(written: str, meant: tuple[int, ...]) -> None:
    assert moment(written).replace(microsecond=0) == datetime(2026, 11, 20, *meant, tzinfo=CHINA)


@pytest.mark.parametrize(
    "written",
    [
        "11/20/2026",
        "26/11/20",
        "2026/11/20 晚上 12:04",
        "2026/11/20 上午 15:04",
        "2026/11/20 下午",
        "十十年一月一日",
        "昨天",
    ],
)
def test_a_time_that_can_be_read_in_two_ways_or_none_is_none(written: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        moment(written)


def test_a_row_without_a_time_is_rejected_unless_the_option_says_which(door: Import) -> None:
    path = door.file("id,detail,created_at\n1,路灯不亮,\n2,噪音,2026-01-05\n")
    code, said = door.run(path)
    assert (code, counts(said)) == (1, [2, 1, 0, 1])
    assert counts(door.run(path, "--registered-at", "2026年1月6日")[1]) == [2, 1, 1, 0]
    times = dict(Appeal.objects.values_list("source_id", "order__registered_at"))
    assert [times[one].astimezone(CHINA).day for one in "12"] == [6, 5]
    assert door.run(path, "--registered-at", "soon") == (2, "--registered-at: “soon” is no time.")
    code, said = door.run(door.file("id,detail\n3,路灯\n"))
    assert (code, counts(said)) == (1, [1, 0, 0, 1])


def test_a_value_is_mapped_to_the_code_that_is_meant(door: Import) -> None:
    path = door.file(f"id,detail,created_at,kind,channel\n1,路灯不亮,{AT},感谢,微博\n")
    assert door.run(path)[0] == 1
    code, said = door.run(path, "--map-value", "kind:感谢=suggestion", "channel:微博=app")
    assert (code, "was taken as" in said) == (0, False)
    assert (WorkOrder.objects.get().kind, Appeal.objects.get().channel) == ("suggestion", "app")
    assert door.run(path, "--map-value", "tone:好=1")[1].startswith("--map-value: there is no field “tone”")
    assert door.run(path, "--map-value", "kind=1") == (2, "--map-value: “kind=1” is not FIELD:VALUE=CODE.")


@pytest.mark.parametrize(("answer", "is_anonymous"), [("是", True), ("1", True), ("否", False), ("", False)])
def test_who_wishes_to_stay_unknown_stays_so(door: Import, answer: str, is_anonymous: bool) -> None:
    assert door.run(door.file(text([*row(1), answer], heads=[*HEADS, "是否匿名"])))[0] == 0
    assert Appeal.objects.get().anonymous_to_unit is is_anonymous


def test_an_answer_that_is_neither_yes_nor_no_is_rejected(door: Import) -> None:
    assert door.run(door.file(text([*row(1), "看情况"], heads=[*HEADS, "是否匿名"])))[0] == 1


# The rejects


FORMULAS = ['=HYPERLINK("http://x.invalid/"&A1,"查看")', "+1", "-2+3", "@SUM(A1)", "＝1+1", "'=1", "\n=1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_rejects_hold_no_formula_and_come_back_without_the_guard(door: Import, formula: str) -> None:
    assert door.run(door.file(text(row(1, 诉求内容=formula, 创建时间="昨天"))))[0] == 1
    [rejected] = door.rejected()
    assert not any(cell.startswith(("=", "+", "-", "@", "＝", "\n")) for cell in rejected)
    mended = door.rejects.read_text(encoding="utf-8-sig").replace("昨天", AT)
    assert door.run(door.file(mended, name="mended.csv"))[0] == 0
    assert WorkOrder.objects.get().matter == formula.strip()


def test_rejects_keep_long_numbers_and_zeros_as_text(door: Import) -> None:
    values: dict[str, object] = {"工单编号": "00420260105000123456", "联系电话": "01012345678", "创建时间": "昨天"}
    assert door.run(door.file(text(row(1, **values))))[0] == 1
    [rejected] = door.rejected()
    assert "'00420260105000123456" in rejected and "'01012345678" in rejected
    mended = door.rejects.read_text(encoding="utf-8-sig").replace("昨天", AT)
    assert door.run(door.file(mended, name="mended.csv"))[0] == 0
    assert ids() == ["00420260105000123456"]


def test_mended_rejects_are_of_their_file_and_no_file_of_rejects_is_written_over(
    door: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(door.folder)
    door.rejects = None
    path = door.file(text(row(1), row(2, 创建时间="昨天")))
    assert door.run(path)[0] == 1
    rejects = door.folder / "letters.rejects.csv"
    assert rejects.stat().st_mode & 0o077 == 0, "it holds personal data"
    assert door.run(path)[0] == 1 and (door.folder / "letters.rejects.2.csv").exists()
    rejects.write_text(rejects.read_text(encoding="utf-8-sig").replace("昨天", AT), encoding="utf-8")
    assert door.run(rejects)[0] == 0
    mended = door.file(text(row(1), row(2)))
    assert counts(door.run(mended)[1]) == [2, 0, 2, 0]
    assert set(Appeal.objects.values_list("source", flat=True)) == {"letters"}


def test_what_was_taken_for_want_of_something_better_is_said(door: Import) -> None:
    code, said = door.run(door.file("id,detail,created_at\n1,路灯不亮,2026-01-05\n"))
    assert code == 0
    for note in ("no kind stands there", "no channel stands there", "a day stands there without a time"):
        assert f"1 rows: {note}" in said
