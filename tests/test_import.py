"""import_orders: rows become orders, each once; bad ones are rejected with their reason and nothing is lost."""

import codecs
import csv
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from intake import importing
from intake.models import Appeal
from intake.moments import moment
from tests.conftest import CHINA
from tests.tables import Import, book, counts
from workorders.cells import guarded_in_text
from workorders.models import Category, Clock, Event, User, WorkOrder

pytestmark = pytest.mark.django_db
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL = {
    "complaints_2019": (4326, ["user_id", "against", "likes"]),
    "orders_fuzhou": (
        1464,
        [
            *("topic_river", "anonymous", "first_reply", "transfer_count", "days_to_final_reply"),
            *("days_to_first_transfer", "days_to_first_perfunctory", "days_to_first_explanation"),
            "days_to_first_progress",
        ],
    ),
}
NOW = ("--registered-at", "now")
HEADER = "msg_id,title,created_at,detail"


@pytest.fixture
def door(tmp_path: Path) -> Import:
    return Import(tmp_path)


def lines(*rows: str) -> str:
    return "\n".join([HEADER, *rows, ""])


def test_a_row_becomes_an_order_with_its_number_event_clock_and_the_words_of_the_complainant(door: Import) -> None:
    path = door.file(lines("7,路灯不亮,2019-01-02 08:30:00,小区门口路灯坏了三天"))
    assert door.run(path)[0] == 0
    order = WorkOrder.objects.get()
    assert (order.title, order.matter, order.status) == ("路灯不亮", "小区门口路灯坏了三天", "registered")
    assert order.registered_at == datetime(2019, 1, 2, 8, 30, tzinfo=CHINA)
    assert order.number.startswith("190102")
    appeal = Appeal.objects.get()
    assert (appeal.source, appeal.source_id, appeal.channel) == ("letters", "7", "web")
    assert Event.objects.get(order=order).actor == User.objects.get(username="operator")
    assert Clock.objects.get(order=order).kind == "acceptance"


def test_every_field_is_taken_from_its_column(door: Import) -> None:
    category = Category.objects.filter(children=None, grade="utility")[0]
    header = "source_id,title,matter,registered_at,kind,channel,category,area,address,name,phone,identity"
    row = f"9,没水,水管坏了,2020-05-06,求助,电话,{category.code},望京街道,花园路1号,王丽,010-8888,11010119900101123X"
    assert door.run(door.file(f"{header}\n{row}\n"))[0] == 0
    order, appeal = WorkOrder.objects.get(), Appeal.objects.get()
    assert (order.kind, order.category, order.grade, order.address) == ("help", category, "utility", "花园路1号")
    assert order.area and (order.area.name, order.area.level) == ("望京街道", "street")
    assert appeal.channel == "phone"
    assert appeal.complainant and (appeal.complainant.name, appeal.complainant.phone) == ("王丽", "010-8888")


@pytest.mark.parametrize(
    ("label", "kind"),
    [("投诉", "complaint"), ("咨询", "consultation"), ("建议", "suggestion"), ("举报", "report"), ("Help", "help")],
)
def test_kinds_are_understood_in_both_languages(door: Import, label: str, kind: str) -> None:
    door.run(door.file(f"id,kind,detail\n1,{label},噪声\n"), *NOW)
    assert WorkOrder.objects.get().kind == kind


@pytest.mark.parametrize(
    ("label", "channel"),
    [("网站", "web"), ("电话", "phone"), ("12345app", "app"), ("微博", "web"), ("", "web"), ("counter", "counter")],
)
def test_a_channel_that_is_not_known_is_the_web_and_that_is_said(door: Import, label: str, channel: str) -> None:
    _code, said = door.run(door.file(f"id,channel,detail\n1,{label},噪声\n"), *NOW)
    assert Appeal.objects.get().channel == channel
    assert (f"1 rows: the channel “{label}” was taken as “{channel}” (line 2)." in said) == (
        label in ("12345app", "微博")
    )


def test_an_area_that_is_not_known_stays_in_the_address(door: Import) -> None:
    path = door.file("id,district,address,detail\n1,仓山区,河边,水脏\n2,朝阳区,路口,灯坏\n3,海淀区中关村街道,,灯坏\n")
    assert door.run(path, *NOW)[0] == 0
    found = WorkOrder.objects.order_by("appeals__source_id").values_list("area__name", "address")
    assert list(found) == [(None, "仓山区 河边"), ("朝阳区", "路口"), ("中关村街道", "")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2019-01-02", (2019, 1, 2)),
        ("2019/1/2 3:04:05", (2019, 1, 2, 3, 4, 5)),
        ("2019-01-02T03:04:05", (2019, 1, 2, 3, 4, 5)),
        ("2019-01-01T19:04:05+00:00", (2019, 1, 2, 3, 4, 5)),
        ("2019年1月2日", (2019, 1, 2)),
        ("2019年1月2日 3时4分", (2019, 1, 2, 3, 4)),
        ("2019.1.2 03:04", (2019, 1, 2, 3, 4)),
        ("20190102", (2019, 1, 2)),
        ("43467.5", (2019, 1, 2, 12)),
    ],
)
def test_dates_are_read_as_they_are_written_and_mean_local_time(written: str, meant: tuple[int, ...]) -> None:
    assert moment(written) == datetime(*meant, tzinfo=CHINA)


TOMORROW = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2,题,2019-01-02,", "matter: This field is required."),
        ("2,题,2019-02-30,夜里施工", "registered_at: “2019-02-30” is no date."),
        ("2,题,2019-1-203:04,夜里施工", "registered_at: “2019-1-203:04” is no date."),
        ("2,题,0001-01-01,夜里施工", "registered_at: 0001-01-01 lies before the first rules."),
        ("2,题,,夜里施工", "registered_at: This field is required."),
        (f"2,题,{TOMORROW},夜里施工", f"registered_at: {TOMORROW} lies in the future."),
        ("2,题,2019-01-02,夜里\x00施工", "matter: Control characters stand in it."),
        ("2,题\x07,2019-01-02,夜里施工", "title: Control characters stand in it."),
        ("2,题,2019-01-02,夜里施工,多", "5 columns instead of 4."),
        ("2,题,2019-01-02", "3 columns instead of 4."),
        ('2,题,2019-01-02,"夜里"施工', "The quotes are not closed, or stand inside a field without being doubled."),
        ('2,题,2019-01-02,"夜里施工', "The quotes are not closed, or stand inside a field without being doubled."),
        (f"2,题,2019-01-02,{'长' * 20_001}", "matter: Ensure this value has at most 20000 characters (it has 20001)."),
        (f"2,{'长' * 121},2019-01-02,夜", "title: Ensure this value has at most 120 characters (it has 121)."),
        (f"{'2' * 101},题,2019-01-02,夜", "source_id: Ensure this value has at most 100 characters (it has 101)."),
    ],
)
def test_a_bad_row_is_rejected_with_its_line_and_reason_and_the_others_go_on(
    door: Import, row: str, reason: str
) -> None:
    path = door.file(lines('1,好,2019-01-01,"两行\n的诉求"', row, "3,好,2019-01-03,也好"))
    code, said = door.run(path)
    assert (code, counts(said)) == (1, [3, 2, 0, 1])
    assert f"line 4: {reason}" in said
    [[line, why, *original]] = door.rejected()
    assert (line, why) == ("4", reason)
    assert original in ([guarded_in_text(cell) for cell in next(csv.reader([row]), [])], [row])
    assert sorted(Appeal.objects.values_list("source_id", flat=True)) == ["1", "3"]


def test_a_field_without_end_is_a_bad_row_too(door: Import) -> None:
    code, said = door.run(
        door.file(lines("1,题,2019-01-02,好", f"2,题,2019-01-02,{'长' * 140_000}", "3,题,2019-01-02,好"))
    )
    assert (code, counts(said)) == (1, [3, 2, 0, 1])
    assert "line 3: A field is longer than any that is taken, or its quotes are not closed." in said


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("category", "999999", "There is no category with the code “999999”."),
        ("kind", "感谢", "Select a valid choice."),
        ("phone", "1" * 501, "Ensure this value has at most 500 characters"),
        ("address", "长" * 201, "Ensure this value has at most 200 characters"),
    ],
)
def test_what_the_registration_form_refuses_is_rejected_for_the_same_reason(
    door: Import, column: str, value: str, reason: str
) -> None:
    code, said = door.run(door.file(f"id,detail,{column}\n1,夜里施工,{value}\n"), *NOW)
    assert (code, counts(said)) == (1, [1, 0, 0, 1])
    assert f"line 2: {column}: {reason}" in said


def test_a_row_that_is_not_utf8_is_rejected_by_itself_and_kept_byte_by_byte(door: Import) -> None:
    wrong = "2,题,2019-01-02,夜里施工".encode("gb18030")
    rows = [b"1,a,2019-01-02," + "好".encode(), wrong, b"3,c,2019-01-02," + "也好".encode()]
    code, said = door.run(door.file(b"\n".join([HEADER.encode(), *rows])))
    assert (code, counts(said)) == (1, [3, 2, 0, 1])
    assert "line 3: The text is not in the encoding of the file." in said
    assert wrong in door.rejects.read_bytes()


def test_a_quote_that_is_never_closed_takes_no_other_row_along(door: Import) -> None:
    good = [f'{number},题,2019-01-02,"第{number}件"' for number in range(3, 40)]
    code, said = door.run(door.file(lines('2,题,2019-01-02,"没有闭合', *good)))
    assert (code, counts(said)) == (1, [38, 37, 0, 1])
    assert [row[0] for row in door.rejected()] == ["2"]


def test_blank_lines_are_no_rows(door: Import) -> None:
    path = door.file("\n\n" + lines("", "1,题,2019-01-02,好", ",,,", "", "2,题,坏日子,好"))
    assert counts(door.run(path)[1]) == [2, 1, 0, 1]
    assert [row[0] for row in door.rejected()] == ["8"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_told_by_its_content_not_by_its_name(door: Import, encoding: str, packed: bool) -> None:
    content = lines(*[f"{number},题目,2019-01-02,夜里施工的噪声" for number in range(5)]).encode(encoding)
    path = door.file(gzip.compress(content) if packed else content, name="export.dat")
    assert door.run(path)[0] == 0
    assert set(WorkOrder.objects.values_list("matter", flat=True)) == {"夜里施工的噪声"}
    assert Appeal.objects.filter(source="export.dat").count() == 5


@pytest.mark.parametrize("packed", [False, True])
def test_an_excel_file_is_read_with_its_dates_numbers_and_short_rows(door: Import, packed: bool) -> None:
    rows = [
        ["编号", "主要内容", "来电时间", "联系电话", "标题"],
        [1.0, "夜里施工", datetime(2019, 1, 2, 3, 4, 5), 13800001234, "题"],
        [],
        [2, "白天施工", "2019年1月3日"],
        [3, "第三件", "昨天"],
    ]
    content = book(rows)
    code, said = door.run(door.file(gzip.compress(content) if packed else content, name="x.csv"))
    assert (code, counts(said)) == (1, [3, 2, 0, 1])
    assert door.rejected()[0][:2] == ["5", "registered_at: “昨天” is no date."]
    first = Appeal.objects.get(source_id="1")
    assert first.order.registered_at == datetime(2019, 1, 2, 3, 4, 5, tzinfo=CHINA)
    assert first.complainant and first.complainant.phone == "13800001234"


def test_a_sheet_is_chosen_by_its_name(door: Import) -> None:
    path = door.file(book([["id", "detail"], [1, "夜里施工"]], name="诉求"), name="x.xlsx")
    assert door.run(path, "--sheet", "诉求", *NOW)[0] == 0
    assert door.run(path, "--sheet", "别的") == (2, f"{path}: there is no sheet “别的”; it has 诉求.")


def test_columns_of_other_names_are_mapped_and_go_before_known_names(door: Import) -> None:
    path = door.file("id,detail,Text,Tag\n1,摘要,全文,2019-01-02\n")
    assert door.run(path, "--map", "text=matter", "tag=registered_at", "--drop", "detail")[0] == 0
    order = WorkOrder.objects.get()
    assert (order.matter, timezone.localdate(order.registered_at).isoformat()) == ("全文", "2019-01-02")


@pytest.mark.parametrize(
    ("content", "options", "line"),
    [
        ("id,detail\n1,x\n", ["--map", "detail=text"], "--map: there is no field “text”; there are source_id, "),
        ("id,detail\n1,x\n", ["--map", "tag=title"], "--map: the file has no column “tag”; it has id, detail."),
        ("id,detail\n1,x\n", ["--map", "detail"], "--map: “detail” is not COLUMN=FIELD."),
        ("id,detail\n1,x\n", ["--map", "id=title", "detail=title"], "--map: two columns are given for title."),
        ("id,detail\n1,x\n", ["--source", "s" * 61], "is longer than 60 characters. Use --source."),
        ("id,words\n1,x\n", [], "No column is known as the matter; there are id, words. Use --map COLUMN=matter."),
        ("", [], ": is empty."),
        (gzip.compress(b"id,detail\n1,x\n" * 50, mtime=0)[:-9], [], ": cannot be read: "),
        (b"PK\x03\x04 and no more", [], ": cannot be read: "),
        (codecs.BOM_UTF8 + b"\xd0\xcf", [], "No column is known as the matter"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1",
            [],
            ": is an Excel file of the old kind or one with a password; save it as .xlsx or as CSV.",
        ),
    ],
)
def test_a_file_that_cannot_be_used_gets_one_line_and_the_code_2(
    door: Import, content: str | bytes, options: list[str], line: str
) -> None:
    code, said = door.run(door.file(content), *options)
    assert code == 2
    assert line in said
    assert "\n" not in said
    assert not WorkOrder.objects.exists()


def test_a_file_that_is_not_there_gets_one_line_and_the_code_2(door: Import) -> None:
    path = door.folder / "nothing.csv"
    assert door.run(path) == (2, f"{path}: cannot be read: No such file or directory.")


def test_the_file_that_is_read_is_never_written_over(door: Import) -> None:
    door.rejects = door.file("id,detail\n1,\n")
    assert door.run(door.rejects) == (2, f"--rejects: {door.rejects} is the file that is read.")
    assert door.rejects.read_text() == "id,detail\n1,\n"


def test_running_twice_registers_nothing_twice(door: Import) -> None:
    path = door.file(lines("1,题,2019-01-02,甲", "2,题,2019-01-02,乙", "2,题,2019-01-02,乙", "3,题,坏,丙"))
    assert counts(door.run(path)[1]) == [4, 2, 1, 1]
    code, said = door.run(path)
    assert (code, counts(said)) == (1, [4, 0, 3, 1])
    assert counts(door.run(path, "--source", "another")[1]) == [4, 2, 1, 1]
    assert WorkOrder.objects.count() == 4


def test_a_row_without_an_id_is_known_again_by_what_it_says(door: Import) -> None:
    rows = ["created_at,detail", "2019-01-02,甲", "2019-01-02,乙", "2019-01-03,甲", "2019-01-02,甲"]
    assert counts(door.run(door.file("\n".join(rows)))[1]) == [4, 3, 1, 0]
    turned = [",".join(row.split(",")[::-1]) for row in rows[::-1]]
    assert counts(door.run(door.file("\n".join([turned[-1], *turned[:-1]])))[1]) == [4, 0, 4, 0]


def test_a_dry_run_says_the_same_and_changes_nothing(door: Import) -> None:
    path = door.file(lines("1,题,2019-01-02,甲", "1,题,2019-01-02,甲", "2,题,坏,乙"))
    code, said = door.run(path, "--dry-run")
    assert (code, counts(said)) == (1, [3, 1, 1, 1])
    assert said.startswith("Dry run: 3 rows read")
    assert not (WorkOrder.objects.exists() or User.objects.exists())


def test_rejected_rows_can_be_mended_in_the_rejects_file_and_imported_again(door: Import) -> None:
    door.run(door.file(lines("1,题,2019-01-02,甲", "2,题,坏日子,乙")))
    mended = door.rejects.read_text(encoding="utf-8-sig").replace("坏日子", "2019-01-03")
    assert door.run(door.file(mended, name="mended.csv"), "--source", "letters")[0] == 0
    assert sorted(Appeal.objects.values_list("source", "source_id")) == [("letters", "1"), ("letters", "2")]


def test_a_run_that_was_killed_half_way_is_repeated_without_loss(door: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    path = door.file(lines(*[f"{number},题,2019-01-02,第{number}件" for number in range(250)]))
    left = iter(range(149))

    def until_killed(*voice: object, **options: object) -> object:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return register(*voice, **options)  # type: ignore[arg-type]

    register = importing.register
    monkeypatch.setattr(importing, "register", until_killed)
    assert door.run(path) == (130, "Stopped. The same command goes on where this one ended.")
    assert WorkOrder.objects.count() == 100, "whole batches"
    monkeypatch.undo()
    code, said = door.run(path)
    assert (code, counts(said)) == (0, [250, 150, 100, 0])
    assert Appeal.objects.values("source_id").distinct().count() == WorkOrder.objects.count() == 250


@pytest.mark.skipif(not DATA.exists(), reason="the real files of ../shared/data are not here")
@pytest.mark.parametrize("name", REAL)
@pytest.mark.proof
def test_a_real_file_is_taken_without_a_lost_or_doubled_row(door: Import, name: str) -> None:
    path = DATA / f"{name}.csv.gz"
    count, dropped = REAL[name]
    code, said = door.run(path, "--drop", *dropped)
    assert (code, counts(said)) == (0, [count, count, 0, 0]), said
    assert Appeal.objects.filter(source=name).values("source_id").distinct().count() == count
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        assert {row["detail"].strip() for row in csv.DictReader(file)} == set(
            WorkOrder.objects.values_list("matter", flat=True)
        )
    assert counts(door.run(path, "--drop", *dropped)[1]) == [count, 0, count, 0]
