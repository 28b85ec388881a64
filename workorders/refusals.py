"""Why an act was not done. Console and API answer all of them in one shape: status, code, message, fields, order."""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from workorders.models import WorkOrder


class Refused(Exception):
    status = 400
    code = "refused"
    message: Any = ""

    def __init__(
        self, message: Any = None, *, fields: dict[str, list[str]] | None = None, order: "WorkOrder | None" = None
    ) -> None:
        self.message = message or self.message
        self.fields = fields or {}
        self.order = order
        super().__init__(str(self.message), self.fields)


class Invalid(Refused):
    status, code = 400, "invalid"
    message = _("Please correct what is marked.")


class NotAllowed(Refused):
    status, code = 403, "not_allowed"
    message = _("Your role or unit may not do this step on this order.")


class NotVisible(Refused):
    status, code = 404, "not_found"
    message = _("There is no such order, or it is not yours to see.")


class WrongState(Refused):
    status, code = 409, "wrong_state"
    message = _("The order's status does not allow this step.")


class StaleVersion(Refused):
    status, code = 409, "stale_version"
    message = _("Somebody changed the order in the meantime. Look at it as it stands now, then decide again.")
