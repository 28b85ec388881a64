"""Text on its way into a spreadsheet and back: what a spreadsheet would run or round is guarded by an apostrophe.

The guard can be taken off without loss: a text that begins with apostrophes and such a sign gets one more.
"""

import re

# Some spreadsheets take the full-width ones for the others.
BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
FORMULA = f"[{re.escape(''.join(BEGINS_A_FORMULA))}]"
# A long number loses its last digits, one with zeros before it loses these, 1E5 becomes 100000 and 3-5 a day of May.
ROUNDED = r"(?:\d{12,}|0\d+|\d+(?:\.\d+)?[Ee][+-]?\d+|\d{1,2}[-/]\d{1,2})\Z"
GUARDED_IN_TEXT = re.compile(f"'*(?:{FORMULA}|{ROUNDED})")
GUARDED_IN_BOOK = re.compile(f"'*{FORMULA}|'+{ROUNDED}")


def guarded_in_text(text: str) -> str:
    """Return the text for a cell of a CSV: neither a formula nor a number that would be rounded."""
    return f"'{text}" if GUARDED_IN_TEXT.match(text) else text


def guarded_in_book(text: str) -> str:
    """Return the text for a text cell of a workbook: digits are safe there, the beginning of a formula is not."""
    return f"'{text}" if GUARDED_IN_BOOK.match(text) else text


def unguarded(text: str) -> str:
    """Return the text without the one apostrophe that either guard has put before it."""
    return text[1:] if text.startswith("'") and GUARDED_IN_TEXT.match(text) else text
