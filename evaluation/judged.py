"""What complainants answered, for the desk that hears them again."""

from collections import Counter
from typing import Any

from evaluation.models import Callback
from intake.callers import Judged


def judged(orders: Any) -> Judged:
    """Mostly satisfied counts as satisfied; of an order that was handled again, the last answer counts."""
    answered = Callback.objects.filter(order__in=orders.order_by().values("pk")).exclude(satisfied="")
    last = answered.order_by("order_id", "-round").distinct("order_id")
    found = Counter(last.values_list("satisfied", flat=True))
    unsatisfied = found[Callback.Satisfied.NO]
    return Judged(satisfied=found.total() - unsatisfied, unsatisfied=unsatisfied)
