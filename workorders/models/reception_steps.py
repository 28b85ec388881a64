"""The steps of reception beside the road: an emergency passed on by telephone, and a correction that does not come."""

from django.utils.translation import gettext_lazy as _

from workorders.lifecycle import ClockKind, Role, Status, Step, moves, stays

S = Status


class ReceptionSteps:
    grade: str

    @stays(
        (S.REGISTERED, S.INCOMPLETE, S.ACCEPTED, S.CONSULTING, S.DISPATCHED, S.HANDLING, S.SUSPENDED, S.REPORTED),
        Step(_("Transfer to an emergency line"), (Role.OPERATOR, Role.DISPATCHER), recounts=True),
    )
    def transfer(self, grade: str) -> None:
        """紧急转接: Art. 11 (1) and 29, to 110, 119, 120 or 122 at once; the order is kept and goes on."""
        self.grade = grade

    @stays((S.INCOMPLETE,), Step(_("Remind of the correction"), (Role.OPERATOR,), by_system=True))
    def remind_correction(self) -> None:
        """补正提醒: a message to the complainant; by the rules' schedule, or by hand."""

    @moves(
        S.INCOMPLETE,
        S.WITHDRAWN,
        Step(
            _("End for want of correction"),
            (Role.ADMINISTRATOR,),
            reason=True,
            by_system=True,
            voids=tuple(ClockKind),
        ),
    )
    def lapse_correction(self) -> None:
        """逾期未补正: nothing came within the limit of the rules. By the system alone: an administrator sees no order."""
