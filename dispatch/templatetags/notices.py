from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dispatch.models import Notice
from dispatch.templatetags.alerts import LEVEL_ICONS
from workorders.lifecycle import Level
from workorders.templatetags.console import icon

register = template.Library()

COLOURS = {Level.REMINDER: "blue", Level.WARNING: "yellow"}


@register.filter
def level_sign(notice: Notice) -> SafeString:
    """Colour and icon of an alert's level, whose word begins the subject; nothing where it is about no alert."""
    if notice.level is None:
        return SafeString("")
    level = Level(notice.level)
    return format_html('<span class="badge bg-{}-lt">{}</span>', COLOURS.get(level, "red"), icon(LEVEL_ICONS[level]))
