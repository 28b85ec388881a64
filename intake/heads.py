"""The heads of a table: which column feeds which field, and which columns nobody has spoken of yet.

A column that is not understood stops the run before it begins: it is mapped or dropped by its name.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from django.conf import settings
from django.utils import translation

from intake.sheets import Unreadable
from workorders.columns import COLUMNS, masked
from workorders.folding import folded

Aliases = Mapping[str, tuple[str, ...]]

# The first name that the header has is taken; a finer one stands before a coarser one.
ALIASES: dict[str, tuple[str, ...]] = {
    "source_id": ("msg_id", "id", "工单编号", "编号", "工单号", "诉求编号", "受理编号", "流水号"),
    "matter": ("诉求全文", "detail", "content", "主要内容", "诉求内容", "问题描述", "内容"),
    "title": ("标题", "工单标题", "诉求标题", "主题"),
    "registered_at": (
        *("created_at", "created_date", "来电时间", "创建时间", "受理时间"),
        *("登记时间", "诉求时间", "来件时间", "提交时间"),
    ),
    "kind": ("工单类型", "诉求类型", "类型"),
    "channel": ("渠道", "来源", "受理渠道", "诉求渠道"),
    "category": ("分类编码", "事项编码", "事项分类"),
    "grade": ("等级", "工单等级", "级别"),
    "area": ("street", "district", "被反映街乡镇", "被反映区", "区域"),
    "address": ("地址", "问题点位", "事发地址", "事发地点"),
    "name": ("来电人", "诉求人", "姓名", "来电人姓名", "诉求人姓名"),
    "phone": ("来电人电话", "联系电话", "电话", "来电号码", "手机号", "手机号码", "联系方式"),
    "identity": ("身份证号", "证件号码", "身份证号码"),
    "home": (),
    "anonymous_to_unit": ("是否匿名", "是否保密"),
}
HISTORY_ALIASES = {**ALIASES, "ended_at": ("closed_at", "办结时间", "结案时间", "完成时间")}

# The columns of the own export that a row brings back, and those that say how the order went: nobody can import these.
OF_EXPORT = {
    "number": "source_id",
    "matter": "title",
    "words": "matter",
    "grade": "grade",
    "registered": "registered_at",
    "kind": "kind",
    "category": "category",
    "area": "area",
    "address": "address",
    "ended": "ended_at",
}
# Labels that exports have had, beside those of today.
OLD_LABELS = {
    "诉求内容": "matter",
    "状态": "state",
    "级别": "grade",
    "等级": "grade",
    "承办单位": "unit",
    "到期时间": "deadline",
    "轮次": "round",
    "办结时间": "ended",
    "诉求全文": "words",
    "编号": "number",
}
COURSE = ("state", "unit", "deadline", "round", "ended")
OF_REJECTS = ["line", "reason"]

# What forms print beside a head. Any other remark means another thing: “电话(被诉人)” is not the caller's.
REMARK = (
    r"(?:必填|选填|必选|可选|必录|必须|可空|可不填|单选|下拉|格式|示例|例如|例[:：]|以内|字内|不超过|最多|yyyy|文本"
    r"|\*|required|optional|mandatory)"
)
IN_BRACKETS = re.compile(rf"[(\[【〔<《][^()\[\]【】〔〕]*{REMARK}[^()\[\]【】〔〕]*[)\]】〕>》]")
BARE_REMARK = re.compile(r"^(?:必填项?|选填项?)[-_/:]|[-_/]?(?:必填项?|选填项?|required|optional)$")
CIRCLED = re.compile("[\u2460-\u2473]")  # ① would become the 1 of a second column
NUMBERING = re.compile(r"^(?:\(?\d{1,2}[.、)]|[一二三四五六七八九十]{1,2}、)")
ENDS = "*★☆●◆■▲△※#:：.。,，;；'\"“”"
MOST_LISTED, LONGEST = 30, 20


@dataclass
class Layout:
    """`columns` leads from a field to its column; `left` are columns of the own export that no row can bring back."""

    columns: dict[str, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wishes:
    """What the command's user says of columns: `mapping` (column → field) and the names of columns to be dropped."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    dropped: Sequence[str] = ()


def plain(head: str) -> str:
    """Return a head as it is compared: one width, no blanks, no star, no number before it, no “（必填）” behind it."""
    text = "".join(folded(CIRCLED.sub("", head)).casefold().split())
    while True:
        bare = BARE_REMARK.sub("", IN_BRACKETS.sub("", text)).strip(ENDS)
        bare = NUMBERING.sub("", bare) or bare
        if bare == text:
            return text
        text = bare


def named(header: Sequence[str]) -> list[str]:
    """Return the heads, each with a name of its own: the second 电话 is called “电话 (2)”."""
    counted: Counter[str] = Counter()
    names = []
    for head in (" ".join(head.split()) for head in header):
        counted[head] += 1
        names.append(f"{head} ({counted[head]})" if head and counted[head] > 1 else head)
    return names


def is_header(cells: Sequence[str], wishes: Wishes, aliases: Aliases) -> int:
    """Return how many fields a row's cells name, if they can be heads at all: one of them is the matter's."""
    columns = _laid(named(cells), wishes, aliases).columns
    return len(columns) if "matter" in columns else 0


def layout(header: Sequence[str], wishes: Wishes, aliases: Aliases) -> Layout:
    """Lay out one table. A column that is mapped goes before the names that are known."""
    names = named(header)
    laid = _laid(names, wishes, aliases)
    dropped = {index for column in wishes.dropped for index in _places(column, names)}
    rest = [index for index in range(len(names)) if index not in {*laid.columns.values(), *dropped} and names[index]]
    if [plain(name) for name in names[:2]] == OF_REJECTS:
        rest = [index for index in rest if index > 1]
    course = {index for index in rest if _export_names().get(plain(names[index])) in COURSE} if is_own(names) else set()
    laid.left = [names[index] for index in rest if index in course]
    laid.unknown = [names[index] for index in rest if index not in course]
    return laid


def _laid(names: list[str], wishes: Wishes, aliases: Aliases) -> Layout:
    columns = _mapped(names, wishes.mapping)
    taken = {*columns.values(), *(index for column in wishes.dropped for index in _places(column, names))}
    for target, others in aliases.items():
        if target in columns:
            continue
        for name in (*_own_names(target, names), target, *others):
            free = [index for index in _places(name, names) if index not in taken]
            if free:
                columns[target] = free[0]
                taken.add(free[0])
                break
    return Layout(columns)


def _mapped(names: list[str], mapping: Mapping[str, str]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for column, target in mapping.items():
        for index in _places(column, names)[:1]:
            columns[target] = index
    return columns


def _places(name: str, names: list[str]) -> list[int]:
    """Return where a name stands: as it is written, or else as it is compared."""
    exact = [index for index, head in enumerate(names) if head == " ".join(name.split())]
    return exact or [index for index, head in enumerate(names) if head and plain(head) == plain(name)]


def check(wishes: Wishes, headers: Iterable[Sequence[str]], aliases: Aliases) -> None:
    """Refuse a wish that no table can fulfil."""
    tables = [named(header) for header in headers]
    fields = list(wishes.mapping.values())
    for target in fields:
        if target not in aliases:
            raise Unreadable(f"--map: there is no field “{target}”; there are {', '.join(aliases)}.")
        if fields.count(target) > 1:
            raise Unreadable(f"--map: two columns are given for {target}.")
    for option, columns in (("--map", wishes.mapping), ("--drop", wishes.dropped)):
        for column in columns:
            if not any(_places(column, names) for names in tables):
                raise Unreadable(f"{option}: the file has no column “{column}”; it has {listed(*tables)}.")
    for column in wishes.mapping:
        if any(
            set(_places(column, names)) & set(_places(other, names)) for names in tables for other in wishes.dropped
        ):
            raise Unreadable(f"--drop: the column “{column}” is mapped.")


def listed(*headers: Sequence[str]) -> str:
    """Return heads for a message. What stands there may be no heads at all: it is cut, and numbers of persons masked."""
    names = list(dict.fromkeys(name for header in headers for name in header if name.strip()))
    short = [masked(name[:LONGEST] + "…" * (len(name) > LONGEST)) for name in names[:MOST_LISTED]]
    return ", ".join([*short, *["…"] * (len(names) > MOST_LISTED)])


# The own export


@cache
def _export_names() -> dict[str, str]:
    """Return the labels of the export's columns in every language, as they are compared, with the column's name."""
    names = dict(OLD_LABELS)
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            names |= {plain(str(column.label)): column.name for column in COLUMNS}
    return names


def is_own(header: Sequence[str]) -> bool:
    """Tell the product's own export: it has the order's number and all its words, each under its label."""
    columns = {_export_names().get(plain(head)) for head in header}
    return {"number", "words"} <= columns


def is_cut(header: Sequence[str]) -> bool:
    """Tell the own export without the words: what it calls the matter there is the title alone."""
    columns = {_export_names().get(plain(head)) for head in header if head and plain(head) not in OF_REJECTS}
    return (
        None not in columns and {"number", "matter"} <= columns and "words" not in columns and bool(columns & {*COURSE})
    )


def _own_names(target: str, names: list[str]) -> list[str]:
    if not is_own(names):
        return []
    return [label for label, column in _export_names().items() if OF_EXPORT.get(column) == target]
