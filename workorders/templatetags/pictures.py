"""Pictures that came with an event, small, in the page; the files were read with the order."""

from typing import Any

from django import template

register = template.Library()

SHOWN = 12  # of one event; the order's list of files has them all


@register.inclusion_tag("workorders/_pictures.html")
def pictures(order: Any, event: Any) -> dict[str, Any]:
    files = [file for file in order.attachments.all() if event and file.event_id == event.pk]
    shown = [file for file in files if file.content_type.startswith("image/")]
    return {"order": order, "pictures": shown[:SHOWN], "others": [file for file in files if file not in shown[:SHOWN]]}
