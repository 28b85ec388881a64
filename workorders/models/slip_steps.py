"""The steps of supervision slips 督办单 beside the order: issued by a body above the unit or by the system, answered by the unit.

None of them moves the order. A slip is read and decided while the unit is at work and until its result was called back.
"""

from django.utils.translation import gettext_lazy as _

from workorders.lifecycle import ActsFor, Role, Status, Step, stays

AT_WORK = (Status.DISPATCHED, Status.HANDLING, Status.SUSPENDED, Status.REPORTED)
ANSWERABLE = (*AT_WORK, Status.CALLBACK)


class SlipSteps:
    @stays(
        AT_WORK,
        Step(_("Issue a supervision slip"), (Role.SUPERVISOR,), acts_for=ActsFor.HIGHER, by_system=True),
    )
    def issue_slip(self) -> None:
        """下发督办单: blue, with what is demanded and until when."""

    @stays(
        ANSWERABLE,
        Step(_("Answer the slip"), (Role.HANDLER, Role.REVIEWER), acts_for=ActsFor.LEAD, files=True),
    )
    def answer_slip(self) -> None:
        """答复督办单: the slip's clock stops."""

    @stays(ANSWERABLE, Step(_("Accept the answer to the slip"), (Role.SUPERVISOR,), acts_for=ActsFor.HIGHER))
    def accept_slip(self) -> None:
        """督办办结"""

    @stays(
        ANSWERABLE,
        Step(_("Reject the answer to the slip"), (Role.SUPERVISOR,), acts_for=ActsFor.HIGHER, reason=True),
    )
    def reject_slip(self) -> None:
        """督办退回: the slip rises to the next colour and runs anew."""

    @stays(
        ANSWERABLE,
        Step(_("Raise the slip"), (Role.SUPERVISOR,), acts_for=ActsFor.HIGHER, reason=True, by_system=True),
    )
    def raise_slip(self) -> None:
        """升级督办: blue, orange, red; the system does it when the answer is overdue."""

    @stays(ANSWERABLE, Step(_("Withdraw the slip"), (Role.SUPERVISOR,), acts_for=ActsFor.HIGHER, reason=True))
    def withdraw_slip(self) -> None:
        """撤销督办单: issued in error; nothing is demanded any more, and the unit need not account for it."""
