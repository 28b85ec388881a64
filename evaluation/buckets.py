"""How long something took, in steps of 15 %: few enough to be counted, fine enough for a median and a 90th percentile."""

import math
from collections.abc import Mapping
from datetime import timedelta

STEP = 1.15


def bucket(length: timedelta) -> int:
    """From zero; a year is number 95."""
    return round(math.log(max(length.total_seconds(), 0) / 60 + 1, STEP))


def length(bucket: int) -> timedelta:
    """The middle of a bucket: at most 7.5 %, and half a minute, from what was put in."""
    return timedelta(minutes=STEP**bucket - 1)


def percentile(counts: Mapping[int, int], share: float) -> timedelta | None:
    """The length that this share of what was counted did not pass; none where nothing was."""
    rank, seen = share * sum(counts.values()), 0
    for one in sorted(counts):
        seen += counts[one]
        if counts[one] and seen >= rank:
            return length(one)
    return None
