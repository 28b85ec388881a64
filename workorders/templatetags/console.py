"""How the console says things: icons, countdowns, colours that always come with a word."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from workorders import facts, masking, numbers, reading, search, telephones
from workorders.lifecycle import ENDED, Grade, Level, Status
from workorders.models import Clock, Event
from workorders.moments import day_and_time, spelled
from workorders.selectors import pressing, told
from workorders.transitions import STEPS

register = template.Library()

ICONS = settings.BASE_DIR / "node_modules/@tabler/icons/icons/outline"
GRADE_COLOURS = {Grade.EMERGENCY: "purple", Grade.UTILITY: "azure", Grade.ORDINARY: "secondary", Grade.COMPLEX: "cyan"}
GRADE_ICONS = {Grade.EMERGENCY: "urgent", Grade.UTILITY: "bolt", Grade.ORDINARY: "", Grade.COMPLEX: "puzzle"}
OUTCOME_COLOURS = {"met": "green", "missed": "red", "void": "secondary"}
register.filter("pressing", pressing)
register.filter("told", told)
register.filter("sealed", facts.sealed)
register.filter("spoken", numbers.spoken)
register.filter("marked", search.marked)
register.filter("snippet", search.snippet)
register.filter("masked", masking.masked)


@register.simple_tag(takes_context=True)
def words(context: template.Context, text: str) -> str:
    """Return words of the page's order as its reader may see them; `{% words … as name %}` where a filter follows."""
    return reading.words_for(context["order"], context["request"].user, text, now=timezone.now())


@register.filter(name="telephones")
def numbers_of(text: str) -> tuple[telephones.Telephone, ...]:
    """Return the numbers of a telephone field, each with the address that dials it."""
    return telephones.read(text).numbers


@lru_cache(maxsize=128)
def drawing(name: str) -> str:
    svg = (ICONS / f"{name}.svg").read_text(encoding="utf-8")
    return svg[svg.index("<svg") :].replace("<svg", '<svg aria-hidden="true"', 1)


@register.filter
def named(category: Any, query: str | None) -> SafeString:
    """The category's name with the hits marked, behind those above it that the search found it by."""
    chain: list[Any] = []
    above = category
    while above is not None:
        chain.insert(0, above)
        above = above.parent
    names = [(node, search.marked(node.name, query or "")) for node in chain]
    return mark_safe(" › ".join(name for node, name in names if node is category or "<mark>" in name))  # noqa: S308


@register.simple_tag
def icon(name: str) -> SafeString:
    return mark_safe(drawing(name)) if name else SafeString("")  # noqa: S308 -- our own package's file


@register.filter
def grade_badge(grade: str) -> SafeString:
    label, colour = Grade(grade).label, GRADE_COLOURS[Grade(grade)]
    return format_html('<span class="badge grade bg-{}-lt">{}{}</span>', colour, icon(GRADE_ICONS[Grade(grade)]), label)


@register.filter
def status_badge(status: str) -> SafeString:
    colour = "secondary" if status in (*ENDED, Status.ARCHIVED) else "blue"
    return format_html('<span class="badge bg-{}-lt">{}</span>', colour, Status(status).label)


@register.filter
def state_badge(order: Any) -> SafeString:
    """The status, and beside it that the order is history."""
    badge = status_badge(order.status)
    if not order.is_history:
        return badge
    title = _("Handled elsewhere and taken over to be searched; nobody works on it here.")
    return format_html(
        '{} <span class="badge history bg-secondary-lt" title="{}">{}</span>', badge, title, _("History order")
    )


@register.filter
def step_label(event: Event) -> Any:
    if event.step in STEPS:
        return STEPS[event.step].label
    return _("Taken over as history") if event.step == "record_history" else pgettext("step", "Register")


@register.filter
def light(clock: Clock) -> str:
    """green in time, yellow warned, red overdue, grey paused (rules.md F)."""
    if clock.paused_at:
        return "paused"
    if clock.due_at < timezone.now():
        return "overdue"
    return "warned" if clock.reached_at(Level.WARNING) <= timezone.now() else "in-time"


@register.inclusion_tag("workorders/_countdown.html")
def countdown(clock: Clock | None) -> dict[str, Any]:
    now = timezone.now()
    if clock is None:
        return {}
    return {
        "clock": clock,
        "light": light(clock),
        "relative": relative(clock.due_at - now) if not clock.paused_at else _("paused"),
        "absolute": day_and_time(clock.due_at, now),
    }


def relative(left: timedelta) -> str:
    words = span(abs(left))
    return _("%(span)s left") % {"span": words} if left >= timedelta(0) else _("%(span)s overdue") % {"span": words}


def span(amount: timedelta) -> str:
    """The two largest units that matter: days and hours, hours and minutes, minutes (console.js counts on alike)."""
    day, hour, minute = _(" d | h | min ").split("|")
    minutes = int(amount.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days}{day}"] if days else []
    if hours:
        parts.append(f"{hours}{hour}")
    if not days and (rest or not hours):
        parts.append(f"{rest}{minute}")
    return "".join(parts).strip()


@register.filter
def moment(instant: datetime | None) -> str:
    return day_and_time(instant, timezone.now()) if instant else ""


@register.filter
def day(value: date | None) -> str:
    return spelled(value) if value else ""


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """The page's query string with these parameters set, or taken away where empty."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        parameters.pop(name, None)
        if value not in (None, ""):
            parameters[name] = value
    return "?" + parameters.urlencode()


@register.filter
def shown(order: Any, column: Any) -> Any:
    return column.value(order)


@register.filter
def get(mapping: dict[str, Any], name: str) -> Any:
    return mapping.get(name)
