"""When attempts that reached nobody count as the first contact; in versions from before there was a rule, the first does."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from workorders.policy_checks import number_problem, whole_number_problem

DEFAULT: dict[str, Any] = {"attempts": 1, "apart": 0}


def problems(section: Any) -> Iterator[str]:
    if not isinstance(section, dict):
        yield _("%(path)s: must be a table of settings.") % {"path": "contact"}
        return
    yield from whole_number_problem("contact.attempts", section.get("attempts"), 1, 10)
    yield from number_problem("contact.apart", section.get("apart"), 0, 0.5)
