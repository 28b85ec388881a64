from datetime import datetime

from django import template

from workorders.lifecycle import ClockKind
from workorders.models import Clock
from workorders.templatetags.console import span

register = template.Library()
register.filter("span", span)


@register.filter
def age(since: datetime, now: datetime) -> str:
    return span(now - since)


@register.filter
def of_unit(running: list[Clock], unit_id: int) -> Clock | None:
    """The unit's own deadline, of the clocks that run."""
    ours = (clock for clock in running if clock.unit_id == unit_id and clock.kind == ClockKind.UNIT_RESOLUTION)
    return next(ours, None)
