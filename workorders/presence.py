"""Who has an order's page open: kept in Redis while the page keeps asking; where Redis is away, nobody knows."""

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from workorders.models import User

ASKS_EVERY, GONE_AFTER = 20, 50  # seconds: two questions may get lost


def address() -> str:
    """The cache's: what is in it may be lost."""
    return str(settings.CACHES["default"]["LOCATION"])


@cache
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


def others(order_id: int, user: "User", *, now: datetime) -> list[str]:
    """Marks this user as being here, and answers the names of who else is, the longest first."""
    key, second, me = f"here:{order_id}", now.timestamp(), f"{user.pk} {user}"
    with _redis(address()).pipeline() as pipe:
        pipe.zadd(key, {me: second})
        pipe.zremrangebyscore(key, 0, second - GONE_AFTER)
        pipe.expire(key, GONE_AFTER)
        pipe.zrange(key, 0, -1)
        try:
            here = pipe.execute()[-1]
        except RedisError:
            return []
    return [one.decode().partition(" ")[2] for one in here if one.decode() != me]
