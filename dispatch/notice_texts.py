"""What messages say. Nothing that the complainant said: free words may hold names and telephones.

In the language of the site, for what goes out has no reader whose language is known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dispatch.models import Alert, Notice
from workorders.moments import spelled
from workorders.templatetags.console import relative, span

LATE = timedelta(minutes=5)  # the scan's own minute and some more


@dataclass(frozen=True)
class Text:
    subject: str
    body: str
    link: str


def of_alert(alert: Alert, now: datetime) -> Text:
    with translation.override(settings.LANGUAGE_CODE):
        return read_now(alert, now)


def read_now(alert: Alert, now: datetime) -> Text:
    """In the language of whoever reads it."""
    at_desk = f"{reverse('admin:dispatch_alert_changelist')}?alert={alert.pk}"
    link = reverse("order", args=[alert.order.number]) if alert.order else at_desk
    return Text(_subject(alert, now), "\n".join(_lines(alert)), link)


def _subject(alert: Alert, now: datetime) -> str:
    facts = [alert.order.spoken_number] if alert.order else []
    if alert.clock:
        facts += [alert.clock.get_kind_display(), relative(alert.clock.due_at - now)]
    if alert.breach:
        facts += [str(alert.breach)]
    return _("[%(level)s] %(facts)s") % {"level": alert.level_now.label, "facts": " · ".join(facts)}


def _lines(alert: Alert) -> Iterator[str]:
    order, clock = alert.order, alert.clock
    if order:
        about = [order.get_grade_display(), *(str(part) for part in (order.category, order.area) if part)]
        yield _("Matter: %(matter)s") % {"matter": " · ".join(about)}
    unit = alert.unit or (order and order.lead_unit)
    if unit:
        yield _("Unit: %(unit)s") % {"unit": unit}
    if clock:
        yield _("Deadline: %(kind)s, %(due)s") % {"kind": clock.get_kind_display(), "due": spelled(clock.due_at)}
    if alert.lateness > LATE:
        yield _("This alert comes %(span)s late: nobody watched the clocks meanwhile.") % {"span": span(alert.lateness)}


def of_digest(notices: Sequence[Notice]) -> Text:
    """One line each, the worst first, with its own link."""
    with translation.override(settings.LANGUAGE_CODE):
        subject = ngettext("%(count)s message", "%(count)s messages", len(notices)) % {"count": len(notices)}
        worst_first = sorted(notices, key=lambda notice: (-(notice.level or 0), notice.pk))
        lines = (part for notice in worst_first for part in (notice.subject, notice.address) if part)
        return Text(subject, "\n".join(lines), "")
