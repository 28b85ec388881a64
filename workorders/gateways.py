"""The one place that speaks to gateways, by apprise. Nothing of the database: it runs while no transaction is open."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyFormat, OverflowMode

from workorders import addresses, mail_file

WHOLE = 10.0  # seconds, for a whole batch: its messages go out side by side
ASSET = AppriseAsset(
    app_id="Jiesu",
    app_desc="Jiesu",
    app_url="",
    async_mode=False,
    http_redirects=False,
    pgp_autogen=False,
    pem_autogen=False,
)

mail_file.register()


@dataclass(frozen=True)
class Message:
    url: str
    recipient: str
    number: int
    subject: str
    body: str

    @property
    def address(self) -> str:
        return addresses.filled(self.url, self.recipient, self.number)


@dataclass(frozen=True)
class Answer:
    """`error` is empty where the gateway took it."""

    error: str = ""

    @property
    def is_good(self) -> bool:
        return not self.error


def plugin(address: str) -> Any:
    return Apprise.instantiate(address, asset=ASSET)


def send_all(messages: Sequence[Message]) -> list[Answer]:
    """All side by side, so that a gateway that hangs keeps nobody waiting; an answer for each."""
    sendings = [Sending(message) for message in messages]
    for sending in sendings:
        sending.start()
    until = time.monotonic() + WHOLE
    for sending in sendings:
        sending.join(max(0.0, until - time.monotonic()))
    return [sending.answer() for sending in sendings]


class Sending(threading.Thread):
    """One message. What does not end in time is left behind; being a daemon, it holds up no shutdown."""

    def __init__(self, message: Message) -> None:
        super().__init__(name="sending a notice", daemon=True)
        self.message = message
        self.outcome: Answer | None = None

    def run(self) -> None:
        self.outcome = Answer(self._send())

    def answer(self) -> Answer:
        """Without an outcome and not running any more, it came to grief in a way that the thread has reported."""
        return self.outcome or Answer("timeout" if self.is_alive() else "internal")

    def _send(self) -> str:
        if addresses.scheme_of(self.message.url) not in addresses.schemes():
            return "scheme not allowed"
        gateway = plugin(self.message.address)
        if gateway is None:
            return "bad address"
        heard.forget()
        # Some services refuse what is longer than they take.
        how = {"body_format": NotifyFormat.TEXT, "overflow": OverflowMode.SPLIT}
        good = gateway.notify(body=self.message.body, title=self.message.subject, **how)
        return "" if good else addresses.without_secrets(heard.words() or "refused", self.message.url)[:200]


class Heard(logging.Handler):
    """What apprise says of a failure, it says in its log alone: the last warning of each thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        self.said.words = " ".join(record.getMessage().split())

    def forget(self) -> None:
        self.said.words = ""

    def words(self) -> str:
        return str(getattr(self.said, "words", ""))


heard = Heard()
logging.getLogger("apprise").addHandler(heard)
