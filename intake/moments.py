"""Moments as tables write them, read as local time unless they name a zone. Pure: text in, moment out."""

import re
from datetime import datetime, timedelta
from functools import partial

from django.utils import timezone

from workorders.folding import folded

DATE = r"(?P<year>\d{4})\s*[-/.年]\s*(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})\s*(?P<ri>[日号])?"
WEEKDAY = r"(?:[,\s]*[(\[]?(?:星期|周|礼拜)[一二三四五六日天][)\]]?)?"
PERIOD = r"(?P<period>凌晨|清晨|早晨|早上|上午|中午|下午|傍晚|晚上|夜里|夜间|am|pm|a\.m\.|p\.m\.)?"
CLOCK = (
    r"(?P<hour>\d{1,2})\s*(?:[:时点]\s*(?:(?P<minute>\d{1,2})(?:\s*[:分]\s*(?P<second>\d{1,2})(?:\.\d+)?)?\s*[分秒]?"
    r"|(?P<half>半)|整)?)"
)
AFTER = r"(?:\s*(?P<after>am|pm|a\.m\.|p\.m\.))?"
ZONE = r"(?:\s*(?P<zone>z|utc|gmt|[+-]\d{2}:?\d{2}))?"
# A time begins with a blank, a T or the word for its part of the day, or follows the sign of the day: 2019-1-203:04 is none.
TIME = rf"(?:(?:(?<=[日号)\]一二三四五六天])|[t,\s]|(?=[凌清早上中下傍晚夜ap]))\s*{PERIOD}\s*{CLOCK}{AFTER}{ZONE})?"
WRITTEN = re.compile(rf"{DATE}{WEEKDAY}{TIME}")
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[t\s]?(\d{2}):?(\d{2})(?::?(\d{2}))?)?")
CHINESE = re.compile(r"[〇零一二三四五六七八九十]+(?=[年月日号时点分秒])")
DIGITS = {character: digit for digit, character in enumerate("零一二三四五六七八九")} | {"〇": 0}
SERIAL = re.compile(r"\d{5}(\.\d+)?")
SERIAL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  what day 0 of a spreadsheet comes to, in the sheet's own time

MORNING = ("凌晨", "清晨", "早晨", "早上", "上午", "am", "a.m.")
EVENING = ("傍晚", "晚上", "夜里", "夜间")


def moment(text: str) -> datetime:
    """Return the moment: ISO, 2026/1/5 下午 3:04, 2026年1月5日15时4分, 3:04 PM, a day number of a spreadsheet.

    Raises ValueError for what can be read in two ways, or in none.
    """
    plain = CHINESE.sub(_in_digits, folded(text).strip().lower())
    written, compact = WRITTEN.fullmatch(plain), COMPACT.fullmatch(plain)
    if written:
        local = _written(written)
    elif compact:
        local = datetime(*[int(part or 0) for part in compact.groups()])  # type: ignore[arg-type]  # noqa: DTZ001
    elif SERIAL.fullmatch(plain):
        local = SERIAL_EPOCH + timedelta(seconds=round(float(plain) * 86400))
    else:
        local = datetime.fromisoformat(plain.upper())
    return local if timezone.is_aware(local) else timezone.make_aware(local, timezone.get_default_timezone())


def _written(match: re.Match[str]) -> datetime:
    number = partial(_number, match)
    hour = _hour(number("hour"), match["period"] or "", match["after"] or "")
    minute = 30 if match["half"] else number("minute")
    local = datetime(number("year"), number("month"), number("day"), hour, minute, number("second"))  # noqa: DTZ001
    zone = (match["zone"] or "").upper()
    if not zone:
        return local
    return datetime.fromisoformat(local.isoformat() + ("Z" if zone in ("UTC", "GMT") else zone))


def _number(match: re.Match[str], name: str) -> int:
    return int(match[name] or 0)


def _hour(hour: int, period: str, after: str) -> int:
    """Return the hour of 24; a part of the day that the hour contradicts, or that leaves two readings, is an error."""
    if period and after:
        raise ValueError("two parts of the day")
    period = period or after
    if not period:
        return hour
    if period in MORNING:
        if hour > 12:
            raise ValueError("an hour of the afternoon in the morning")
        return hour % 12
    if hour > 12:
        return hour
    if period == "中午":
        return hour if hour >= 10 else hour + 12
    if period in EVENING and not 5 <= hour <= 11:
        raise ValueError("midnight belongs to two days")
    return hour % 12 + 12


def _in_digits(match: re.Match[str]) -> str:
    """Return 二〇二六 as 2026 and 二十三 as 23."""
    text = match[0]
    if "十" not in text:
        return "".join(str(DIGITS[character]) for character in text)
    tens, _ten, ones = text.partition("十")
    if len(tens) > 1 or len(ones) > 1 or "十" in ones:
        return text
    return str((DIGITS[tens] if tens else 1) * 10 + (DIGITS[ones] if ones else 0))
