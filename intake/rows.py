"""Rows of a table: how their values are understood, and which rows are sound."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from intake import papers
from intake.forms import RegistrationForm, TelephoneField
from intake.models import Appeal
from intake.moments import moment
from intake.sheets import Row
from workorders import numbers, telephones
from workorders.cells import unguarded
from workorders.folding import folded, without_invisible
from workorders.forms import CONTROL, no_control_characters
from workorders.lifecycle import Grade, Kind
from workorders.models import Area, Category, Policy

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
# Words that exports have had for them stand here beside those of today, which the labels bring.
GRADES = {
    "紧急": Grade.EMERGENCY,
    "特急": Grade.EMERGENCY,
    "时效": Grade.UTILITY,
    "一般": Grade.ORDINARY,
    "复杂疑难": Grade.COMPLEX,
    "疑难复杂": Grade.COMPLEX,
}
ANSWERS = {
    "": "",
    **dict.fromkeys(("1", "是", "yes", "true", "y", "匿名", "保密"), "yes"),
    **dict.fromkeys(("0", "否", "no", "false", "n", "不匿名", "实名", "公开", "不保密"), "no"),
}
DAY = re.compile(r"\d{4}\D{1,3}\d{1,2}\D{1,3}\d{1,2}\s*日?|\d{8}|\d{5}")
SPOKEN_NUMBER = re.compile(r"\d{13}|\d{6}-\d{6}-\d")
MASKED = re.compile(r"\*{3,}|[0-9０-９]\*\*")
# A spreadsheet has shortened a long number and the text has it so: its digits are gone.
SHORTENED = re.compile(r"\d(?:\.\d+)?[Ee]\+\d{2,3}")
# Fields whose digits count.
OF_DIGITS = ("source_id", "phone", "identity", "category", "area")
# An identity number whose last digits a spreadsheet has made zeros; 1 in 11 of them passes the check digit by chance.
ROUNDED_IDENTITY = re.compile(r"\d{15}000")


class MomentField(forms.Field):
    """A moment that has been: not after `latest`, and under some policy."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.earliest = self.latest = timezone.now()

    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        try:
            at = moment(str(value).strip())
        except (ValueError, OverflowError):
            raise ValidationError(_("“%(value)s” is no date."), code="invalid", params={"value": value}) from None
        if at > self.latest:
            raise ValidationError(_("%(value)s lies in the future."), code="future", params={"value": value})
        if at < self.earliest:
            raise ValidationError(_("%(value)s lies before the first rules."), code="early", params={"value": value})
        return at


# Rows


def _doubts(texts: Mapping[str, str]) -> list[str]:
    """Name what is kept as it was written, without its digits: the notes of a run are printed."""
    notes = []
    if not telephones.read(texts.get("phone", "")).is_clear:
        notes.append("the telephone is no complete number and was kept as it was written")
    if not papers.read(texts.get("identity", "")).is_sound:
        notes.append("the identity number fits no known paper and was kept as it was written")
    return notes


def limit_of(name: str) -> int:
    return int(Appeal._meta.get_field(name).max_length or 0)  # type: ignore[union-attr]


class RowForm(RegistrationForm):
    """The registration form, and what only a row can say: its id in the source, and when it came."""

    source_id = forms.CharField(max_length=limit_of("source_id"), required=False)
    registered_at = MomentField()
    # A checkbox would take anything that stands there for a yes.
    anonymous_to_unit = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")], required=False)  # type: ignore[assignment]

    def __init__(self, data: dict[str, Any], *, reference: "Reference") -> None:
        super().__init__(data)
        for moment_field in self.fields.values():
            if isinstance(moment_field, MomentField):
                moment_field.earliest, moment_field.latest = reference.earliest, reference.now

    def clean_anonymous_to_unit(self) -> bool:
        return self.cleaned_data["anonymous_to_unit"] == "yes"

    def problem(self) -> str:
        """Why the row is not taken; empty where it is sound."""
        for name, value in self.data.items():
            if (
                isinstance(value, str)
                and CONTROL.search(value)
                and not isinstance(self.fields.get(name), TelephoneField)
            ):
                return f"{name}: {no_control_characters.message}"
        return "; ".join(f"{name}: {' '.join(map(str, errors))}" for name, errors in self.errors.items())


class HistoryForm(RowForm):
    """What a row says of a complaint that was handled elsewhere, when it ended for one."""

    ended_at = MomentField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        begun, ended = cleaned.get("registered_at"), cleaned.get("ended_at")
        if begun and ended and ended < begun:
            self.add_error("ended_at", _("The end lies before the registration."))
        return cleaned


@dataclass(frozen=True)
class Options:
    """What the command's user says of values: codes for words of a field, and a time for rows that have none."""

    values: Mapping[tuple[str, str], str] = field(default_factory=dict)
    registered_at: datetime | None = None


class Reference:
    """What the cells are understood with, read once."""

    def __init__(self, now: datetime, options: Options | None = None) -> None:
        self.now, self.options = now, options or Options()
        self.earliest = Policy.objects.approved().earliest("effective_from").effective_from
        self.categories = _categories()
        self.areas = _by_code_and_name()

    def understand(self, texts: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
        """Return what the form is filled with, and a note of each value that is not taken as it stands there."""
        texts = {name: self.options.values.get((name, folded(text)), text) for name, text in texts.items()}
        notes: list[str] = []
        values: dict[str, Any] = {**texts, "source_id": own_number(without_invisible(texts.get("source_id", "")))}
        if not texts.get("registered_at") and self.options.registered_at:
            values["registered_at"] = self.options.registered_at.isoformat()
        values["kind"] = _coded(texts.get("kind", ""), KINDS, Kind) or Kind.COMPLAINT
        values["channel"] = channel_of(texts.get("channel", ""))
        if not texts.get("kind"):
            notes.append(f"no kind stands there, “{Kind.COMPLAINT}” was taken")
        if not texts.get("channel"):
            notes.append(f"no channel stands there, “{values['channel']}” was taken")
        if DAY.fullmatch(folded(texts.get("registered_at", ""))):
            notes.append("a day stands there without a time, 0:00 was taken")
        values["grade"] = _coded(texts.get("grade", ""), GRADES, Grade)
        if _is_other_channel(texts.get("channel", "")):
            notes.append(f"the channel “{texts['channel'][:20]}” was taken as “{values['channel']}”")
        values["anonymous_to_unit"] = ANSWERS.get(texts.get("anonymous_to_unit", "").lower(), "?")
        values["category"] = self._category(texts.get("category", ""))
        values["area"] = area = self._area(texts.get("area", ""))
        notes += _doubts(texts)
        named = texts.get("area", "")
        if named and area is None:
            notes.append("an area that is not known went into the place")
            if named not in texts.get("address", ""):
                values["address"] = f"{named} {texts.get('address', '')}".strip()
        if any(MASKED.search(texts.get(name, "")) for name in ("title", "matter", "address", "phone", "identity")):
            notes.append("digits that an export has masked with * stay masked")
        return values, notes

    def _category(self, text: str) -> Any:
        """Return the category by its code, by “code name” as the export writes it, or by a name that only one has."""
        return self.categories.get(text) or self.categories.get(_code_before(text)) or text

    def _area(self, text: str) -> Area | None:
        return self.areas.get(text) or self.areas.get(_code_before(text))


def _code_before(text: str) -> str:
    """Return the code of “code name”; a name that has a blank in it is no code and a name."""
    code = text.partition(" ")[0]
    return code if code.isascii() and code.isalnum() else ""


def _coded(text: str, words: Mapping[str, str], choices: Any) -> str:
    """Return the code of a word or of a label in any language; what is neither stays for the form to refuse."""
    lower = text.lower()
    return words.get(text) or _labels(choices).get(lower) or lower


@cache
def _labels(choices: Any) -> dict[str, str]:
    labels: dict[str, str] = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            labels |= {str(label).lower(): code for code, label in choices.choices}
    return labels


def channel_of(label: str) -> str:
    code = _coded(label, CHANNELS, Appeal.Channel)
    if code in Appeal.Channel.values:
        return code
    return Appeal.Channel.APP if "app" in code else Appeal.Channel.WEB


def _is_other_channel(label: str) -> bool:
    return bool(label) and _coded(label, CHANNELS, Appeal.Channel) not in Appeal.Channel.values


def own_number(text: str) -> str:
    """Return a number of the own orders in the one form that it is known by again, anything else as it stands."""
    digits = numbers.typed(text)
    return digits if SPOKEN_NUMBER.fullmatch(text) and numbers.is_valid(digits) else text


def _categories() -> dict[str, Category]:
    nodes = list(Category.objects.filter(is_active=True))
    counted = Counter(node.name for node in nodes)
    return {node.name: node for node in nodes if counted[node.name] == 1} | {node.code: node for node in nodes}


def _by_code_and_name() -> dict[str, Area]:
    """A name that two areas have leads to neither; with its district's name before it, it does."""
    areas: dict[str, Area | None] = {}
    for area in Area.objects.filter(is_active=True).select_related("parent"):
        names = {area.name, f"{area.parent.name}{area.name}" if area.parent else area.name}
        areas.update({name: None if name in areas else area for name in names})
        areas[area.code] = area
    return {name: area for name, area in areas.items() if area}


@dataclass(frozen=True)
class Checked:
    """A row that is sound has no problem, and what its form made of it; `notes` say what was taken otherwise."""

    row: Row
    problem: str = ""
    cleaned: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    has_time: bool = True


def checked(
    rows: Iterable[Row], columns: dict[str, int], reference: Reference, form: type[RowForm] = RowForm
) -> Iterator[Checked]:
    for row in rows:
        yield Checked(row, row.problem) if row.problem else _check(row, columns, reference, form)


def _check(row: Row, columns: dict[str, int], reference: Reference, form: type[RowForm]) -> Checked:
    texts = {name: unguarded(row.cells[column].strip()) for name, column in columns.items()}
    flaws = {name: row.flaws[column] for name, column in columns.items() if column in row.flaws}
    flaws |= {name: flaw for name in OF_DIGITS if (flaw := _shortened(name, texts.get(name, "")))}
    if flaws:
        return Checked(row, "; ".join(f"{name}: {flaw}" for name, flaw in flaws.items()))
    values, notes = reference.understand(texts)
    filled = form(values, reference=reference)
    problem = filled.problem()
    if problem:
        return Checked(row, problem)
    cleaned = {**filled.cleaned_data, "source_id": filled.cleaned_data["source_id"] or _hash(texts)}
    return Checked(row, cleaned=cleaned, notes=notes, has_time=bool(texts.get("registered_at")))


def _shortened(name: str, text: str) -> Any:
    is_lost = SHORTENED.fullmatch(text) or (
        name == "identity" and ROUNDED_IDENTITY.fullmatch(text) and text[-1] != _check_digit_of(text[:17])
    )
    return _("“%(text)s” has lost digits in a spreadsheet.") % {"text": text} if is_lost else ""


def _check_digit_of(digits: str) -> str:
    """Return the last character of an identity number (GB 11643: MOD 11-2)."""
    weighed = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(digits))
    return "10X98765432"[weighed % 11]


def _hash(texts: dict[str, str]) -> str:
    """A row without an id is known again by what it says."""
    return "sha256:" + hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()
