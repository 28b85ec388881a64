from typing import Any

from django import template
from django.utils import timezone

from workorders import standard_texts

register = template.Library()


@register.simple_tag(takes_context=True)
def standard_texts_of(context: template.Context, form: Any) -> standard_texts.Offered | None:
    """What stands beside the form of the step that the page shows."""
    user = context["request"].user
    return standard_texts.offered(form, context["order"], context["name"], user, now=timezone.now())
