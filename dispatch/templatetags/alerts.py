from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dispatch.models import AlertNote
from workorders.lifecycle import Level
from workorders.templatetags.console import icon

register = template.Library()

Act = AlertNote.Act
LEVEL_ICONS = {
    Level.REMINDER: "bell",
    Level.WARNING: "clock-exclamation",
    Level.OVERDUE: "alert-triangle",
    Level.HIGHER: "arrow-up-circle",
    Level.SUPERVISION: "alert-octagon",
}
ACT_ICONS = {
    Act.ACKNOWLEDGE: "eye-check",
    Act.ASSIGN: "user",
    Act.COMMENT: "message-circle",
    Act.ESCALATE: "arrow-up-circle",
    Act.RESOLVE: "circle-check",
    Act.SETTLE: "circle-check",
}


@register.filter
def level_badge(level: int) -> SafeString:
    """Word, icon and colour."""
    known = Level(level)
    return format_html('<span class="level level-{}">{}{}</span>', level, icon(LEVEL_ICONS[known]), known.label)


@register.filter
def act_icon(act: str) -> SafeString:
    return icon(ACT_ICONS[Act(act)])


@register.filter
def level_name(level: int) -> str:
    return str(Level(level).label)
