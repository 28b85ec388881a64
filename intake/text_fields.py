"""What standard texts may say of who asked, and how."""

from django.utils.translation import gettext_lazy as _

from intake import confidence
from intake.models import Appeal
from intake.ways import way_of
from workorders.standard_texts import Case, add_field


def _first(case: Case) -> Appeal | None:
    return Appeal.objects.select_related("complainant").filter(order=case.order).first()


def channel(case: Case) -> str:
    appeal = _first(case)
    return appeal.get_channel_display() if appeal else ""


def complainant(case: Case) -> str:
    """As the page shows the name to this user: masked, or nothing at all."""
    appeal = _first(case)
    hidden = confidence.is_hidden(case.order, case.user)
    return confidence.masked(appeal, hidden=hidden)["name"] if appeal else ""


def add() -> None:
    add_field("channel", _("Channel of the appeal"), channel)
    add_field("way", _("Channel of the appeal, as part of a sentence"), lambda case: way_of(_first(case)))
    add_field("complainant", _("Complainant's name, masked"), complainant)
