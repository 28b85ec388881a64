"""Order numbers: 261122-000042-7 is the day, a running number and a check digit, short enough for the telephone.

The running number comes from a database sequence of six digits that wraps round: concurrent registrations never wait
for each other, and a number could only repeat on a day with more than a million orders (the unique column would refuse
it).
"""

import unicodedata
from datetime import datetime

from django.db import connection
from django.utils import timezone

# Damm's quasigroup of order 10: finds every wrong digit and every swap of neighbours.
DAMM = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)


def check_digit(digits: str) -> str:
    state = 0
    for digit in digits:
        state = DAMM[state][int(digit)]
    return str(state)


def is_valid(number: str) -> bool:
    return len(number) == 13 and number.isascii() and number.isdigit() and check_digit(number) == "0"


def compose(at: datetime, running: int) -> str:
    digits = f"{timezone.localtime(at):%y%m%d}{running:06d}"
    return digits + check_digit(digits)


def issue(at: datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('workorders_number')")
        return compose(at, cursor.fetchone()[0])


def spoken(number: str) -> str:
    return f"{number[:6]}-{number[6:12]}-{number[12:]}"


def typed(text: str) -> str:
    """The number in what somebody typed or pasted: groups, blanks, dashes and full-width digits do not matter."""
    narrow = unicodedata.normalize("NFKC", text)
    return "".join(character for character in narrow if character.isascii() and character.isdigit())
