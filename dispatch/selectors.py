"""Reading what dispatch knows."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Case, Count, F, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce, TruncDate
from django.utils.translation import gettext as _

from dispatch import routing
from dispatch.models import Assignment, Responsibility
from workorders.models import Unit

if TYPE_CHECKING:
    from workorders.models import Area, Category, WorkOrder


@dataclass(frozen=True)
class SuggestedUnit:
    unit: Unit
    line: routing.Line | None
    territory: str

    @property
    def reason(self) -> str:
        if not self.line:
            return _("The catalogue has no line for this; the district of the place coordinates.")
        texts = {
            "street": _("By the catalogue: the street or township of the place."),
            "district": _("By the catalogue: the district of the place."),
        }
        return texts.get(self.territory, _("By the catalogue: the unit of this sector."))


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
    """A closed unit's lines lead to the one that took it over."""
    lines = Responsibility.objects.filter(category__code__in=categories)
    rows = lines.exclude(unit__is_active=False, unit__successor=None).exclude(unit__successor__is_active=False)
    heir = When(unit__is_active=False, then="unit__successor__code")
    responsible = rows.annotate(responsible=Case(heir, default="unit__code"))
    values = responsible.values_list("category__code", "area__code", "responsible", "territory")
    return [routing.Line(category, area or "", unit or "", territory) for category, area, unit, territory in values]


def district_above(unit: Unit) -> Unit | None:
    """双派单, Art. 12 (1): the district that supervises what its street gets directly; none for other units."""
    if unit.kind != Unit.Kind.STREET:
        return None
    districts: QuerySet[Unit] = Unit.objects.filter(kind=Unit.Kind.DISTRICT, is_active=True)
    areas = unit.area.chain() if unit.area else []
    return districts.filter(Q(code__in=unit.chain()) | Q(area__code__in=areas)).first()


@dataclass(frozen=True)
class WrongDispatch:
    """What wrong dispatches took, of one dispatcher on one day of the city's calendar; None for what is not known."""

    dispatcher: int | None
    day: date
    orders: int
    lost: timedelta


def wrong_dispatch(since: datetime, until: datetime) -> list[WrongDispatch]:
    """B03: by dispatcher and day on which the orders came back, from `since` up to and without `until`."""
    wrong = Assignment.objects.filter(part="lead", end__in=["returned", "recalled"], ended_at__gte=since)
    began = Coalesce("dispatched_at", "assigned_at")
    days = wrong.filter(ended_at__lt=until).annotate(day=TruncDate("ended_at"), lost_now=F("ended_at") - began)
    grouped = days.order_by("day", "dispatched_by").values_list("dispatched_by", "day")
    return [WrongDispatch(*row) for row in grouped.annotate(Count("order", distinct=True), Sum("lost_now"))]
