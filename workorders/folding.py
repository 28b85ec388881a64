"""Text as it is compared: one form for each character, and nothing that cannot be seen."""

import re
import unicodedata

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
