"""Whom to send an order to: what the catalogue says, and who else comes into question, each with its reason."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dispatch.models import Responsibility
from dispatch.selectors import SuggestedUnit, suggested_unit
from workorders.models import Unit, WorkOrder

if TYPE_CHECKING:
    from workorders.models import User

MOST = 3  # one key each
LATELY = timedelta(days=90)
LOOKED_AT = 200  # the newest alike orders


@dataclass(frozen=True)
class Candidate:
    unit: Unit
    why: str
    basis: str = ""

    @property
    def value(self) -> str:
        """As the lists of units write it."""
        return f"{self.unit.code} {self.unit.name}"


def candidates(order: WorkOrder, actor: "User | None", *, now: datetime) -> list[Candidate]:
    """The catalogue's unit first; each unit once, for the best of its reasons."""
    found: dict[int, Candidate] = {}
    for candidate in _in_question(order, actor, now):
        found.setdefault(candidate.unit.pk, candidate)
    return list(found.values())[:MOST]


def _in_question(order: WorkOrder, actor: "User | None", now: datetime) -> Iterator[Candidate]:
    if suggestion := suggested_unit(order):
        yield Candidate(suggestion.unit, suggestion.reason, _basis(suggestion))
    yield from _practised(order, actor, now)
    if order.category:
        for unit in Unit.objects.filter(sector=order.category.sector, is_active=True):
            yield Candidate(unit, _("The unit of this sector."))
    yield from _of_the_place(order)


def _basis(suggestion: SuggestedUnit) -> str:
    if suggestion.line is None:
        return ""
    lines = Responsibility.objects.filter(category__code=suggestion.line.category)
    return lines.filter(area__code=suggestion.line.area or None).values_list("basis", flat=True).first() or ""


def _practised(order: WorkOrder, actor: "User | None", now: datetime) -> Iterator[Candidate]:
    """Those that led alike orders lately: same category, same area."""
    alike = WorkOrder.objects.visible_to(actor).filter(category=order.category, area=order.area)
    lately = alike.filter(registered_at__gte=now - LATELY, lead_unit__is_active=True).exclude(pk=order.pk)
    counts = Counter(lately.order_by("-id").values_list("lead_unit", flat=True)[:LOOKED_AT])
    units = Unit.objects.in_bulk(counts)
    for pk, count in counts.most_common(MOST):
        told = ngettext(
            "Led %(count)s order of this category and area in the last 90 days.",
            "Led %(count)s orders of this category and area in the last 90 days.",
            count,
        )
        yield Candidate(units[pk], told % {"count": count})


def _of_the_place(order: WorkOrder) -> Iterator[Candidate]:
    """The district coordinates what is nobody's (Art. 12 (2)); then the street itself."""
    areas = order.area.chain() if order.area else []
    kinds = [Unit.Kind.DISTRICT, Unit.Kind.STREET]
    reasons = [_("The district of the place coordinates (Art. 12)."), _("The street or township of the place.")]
    units = list(Unit.objects.filter(area__code__in=areas, kind__in=kinds, is_active=True))
    for kind, reason in zip(kinds, reasons, strict=True):
        yield from (Candidate(unit, reason) for unit in units if unit.kind == kind)


class UnitChoice(forms.TextInput):
    """The candidates to choose from by one key, and an input for any other unit: all of one name."""

    template_name = "dispatch/_unit_choice.html"

    def __init__(self, candidates: Callable[[], list[Candidate]], attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.candidates = candidates

    def use_required_attribute(self, initial: Any) -> bool:
        """Either will do."""
        return False

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """What was typed stands behind what was chosen from; an input that was left empty says nothing."""
        if not hasattr(data, "getlist"):
            return data.get(name)
        return next((one for one in reversed(data.getlist(name)) if one), None)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        found = self.candidates()
        context["widget"]["candidates"] = found
        context["widget"]["other"] = value and value not in [one.value for one in found]
        return context
