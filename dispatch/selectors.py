"""Reading what dispatch knows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatch import routing
from dispatch.models import Responsibility
from workorders.models import Unit

if TYPE_CHECKING:
    from workorders.models import Area, Category, WorkOrder


@dataclass(frozen=True)
class SuggestedUnit:
    unit: Unit
    line: routing.Line | None
    territory: str


def suggested_unit(order: "WorkOrder") -> SuggestedUnit | None:
    """The unit the responsibility catalogue names for the order's category and place, with the line that decided."""
    return suggestion(order.category, order.area) if order.category else None


def suggestion(category: "Category", area: "Area | None") -> SuggestedUnit | None:
    categories, areas = category.chain(), area.chain() if area else []
    governments = Unit.objects.filter(
        area__code__in=areas, kind__in=[Unit.Kind.STREET, Unit.Kind.DISTRICT], is_active=True
    )
    territorial = dict(governments.values_list("area__code", "code"))
    found = routing.suggest(categories, areas, _lines(categories), territorial, _of_sector(category.sector))
    return SuggestedUnit(Unit.objects.get(code=found.unit), found.line, found.territory) if found else None


def _of_sector(sector: str) -> str:
    return Unit.objects.filter(sector=sector, is_active=True).values_list("code", flat=True).first() or ""


def _lines(categories: list[str]) -> list[routing.Line]:
    rows = Responsibility.objects.filter(category__code__in=categories).exclude(unit__is_active=False)
    values = rows.values_list("category__code", "area__code", "unit__code", "territory")
    return [routing.Line(category, area or "", unit or "", territory) for category, area, unit, territory in values]
