"""Chinese on plain PostgreSQL (DESIGN §6): text cut into overlapping two-character tokens in an indexed array.

Text and query are folded alike (`comparable`). A query is cut the same way; an order that contains all its tokens is then
checked against its folded text. Where many orders hold them all, gathering these by the index takes longer than walking
the orders in the order that is asked for, until a page is full. The names of categories are joined when somebody
searches: they are few, and a category that gets another name costs its orders nothing.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.fields.array import ArrayContains  # type: ignore[attr-defined]
from django.core.cache import cache
from django.db import connection
from django.db.models import CharField, F, Func, Q, Value
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from redis.exceptions import RedisError

from workorders import numbers
from workorders.folding import folded, simplified

if TYPE_CHECKING:
    from workorders.models import WorkOrder
    from workorders.permissions import WorkOrderQuerySet

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
VOICING = "\uff9e\uff9f"  # half-width marks that NFKC joins with the sign before them


FREQUENCIES = """
SELECT token, frequency
FROM pg_stats,
    unnest(most_common_elems::text::text[], most_common_elem_freqs) AS common (token, frequency)
WHERE schemaname = current_schema() AND tablename = 'workorders_workorder' AND attname = 'tokens'
    AND token IS NOT NULL
"""
SHARES_OF_CATEGORIES = """
SELECT category, share
FROM pg_stats,
    unnest(most_common_vals::text::bigint[], most_common_freqs) AS common (category, share)
WHERE schemaname = current_schema() AND tablename = 'workorders_workorder' AND attname = 'category_id'
"""


def comparable(text: str) -> str:
    """Return the text as it is searched: NFKC, simplified, lower case, nothing invisible, no break between Chinese signs."""
    return WRAPPED.sub("", _one_case(text))


def _one_case(text: str) -> str:
    return simplified(folded(text)).casefold()


def cut(text: str) -> set[str]:
    """Every two neighbouring characters of a run of Chinese, letters and digits; a lone one by itself; lower case."""
    return _cut(comparable(text))


def _cut(text: str) -> set[str]:
    tokens: set[str] = set()
    for run in RUNS.findall(text):
        tokens.update(run[start : start + 2] for start in range(max(1, len(run) - 1)))
    return tokens


def indexed(order: "WorkOrder") -> tuple[str, list[str]]:
    """Return the order's folded text and its tokens, as `reindex` and registration keep them."""
    text = "\n".join(map(comparable, (order.title, order.matter, order.address)))
    return text, sorted(_cut(text))


def matching(orders: "WorkOrderQuerySet", query: str) -> "WorkOrderQuerySet":
    """Orders that hold every word of the query in title, matter, place or category, or whose number it is or begins."""
    condition, words = Q(), words_of(query)
    categories = categories_named(words)
    walked = share_of(words, categories) >= FREQUENT
    for word in words:
        condition &= _held(word, categories[word], walked=walked)
    number = numbers.typed(query)
    if numbers.is_valid(number):
        return orders.filter(condition | Q(number=number))
    begins = len(number) >= NUMBER_BEGINS_AT and ONLY_NUMBER.fullmatch(folded(query).strip())
    return orders.filter(condition | Q(number__startswith=number) if begins else condition)


def words_of(query: str) -> list[str]:
    """Return the words of a query, folded."""
    pieces = (quoted or plain for quoted, plain in WORDS.findall(folded(query.replace("\0", " "))))
    return [word for word in (comparable(piece).strip() for piece in pieces) if word]


def categories_named(words: Iterable[str]) -> dict[str, list[int]]:
    """Return, for each word, the categories that hold it in their own name or in that of one above."""
    from workorders.models import Category  # the order's model indexes itself by this module

    wanted: dict[str, list[int]] = {word: [] for word in words}
    rows = list(Category.objects.order_by("path").values_list("pk", "path", "name")) if wanted else []
    named: dict[str, str] = {}
    for pk, path, name in rows:
        above = path[: path.rstrip("/").rindex("/") + 1]
        named[path] = f"{named.get(above, '')}\n{comparable(name)}"
        for word, categories in wanted.items():
            if word in named[path]:
                categories.append(pk)
    return wanted


def share_of(words: list[str], categories: dict[str, list[int]]) -> float:
    """About how many of all orders hold all words: each as many as its rarest pair and its categories; words are independent."""
    tokens, shares = frequencies(), _statistics("categories", SHARES_OF_CATEGORIES)
    return prod(
        min(1.0, min(tokens.get(token, 0.0) for token in pairs) + sum(shares.get(pk, 0.0) for pk in categories[word]))
        for word, pairs in ((word, _pairs(word)) for word in words)
        if pairs
    )


def _pairs(word: str) -> list[str]:
    return sorted(token for token in _cut(word) if len(token) == 2)


def _held(word: str, categories: list[int], *, walked: bool) -> Q:
    # What was registered before this column was there is found as it is written, until `reindex` has been.
    unfolded = Q(title__icontains=word) | Q(matter__icontains=word) | Q(address__icontains=word)
    text = Q(comparable__contains=word) | Q(comparable="") & unfolded
    pairs = _pairs(word)
    stands = _with_tokens(pairs, walked=walked) & text if pairs else text
    return stands | Q(category__in=categories) if categories else stands


def _with_tokens(pairs: list[str], *, walked: bool) -> Q:
    if not walked:
        return Q(tokens__contains=pairs)
    tokens = ArrayField(CharField())
    # The same condition in a form that the index cannot serve.
    unserved = Func(F("tokens"), Value([], tokens), function="array_cat", output_field=tokens)
    return Q(ArrayContains(unserved, pairs))


def frequencies(least: float = FREQUENT) -> dict[str, float]:
    """The share of all orders that each token stands in, as PostgreSQL's own statistics have it, from `least` on."""
    known = _statistics("frequencies", FREQUENCIES)
    return {token: share for token, share in known.items() if share >= least}


def _statistics(name: str, query: str) -> dict[Any, float]:
    try:
        return cache.get_or_set(f"search:{name}", lambda: _read_statistics(query), FREQUENCIES_KEPT) or {}
    except RedisError:
        return _read_statistics(query)


def _read_statistics(query: str) -> dict[Any, float]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return dict(cursor.fetchall())


def snippet(text: str, query: str) -> SafeString:
    """The text around the first hit, as HTML with every hit marked; empty where nothing of the query stands in it."""
    hits = _hits(text, query)
    if not hits:
        return SafeString("")
    start = max(0, hits[0][0] - SNIPPET // 3)
    end = start + max(SNIPPET, hits[0][1] - start)
    part = _marked(text, [hit for hit in hits if hit[1] <= end], start, min(end, len(text)))
    return mark_safe(f"{'…' if start else ''}{part}{'…' if end < len(text) else ''}")  # noqa: S308 -- escaped part by part


def marked(text: str, query: str) -> SafeString:
    """The whole text as HTML with every hit marked."""
    return mark_safe(_marked(text, _hits(text, query), 0, len(text)))  # noqa: S308 -- escaped part by part


def _hits(text: str, query: str) -> list[tuple[int, int]]:
    """Return where hits begin and end in the text as it is written; they are looked for in the folded one."""
    words = [_pattern(word) for word in sorted(words_of(query), key=len, reverse=True)]
    if not words:
        return []
    signs, places = _folded_with_places(text)
    spans = (match.span() for match in re.finditer("|".join(words), signs))
    hits: list[tuple[int, int]] = []
    for first, last in spans:
        start, end = places[first][0], places[last - 1][1]
        if not hits or start >= hits[-1][1]:  # two hits within ㎡ are one
            hits.append((start, end))
    return hits


def _pattern(word: str) -> str:
    """The word with line ends between its Chinese characters."""
    return r"\s*".join(map(re.escape, BETWEEN_HAN.split(word)))


def _folded_with_places(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Fold the text sign by sign, and keep which part of it each folded character comes from."""
    signs, places, start = [], [], 0
    for end in range(1, len(text) + 1):
        if end < len(text) and (unicodedata.combining(text[end]) or text[end] in VOICING):
            continue  # it belongs to the sign before it
        sign = _fold_sign(text[start:end])
        signs.append(sign)
        places += [(start, end)] * len(sign)
        start = end
    return "".join(signs), places


@lru_cache(maxsize=30_000)
def _fold_sign(sign: str) -> str:
    return _one_case(sign)


def _marked(text: str, hits: list[tuple[int, int]], start: int, end: int) -> str:
    parts, at = [], start
    for first, last in hits:
        parts += [escape(text[at:first]), f"<mark>{escape(text[first:last])}</mark>"]
        at = last
    return "".join([*parts, escape(text[at:end])])
