"""The rules of corrections 补正 in a policy document; versions from before there were any run under the default."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from workorders.policy_checks import limit_problems

DAYS = "working_day"
DEFAULT: dict[str, Any] = {
    "remind_after": [{"value": 1, "unit": DAYS}, {"value": 2, "unit": DAYS}],
    "close_after": {"value": 5, "unit": DAYS},
}
MOST = 5
IN_DAYS = {"minute": 1 / 1440, "hour": 1 / 24}


def problems(section: Any) -> Iterator[str]:
    if not isinstance(section, dict):
        yield _("%(path)s: must be a table of settings.") % {"path": "correction"}
        return
    waits = section.get("remind_after")
    if not isinstance(waits, list) or len(waits) > MOST:
        yield _("%(path)s: must be a list of at most %(most)s limits.") % {
            "path": "correction.remind_after",
            "most": MOST,
        }
        return
    named = {f"correction.remind_after.{number}": wait for number, wait in enumerate(waits, 1)}
    named["correction.close_after"] = section.get("close_after")
    found = [problem for path, limit in named.items() for problem in limit_problems(path, limit)]
    yield from found or _order_problems(named)


def _order_problems(limits: dict[str, Any]) -> Iterator[str]:
    """A day of either kind is a day here: what counts is that nobody is reminded of what is closed."""
    lengths = [limit["value"] * IN_DAYS.get(limit["unit"], 1) for limit in limits.values()]
    for path, before, after in zip(list(limits)[1:], lengths, lengths[1:], strict=False):
        if after <= before:
            yield _("%(path)s: must be longer than the one before it.") % {"path": path}
