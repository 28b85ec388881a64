"""Chinese on plain PostgreSQL (DESIGN §6): text cut into overlapping two-character tokens in an indexed array.

A query is cut the same way; an order that contains all its tokens is then checked against the text itself.
"""

import re
from typing import TYPE_CHECKING

from django.db.models import Q

from workorders import numbers

if TYPE_CHECKING:
    from workorders.models import WorkOrder
    from workorders.permissions import WorkOrderQuerySet

HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
RUNS = re.compile(f"[0-9a-z{HAN}]+")
# Chinese is written without blanks: a line that breaks inside a word does not end it.
WRAPPED = re.compile(rf"(?<=[{HAN}])\s+(?=[{HAN}])")
BETWEEN_HAN = re.compile(f"(?<=[{HAN}])(?=[{HAN}])")


def cut(text: str) -> set[str]:
    """Every two neighbouring characters of a run of Chinese, letters and digits; a lone one by itself; lower case."""
    found: set[str] = set()
    for run in RUNS.findall(WRAPPED.sub("", text.lower())):
        found.update(run[start : start + 2] for start in range(max(1, len(run) - 1)))
    return found


def tokens_of(order: "WorkOrder") -> list[str]:
    return sorted(cut(" / ".join((order.title, order.matter, order.address))))


def matching(orders: "WorkOrderQuerySet", query: str) -> "WorkOrderQuerySet":
    """Orders whose title, matter and place together hold every word of the query, or whose number it is."""
    held = Q()
    for word in query.replace("\0", " ").split():
        held &= _held(word)
    number = numbers.typed(query)
    return orders.filter(held | Q(number=number) if numbers.is_valid(number) else held)


def _held(word: str) -> Q:
    text = Q(title__icontains=word) | Q(matter__icontains=word) | Q(address__icontains=word)
    pairs = sorted(token for token in cut(word) if len(token) == 2)
    if not pairs:
        return text
    broken = BETWEEN_HAN.sub(r"\\s*", re.escape(word))
    return Q(tokens__contains=pairs) & (text | Q(matter__iregex=broken))
