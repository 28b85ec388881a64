"""The own export is understood: what was exported comes back as it was, but for digits that the export masked."""

import csv
import io
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from intake import heads, sheets
from intake.heads import ALIASES, Wishes, layout
from intake.models import Appeal
from intake.rows import Checked, Reference, checked
from intake.sheets import ERROR, Reading
from tests.roads import Road
from tests.tables import Import, counts
from workorders import export, numbers
from workorders.cells import guarded_in_book, guarded_in_text, unguarded
from workorders.columns import COLUMNS, NAMES, masked
from workorders.lifecycle import Grade, Kind, Role
from workorders.models import Area, Category, Clock, WorkOrder

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
SIGNS = st.sampled_from(
    [*"=+-@'\t\n\r\"_,;|*#＝－ 0", "\r\n", "_x0041_", "_x005F_", "'=", "1E5", "3-5", "007", "123456789012345678"]
)
PLAIN = st.characters(exclude_categories=["Cs", "Cc"])
TEXTS = st.lists(SIGNS | PLAIN, min_size=1, max_size=40).map(lambda parts: "".join(parts).strip())


def orders(texts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "number": st.integers(0, 10**12 - 1).map(lambda running: f"{running:012d}").map(with_check_digit),
            "title": texts.map(lambda text: text[:100].strip()).filter(bool),
            "matter": texts.filter(bool),
            "address": texts,
            "kind": st.sampled_from(Kind.values),
            "grade": st.sampled_from(Grade.values),
            "registered_at": st.datetimes(datetime(2019, 1, 1), datetime(2026, 11, 1), timezones=st.just(UTC)),
        }
    )


def with_check_digit(digits: str) -> str:
    return digits + numbers.check_digit(digits)


def again(path: Path, content: bytes, reference: Reference) -> list[Checked]:
    """What the import makes of an exported file."""
    path.write_bytes(content)
    is_header = partial(heads.is_header, wishes=Wishes(), aliases=ALIASES)
    file = sheets.read(path, Reading(is_header))
    rows: list[Checked] = []
    for table in file.tables:
        laid = layout(table.header, Wishes(), ALIASES)
        assert not laid.unknown
        rows += checked(table.rows, laid.columns, reference)
    return rows


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(orders(TEXTS), min_size=1, max_size=4), place=st.integers(0, 500))
def test_every_row_of_an_export_comes_back_as_it_was(
    kind: str, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]], place: int
) -> None:
    monkeypatch.setattr(export, "ROWS_OF_A_SHEET", 3)  # the last rows stand in sheets of their own
    texts = [row[name] for row in rows for name in ("title", "matter", "address")]
    assume(not any(ERROR.fullmatch(text.strip()) for text in texts))
    reference = Reference(NOW)
    categories, areas = nodes(Category), nodes(Area)
    category, area = categories[place % len(categories)], areas[place % len(areas)]
    given_orders = [WorkOrder(**row, category=category, area=area) for row in rows]
    for order in given_orders:
        order.running_clocks = []  # type: ignore[attr-defined]
    parts: Callable[..., Iterable[Any]] = getattr(export, f"as_{kind}")
    with translation.override(language):
        content = b"".join(
            part if isinstance(part, bytes) else part.encode() for part in parts(given_orders, list(COLUMNS))
        )
        back = again(tmp_path / "orders", content, reference)
    assert [one.problem for one in back] == [""] * len(rows)
    for order, one in zip(given_orders, back, strict=True):
        assert {name: one.cleaned[name] for name in ("kind", "grade", "category", "area")} == {
            "kind": order.kind,
            "grade": order.grade,
            "category": category,
            "area": area,
        }
        assert one.cleaned["source_id"] == order.number
        assert abs(one.cleaned["registered_at"] - order.registered_at) < timedelta(seconds=1)
        was = {name: masked(getattr(order, name)) for name in ("title", "matter", "address")}
        assert {name: one.cleaned[name] for name in was} == was
        changed = any(getattr(order, name) != text for name, text in was.items())
        assert not changed or any("masked" in note for note in one.notes)


def nodes(model: Any) -> list[Any]:
    return list(model.objects.filter(is_active=True).order_by("path")[:200])


@settings(max_examples=100)
@given(st.lists(SIGNS | PLAIN, max_size=10).map("".join))
@example("''=1")
def test_a_guard_is_taken_off_without_loss_and_leaves_no_formula(text: str) -> None:
    for guarded in (guarded_in_text, guarded_in_book):
        assert unguarded(guarded(text)) == text
        assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


def test_a_demo_of_exports_goes_round_through_the_door(as_: Callable[..., Any], recent: Road, tmp_path: Path) -> None:
    order = recent.register(matter="=1+1 见附件_x0041_，请回电13800001234", title="'=标题", kind=Kind.CONSULTATION)
    door, client = Import(tmp_path), as_(Role.SUPERVISOR)
    query = {"view": "all", "columns": [column.name for column in COLUMNS]}
    contents = {kind: client.get(f"/orders.{kind}", query).getvalue() for kind in ("csv", "xlsx")}
    for kind, content in contents.items():
        code, said = door.run(door.file(content, name=f"orders.{kind}"), "--source", kind)
        assert (code, counts(said)) == (0, [1, 1, 0, 0]), said
        back = Appeal.objects.get(source=kind, source_id=order.number).order
        assert (back.title, back.matter, back.kind) == ("'=标题", "=1+1 见附件_x0041_，请回电138****1234", order.kind)
        assert (back.category, back.area, back.grade) == (order.category, order.area, order.grade)
        assert "1 rows: digits that an export has masked with * stay masked (line 2)." in said
        assert "columns that no row can bring back were not read" in said


def test_an_export_without_the_words_is_not_taken_for_a_table_of_matters(
    as_: Callable[..., Any], recent: Road, tmp_path: Path
) -> None:
    recent.register()
    door = Import(tmp_path)
    path = door.file(as_(Role.SUPERVISOR).get("/orders.csv", {"view": "all"}).getvalue())
    code, said = door.run(path)
    assert code == 2 and "This is an export without the matter in full" in said
    assert WorkOrder.objects.count() == 1


def test_the_number_in_a_csv_is_text_to_a_spreadsheet(as_: Callable[..., Any], recent: Road) -> None:
    order = recent.register(title="20261120000000017", address="3-5")
    query = {"view": "all", "columns": ["number", "matter", "address"]}
    content = as_(Role.SUPERVISOR).get("/orders.csv", query).getvalue().decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(content)))[1] == [order.spoken_number, "'20261120000000017", "'3-5"]


def test_an_export_of_before_is_understood(tmp_path: Path) -> None:
    """Bare numbers and names without codes, as exports were once."""
    head = "编号,诉求内容,状态,登记时间,类型,事项分类,区域,事发地点,诉求全文"
    row = "2611200000017,样例标题,已登记,2026-01-05 10:00:00,咨询,,,样例路1号,样例标题和全部经过的说明。"
    assert Import(tmp_path).run(Import(tmp_path).file(f"{head}\n{row}\n"))[0] == 0
    appeal = Appeal.objects.select_related("order").get(source_id="2611200000017")
    order = appeal.order
    assert (order.title, order.matter, order.kind, order.address) == (
        *("样例标题", "样例标题和全部经过的说明。", "consultation", "样例路1号"),
    )
    assert Clock.objects.filter(order=order).count() == 1 and NAMES["number"].exported(order) == order.spoken_number
