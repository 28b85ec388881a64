"""The steps of requests beside the order: asked by the lead unit, decided by the dispatcher.

Asking moves nothing; each may be asked where it can be granted. The stages refuse to decide what nobody asked for.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _

from workorders.lifecycle import RESOLUTION_CLOCKS, UNIT_CLOCKS, ActsFor, ClockKind, Role, Status, Step, moves, stays

S = Status


class RequestSteps:
    lead_unit: Any

    @stays(
        (S.DISPATCHED, S.HANDLING),
        Step(_("Ask for a return"), (Role.HANDLER,), acts_for=ActsFor.LEAD, reason=True, files=True),
    )
    def request_return(self) -> None:
        """申请退单(派单异议): "not ours", Art. 12; the clocks go on while it is looked at."""

    @moves(
        (S.DISPATCHED, S.HANDLING),
        S.ACCEPTED,
        Step(
            _("Grant the return"),
            (Role.DISPATCHER,),
            voids=UNIT_CLOCKS,
            continues=(ClockKind.DISPATCH,),
        ),
    )
    def grant_return(self) -> None:
        """同意退单: the dispatch was wrong; the time it took is on the dispatcher's clock."""
        self.lead_unit = None

    @stays((S.DISPATCHED, S.HANDLING), Step(_("Refuse the return"), (Role.DISPATCHER,), reason=True))
    def refuse_return(self) -> None:
        """不同意退单: the unit handles it; its clocks never stopped."""

    @stays(
        (S.HANDLING,),
        Step(_("Ask for an extension"), (Role.HANDLER,), acts_for=ActsFor.LEAD, reason=True, files=True),
    )
    def request_extension(self) -> None:
        """申请延期"""

    @stays((S.HANDLING,), Step(_("Grant the extension"), (Role.DISPATCHER,)))
    def grant_extension(self) -> None:
        """同意延期: the unit's and the citizen's deadlines move, and the complainant is told, Art. 15."""

    @stays((S.HANDLING,), Step(_("Refuse the extension"), (Role.DISPATCHER,), reason=True))
    def refuse_extension(self) -> None:
        """不同意延期"""

    @stays(
        (S.HANDLING,),
        Step(_("Ask for a suspension"), (Role.HANDLER,), acts_for=ActsFor.LEAD, reason=True, files=True),
    )
    def request_suspension(self) -> None:
        """申请挂账"""

    @moves(
        S.HANDLING,
        S.SUSPENDED,
        Step(_("Grant the suspension"), (Role.DISPATCHER,), pauses=RESOLUTION_CLOCKS),
    )
    def grant_suspension(self) -> None:
        """同意挂账: as `suspend`, at the unit's request."""

    @stays((S.HANDLING,), Step(_("Refuse the suspension"), (Role.DISPATCHER,), reason=True))
    def refuse_suspension(self) -> None:
        """不同意挂账"""
