"""How the list of orders is narrowed."""

from datetime import datetime
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from workorders import numbers, stages
from workorders.api.errors import invalid
from workorders.lifecycle import OPEN, Grade, Kind, Status
from workorders.models import Area, Category, Clock, Event, Unit, WorkOrder

MANY = 200


class NumbersFilter(django_filters.BaseInFilter, django_filters.CharFilter):
    """`number=261122-000042-7,261122-000043-1`: bulk fetch."""


class BranchFilter(django_filters.ModelChoiceFilter):
    """A row of reference data by its code, with all below it."""

    def __init__(self, model: Any, *args: Any, **options: Any) -> None:
        rows = model.objects.all()
        super().__init__(*args, queryset=rows, to_field_name="code", **options)

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return qs.filter(**{f"{self.field_name}__in": value.branch().values("pk")}) if value else qs


class TrueFalseFilter(django_filters.TypedChoiceFilter):
    """Strict: a word that is neither is an error, not an absent filter."""

    def __init__(self, *args: Any, **options: Any) -> None:
        choices = [("true", _("Yes")), ("false", _("No"))]
        super().__init__(*args, choices=choices, coerce=lambda given: given == "true", **options)


class TimeFilter(django_filters.IsoDateTimeFilter):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, validators=[_check_time], **options)


def _check_time(value: datetime) -> None:
    """At the ends of the calendar a time cannot be brought to another zone."""
    if not 1900 <= value.year <= 9000:
        raise ValidationError(_("A time between the years 1900 and 9000."))


class OrderFilter(django_filters.FilterSet):
    number = NumbersFilter(method="by_number", help_text=_("Up to 200 numbers, with commas between them"))
    status = django_filters.MultipleChoiceFilter(choices=Status.choices)
    grade = django_filters.MultipleChoiceFilter(choices=Grade.choices)
    kind = django_filters.MultipleChoiceFilter(choices=Kind.choices)
    open = TrueFalseFilter(method="by_open", help_text=_("Orders that have not ended"))
    category = BranchFilter(Category, help_text=_("Code; with all below it"))
    area = BranchFilter(Area, help_text=_("Code; with all below it"))
    unit = BranchFilter(Unit, method="by_unit", help_text=_("Code; what it or a unit below it leads or co-handles"))
    registered_since = TimeFilter("registered_at", "gte")
    registered_before = TimeFilter("registered_at", "lt")
    updated_since = TimeFilter(method="by_update", help_text=_("Orders with a step since then"))
    due_before = TimeFilter(method="by_deadline", help_text=_("A clock runs out before then"))
    overdue = TrueFalseFilter(method="by_overdue", help_text=_("A clock has run out"))

    class Meta:
        model = WorkOrder
        fields: list[str] = []

    def by_number(self, orders: QuerySet[WorkOrder], name: str, value: list[str]) -> QuerySet[WorkOrder]:
        typed = [numbers.typed(one) for one in value]
        if len(typed) > MANY or not all(map(numbers.is_valid, typed)):
            raise invalid(
                {"number": [gettext("Up to %(many)s order numbers, with commas between them.") % {"many": MANY}]}
            )
        return orders.filter(number__in=typed)

    def by_open(self, orders: QuerySet[WorkOrder], name: str, value: bool) -> QuerySet[WorkOrder]:
        return orders.filter(status__in=OPEN) if value else orders.exclude(status__in=OPEN)

    def by_unit(self, orders: QuerySet[WorkOrder], name: str, value: Unit) -> QuerySet[WorkOrder]:
        units = value.branch().values("pk")
        return orders.filter(Q(lead_unit__in=units) | stages.co_handled_by(units))

    def by_update(self, orders: QuerySet[WorkOrder], name: str, value: Any) -> QuerySet[WorkOrder]:
        last = Event.objects.filter(order=OuterRef("pk"), number=OuterRef("version"))
        return orders.filter(Exists(last.filter(at__gte=value)))

    def by_deadline(self, orders: QuerySet[WorkOrder], name: str, value: Any) -> QuerySet[WorkOrder]:
        running = Clock.objects.running().filter(order=OuterRef("pk"), paused_at=None)
        return orders.filter(Exists(running.filter(due_at__lt=value)))

    def by_overdue(self, orders: QuerySet[WorkOrder], name: str, value: bool) -> QuerySet[WorkOrder]:
        late = Exists(Clock.objects.overdue(timezone.now()).filter(order=OuterRef("pk")))
        return orders.filter(late) if value else orders.filter(~late)


def parameters_of(filterset: type[django_filters.FilterSet]) -> list[OpenApiParameter]:
    """The filters as parameters of the OpenAPI document."""
    return [_parameter(name, one) for name, one in filterset.base_filters.items()]


def _parameter(name: str, one: Any) -> OpenApiParameter:
    told = str(one.extra.get("help_text") or "")
    if isinstance(one, django_filters.MultipleChoiceFilter):
        values = [value for value, _label in one.extra["choices"]]
        return OpenApiParameter(name, str, description=told, enum=values, many=True)
    if isinstance(one, TrueFalseFilter):
        return OpenApiParameter(name, bool, description=told)
    if isinstance(one, django_filters.IsoDateTimeFilter):
        return OpenApiParameter(name, OpenApiTypes.DATETIME, description=told)
    return OpenApiParameter(name, {"type": "string", "minLength": 1}, description=told)
