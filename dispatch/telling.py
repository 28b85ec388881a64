"""Who is told of slips, rectifications, accountability, joint meetings, copies, and webhooks that were switched off.

In no words that somebody wrote: those stand behind the link.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dispatch import alerts, notices
from dispatch.models import Accountability, Meeting, Rectification, RectificationEntry, Slip, Webhook
from workorders.lifecycle import Role
from workorders.models import Unit, User
from workorders.moments import spelled

if TYPE_CHECKING:
    from workorders.models import Event

OF_UNIT = (Role.HANDLER, Role.REVIEWER)
TO_HEAD = (Role.REVIEWER,)
LEADING = (Role.REVIEWER, Role.SUPERVISOR)


def of_slip(slip: Slip, event: "Event", *, now: datetime) -> None:
    link = reverse("order", args=[event.order.number])
    about = [slip.get_colour_display(), event.order.spoken_number, slip.get_status_display()]
    due = slip.clock.due_at if slip.is_open else None
    _tell(_concerned_by(slip), about, slip.unit, due, key=f"slip {event.pk}", link=link, now=now)


def _concerned_by(slip: Slip) -> list[User]:
    """Whoever has to act on it next; of a red one those above the unit know as well."""
    if slip.status == Slip.Status.ANSWERED:
        return [slip.issued_by] if slip.issued_by else _above(slip.unit)
    people = _at(slip.unit, OF_UNIT)
    return [*people, *_above(slip.unit)] if slip.colour == Slip.Colour.RED else people


def of_rectification(found: Rectification, entry: RectificationEntry, *, now: datetime) -> None:
    heads = {Rectification.Status.DRAFTED: TO_HEAD}
    reported = found.status == Rectification.Status.REPORTED
    people = _above(found.unit) if reported else _at(found.unit, heads.get(found.status, OF_UNIT))
    about = [_("Rectification"), found.get_cause_display(), found.get_status_display()]
    due = found.due_at if found.status in Rectification.WITH_UNIT else None
    link = reverse("rectification", args=[found.pk])
    _tell(people, about, found.unit, due, key=f"rectification {entry.pk}", link=link, now=now)


def of_accountability(found: Accountability, *, now: datetime) -> None:
    is_open = found.status == Accountability.Status.OPEN
    people = _above(found.unit) if is_open else _at(found.unit, TO_HEAD)
    about = [_("Accountability"), found.get_cause_display(), found.get_status_display()]
    key = f"accountability {found.pk} {found.status}"
    _tell(people, about, found.unit, found.due_at, key=key, link=reverse("rectifications"), now=now)


def of_meeting(meeting: Meeting, units: Sequence[Unit], *, now: datetime) -> None:
    """Each participating unit, that its opinion is asked for."""
    about = [gettext_lazy("Joint meeting"), meeting.order.spoken_number, gettext_lazy("your opinion is asked for")]
    link = reverse("order", args=[meeting.order.number])
    for unit in units:
        key = f"meeting {meeting.pk} {unit.pk}"
        _tell(_at(unit, OF_UNIT), about, unit, meeting.held_at, key=key, link=link, now=now)


def of_opinions(meeting: Meeting, *, now: datetime) -> None:
    """Whoever called it, that everybody was heard."""
    about = [gettext_lazy("Joint meeting"), meeting.order.spoken_number, gettext_lazy("all opinions are there")]
    link, unit = reverse("order", args=[meeting.order.number]), meeting.called_by.unit
    assert unit, "who calls a meeting belongs to the hotline"
    _tell([meeting.called_by], about, unit, None, key=f"meeting {meeting.pk} heard", link=link, now=now)


def of_copy(event: "Event", district: Unit, *, now: datetime) -> None:
    """双派单: the district, of what went to one of its streets directly."""
    order = event.order
    people = list(User.objects.filter(unit=district, is_active=True, roles__overlap=list(OF_UNIT)))
    if people and order.lead_unit:
        about = [gettext_lazy("Copy of a dispatch, for supervision"), order.spoken_number]
        link = reverse("order", args=[order.number])
        _tell(people, about, order.lead_unit, None, key=f"copy {event.pk}", link=link, now=now)


def of_webhook(webhook: Webhook, notice: Webhook.Notice, *, now: datetime) -> None:
    """Whoever leads the unit, that its system is told of nothing any more. Its address may hold secrets."""
    about = [gettext_lazy("Webhook"), f"#{webhook.pk}", notice.label]
    key = f"webhook {webhook.pk} off {now.isoformat()}"
    _tell(_at(webhook.unit, LEADING), about, webhook.unit, None, key=key, now=now)


def _tell(people: list[User], about: Sequence[Any], unit: Unit, due: datetime | None, **more: Any) -> None:
    with translation.override(settings.LANGUAGE_CODE):
        subject = " · ".join(str(part) for part in about)
        lines = [_("Unit: %(unit)s") % {"unit": unit}]
        if due:
            lines.append(_("By: %(due)s") % {"due": spelled(due)})
    notices.tell(people, subject, "\n".join(lines), **more)


def _at(unit: Unit, roles: tuple[Role, ...]) -> list[User]:
    """Where nobody plays the part, those above are told: nothing goes to nobody."""
    people = User.objects.filter(unit=unit, is_active=True, roles__overlap=list(roles))
    return list(people.select_related("unit")) or _above(unit)


def _above(unit: Unit) -> list[User]:
    above = Q(unit__code__in=unit.chain()) & ~Q(unit=unit)
    return list(alerts.supervisors().filter(above | Q(unit__kind=Unit.Kind.CITY)))
