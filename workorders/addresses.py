"""Addresses of message channels. They hold tokens: entered by administrators alone, kept encrypted, never logged or shown.

Administrators may name gateways of the site's own network: an SMS gateway usually stands there.
"""

import re
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MAIL_FILE = "mailfile"
SCHEME = re.compile(r"([a-z0-9]+)://")
SECRETS = re.compile(r"[^/:@?&=]{6,}")


def check(url: str) -> None:
    if scheme_of(url) not in schemes():
        allowed = ", ".join(f"{scheme}://" for scheme in schemes())
        raise ValidationError(_("The address must begin with one of these: %(allowed)s.") % {"allowed": allowed})
    from workorders import gateways  # loads a hundred services, for which nobody else has to wait

    if gateways.plugin(filled(url, "x", 1)) is None:
        raise ValidationError(_("This is not a complete address of that service."))


def schemes() -> list[str]:
    return [*settings.NOTICE_SCHEMES, *([MAIL_FILE] if settings.NOTICE_MAIL_FILE else [])]


def scheme_of(url: str) -> str:
    found = SCHEME.match(url.strip().lower())
    return found[1] if found else ""


def filled(url: str, recipient: str, number: int) -> str:
    """`{recipient}` is whom a message is for, `{message}` its number: for a gateway that sends on by name, and for one
    that leaves out what it has had already."""
    return url.replace("{recipient}", quote(recipient, safe="")).replace("{message}", str(number))


def masked(url: str) -> str:
    """Which service, and nothing of its secrets."""
    return f"{scheme_of(url)}://****"


def without_secrets(words: str, url: str) -> str:
    for secret in SECRETS.findall(url):
        words = words.replace(secret, "****")
    return words
