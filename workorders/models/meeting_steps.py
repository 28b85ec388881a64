"""The steps of a joint meeting while the order is in it: what the participants say, and the way back without a designation."""

from django.utils.translation import gettext_lazy as _

from workorders.lifecycle import ActsFor, Role, Status, Step, moves, stays

S = Status


class MeetingSteps:
    @stays(
        (S.CONSULTING,),
        Step(_("Give an opinion"), (Role.HANDLER, Role.REVIEWER), acts_for=ActsFor.CONSULTED, files=True),
    )
    def opine(self) -> None:
        """会商意见: one a participating unit; a later one takes the place of the earlier, and both stand in the ledger."""

    @moves(S.CONSULTING, S.ACCEPTED, Step(_("End the meeting"), (Role.DISPATCHER,), reason=True))
    def end_meeting(self) -> None:
        """会商结束: without a designation; the order is dispatched as any other, and may be returned."""
