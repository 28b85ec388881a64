from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dispatch.models import Notice
from dispatch.recipients import OVERDUE, REMINDER, WARNING
from workorders.templatetags.console import icon

register = template.Library()

SIGNS = {REMINDER: ("blue", "clock"), WARNING: ("yellow", "alert-triangle"), OVERDUE: ("red", "alert-circle")}


@register.filter
def level_sign(notice: Notice) -> SafeString:
    """Colour and icon of an alert's level, whose word begins the subject; nothing where it is about no alert."""
    if notice.level is None:
        return SafeString("")
    colour, sign = SIGNS[min(notice.level, OVERDUE)]
    return format_html('<span class="badge bg-{}-lt">{}</span>', colour, icon(sign))
