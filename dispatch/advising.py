"""What the responsibility catalogue says to reception before there is an order, with the reason in words."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from dispatch.selectors import SuggestedUnit, suggestion
from workorders.advice import Advice

if TYPE_CHECKING:
    from workorders.models import Area, Category


def advise(category: "Category", area: "Area | None") -> Advice | None:
    found = suggestion(category, area)
    return Advice(found.unit, _reason(found)) if found else None


def _reason(found: SuggestedUnit) -> str:
    if not found.line:
        return _("The catalogue has no line for this; the district of the place coordinates.")
    if found.territory == "street":
        return _("By the catalogue: the street or township of the place.")
    if found.territory == "district":
        return _("By the catalogue: the district of the place.")
    return _("By the catalogue: the unit of this sector.")
