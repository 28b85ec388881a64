"""Telephone numbers as people and telephone systems write them, read by `phonenumbers` with the site's area code.

Pure: `read(text)` says which numbers stand in a text, and what stands beside them. Nothing is refused here: a text
without a number is kept by its owner as it was written.
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from urllib.parse import unquote

import phonenumbers
from django.conf import settings
from phonenumbers import Leniency, NumberParseException, PhoneNumberFormat, PhoneNumberMatcher, PhoneNumberType

from workorders.folding import folded

COUNTRY, COUNTRY_CODE = "CN", 86
BETWEEN, EXTENSION = "、", "转"  # in the form that is kept
SHORTEST, LONGEST_SHORT = 7, 6  # digits of a subscriber's number; of a service's: 110, 12345, 951234

# Where there is no number: a text is none where all its words stand here and one of them says so.
SAY_NONE = {
    *("none", "null", "nil", "na", "nan", "no", "not", "unknown", "anonymous", "restricted", "private", "hidden"),
    *("withheld", "blocked", "unavailable", "undefined", "empty", "absent", "suppressed", "secret", "unlisted"),
    *("payphone", "p", "o"),
}
BESIDE_NONE = {
    *("number", "caller", "call", "id", "phone", "telephone", "available", "provided", "applicable", "user", "party"),
    *("a", "n"),
}
SAYS_NONE = re.compile(
    r"(?:[暂暫]?[无無]|[没沒]有?|空|未(?:[留知填]|[显顯]示|提供|登[记記]|填[写寫]|[获獲]取)|不(?:[详詳明]|清楚|知道?|[显顯]示|提供|[愿願便想肯].*)|拒.*"
    r"|匿名.*|保密.*|(?:已|被|主叫|来[电電]|[号號][码碼])*[隐隱][藏私].*|私[人密](?:[号號][码碼])?)"
    r"(?:的|来[电電]|[联聯][系繫络絡]|手[机機]|固定|座[机機]|主叫|本人|[电電][话話]|[号號][码碼]?|方式|[显顯]示|提供|透露|留)*"
    r"|(?:[电電][话話]|[号號][码碼]|手[机機])+(?:不[详詳明]|未知|[保隐隱][密藏]|[无無])"
)
ADDRESS = re.compile(
    r"(?P<scheme>sips?:)?(?P<user>[^\s@<>:;\"]+)@(?P<host>[^\s;>:]+)[^>\s]*|sips?:(?P<bare>[^\s@;>]+)", re.I
)
HIDES = (".invalid", "localhost")  # RFC 3323: sip:anonymous@anonymous.invalid

NUMERALS = str.maketrans("〇零一二三四五六七八九幺", "001234567891")  # 幺 is how 1 is read out
SPELLED = re.compile(r"[〇零一二三四五六七八九幺\d](?:[ \-]?[〇零一二三四五六七八九幺\d]){6,}")
FEWEST_NUMERALS = 3  # fewer of them beside digits are floors, dashes and counts
DASH = re.compile(r"(?<=[\d)]) *[~_ー一\u02d7\u2212\u2500]+ *(?=[\d(])")
DOT = re.compile(r"(?<=\d) *[·・。•‧∙] *(?=\d)")
AREA_SLASH = re.compile(r"(?<!\d)(0\d{2,3})/(?=\d{7,8}(?!\d))")
SPREADSHEET_TAIL = re.compile(r"(?<=\d{5})\.0+(?!\d)")
HIDDEN_DIGITS = re.compile(r"\d[ -]?[*●•xX×]{2,}[ -]?\d")
TRUNK_AND_CODE = re.compile(r"(?<![\d+])\+?\(?\+?0*86\)?[ -]*\+?(?=0?1[3-9](?:[ .-]?\d){9}(?!\d))")
MOBILE = re.compile(r"1[3-9]\d{9}")
GLUED = re.compile(r"(?<!\d)(1[3-9]\d{9})(?=1[3-9]\d{9}(?!\d))|(?<!\d)(\d{7,11})-(?=\d{7,11}(?!\d))")

EXTENSION_WORDS = re.compile(
    r"(?<=\d)\)?[ \-,;:(]*(?:总机)?(?:转接?|分机|内线|extension|extn?|;ext|[x#*])(?:分机)?号?[ :.\-=(]*(\d{1,7})(?!\d)\)?",
    re.I,
)
ONE = re.compile(r"(?P<base>\(?\+?[\d(][\d ().\-+]*\d)(?:;ext=(?P<extension>\d{1,7}))?")
LAST_GROUP = re.compile(r"(?P<base>.*\d)\)? ?[-*,] ?\(?(?P<extension>\d{1,6})\)?")
APART = re.compile(r"(?:[、,/|\\&]|;(?!ext=))+|或者?|以?及|和")
LABELS = re.compile(
    r"(?:联系|来电|本人|固定|移动|办公|家庭|住宅|单位)?(?:电话|手机|座机|固话|号码)(?:号码?)?|tel(?:ephone)?|phone|mobile|cell",
    re.I,
)


@dataclass(frozen=True)
class Telephone:
    """One number: how it is written, and the key by which it is known again however it comes."""

    text: str
    key: str
    is_valid: bool = True
    is_mobile: bool = False
    extension: str = ""

    def __str__(self) -> str:
        return f"{self.text}{EXTENSION}{self.extension}" if self.extension else self.text

    @property
    def uri(self) -> str:
        """The address that a softphone dials (RFC 3966)."""
        digits = re.sub(r"[^\d+]", "", self.text)
        return f"tel:{digits};ext={self.extension}" if self.extension else f"tel:{digits}"


@dataclass(frozen=True)
class Reading:
    """The numbers of a text, each once; `rest` is what the text says besides them."""

    written: str
    numbers: tuple[Telephone, ...] = ()
    rest: str = ""

    @property
    def text(self) -> str:
        """Return the form to keep: the numbers, or where there are none, the text as it was written."""
        return BETWEEN.join(map(str, self.numbers)) or self.written

    @property
    def is_clear(self) -> bool:
        """Tell whether nothing is to be asked: no telephone at all, or valid numbers."""
        return all(number.is_valid for number in self.numbers) if self.numbers else not self.written

    @property
    def keys(self) -> list[str]:
        return list(dict.fromkeys(number.key for number in self.numbers))

    @property
    def for_messages(self) -> str:
        """Return the number that short messages go to: the first mobile one, or else the first."""
        mobile = [number for number in self.numbers if number.is_mobile]
        first = (mobile or list(self.numbers))[:1]
        return first[0].text if first else ""


def read(text: str) -> Reading:
    written = " ".join(text.split())
    plain = _plain(written)
    if says_none(plain):
        return Reading("")
    if HIDDEN_DIGITS.search(plain):
        return Reading(written)
    alone = _alone(plain) or _service(plain)
    if alone:
        return Reading(written, (alone,))
    numbers: dict[tuple[str, str], Telephone] = {}
    rest = []
    for part in APART.split(plain):
        telephones, left = _within(part)
        numbers.update({(number.key, number.extension): number for number in telephones})
        rest.append(left)
    return Reading(written, tuple(numbers.values()), " ".join(filter(None, rest)))


def keys_of(text: str) -> list[str]:
    """Return the keys of all numbers in a text: what the keyed hashes of a stored telephone are made of."""
    return read(text).keys


def _plain(written: str) -> str:
    """Fold widths, dashes, numerals, addresses and the words for an extension into forms the library knows."""
    text = "".join(_digit_or_dash(character) for character in folded(written))
    text = ADDRESS.sub(_user_of, text.strip()).replace("tel:", " ").strip(" '\"`")
    text = SPELLED.sub(_in_digits, text)
    text = AREA_SLASH.sub(r"\1-", DOT.sub(".", DASH.sub("-", text)))
    text = GLUED.sub(r"\1\2、", TRUNK_AND_CODE.sub("", SPREADSHEET_TAIL.sub("", text)))
    return EXTENSION_WORDS.sub(r";ext=\1", text)


def _digit_or_dash(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character.isspace():
        return " "
    return {"Pd": "-", "Cc": ""}.get(unicodedata.category(character), character)


def _user_of(address: re.Match[str]) -> str:
    """Return the user of a SIP address, and nothing where the host says that it is hidden."""
    user = unquote(address["user"] or address["bare"] or "")
    if (address["host"] or "").lower().endswith(HIDES):
        return " anonymous "
    is_number = re.fullmatch(r"[+\d().\-]+|anonymous|unknown|restricted|unavailable", user, re.I)
    return f" {user} " if is_number else address[0]


def _in_digits(run: re.Match[str]) -> str:
    numerals = sum(not character.isdecimal() for character in run[0] if character not in " -")
    return run[0].translate(NUMERALS) if numerals >= FEWEST_NUMERALS else run[0]


def says_none(plain: str) -> bool:
    """Tell whether folded text only says that there is nothing: 无, 不详, -, N/A, anonymous, 主叫号码隐藏."""
    lower = plain.casefold().replace("n/a", "na")
    return any(_are_none(re.findall(r"[^\W_]+", text)) for text in (lower, LABELS.sub(" ", lower)))


def _are_none(words: list[str]) -> bool:
    if not words or set("".join(words)) == {"0"}:
        return True
    saying = [word for word in words if word not in BESIDE_NONE]
    return bool(saying) and all(word in SAY_NONE or SAYS_NONE.fullmatch(word) for word in saying)


def _alone(text: str) -> Telephone | None:
    """Read a text that is one number and nothing else; a last group behind a dash may be its extension."""
    form = ONE.fullmatch(text.strip())
    if form is None:
        return None
    number = _parsed(form["base"])
    if form["extension"]:
        return replace(number, extension=form["extension"]) if number else None
    if number and number.is_valid:
        return number
    cut = LAST_GROUP.fullmatch(form["base"])
    before = _parsed(cut["base"]) if cut else None
    if cut and before and (before.is_valid or number is None):
        return replace(before, extension=cut["extension"])
    return number


def _service(text: str) -> Telephone | None:
    digits = re.sub(r"[ -]", "", text)
    is_short = digits.isdecimal() and 3 <= len(digits) <= LONGEST_SHORT
    return Telephone(digits, digits) if is_short else None


def _within(part: str) -> tuple[list[Telephone], str]:
    """Find the numbers of a text in which other words stand too, and what is left of it."""
    alone = _alone(part)
    if alone:
        return [alone], ""
    numbers, left, end = [], [], 0
    for match in PhoneNumberMatcher(part, COUNTRY, Leniency.POSSIBLE):
        around = part[match.start - 1 : match.start] + part[match.end : match.end + 1]
        number = None if re.search("[A-Za-z]", around) else _parsed(match.raw_string.partition(";ext=")[0])
        if number is None:
            continue
        numbers.append(replace(number, extension=match.number.extension or ""))
        left.append(part[end : match.start])
        end = match.end
    rest = LABELS.sub(" ", " ".join([*left, part[end:]]))
    return numbers, " ".join(rest.split()) if re.search(r"[^\W_]", rest) else ""


def _parsed(text: str) -> Telephone | None:
    digits = re.sub(r"\D", "", text)
    has_plus = "+" in text
    if len(digits) < SHORTEST:
        return None
    if not has_plus and len(digits) <= 8 and digits[0] != "0":
        text = f"{settings.SITE_AREA_CODE}{digits}"
    number = _number(text)
    if has_plus and MOBILE.fullmatch(digits) and not (number and phonenumbers.is_valid_number(number)):
        number = _number(digits)
    abroad = None if has_plus or digits.startswith("0") else _number(f"+{digits}")
    if abroad and phonenumbers.is_valid_number(abroad) and not (number and phonenumbers.is_valid_number(number)):
        number = abroad
    return _telephone(number, text) if number else None


def _number(text: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, COUNTRY)
    except NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def _telephone(number: phonenumbers.PhoneNumber, text: str) -> Telephone:
    national, is_valid = phonenumbers.national_significant_number(number), phonenumbers.is_valid_number(number)
    if number.country_code != COUNTRY_CODE:
        international = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        return Telephone(international, international, is_valid)
    if not is_valid:
        return Telephone(" ".join(text.split()), national, is_valid=False)
    area = phonenumbers.length_of_geographical_area_code(number)
    is_mobile = phonenumbers.number_type(number) == PhoneNumberType.MOBILE
    shown = f"0{national[:area]}-{national[area:]}" if area and not is_mobile else national
    return Telephone(shown, national, is_mobile=is_mobile)
