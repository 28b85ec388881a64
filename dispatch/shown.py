"""What the API shows of joint meetings."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from dispatch import meetings
from dispatch.models import Meeting, Opinion
from workorders.api.serializers import CodeOf


class OpinionSerializer(serializers.ModelSerializer[Opinion]):
    unit = CodeOf()

    class Meta:
        model = Opinion
        fields = ("unit", "duty", "text", "at")
        read_only_fields = fields
        extra_kwargs = {"at": {"help_text": _("None while the unit has not answered")}}


class MeetingSerializer(serializers.ModelSerializer[Meeting]):
    opinions = OpinionSerializer(many=True)

    class Meta:
        model = Meeting
        fields = ("question", "called_at", "held_at", "opinions", "conclusion", "concluded_at", "end")
        read_only_fields = fields


def meetings_of(order: Any, user: Any) -> Any:
    """Oldest first."""
    return meetings.heard().filter(order=order)
