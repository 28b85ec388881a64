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

RUNS = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+|[0-9a-z]+")


def cut(text: str) -> set[str]:
    """Every two neighbouring characters of a run of Chinese, or of letters and digits; a lone one by itself; lower case."""
    found: set[str] = set()
    for run in RUNS.findall(text.lower()):
        found.update(run[start : start + 2] for start in range(max(1, len(run) - 1)))
    return found


def tokens_of(order: "WorkOrder") -> list[str]:
    return sorted(cut("\n".join((order.title, order.matter, order.address))))


def matching(orders: "WorkOrderQuerySet", query: str) -> "WorkOrderQuerySet":
    """Orders whose number is the query, or whose title, matter and place together hold every word of it."""
    number = numbers.typed(query)
    if numbers.is_valid(number):
        return orders.filter(number=number)
    for word in query.split():
        orders = _holding(orders, word)
    return orders


def _holding(orders: "WorkOrderQuerySet", word: str) -> "WorkOrderQuerySet":
    pairs = sorted(token for token in cut(word) if len(token) == 2)
    narrowed = orders.filter(tokens__contains=pairs) if pairs else orders
    return narrowed.filter(Q(title__icontains=word) | Q(matter__icontains=word) | Q(address__icontains=word))
