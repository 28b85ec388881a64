"""Orders, their clocks, events and files as the API shows them. Times are ISO 8601 with zone, units and places codes."""

from copy import deepcopy
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from workorders.api import parts
from workorders.lifecycle import ClockKind, Grade, Kind, Status
from workorders.masking import masked
from workorders.models import Attachment, Clock, Event, WorkOrder
from workorders.reading import masked_within

WRITTEN = ("reason", "data")


class CodeOf(serializers.SlugRelatedField):
    """The code of a row of reference data."""

    def __init__(self, **options: Any) -> None:
        super().__init__(slug_field="code", read_only=True, **options)


class MaskedText(serializers.CharField):
    """What somebody said, without the numbers that name a person; `reading.said_for` has it plain for who may see it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: str) -> str:
        return masked(value)


class ClockSerializer(serializers.ModelSerializer[Clock]):
    kind = serializers.ChoiceField(ClockKind.choices)
    unit = CodeOf(help_text=_("Whose clock it is; null for the order's own"), allow_null=True)
    outcome = serializers.ChoiceField(Clock.Outcome.choices, allow_blank=True, help_text=_("Empty while it runs"))

    class Meta:
        model = Clock
        fields = (
            "kind",
            "unit",
            "round",
            "started_at",
            "due_at",
            "paused_at",
            "stopped_at",
            "outcome",
            "provisional",
        )
        read_only_fields = fields


class OrderSerializer(serializers.ModelSerializer[WorkOrder]):
    """The order as it stands; `version` grows with every step."""

    status = serializers.ChoiceField(Status.choices)
    kind = serializers.ChoiceField(Kind.choices)
    grade = serializers.ChoiceField(Grade.choices)
    title = MaskedText()
    matter = MaskedText()
    address = MaskedText(allow_blank=True)
    category = CodeOf(allow_null=True)
    area = CodeOf(allow_null=True)
    lead_unit = CodeOf(allow_null=True)

    class Meta:
        model = WorkOrder
        fields: Any = (
            "number",
            "status",
            "version",
            "round",
            "kind",
            "grade",
            "title",
            "matter",
            "category",
            "area",
            "address",
            "lead_unit",
            "registered_at",
            "ended_at",
            "is_history",
        )
        read_only_fields: Any = fields


class ListedOrderSerializer(OrderSerializer):
    due_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text=_("The earliest deadline of the clocks that run")
    )
    updated_at = serializers.DateTimeField(read_only=True, help_text=_("When the last step was done"))

    class Meta(OrderSerializer.Meta):
        fields: Any = (*OrderSerializer.Meta.fields, "due_at", "updated_at")
        read_only_fields = fields


class AskedSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label: Any = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    required: Any = serializers.BooleanField()
    schema = serializers.DictField(help_text=_("JSON Schema of the value"))


class ActionSerializer(serializers.Serializer[Any]):
    """A step that the caller may do on the order now."""

    step = serializers.CharField()
    label: Any = serializers.CharField()
    url = serializers.URLField()
    fields_ = AskedSerializer(many=True)

    def get_fields(self) -> Any:
        return plain_names(super().get_fields())


class OrderDetailSerializer(ListedOrderSerializer):
    clocks = ClockSerializer(many=True)
    actions = ActionSerializer(many=True)

    class Meta(ListedOrderSerializer.Meta):
        fields: Any = (*ListedOrderSerializer.Meta.fields, "clocks", "actions")
        read_only_fields = fields

    def get_fields(self) -> Any:
        return {**super().get_fields(), **{part.name: deepcopy(part.serializer) for part in parts.parts()}}


class EventSerializer(serializers.ModelSerializer[Event]):
    """One line of the order's ledger, chained to the one before by its hash."""

    source: Any = serializers.ChoiceField(Status.choices, allow_blank=True)
    target = serializers.ChoiceField(Status.choices)
    unit = CodeOf(allow_null=True)
    actor: Any = serializers.StringRelatedField(help_text=_("Who did it; null for the system itself"), allow_null=True)
    data: Any = serializers.DictField(help_text=_("What the step was given"))

    class Meta:
        model = Event
        fields = (
            "number",
            "step",
            "source",
            "target",
            "round",
            "unit",
            "actor",
            "at",
            "reason",
            "data",
            "previous_hash",
            "hash",
        )
        read_only_fields = fields

    def to_representation(self, instance: Event) -> dict[str, Any]:
        """Mask what was written, unless the view says that its reader has given a reason to look."""
        shown = super().to_representation(instance)
        return shown if self.context.get("plain") else {**shown, **masked_within({key: shown[key] for key in WRITTEN})}


class AttachmentSerializer(serializers.ModelSerializer[Attachment]):
    event = serializers.IntegerField(source="event.number", read_only=True, help_text=_("Number of the event"))
    url = serializers.SerializerMethodField(help_text=_("Where the file itself is"))

    class Meta:
        model = Attachment
        fields = ("id", "event", "name", "content_type", "size", "sha256", "url")
        read_only_fields = fields

    @extend_schema_field(serializers.URLField())
    def get_url(self, attachment: Attachment) -> str:
        address = {"number": attachment.order.number, "pk": attachment.pk}
        return reverse("api_attachment", kwargs=address, request=self.context.get("request"))


class DoneSerializer(serializers.Serializer[Any]):
    """What a step answers: its event, and the order as it stands after it."""

    event = EventSerializer(read_only=True)
    order = OrderSerializer(read_only=True)


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details, as `application/problem+json`."""

    type = serializers.CharField(help_text=_("urn:jiesu:problem: and the code"))
    title = serializers.CharField(help_text=_("The code in words, always English"))
    status = serializers.IntegerField()
    code = serializers.CharField(help_text=_("Stable, for programs"))
    detail = serializers.CharField(help_text=_("For people, in the language asked for"))
    fields_ = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text=_("What is wrong, by field"),
    )
    order = OrderSerializer(required=False, help_text=_("On 409 and 412: the order as it stands now"))

    def get_fields(self) -> Any:
        return plain_names(super().get_fields())


def plain_names(fields: Any) -> Any:
    """`fields` is a name that serializers keep for themselves: it is declared as `fields_`."""
    return {name.rstrip("_"): field for name, field in fields.items()}
