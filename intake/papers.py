"""Identity papers as people write their numbers. Nothing is refused: an unknown number is kept as it was written."""

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from workorders.folding import folded
from workorders.telephones import says_none

if TYPE_CHECKING:
    from django.utils.functional import Promise

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643, ISO 7064 MOD 11-2
CHECK_DIGITS = "10X98765432"
PAPERS = "身份证|证件|护照|回乡证|台胞证|(?:港澳|台湾)?(?:居民)?(?:来往(?:内地|大陆))?通行证|居住证|永久居留(?:身份)?证"
LABEL = re.compile(rf"^(?:居民|公民)?(?:{PAPERS})(?:号码?)?[ :]*")
GAPS = re.compile(r"[\s\-_.·]")
RESIDENCE = ("81", "82", "83")  # Hong Kong, Macao, Taiwan


@dataclass(frozen=True)
class Paper:
    """A number as it is kept, the key by which it is known again, and what paper it looks like.

    `is_sound` is False where the check digit is wrong, or where no known paper has such a number: then `kind` is empty.
    """

    text: str
    key: str = ""
    kind: "Promise | str" = ""
    is_sound: bool = True


def read(text: str) -> Paper:
    written = " ".join(text.split())
    plain = " ".join(folded(written).split()).upper()
    if says_none(plain.replace("身份证", "号码").replace("证件", "号码")):
        return Paper("")
    compact = GAPS.sub("", LABEL.sub("", plain))
    paper = _citizen(compact) or _hong_kong(compact) or _by_shape(compact)
    return paper or Paper(written, _bare(compact), "", is_sound=False)


def key_of(text: str) -> str:
    """Return the form by which a number is known again: capital letters and digits, without brackets and gaps."""
    return read(text).key


def _bare(compact: str) -> str:
    return re.sub(r"[^\w]", "", compact)


def _citizen(compact: str) -> Paper | None:
    """Read 18 digits with their check digit, or the 15 of before 1999; residence permits are counted alike."""
    if re.fullmatch(r"[1-9]\d{14}", compact) and _is_day(f"19{compact[6:12]}"):
        first = f"{compact[:6]}19{compact[6:]}"
        return Paper(compact, first + _check_digit(first), _("Resident identity card"))
    if not re.fullmatch(r"[1-9]\d{16}[\dX]", compact):
        return None
    kind = _("Resident identity card")
    if compact[:2] in RESIDENCE and compact[2:6] == "0000":
        kind = _("Residence permit for residents of Hong Kong, Macao and Taiwan")
    elif compact[0] == "9":
        kind = _("Foreign permanent resident's identity card")
    is_sound = compact[-1] == _check_digit(compact[:17]) and _is_day(compact[6:14])
    return Paper(compact, compact, kind, is_sound)


def _check_digit(first: str) -> str:
    return CHECK_DIGITS[sum(int(digit) * weight for digit, weight in zip(first, WEIGHTS, strict=True)) % 11]


def _is_day(digits: str) -> bool:
    try:
        return 1850 < date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).year < 2200
    except ValueError:
        return False


def _hong_kong(compact: str) -> Paper | None:
    card = re.fullmatch(r"([A-Z]{1,2})(\d{6})\(?([\dA])\)?", compact)
    if card is None or (len(card[1]) == 2 and "(" not in compact):
        return None
    letters, digits, check = card.groups()
    values = [36 if len(letters) == 1 else ord(letters[0]) - 55, ord(letters[-1]) - 55, *map(int, digits)]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    is_sound = (total + (10 if check == "A" else int(check))) % 11 == 0
    text = f"{letters}{digits}({check})"
    return Paper(text, _bare(text), _("Hong Kong identity card"), is_sound)


SHAPES = (
    (r"[HM]\d{8}(?:\d{2})?", _("Mainland travel permit for residents of Hong Kong and Macao")),
    (r"\d{8}|\d{10}(?:\([A-Z]\)|[A-Z])?", _("Mainland travel permit for residents of Taiwan")),
    (r"[157](?:\d{6}|/\d{6}/)\(?\d\)?", _("Macao identity card")),
    (r"[A-Z][1289]\d{8}", _("Taiwan identity card")),
    (r"[A-Z]{3}\d{12}", _("Foreign permanent resident's identity card")),
    (r"[EGDSPK]\d{8}|E[A-Z]\d{7}|[DSP]E\d{7}|1[45]\d{7}", _("Passport")),
    (r"(?=(?:[A-Z]*\d){5})[A-Z]{0,3}\d[A-Z\d]{4,8}[A-Z]?", _("Passport or another paper")),
)


def _by_shape(compact: str) -> Paper | None:
    """Papers without a check digit that anybody may count: the shape is all there is to see."""
    kind = next((kind for shape, kind in SHAPES if re.fullmatch(shape, compact)), None)
    return Paper(compact, _bare(compact), kind) if kind else None
