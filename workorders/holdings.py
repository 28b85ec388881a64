"""What hangs on a unit: shown before it is switched off. Later stages add what they keep."""

from collections.abc import Callable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from workorders.models import Unit

Holding = tuple["str | Promise", Callable[[Unit], int]]

_holdings: list[Holding] = [
    (_("orders in hand"), Unit.orders_in_hand),
    (_("active users"), lambda unit: unit.users.filter(is_active=True).count()),
]


def add_holding(label: "str | Promise", count: Callable[[Unit], int]) -> None:
    if all(count is not known_count for _label, known_count in _holdings):
        _holdings.append((label, count))


def holdings_of(unit: Unit) -> list[tuple[str, int]]:
    return [(str(label), count(unit)) for label, count in _holdings]
