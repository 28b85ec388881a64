"""Words of danger 险情: what in a text says that somebody is in danger now, and which emergency line helps. Pure.

Missing one costs more than a false alarm: whoever reads the strip decides, the words only see to it that somebody looks.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from workorders.search import comparable

WORDS = Path(__file__).with_name("danger.toml")
BLANKS = re.compile(r"\s+")
PARTS = re.compile(r"[,;.!?。！？；，、:…~|]+")
# A negation stands straight before what it denies: 没有着火, 没有发生火灾.
NEGATION_REACHES = 3
NAME = re.compile(r"(?<!\?)<([a-z]+)>")
TAKEN_OUT = "□"
# A letter tells of what has been, a call of what is: in a long text a sentence has to say that it is now.
LONG = 160
SENTENCES = re.compile(r"([.!?。！？…]+)")
STOP = "."


@dataclass(frozen=True)
class Match:
    service: str
    group: str
    words: str  # as they stand in the folded text


@dataclass(frozen=True)
class Group:
    name: str
    service: str
    pattern: re.Pattern[str]
    firm: bool


@dataclass(frozen=True)
class Rules:
    groups: Sequence[Group]
    harmless: re.Pattern[str]
    over: re.Pattern[str]
    negation: re.Pattern[str]
    before: re.Pattern[str]
    after: re.Pattern[str]
    now: re.Pattern[str]


def rules_of(*documents: Mapping[str, Any]) -> Rules:
    """Compile documents of the shape of danger.toml; a later one adds to those before it."""
    names = {name: words for document in documents for name, words in document.get("names", {}).items()}
    words = [word for document in documents for word in document.get("harmless", {}).get("words", ())]
    context = {
        name: _any_of(word for document in documents for word in document.get("context", {}).get(name, ()))
        for name in ("over", "before", "after", "now")
    }
    denials = [word for document in documents for word in document.get("context", {}).get("negation", ())]
    return Rules(
        groups=[
            Group(
                group["name"],
                group["service"],
                _any_of(_with_names(word, names) for word in group["words"]),
                group.get("firm", False),
            )
            for document in documents
            for group in document.get("group", ())
        ],
        harmless=_any_of(sorted(words, key=len, reverse=True)),
        negation=re.compile(f"(?:{'|'.join(denials)}).{{0,{NEGATION_REACHES}}}$") if denials else _any_of(()),
        **context,
    )


def _with_names(word: str, names: Mapping[str, str]) -> str:
    return NAME.sub(lambda name: names[name[1]], word)


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{word})" for word in words) or "(?!)")


@cache
def site_rules() -> Rules:
    """The words that come with the product, and those of the site."""
    files = [WORDS, *([Path(settings.DANGER_WORDS)] if settings.DANGER_WORDS else [])]
    return rules_of(*(tomllib.loads(file.read_text(encoding="utf-8")) for file in files))


def danger_in(text: str, rules: Rules | None = None) -> list[Match]:
    """Return what in the text speaks of danger, the first of each group, in the order of the groups."""
    rules = rules or site_rules()
    plain = BLANKS.sub("", comparable(text))
    cleared = rules.harmless.sub(lambda match: TAKEN_OUT * len(match[0]), plain)
    is_over = bool(rules.over.search(plain))
    current = cleared if len(cleared) <= LONG else _sentences_of_now(cleared, rules)
    matches = []
    for group in rules.groups:
        text = cleared if group.firm else current
        hits = (hit for hit in group.pattern.finditer(text) if hit[0])
        valid = next((hit for hit in hits if _counts(hit, text, rules, firm=group.firm, is_over=is_over)), None)
        if valid:
            matches.append(Match(group.service, group.name, plain[valid.start() : valid.end()]))
    return matches


def _sentences_of_now(text: str, rules: Rules) -> str:
    """Take out the sentences that do not say that it is now; what stays keeps its place."""
    pieces = SENTENCES.split(text)
    return "".join(piece if rules.now.search(piece) else STOP * len(piece) for piece in pieces)


def _counts(hit: re.Match[str], text: str, rules: Rules, *, firm: bool, is_over: bool) -> bool:
    start, end = _part_around(hit, text)
    if rules.negation.search(text[start : hit.start()]):
        return False
    if firm:
        return True
    return not (is_over or rules.before.search(text[start : hit.start()]) or rules.after.search(text[hit.end() : end]))


def _part_around(hit: re.Match[str], text: str) -> tuple[int, int]:
    """Return where the part of the sentence begins and ends that the hit stands in."""
    start = max((stop.end() for stop in PARTS.finditer(text, 0, hit.start())), default=0)
    stop = PARTS.search(text, hit.end())
    return start, stop.start() if stop else len(text)


def named(matches: Iterable[Match]) -> list[tuple[str, str]]:
    """Return (emergency line, words) for a page."""
    return [(match.service, match.words) for match in matches]
