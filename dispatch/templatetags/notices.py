from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dispatch.models import Notice
from dispatch.recipients import OVERDUE, WARNING
from workorders.templatetags.console import icon

register = template.Library()


@register.filter
def level_badge(notice: Notice) -> SafeString:
    """Colour, icon and word of an alert's level; nothing where the message is about no alert."""
    if not notice.level_label:
        return SafeString("")
    level = notice.level or 0
    colour, sign = (
        ("red", "alert-circle")
        if level >= OVERDUE
        else ("yellow", "alert-triangle")
        if level == WARNING
        else ("blue", "clock")
    )
    return format_html('<span class="badge bg-{}-lt">{}{}</span>', colour, icon(sign), notice.level_label)
