"""Chinese on plain PostgreSQL (DESIGN §6): text cut into overlapping two-character tokens in an indexed array.

A query is cut the same way; an order that contains all its tokens is then checked against the text itself. Where many
orders hold them all, gathering these by the index takes longer than walking the orders in the order that is asked for,
until a page is full.
"""

import re
from math import prod
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.fields.array import ArrayContains  # type: ignore[attr-defined]
from django.core.cache import cache
from django.db import connection
from django.db.models import CharField, F, Func, Q, Value
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from redis.exceptions import RedisError

from workorders import numbers

if TYPE_CHECKING:
    from workorders.models import WorkOrder
    from workorders.permissions import WorkOrderQuerySet

# ０-９Ａ-ｚ as an input method writes them, one to one, so that places in the text stay.
NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
ASCII = re.compile("[!-~]")
# What stands between quotes is one word, blanks and all; an apostrophe is none.
WORDS = re.compile(r'["“”「」『』]([^"“”「」『』]*)["“”「」『』]|([^\s"“”「」『』]+)')
HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
RUNS = re.compile(f"[0-9a-z{HAN}]+")
# Chinese is written without blanks: a line that breaks inside a word does not end it.
WRAPPED = re.compile(rf"(?<=[{HAN}])\s+(?=[{HAN}])")
# Fewer digits are rather a house number; the day alone has six.
NUMBER_BEGINS_AT = 6
ONLY_NUMBER = re.compile(r"[\d\s-]+")
# A token in more than one of fifty orders: a page of them is soon found by walking (DESIGN §6).
FREQUENT = 0.02
FREQUENCIES_KEPT = 600  # seconds; the statistics themselves change by the day
SNIPPET = 60  # characters, with the first hit in them
BETWEEN_HAN = re.compile(f"(?<=[{HAN}])(?=[{HAN}])")


FREQUENCIES = """
SELECT token, frequency
FROM pg_stats,
    unnest(most_common_elems::text::text[], most_common_elem_freqs) AS common (token, frequency)
WHERE schemaname = current_schema() AND tablename = 'workorders_workorder' AND attname = 'tokens'
    AND token IS NOT NULL
"""


def cut(text: str) -> set[str]:
    """Every two neighbouring characters of a run of Chinese, letters and digits; a lone one by itself; lower case."""
    found: set[str] = set()
    for run in RUNS.findall(WRAPPED.sub("", text.translate(NARROW).lower())):
        found.update(run[start : start + 2] for start in range(max(1, len(run) - 1)))
    return found


def tokens_of(order: "WorkOrder") -> list[str]:
    return sorted(cut(" / ".join((order.title, order.matter, order.address))))


def matching(orders: "WorkOrderQuerySet", query: str) -> "WorkOrderQuerySet":
    """Orders whose title, matter and place together hold every word of the query, or whose number it is or begins."""
    held, words = Q(), words_of(query)
    walked = share_of(words) >= FREQUENT
    for word in words:
        held &= _held(word, walked=walked)
    number = numbers.typed(query)
    if numbers.is_valid(number):
        return orders.filter(held | Q(number=number))
    begins = len(number) >= NUMBER_BEGINS_AT and ONLY_NUMBER.fullmatch(query)
    return orders.filter(held | Q(number__startswith=number) if begins else held)


def words_of(query: str) -> list[str]:
    found = ((quoted or plain).strip() for quoted, plain in WORDS.findall(query.replace("\0", " ")))
    return [word.translate(NARROW) for word in found if word]


def share_of(words: list[str]) -> float:
    """About how many of all orders hold all of them: each as many as its rarest pair, and one word knows nothing of another."""
    known = frequencies()
    return prod(min(known.get(token, 0.0) for token in pairs) for pairs in map(_pairs, words) if pairs)


def _pairs(word: str) -> list[str]:
    return sorted(token for token in cut(word) if len(token) == 2)


def _held(word: str, *, walked: bool) -> Q:
    text = Q(matter__iregex=_pattern(word))
    # A pattern costs more than a plain comparison, and only these characters have two widths.
    for field in ("title", "matter", "address"):
        text |= Q(**{f"{field}__iregex": _pattern(word)} if ASCII.search(word) else {f"{field}__icontains": word})
    pairs = _pairs(word)
    return _with_tokens(pairs, walked=walked) & text if pairs else text


def _pattern(word: str) -> str:
    """The word in either width, with line ends between its Chinese characters."""
    return "".join(map(_character, BETWEEN_HAN.sub("\n", word)))


def _character(one: str) -> str:
    if one == "\n":
        return r"\s*"
    return f"(?:{re.escape(one)}|{chr(ord(one) + 0xFEE0)})" if ASCII.fullmatch(one) else re.escape(one)


def _with_tokens(pairs: list[str], *, walked: bool) -> Q:
    if not walked:
        return Q(tokens__contains=pairs)
    tokens = ArrayField(CharField())
    # The same condition in a form that the index cannot serve.
    unserved = Func(F("tokens"), Value([], tokens), function="array_cat", output_field=tokens)
    return Q(ArrayContains(unserved, pairs))


def frequencies(least: float = FREQUENT) -> dict[str, float]:
    """The share of all orders that each token stands in, as PostgreSQL's own statistics have it, from `least` on."""
    known = _statistics()
    return {token: share for token, share in known.items() if share >= least}


def _statistics() -> dict[str, float]:
    try:
        return cache.get_or_set("search:frequencies", _read_statistics, FREQUENCIES_KEPT) or {}
    except RedisError:
        return _read_statistics()


def _read_statistics() -> dict[str, float]:
    with connection.cursor() as cursor:
        cursor.execute(FREQUENCIES)
        return dict(cursor.fetchall())


def snippet(text: str, query: str) -> SafeString:
    """The text around the first hit, as HTML with every hit marked; empty where nothing of the query stands in it."""
    hits = _hits(text, query)
    if not hits:
        return SafeString("")
    start = max(0, hits[0][0] - SNIPPET // 3)
    end = start + max(SNIPPET, hits[0][1] - start)
    shown = _marked(text, [hit for hit in hits if hit[1] <= end], start, min(end, len(text)))
    return mark_safe(f"{'…' if start else ''}{shown}{'…' if end < len(text) else ''}")  # noqa: S308 -- escaped part by part


def marked(text: str, query: str) -> SafeString:
    """The whole text as HTML with every hit marked."""
    return mark_safe(_marked(text, _hits(text, query), 0, len(text)))  # noqa: S308 -- escaped part by part


def _hits(text: str, query: str) -> list[tuple[int, int]]:
    words = [_pattern(word) for word in sorted(words_of(query), key=len, reverse=True)]
    return [match.span() for match in re.finditer("|".join(words), text, re.IGNORECASE)] if words else []


def _marked(text: str, hits: list[tuple[int, int]], start: int, end: int) -> str:
    parts, at = [], start
    for first, last in hits:
        parts += [escape(text[at:first]), f"<mark>{escape(text[first:last])}</mark>"]
        at = last
    return "".join([*parts, escape(text[at:end])])
