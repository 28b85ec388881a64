"""Text as it is compared: one form for each character, and nothing that cannot be seen."""

import re
import unicodedata
from functools import cache

from opencc import OpenCC

# Zero-width blanks and joiners, marks of direction, the byte order mark, soft hyphens: category Cf, and what fills.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def without_invisible(text: str) -> str:
    """Return the text without characters that take no room; the visible ones stay as they were written."""
    return INVISIBLE.sub("", text)


def folded(text: str) -> str:
    """Return the text in NFKC without invisible characters: ０ becomes 0, ⼯ 工, ③ 3, ㎡ m2, a no-break blank a blank.

    For comparing, never for keeping: what somebody wrote is kept as written.
    """
    return without_invisible(unicodedata.normalize("NFKC", without_invisible(text)))


# Radicals that a document's fonts put in a word's place, and for which NFKC knows no other form.
RADICALS = dict(
    zip(
        "⺠⻁⻄⻅⻆⻉⻋⻑⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻪⻬⻮⻰⻲",
        "民虎西见角贝车長长门青韦页风飞食马骨鬼鱼鸟卤麦黄黾齐齿龙龟",
        strict=True,
    )
)
IDEOGRAPHS = ((0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000))
# Written for the simplified character in Taiwan and Hong Kong; the table keeps it for 著名.
WRITTEN_FOR = {"著": "着"}


def simplified(text: str) -> str:
    """Return the text with each traditional character as its simplified one, for comparing, never for keeping."""
    return text.translate(_simple_forms())


@cache
def _simple_forms() -> dict[int, str]:
    """Each character by itself: by phrases a part of a text would read otherwise than the whole (乾坤, 乾)."""
    signs = [chr(code) for start, end in IDEOGRAPHS for code in range(start, end)]
    forms = OpenCC("t2s").convert("\n".join(signs)).split("\n")
    table = {ord(sign): form for sign, form in zip(signs, forms, strict=True) if sign != form}
    table |= {ord(sign): table.get(ord(form), form) for sign, form in RADICALS.items()}
    return table | {ord(sign): form for sign, form in WRITTEN_FOR.items()}
