"""Order numbers: read out over the telephone, written down by hand, handed out to many at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection
from hypothesis import given
from hypothesis import strategies as st

from intake.services import Voice, register
from tests.conftest import NOW
from tests.roads import Road
from workorders import numbers
from workorders.models import WorkOrder

made = st.builds(
    numbers.compose,
    st.datetimes(datetime(2004, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),
    st.integers(0, 999_999),
)


@given(made)
def test_a_number_is_thirteen_digits_and_valid(number: str) -> None:
    assert len(number) == 13
    assert numbers.is_valid(number)


@given(made)
def test_every_single_wrong_digit_is_found(number: str) -> None:
    for position, right in enumerate(number):
        for wrong in set("0123456789") - {right}:
            assert not numbers.is_valid(number[:position] + wrong + number[position + 1 :])


@given(made)
def test_every_swap_of_neighbours_is_found(number: str) -> None:
    for position in range(len(number) - 1):
        one, other = number[position], number[position + 1]
        swapped = number[:position] + other + one + number[position + 2 :]
        assert one == other or not numbers.is_valid(swapped)


@given(st.text(max_size=20))
def test_nothing_but_thirteen_digits_is_a_number(text: str) -> None:
    assert not numbers.is_valid(text) or (len(text) == 13 and text.isascii() and text.isdigit())


@given(made, st.sampled_from(["{0}", " {0} ", "{1}", "{2}", "单号：{1}。", "{3}"]))
def test_a_number_is_understood_however_it_was_typed(number: str, form: str) -> None:
    wide = "".join(chr(ord(digit) - ord("0") + ord("０")) for digit in number)
    assert numbers.typed(form.format(number, numbers.spoken(number), " ".join(number), wide)) == number


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 3, 9, 15, 59, 59, tzinfo=UTC), "260309"),
        (datetime(2026, 3, 9, 16, 0, tzinfo=UTC), "260310"),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "270101"),
    ],
)
def test_the_date_in_a_number_is_the_one_on_the_wall_in_the_city(moment: datetime, day: str) -> None:
    assert numbers.spoken(numbers.compose(moment, 42))[:13] == f"{day}-000042"


@pytest.mark.django_db
def test_the_running_number_wraps_round_and_stays_six_digits_long() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('workorders_number', 999999)")
    numbered = [numbers.issue(NOW) for _ in range(2)]
    assert [number[6:12] for number in numbered] == ["000000", "000001"]


def test_the_same_number_twice_is_refused_by_the_database(road: Road) -> None:
    first = road.register()
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('workorders_number', %s)", [(int(first.number[6:12]) - 1) % 1_000_000])
    with pytest.raises(IntegrityError, match="workorders_workorder_number"):
        road.register()


def test_eight_who_register_at_once_get_numbers_of_their_own(committed: None) -> None:
    def take(voice: int) -> list[str]:
        try:
            return [register(Voice(matter=f"同时来电 {voice}"), actor=None, now=NOW).number for _ in range(6)]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        handed_out = [number for some in pool.map(take, range(8)) for number in some]
    assert len(set(handed_out)) == len(handed_out) == WorkOrder.objects.count() == 48
    assert all(numbers.is_valid(number) and number.startswith("260310") for number in handed_out)
