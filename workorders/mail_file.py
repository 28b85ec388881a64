"""mailfile:// – messages as mails in one file, for a demo that has no mail server. The file is the site's, not the address's."""

import fcntl
from email.generator import BytesGenerator
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, make_msgid
from pathlib import Path
from typing import Any

from apprise.decorators import notify
from django.conf import settings
from django.utils import timezone

from workorders.addresses import MAIL_FILE

DOMAIN = "jiesu.invalid"


def register() -> None:
    notify(on=MAIL_FILE, name="Mail file")(append)


def append(body: str, title: str, *args: Any, meta: dict[str, Any], **options: Any) -> None:
    write(mail(title, body, meta.get("qsd", {}).get("to", "")), Path(settings.NOTICE_MAIL_FILE))


def mail(subject: str, body: str, recipient: str) -> EmailMessage:
    message, now = EmailMessage(), timezone.now()
    message.set_unixfrom(f"From notices {now:%a %b %d %H:%M:%S %Y}")
    message["From"] = formataddr(("Jiesu", f"notices@{DOMAIN}"))
    message["To"] = formataddr((recipient, f"recipient@{DOMAIN}"))
    message["Subject"] = subject
    message["Date"] = format_datetime(timezone.localtime(now))
    message["Message-ID"] = make_msgid(domain=DOMAIN)
    message.set_content(body, cte="8bit")
    return message


def write(message: EmailMessage, path: Path) -> None:
    """One after the other, whoever writes."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        BytesGenerator(file, mangle_from_=True).flatten(message, unixfrom=True)
        file.write(b"\n")
