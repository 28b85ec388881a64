"""来电弹屏: the call that rings for an operator, until it is opened at their desk."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from intake.models import Call

if TYPE_CHECKING:
    from workorders.models import User

RINGS_FOR = timedelta(minutes=2)
OPENS_FOR = timedelta(hours=12)  # one shift


def ringing_for(user: "User", *, now: datetime) -> Call | None:
    """The newest one that nobody opened yet."""
    lately = Call.objects.filter(agent=user.username, opened_at=None, announced_at__gt=now - RINGS_FOR)
    return lately.order_by("-id").first()


def opened(call_id: str, user: "User", *, now: datetime) -> Call | None:
    """The call of this id, which from now on rings no more; none where it is another operator's."""
    theirs = Q(agent=user.username) | Q(agent="")
    calls = Call.objects.filter(theirs, call_id=call_id, announced_at__gt=now - OPENS_FOR)
    call = calls.order_by("-id").first()
    if call and call.opened_at is None:
        Call.objects.filter(pk=call.pk, opened_at=None).update(opened_at=now)
    return call
