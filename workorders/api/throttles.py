"""Rate limits: so many calls a caller and window, counted in Redis; where Redis is away, nobody is kept out.

Headers as in draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy`, `RateLimit`, and `Retry-After` on 429.
"""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse, JsonResponse
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle


@dataclass(frozen=True)
class Allowance:
    """What is left of a window. `left` below zero is a call too many."""

    limit: int
    window: int
    left: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Policy": f'"default";q={self.limit};w={self.window}',
            "RateLimit": f'"default";r={max(self.left, 0)};t={self.reset}',
        }


def spend(name: str, who: str, now: float | None = None) -> Allowance | None:
    """Count one call of `who`; none where nothing can be counted."""
    limit, window = settings.API_RATES[name]
    now = time.time() if now is None else now
    number, elapsed = divmod(int(now), window)
    key = _key(name, who, number)
    try:
        cache.add(key, 0, timeout=2 * window)
        spent = cache.incr(key)
    except (RedisError, ValueError):  # ValueError: the counter ran out between the two
        return None
    return Allowance(limit, window, limit - spent, window - elapsed)


class CallerThrottle(BaseThrottle):
    """A client, or a person, by the user it acts as."""

    allowance: Allowance | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        self.allowance = spend("calls", str(request.user.pk or self.get_ident(request)))
        view.allowance = self.allowance
        return self.allowance is None or self.allowance.left >= 0

    def wait(self) -> float | None:
        return self.allowance.reset if self.allowance else None


def exhausted(name: str, who: str) -> HttpResponse | None:
    """Return the 429 for somebody whose failures have used up the window; it counts nothing."""
    limit, window = settings.API_RATES[name]
    number, elapsed = divmod(int(time.time()), window)
    try:
        failures = cache.get(_key(name, _hashed(who), number), 0)
    except RedisError:
        return None
    if failures < limit:
        return None
    allowance = Allowance(limit, window, limit - failures, window - elapsed)
    headers = {**allowance.headers, "Retry-After": str(allowance.reset)}
    return JsonResponse({"error": "temporarily_unavailable"}, status=429, headers=headers)


def count_failure(name: str, who: str) -> None:
    spend(name, _hashed(who))


def _hashed(who: str) -> str:
    return hashlib.sha256(who.encode()).hexdigest()


def _key(name: str, who: str, number: int) -> str:
    return f"rate:{name}:{who}:{number}"
