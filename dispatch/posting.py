"""The one place that speaks to receivers. Nothing of the database here: it runs while no transaction is open."""

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from dispatch import targets

logger = logging.getLogger(__name__)

CONNECT, READ, WHOLE = 3.0, 5.0, 10.0  # seconds; WHOLE for everything, however slowly it drips
AT_ONCE = 50
HEADERS = {"Content-Type": "application/json", "User-Agent": "Jiesu-Webhooks/1"}


@dataclass(frozen=True)
class Message:
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """`error` is one of a few words, never what the receiver wrote: nobody reads through us what we alone can reach."""

    code: int | None = None
    error: str = ""
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        return self.code is not None and 200 <= self.code < 300

    def logged(self, now: datetime) -> dict[str, Any]:
        took = round(self.seconds * 1000)
        return {"at": now.astimezone(UTC).isoformat(), "code": self.code, "error": self.error, "ms": took}


def post_all(messages: Sequence[Message]) -> list[Answer]:
    """All at once, so that a slow receiver keeps nobody waiting; an answer for each."""
    return asyncio.run(_post_all(messages)) if messages else []


async def _post_all(messages: Sequence[Message]) -> list[Answer]:
    at_once = asyncio.Semaphore(AT_ONCE)
    # A thread each: names that are slow to resolve do not hold up the others.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE))
    async with _client() as client:
        posts = (_post(client, message, at_once) for message in messages)
        found = await asyncio.gather(*posts, return_exceptions=True)
    return [answer if isinstance(answer, Answer) else _unforeseen(answer) for answer in found]


def _unforeseen(problem: BaseException) -> Answer:
    """What nobody thought of at one receiver must not keep the others from being told, nor be hushed up."""
    logger.error("A delivery failed in a way that is not provided for", exc_info=problem)
    return Answer(error="internal")


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=ssl.create_default_context(),
        timeout=httpx.Timeout(READ, connect=CONNECT),
        # Two names may share an address, and a connection is proven for one of them only.
        limits=httpx.Limits(max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=False,
        headers=HEADERS,
    )


async def _post(client: httpx.AsyncClient, message: Message, at_once: asyncio.Semaphore) -> Answer:
    async with at_once:
        began = time.monotonic()
        code, error = await _try(client, message)
        return Answer(code, error, time.monotonic() - began)


async def _try(client: httpx.AsyncClient, message: Message) -> tuple[int | None, str]:
    try:
        async with asyncio.timeout(WHOLE):
            target = await asyncio.to_thread(targets.find, message.url)
            code = await _status(client, target, message)
    except targets.BadTarget:
        return None, "refused_address"
    except (TimeoutError, httpx.TimeoutException):
        return None, "timeout"
    except httpx.ConnectError as problem:
        return None, "bad_certificate" if "CERTIFICATE_VERIFY_FAILED" in str(problem) else "no_connection"
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return None, "broken_off"
    return code, "" if 200 <= code < 300 else "redirected" if 300 <= code < 400 else "refused"


async def _status(client: httpx.AsyncClient, target: targets.Target, message: Message) -> int:
    """The body of the answer is never read, however long it is."""
    headers = {**target.headers, **message.headers}
    request = client.stream("POST", target.url, content=message.body, headers=headers, extensions=target.extensions)
    async with request as response:
        return response.status_code
