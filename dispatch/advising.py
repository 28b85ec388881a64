"""What the responsibility catalogue says to reception before there is an order, with the reason in words."""

from typing import TYPE_CHECKING

from dispatch.selectors import suggestion
from workorders.advice import Advice

if TYPE_CHECKING:
    from workorders.models import Area, Category


def advise(category: "Category", area: "Area | None") -> Advice | None:
    found = suggestion(category, area)
    return Advice(found.unit, found.reason) if found else None
