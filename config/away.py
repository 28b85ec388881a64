"""Answers while database or Redis is away: a page that waits and goes on by itself, and no wall of text in the log."""

import logging
import sys
from pathlib import Path

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

PAGES = Path(__file__).resolve().parent / "front"
# SQLSTATEs of a server that goes down, comes up, or takes nobody more; an error of the connection itself has none.
AWAY = {None, "57P01", "57P02", "57P03", "53300"}
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def is_away(error: BaseException | None) -> bool:
    """Tell a server that cannot be reached just now from one that has answered with an error."""
    if isinstance(error, OperationalError | InterfaceError):
        return getattr(error.__cause__, "pgcode", None) in AWAY
    return isinstance(error, RedisConnectionError | RedisTimeoutError | BrokerError)


def answer_in_place_of(request: HttpRequest) -> HttpResponse | None:
    """Django's handler500 asks here first; the error is still the one being handled."""
    if not is_away(sys.exc_info()[1]):
        return None
    sent = request.method not in ("GET", "HEAD")
    page, kind = ("form.html" if sent else "page.html"), "text/html; charset=utf-8"
    if request.path.startswith("/api/"):
        page, kind = "problem.json", "application/problem+json"
    headers = {"Retry-After": "2", "Cache-Control": "no-store", "Content-Security-Policy": POLICY}
    return HttpResponse((PAGES / page).read_bytes(), status=503, content_type=kind, headers=headers)


class OneLine(logging.Filter):
    """Shorten the log of what failed because a server was away: the same traceback from every task helps nobody."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if is_away(error):
            lines = str(error).strip().splitlines()
            record.msg = f"{record.getMessage().splitlines()[0]}: {lines[0] if lines else type(error).__name__}"
            record.args, record.exc_info, record.exc_text = None, None, None
        return True
