"""What the API refuses by itself; the refusals of the acts are in `workorders/refusals.py`."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ParseError

from workorders.refusals import Invalid, Refused


class Malformed(ParseError):
    default_code = "malformed"
    default_detail = _("The request cannot be read: %(why)s")

    def __init__(self, why: Any) -> None:
        super().__init__(str(self.default_detail) % {"why": why})


class TooLarge(APIException):
    status_code, default_code = 413, "too_large"
    default_detail = _("The request is larger than what is taken.")


class PreconditionFailed(Refused):
    status, code = 412, "precondition_failed"
    message = _("The order is no longer as If-Match says. Look at it as it stands now, then decide again.")


def invalid(fields: dict[str, list[str]]) -> Invalid:
    return Invalid(fields=fields)
