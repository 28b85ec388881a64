"""Reference data, whole: small enough to be fetched at once, and asked for again with If-None-Match."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from workorders.api.base import ApiView, chosen_fields, narrowed
from workorders.api.errors import invalid
from workorders.api.schema import page_of
from workorders.api.serializers import CodeOf
from workorders.models import Area, CalendarDay, Category, Policy, Unit
from workorders.refusals import NotVisible

TREE = ("code", "name", "parent", "is_active")


class UnitSerializer(serializers.ModelSerializer[Unit]):
    parent: Any = CodeOf(allow_null=True)
    area = CodeOf(allow_null=True)
    kind = serializers.ChoiceField(Unit.Kind.choices)
    sector = serializers.CharField(help_text=gettext_lazy("Empty where it has none"))

    class Meta:
        model = Unit
        fields = (*TREE, "kind", "area", "sector")
        read_only_fields = fields


class CategorySerializer(serializers.ModelSerializer[Category]):
    parent: Any = CodeOf(allow_null=True)

    class Meta:
        model = Category
        fields = (*TREE, "name_en", "grade", "sector", "retention")
        read_only_fields = fields


class AreaSerializer(serializers.ModelSerializer[Area]):
    parent: Any = CodeOf(allow_null=True)

    class Meta:
        model = Area
        fields = (*TREE, "level")
        read_only_fields = fields


class DaySerializer(serializers.ModelSerializer[CalendarDay]):
    class Meta:
        model = CalendarDay
        fields = ("date", "is_working", "note")
        read_only_fields = fields


class CalendarSerializer(serializers.Serializer[Any]):
    year = serializers.IntegerField(read_only=True)
    announced = serializers.BooleanField(read_only=True)
    days = DaySerializer(many=True, read_only=True)


class PolicySerializer(serializers.ModelSerializer[Policy]):
    document = serializers.DictField(read_only=True)

    class Meta:
        model = Policy
        fields = ("version", "title", "effective_from", "document")
        read_only_fields = fields


class ReferenceView(ApiView):
    tag = "reference"
    related: tuple[str, ...] = ("parent",)

    def get(self, request: Request) -> Response:
        serializer: Any = self.sparse
        names = chosen_fields(request, serializer.Meta.fields)
        rows = serializer.Meta.model.objects.select_related(*self.related)
        return Response({"results": [narrowed(row, names) for row in serializer(rows, many=True).data]})


class Units(ReferenceView):
    """All units, those that were switched off too."""

    operation, summary = "units", "All units"
    answers = {"GET": {200: page_of(UnitSerializer, paged=False)}}
    sparse = UnitSerializer
    related = ("parent", "area")


class Categories(ReferenceView):
    """All categories of matters, with the grade and the sector that are responsible by default."""

    operation, summary = "categories", "All categories"
    answers = {"GET": {200: page_of(CategorySerializer, paged=False)}}
    sparse = CategorySerializer


class Areas(ReferenceView):
    """Districts and streets, by the codes of GB/T 2260."""

    operation, summary = "areas", "All areas"
    answers = {"GET": {200: page_of(AreaSerializer, paged=False)}}
    sparse = AreaSerializer


class PolicyInForce(ApiView):
    """The rule book: the version in force, or an earlier one, as orders keep the version they run under."""

    operation, tag, summary = "policy", "reference", "The rule book"
    answers = {"GET": {200: PolicySerializer}}
    query = ("version",)

    def get(self, request: Request) -> Response:
        return Response(PolicySerializer(self._found(request)).data)

    def _found(self, request: Request) -> Policy:
        if "version" not in request.query_params:
            return Policy.objects.in_force(timezone.now())
        policy = Policy.objects.approved().filter(version=_whole(request, "version")).first()
        if policy is None:
            raise NotVisible(_("There is no policy of this version."))
        return policy


class Calendar(ApiView):
    """The working days of a year. Of a year that is not announced there are none, and limits into it are provisional."""

    operation, tag, summary = "calendar", "reference", "The working days of a year"
    answers = {"GET": {200: CalendarSerializer}}
    query = ("year",)

    def get(self, request: Request) -> Response:
        year = _whole(request, "year") if "year" in request.query_params else timezone.localdate().year
        days = DaySerializer(CalendarDay.objects.filter(date__year=year), many=True).data
        return Response({"year": year, "announced": bool(days), "days": days})


def _whole(request: Request, name: str) -> int:
    given = request.query_params[name]
    if not (given.isascii() and given.isdigit() and len(given) <= 4 and int(given) > 0):
        raise invalid({name: [_("A whole number from 1 to 9999.")]})
    return int(given)
