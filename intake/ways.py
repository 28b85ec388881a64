"""The ways an appeal came, as a sentence to the complainant says them."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from intake.models import Appeal

WAYS: dict[str, Promise] = {
    Appeal.Channel.PHONE: _("by telephone"),
    Appeal.Channel.WEB: _("on the website"),
    Appeal.Channel.APP: _("in the mobile app"),
    Appeal.Channel.COUNTER: _("at the counter"),
    Appeal.Channel.MAIL: _("by letter"),
    Appeal.Channel.TRANSFER: _("by way of another body"),
}


def way_of(appeal: Appeal | None) -> str:
    """An order without an appeal was told to the hotline."""
    return str(WAYS[appeal.channel if appeal else Appeal.Channel.PHONE])
