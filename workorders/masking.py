"""Numbers that name a person, hidden in whatever words they stand: telephones, identity numbers, papers, bank cards.

One function for all doors. Order numbers, dates, times, amounts and plates stay readable.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

from workorders import numbers
from workorders.folding import folded

DASHES, DOTS = "~_ー\u02d7\u2212\u2500", "·・。•‧∙"
BRACKETS = dict(zip("[]【】〔〕{}《》", "()()()()()", strict=True))
NUMERALS = str.maketrans("〇零一二三四五六七八九幺两", "0012345678912")
SPELLED = re.compile(r"[〇零一二三四五六七八九幺两\d](?:[ \-.]?[〇零一二三四五六七八九幺两\d]){6,}")
DASH_OF_ONE = re.compile(r"(?<=\d)一(?=\d)")

FEWEST = 6  # digits: fewer name nobody
# Where numbers can stand: the other patterns look nowhere else.
REGION = re.compile(r"[A-Z\d+(][A-Z\d \-.()+/,]*")
S = r"[ \-.()]{0,3}"  # between two digits of a number
HOURS = r"(?:[01]\d|2[0-4])[0-5][05]"
DAYS = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d ?[-./] ?(?:0?[1-9]|1[0-2]) ?[-./] ?(?:0[1-9]|[12]\d|3[01]|[1-9])(?!\d)"
    r"|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|1[0-2])[-./](?:19|20)\d\d(?!\d)"
    rf"|{HOURS} ?-+ ?{HOURS}(?!\d)(?! ?\d{{4}}(?! ?-)(?!\d)))"
)
ORDER = re.compile(r"(?<!\d)\d{6}[ \-]{0,3}\d{6}[ \-]{0,3}\d(?!\d)")
AMOUNT = re.compile(r"(?:\.\d+)? ?(?:[万亿]?[美港欧日]?元(?!旦)|RMB|平方米|平米|M2|公里|吨|立方米)")
MONEY = re.compile(r"(?:[¥$€£]|RMB|人民币|金额) ?$")

MOBILE = re.compile(
    rf"(?<!\d)(?:\(?(?:\+|00?)?{S}86{S}|\+|179\d\d{S}|\(?0\)?{S})?"
    rf"(?:1[3-9]\d(?:{S}\d){{8}}|1([ \-.])[3-9](?:\1\d){{9}}|1[3-9]([ \-.])\d{{3}}\2\d{{3}}\2\d{{3}}"
    r"|1[3-9](?:[ \-.]\d\d){4}[ \-.]\d)(?!\d)"
)
LANDLINE = re.compile(
    rf"(?<!\d)(?:\(?(?:\+|00)?86{S}\(?0?(?:10|2\d|[3-9]\d\d)\)?|\(?0\d{{2,3}}\)?/?){S}"
    rf"(?:\d{{7,8}}|\d{{3,4}}{S}\d{{4}}|\d\d(?:[ \-.]\d\d){{3}}|\d(?:[ \-.]\d){{6,7}})(?!\d)"
)
ABROAD = re.compile(
    rf"\+ ?\(?\d(?:{S}\d){{7,14}}(?!\d)|(?<!\d)00{S}(?:85[23]|886|8[12]|6[01356]|44|33|49|1)(?:{S}\d){{7,11}}(?!\d)"
)
# Looked for from every digit on: behind a date it would otherwise begin with the date.
IDENTITY = re.compile(
    rf"(?<![\dA-Z])(?=(?P<number>[1-9](?:{S}\d){{16}}{S}[\dX](?![\dA-Z])|[1-9](?:{S}\d){{14}}(?!\d)))"
)
CARD = re.compile(r"(?<!\d)[3-69](?:[ \-]?\d){15,18}(?!\d)")
PAPER = re.compile(
    rf"(?<![A-Z\d])(?:[A-Z]{{1,2}}{S}\d(?:{S}\d){{5}} ?\( ?[\dA] ?\)|[157]\d{{6}} ?\( ?\d ?\)|[157]/\d{{6}}/\d"
    rf"|[HM]{S}\d(?:{S}\d){{7}}(?:{S}\d\d)?|[EGDSPK]{S}\d(?:{S}\d){{7}}|(?:E[A-Z]|[DSP]E){S}\d(?:{S}\d){{6}}"
    rf"|[A-Z]{S}[1289](?:{S}\d){{8}}|[A-Z]{{3}}{S}\d(?:{S}\d){{11}})(?![A-Z\d])"
)
LONG = re.compile(r"(?<!\d)\d{20,}(?!\d)")  # several numbers without a gap
# A title that was cut within a number still says most of it.
CUT = re.compile(
    rf"(?<!\d)(?:\+?(?:00)?86{S})?(?:1[3-9]|0[1-9]|[1-9]\d{{5}}{S}[12][089])\d?(?:{S}\d){{4,}}(?=\.{{3}}$)"
)
# A street's code has the form of an identity card of Taiwan. Alone in a fact of the ledger it is the code.
UNIT_CODE = re.compile(r"J\d{9}")
PATTERNS = (MOBILE, LANDLINE, ABROAD, IDENTITY, CARD, PAPER, LONG, CUT)

# What the words before a number make of it.
LINK = r"(?:号码?|[为是: ()]|卡){0,6}"
PAPER_OF_NAME = re.compile(
    r"(?:身份证|证件|证号|护照|通行证|回乡证|台胞证|居住证|居留证|居留身份证|军官证|警官证|士兵证|驾驶证|驾照|社保|医保|银行卡|卡号|账号|帐号)"
    rf"{LINK}(?P<number>[A-Z\d](?:{S}[A-Z\d]){{5,24}})"
)
TELEPHONE_OF_NAME = re.compile(
    r"(?:电话|手机|座机|固话|号码|致电|拨打|回电|来电|联系|联络|微信|TEL|PHONE|MOBILE|CALL)"
    rf"{LINK}(?P<number>1[3-9]\d[,/ ]+\d{{4}}[,/ ]+\d{{4}}|\d(?:{S}\d){{6,7}})(?!\d)"
)
NAMED = (PAPER_OF_NAME, TELEPHONE_OF_NAME)

Spans = list[tuple[int, int]]


class Forms(dict[int, str]):
    """For `str.translate`: each character in the one form that the patterns know, invisible ones gone."""

    def __missing__(self, code: int) -> str:
        self[code] = form = _form(chr(code))
        return form


def _form(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    form = folded(character).upper()
    if len(form) != 1:
        return form
    if form in DASHES or unicodedata.category(form) == "Pd":
        return "-"
    if form in DOTS:
        return "."
    return " " if form.isspace() else BRACKETS.get(form, form)


FORMS = Forms()


def masked(text: str) -> str:
    """Return the text with every number that names a person hidden but for its beginning and its end."""
    if UNIT_CODE.fullmatch(text):
        return text
    shape = text.translate(FORMS)
    hidden = set(_hidden_in(DASH_OF_ONE.sub("-", shape)))
    spelled = SPELLED.sub(lambda run: run[0].translate(NUMERALS), shape)
    if spelled != shape:
        hidden |= set(_hidden_in(spelled))
    if not hidden:
        return text
    places = [place for place, character in enumerate(text) for _part in FORMS[ord(character)]]
    stars = {places[index] for index in hidden}
    return "".join("*" if place in stars else character for place, character in enumerate(text))


def _hidden_in(shape: str) -> Iterator[int]:
    for region in REGION.finditer(shape):
        if sum(map(str.isdigit, region[0])) >= FEWEST:
            yield from _hidden_between(shape, *region.span())


def _hidden_between(shape: str, first: int, last: int) -> Iterator[int]:
    readable = [match.span() for match in DAYS.finditer(shape, first, last)]
    readable += [match.span() for match in ORDER.finditer(shape, first, last) if _is_order(match[0])]
    for pattern in PATTERNS:
        for match in pattern.finditer(shape, first, last):
            span = match.span("number" if pattern is IDENTITY else 0)
            if _names_somebody(pattern, shape, span, readable):
                yield from _covered(shape, *span)
    for pattern in NAMED:
        for match in pattern.finditer(shape, max(0, first - 20), last):
            if _is_what_it_is_called(pattern, match["number"]) and not _touch(match.span("number"), readable):
                yield from _covered(shape, *match.span("number"))


def _names_somebody(pattern: re.Pattern[str], shape: str, span: tuple[int, int], readable: Spans) -> bool:
    written = shape[slice(*span)]
    signs = re.sub(r"[^\dA-Z]", "", written)
    if pattern is IDENTITY and _has_birthday(signs):
        return all(first != span[0] for first, _last in readable)
    if _touch(span, readable):
        return False
    if pattern is IDENTITY:
        return written == signs and len(signs) == 18
    if pattern is CARD:
        return _passes_luhn(signs)
    return not (AMOUNT.match(shape, span[1]) or MONEY.search(shape[max(0, span[0] - 6) : span[0]]))


def _is_what_it_is_called(pattern: re.Pattern[str], written: str) -> bool:
    if pattern is PAPER_OF_NAME:
        return sum(map(str.isdigit, written)) >= 5
    return not _is_day(re.sub(r"\D", "", written))


def _touch(span: tuple[int, int], others: Spans) -> bool:
    return any(span[0] < last and first < span[1] for first, last in others)


def _covered(shape: str, start: int, end: int) -> Iterator[int]:
    """Keep three characters and four of a long number, less of a short one: at least half stays hidden."""
    signs = [index for index in range(start, end) if shape[index].isalnum()]
    last = 4 if len(signs) >= 8 else min(2, len(signs) // 2)
    yield from range(signs[2] + 1 if len(signs) >= 11 else signs[0], signs[-last])


def _is_order(written: str) -> bool:
    number = re.sub(r"\D", "", written)
    return numbers.is_valid(number) and _is_day(f"20{number[:6]}")


def _has_birthday(signs: str) -> bool:
    return _is_day(signs[6:14] if len(signs) == 18 else f"19{signs[6:12]}")


def _is_day(digits: str) -> bool:
    try:
        return len(digits) == 8 and 1850 < date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).year < 2100
    except ValueError:
        return False


def _passes_luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits), 1)]
    return len(set(digits)) > 1 and sum(value // 10 + value % 10 for value in doubled) % 10 == 0
