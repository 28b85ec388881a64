"""Archive's own record of a step: the dossier."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from archive.models import Dossier
from workorders import ledger
from workorders.models import Category
from workorders.refusals import WrongState

if TYPE_CHECKING:
    from workorders.models import Event


def seal(event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None:
    """A ledger whose chain is broken is not archived in silence."""
    if ledger.verify(event.order):
        raise WrongState(_("The ledger's chain is broken: the order cannot be archived."), order=event.order)
    retention = event.order.category.retention if event.order.category else Category.Retention.GENERAL
    years = event.order.policy.rules.retention_years(retention)
    Dossier.objects.create(
        order=event.order,
        retention=retention,
        archived_at=now,
        keep_until=_years_on(timezone.localdate(now), years) if years else None,
        events=event.number,
        seal=event.hash,
    )


def _years_on(day: date, years: int) -> date:
    """Retention counts whole calendar years from the one after archiving."""
    return date(day.year + years, 12, 31)
