"""Who has an order's page open: kept in Redis while the page keeps asking; where Redis is away, nobody knows."""

from datetime import datetime
from functools import cache

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

ASKS_EVERY, GONE_AFTER = 20, 50  # seconds: two questions may get lost


def address() -> str:
    """The cache's: what is in it may be lost."""
    return str(settings.CACHES["default"]["LOCATION"])


@cache
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


def others(order_id: int, user_id: int, *, now: datetime) -> list[int]:
    """Marks this user as being here, and answers who else is, the longest first."""
    key, second = f"here:{order_id}", now.timestamp()
    with _redis(address()).pipeline() as pipe:
        pipe.zadd(key, {str(user_id): second})
        pipe.zremrangebyscore(key, 0, second - GONE_AFTER)
        pipe.expire(key, GONE_AFTER)
        pipe.zrange(key, 0, -1)
        try:
            here = pipe.execute()[-1]
        except RedisError:
            return []
    return [int(one) for one in here if int(one) != user_id]
