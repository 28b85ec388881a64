"""Rows of a table become registered orders, each once: what the columns mean, which rows are sound, the taking in."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from intake.forms import RegistrationForm
from intake.models import Appeal
from intake.services import Voice, already_taken, register
from intake.sheets import Row, Unreadable
from workorders.forms import CONTROL, no_control_characters
from workorders.lifecycle import Kind
from workorders.models import Area, Category, Policy, User

BATCH = 100

# The first name that the header has is taken; a finer one stands before a coarser one.
ALIASES: dict[str, tuple[str, ...]] = {
    "source_id": ("msg_id", "id", "工单编号", "编号"),
    "title": ("标题", "工单标题"),
    "matter": ("detail", "content", "主要内容", "诉求内容", "内容"),
    "registered_at": ("created_at", "created_date", "来电时间", "创建时间", "受理时间"),
    "kind": ("工单类型", "诉求类型"),
    "channel": ("渠道", "来源", "受理渠道"),
    "category": ("分类编码", "事项编码"),
    "grade": (),
    "area": ("street", "district", "被反映街乡镇", "被反映区", "区域"),
    "address": ("地址", "问题点位", "事发地址"),
    "name": ("来电人", "诉求人", "姓名"),
    "phone": ("来电人电话", "联系电话", "电话"),
    "identity": ("身份证号", "证件号码"),
    "home": (),
}
KINDS = {
    "咨询": Kind.CONSULTATION,
    "求助": Kind.HELP,
    "投诉": Kind.COMPLAINT,
    "举报": Kind.REPORT,
    "建议": Kind.SUGGESTION,
    "意见": Kind.SUGGESTION,
    "意见建议": Kind.SUGGESTION,
}
CHANNELS = {
    "电话": Appeal.Channel.PHONE,
    "网站": Appeal.Channel.WEB,
    "应用": Appeal.Channel.APP,
    "微信": Appeal.Channel.APP,
    "窗口": Appeal.Channel.COUNTER,
    "信件": Appeal.Channel.MAIL,
    "邮件": Appeal.Channel.MAIL,
    "转办": Appeal.Channel.TRANSFER,
}


def layout(header: list[str], mapping: Mapping[str, str], aliases: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Field → column. `mapping` (column → field) goes before the names that are known."""
    columns = {_plain(name): index for index, name in reversed(list(enumerate(header)))}
    chosen = _chosen(header, columns, mapping, aliases)
    found = dict(chosen)
    for name, others in aliases.items():
        known = (columns[one] for one in map(_plain, (name, *others)) if one in columns)
        column = next((column for column in known if column not in chosen.values()), None)
        if column is not None:
            found.setdefault(name, column)
    return found


def _chosen(
    header: list[str], columns: dict[str, int], mapping: Mapping[str, str], aliases: Iterable[str]
) -> dict[str, int]:
    chosen: dict[str, int] = {}
    for column, name in mapping.items():
        if name not in aliases:
            raise Unreadable(f"--map: there is no field “{name}”; there are {', '.join(aliases)}.")
        if _plain(column) not in columns:
            raise Unreadable(f"--map: the file has no column “{column}”; it has {', '.join(header)}.")
        if name in chosen:
            raise Unreadable(f"--map: two columns are given for {name}.")
        chosen[name] = columns[_plain(column)]
    return chosen


def _plain(name: str) -> str:
    return name.strip().casefold()


# Moments

DATE = r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
TIME = r"(?:(?:(?<=日)|[T\s])\s*(\d{1,2})\s*[:：时]\s*(\d{1,2})(?:\s*[:：分]\s*(\d{1,2})(?:\.\d+)?)?\s*[分秒]?)?"
WRITTEN = re.compile(rf"{DATE}{TIME}")
SERIAL = re.compile(r"\d{5}(\.\d+)?")
SERIAL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  what day 0 of a spreadsheet comes to, in the sheet's own time


def moment(text: str) -> datetime:
    """ISO, 2019/1/2 3:04:05, 2019年1月2日 3时4分 or a spreadsheet's day number; local time unless it names a zone."""
    written, serial = WRITTEN.fullmatch(text), SERIAL.fullmatch(text)
    if written:
        found = datetime(*[int(part or 0) for part in written.groups()])  # type: ignore[arg-type]  # noqa: DTZ001
    elif serial:
        found = SERIAL_EPOCH + timedelta(seconds=round(float(text) * 86400))
    else:
        found = datetime.fromisoformat(text)
    return found if timezone.is_aware(found) else timezone.make_aware(found, timezone.get_default_timezone())


class MomentField(forms.Field):
    """A moment that has been: not after `latest`, and under some policy."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.earliest = self.latest = timezone.now()

    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        try:
            found = moment(str(value).strip())
        except (ValueError, OverflowError):
            raise ValidationError(_("“%(value)s” is no date."), code="invalid", params={"value": value}) from None
        if found > self.latest:
            raise ValidationError(_("%(value)s lies in the future."), code="future", params={"value": value})
        if found < self.earliest:
            raise ValidationError(_("%(value)s lies before the first rules."), code="early", params={"value": value})
        return found


# Rows


def limit_of(name: str) -> int:
    return int(Appeal._meta.get_field(name).max_length or 0)  # type: ignore[union-attr]


class RowForm(RegistrationForm):
    """The registration form, and what only a row can say: its id in the source, and when it came."""

    source_id = forms.CharField(max_length=limit_of("source_id"), required=False)
    registered_at = MomentField()

    def __init__(self, data: dict[str, Any], *, reference: "Reference") -> None:
        super().__init__(data)
        for moment_field in self.fields.values():
            if isinstance(moment_field, MomentField):
                moment_field.earliest, moment_field.latest = reference.earliest, reference.now

    def problem(self) -> str:
        """Why the row is not taken; empty where it is sound."""
        for name, value in self.data.items():
            if isinstance(value, str) and CONTROL.search(value):
                return f"{name}: {no_control_characters.message}"
        return "; ".join(f"{name}: {' '.join(map(str, errors))}" for name, errors in self.errors.items())


class Reference:
    """What the cells are understood with, read once."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.earliest = Policy.objects.approved().earliest("effective_from").effective_from
        self.categories = {node.code: node for node in Category.objects.filter(is_active=True)}
        self.areas = _by_code_and_name()

    def understand(self, texts: dict[str, str]) -> dict[str, Any]:
        """What the form is given: labels as codes, codes as objects; a place we do not know stays in the address."""
        kind, channel, area = (texts.get(name, "") for name in ("kind", "channel", "area"))
        category = texts.get("category", "")
        given: dict[str, Any] = {"registered_at": self.now, **texts}
        given["kind"] = KINDS.get(kind, kind.lower()) or Kind.COMPLAINT
        given["channel"] = channel_of(channel)
        given["category"] = self.categories.get(category, category)
        given["area"] = self.areas.get(area)
        if area and given["area"] is None and area not in texts.get("address", ""):
            given["address"] = f"{area} {texts.get('address', '')}".strip()
        return given


def channel_of(label: str) -> str:
    known = CHANNELS.get(label, label.lower())
    if known in Appeal.Channel.values:
        return known
    return Appeal.Channel.APP if "app" in known else Appeal.Channel.WEB


def _by_code_and_name() -> dict[str, Area]:
    """A name that two areas have leads to neither; with its district's name before it, it does."""
    found: dict[str, Area | None] = {}
    for area in Area.objects.filter(is_active=True).select_related("parent"):
        names = {area.name, f"{area.parent.name}{area.name}" if area.parent else area.name}
        found.update({name: None if name in found else area for name in names})
        found[area.code] = area
    return {name: area for name, area in found.items() if area}


@dataclass(frozen=True)
class Checked:
    """A row that is sound has no problem, and what its form made of it."""

    row: Row
    problem: str = ""
    cleaned: dict[str, Any] = field(default_factory=dict)


def checked(
    rows: Iterable[Row], columns: dict[str, int], reference: Reference, form: type[RowForm] = RowForm
) -> Iterator[Checked]:
    for row in rows:
        yield Checked(row, row.problem) if row.problem else _check(row, columns, reference, form)


def _check(row: Row, columns: dict[str, int], reference: Reference, form: type[RowForm]) -> Checked:
    texts = {name: row.cells[column].strip() for name, column in columns.items()}
    filled = form(reference.understand(texts), reference=reference)
    problem = filled.problem()
    if problem:
        return Checked(row, problem)
    return Checked(row, cleaned={**filled.cleaned_data, "source_id": filled.cleaned_data["source_id"] or _hash(texts)})


def _hash(texts: dict[str, str]) -> str:
    """A row without an id is known again by what it says."""
    return "sha256:" + hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()


# Taking in

OF_VOICE = {one.name for one in fields(Voice)} - {"source"}


def voice_of(cleaned: dict[str, Any], source: str) -> Voice:
    return Voice(source=source, **{name: value for name, value in cleaned.items() if name in OF_VOICE})


@dataclass
class Intake:
    """Takes rows in, batch by batch; each batch is committed, so that a run that was killed can be repeated.

    Without an actor nothing is written: the same counts, for a look beforehand.
    """

    source: str
    actor: User | None
    reject: Callable[[Row, str], None]
    read: int = 0
    registered: int = 0
    known: int = 0
    rejected: int = 0
    seen: set[str] = field(default_factory=set)

    def take(self, rows: Iterable[Checked]) -> None:
        rows = iter(rows)
        while batch := list(islice(rows, BATCH)):
            with transaction.atomic():
                self._take_batch(batch)

    def _take_batch(self, batch: list[Checked]) -> None:
        self.seen |= taken(self.source, [one.cleaned["source_id"] for one in batch if not one.problem])
        for one in batch:
            self.read += 1
            if one.problem:
                self._reject(one.row, one.problem)
            elif one.cleaned["source_id"] in self.seen:
                self.known += 1
            else:
                self._take(one)

    def _take(self, one: Checked) -> None:
        self.seen.add(one.cleaned["source_id"])
        try:
            if self.actor:
                register(voice_of(one.cleaned, self.source), actor=self.actor, now=one.cleaned["registered_at"])
            self.registered += 1
        except IntegrityError:
            if not already_taken(self.source, one.cleaned["source_id"]):
                raise
            self.known += 1
        except DataError as problem:
            self._reject(one.row, " ".join(str(problem).split()))

    def _reject(self, row: Row, problem: str) -> None:
        self.rejected += 1
        self.reject(row, problem)


def taken(source: str, ids: list[str]) -> set[str]:
    """Which of these ids the source has brought before."""
    return set(Appeal.objects.filter(source=source, source_id__in=ids).values_list("source_id", flat=True))
