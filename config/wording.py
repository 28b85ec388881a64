"""The check of the Chinese wording: words that were replaced do not come back (CONTRIBUTING.md, 文字规范)."""

import csv
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from config import catalogues

RULES = Path(__file__).with_name("wording.toml")
REFERENCE = ("categories.csv", "units.csv", "areas.csv")
DOCUMENTS = ("README.zh-CN.md", "docs/*.zh-CN.md")

# What a citizen reads or hears, in the demo and among the standard texts.
MATTER_LETTERS = ("answer", "progress", "knowledge", "decline_reply")
LETTER_STEPS = ("answer", "ask_correction", "decline", "report", "progress", "close")
# What citizens say in the demo. They speak as they like.
CITIZENS_WORDS = (
    *("complainant_words_satisfied", "complainant_words_dissatisfied", "review_reasons", "withdraw_reasons"),
    *("surnames", "given_names", "places", "times", "place_kinds"),
)

CHINESE = "\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”‘’…—"
# A time keeps its blank after the day: 11月28日 15:30.
MARKS = (
    (re.compile(rf"[{CHINESE}] (?=[A-Za-z0-9%])(?!\d\d?:\d\d)"), "汉字与数字、字母之间不空格"),
    (re.compile(rf"(?<=[A-Za-z0-9)%]) [{CHINESE}]"), "汉字与数字、字母之间不空格"),
    (re.compile(r"\d [%％]"), "百分号紧跟数字"),
    (re.compile(r"[\u4e00-\u9fff][,;!?](?![A-Za-z])"), "全角标点"),
    (re.compile("–"), "“—”或“至”"),
)


@dataclass(frozen=True)
class Passage:
    """A piece of Chinese and where it stands."""

    place: str
    text: str
    is_letter: bool = False
    is_screen: bool = False  # messages and texts: the rules of blanks and marks hold too


@dataclass(frozen=True)
class Word:
    """A word that was replaced; it is allowed as part of some longer ones, or wrong in letters only."""

    wrong: str
    right: str
    allowed: tuple[str, ...] = ()
    only: str = ""

    def stands_in(self, passage: Passage) -> bool:
        if self.only == "letters" and not passage.is_letter:
            return False
        text = passage.text
        for longer in self.allowed:
            text = text.replace(longer, "　")
        return self.wrong in text


def words() -> list[Word]:
    document = tomllib.loads(RULES.read_text(encoding="utf-8"))
    return [Word(**{**entry, "allowed": tuple(entry.get("allowed", ()))}) for entry in document["words"]]


def problems() -> list[str]:
    """Say each place that uses a replaced word or sets blanks and marks as English does."""
    return list(problems_in(passages(settings.BASE_DIR), words()))


def problems_in(all_passages: Iterable[Passage], replaced: list[Word]) -> Iterator[str]:
    for passage in all_passages:
        for word in replaced:
            if word.stands_in(passage):
                yield f"{passage.place}: “{word.wrong}” → {word.right}: {passage.text[:60]!r}"
        for pattern, rule in MARKS if passage.is_screen else ():
            match = pattern.search(passage.text)
            if match:
                yield f"{passage.place}: {match[0]!r} → {rule}: {passage.text[:60]!r}"


def passages(base: Path) -> Iterator[Passage]:
    yield from _messages()
    yield from _standard_texts(base / "workorders/reference/texts.toml")
    yield from _demo(base / "config/demo")
    for name in REFERENCE:
        yield from _table(base / "workorders/reference" / name)
    paths = [
        *sorted(base.glob("templates/**/*.html")),
        *(path for name in DOCUMENTS for path in sorted(base.glob(name))),
    ]
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield Passage(f"{path.relative_to(base)}:{number}", line)


def _messages() -> Iterator[Passage]:
    for locale in catalogues.LOCALES:
        for message in catalogues.read(locale):
            strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
            for text in strings if message.id else ():
                yield Passage(f"{catalogues.file_of(locale).name}: {message.id!r}", text, is_screen=True)


def _standard_texts(path: Path) -> Iterator[Passage]:
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["texts"]:
        is_letter = entry["step"] in LETTER_STEPS
        yield Passage(f"{path.name}: {entry['code']}", entry["title"], is_screen=True)
        yield Passage(f"{path.name}: {entry['code']}", entry["text"], is_letter, is_screen=True)


def _demo(folder: Path) -> Iterator[Passage]:
    for matter in tomllib.loads((folder / "matters.toml").read_text(encoding="utf-8"))["matter"]:
        for name in MATTER_LETTERS:
            if name in matter:
                yield Passage(f"matters.toml: {matter['title']}: {name}", matter[name], is_letter=True)
    for name in ("handling.toml", "words.toml"):
        document = tomllib.loads((folder / name).read_text(encoding="utf-8"))
        for kind, texts in document.items():
            if kind not in CITIZENS_WORDS:
                yield from (Passage(f"{name}: {kind}", text) for text in _flat(texts))


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _flat(part)


def _table(path: Path) -> Iterator[Passage]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Passage(f"{path.name}: {row['code']}", row["name"])
