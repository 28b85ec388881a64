"""Identity papers of citizens, of people from Hong Kong, Macao and Taiwan, and of foreigners."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import papers
from intake.models import Complainant
from tests.api import CHANNEL, Machine
from workorders.fields import blind_index

CITIZEN = "11010519491231002X"
WAYS = {
    CITIZEN: (
        "11010519491231002Ｘ",
        "11010519491231002x",
        "110105 19491231 002X",
        "110105-19491231-002X",
        "１１０１０５19491231002X",
    ),
    "A123456(7)": ("A123456(7)", "A123456（7）", "a 123456 (7)", "Ａ１２３４５６（７）"),
    "A123456(3)": ("A1234563", "A 123456 3"),
    "E12345678": ("E12345678", "e 1234 5678", "护照E12345678", "护照号码：E12345678"),
    "EA1234567": ("EA1234567",),
    "H0123456701": ("H0123456701", "h01234567 01"),
    "M12345678": ("M12345678", "回乡证 M12345678"),
    "12345678": ("12345678", "台胞证12345678"),
    "1234567890(B)": ("1234567890(B)", "1234567890（b）"),
    "ABC123456789012": ("ABC123456789012", "abc 1234 5678 9012"),
    "C01X00T47": ("C01X00T47",),
}
WRONG = ("110105194912310021", "810000199001011234", "A123456(7)", "军字第2001988号", "见户口本", "X12")


@pytest.mark.parametrize(("kept", "written"), [(kept, way) for kept, ways in WAYS.items() for way in ways])
def test_however_a_paper_is_written_it_is_the_same_paper(kept: str, written: str) -> None:
    assert papers.read(written).text == kept
    assert papers.key_of(written) == papers.key_of(kept) != ""


@pytest.mark.parametrize("written", WRONG)
def test_a_wrong_check_digit_or_an_unknown_paper_is_kept_and_doubted(written: str) -> None:
    assert (papers.read(written).text, papers.read(written).is_sound) == (written, False)


@pytest.mark.parametrize("written", ["无", "不详", "-", "没有身份证", "", "N/A"])
def test_what_says_that_there_is_no_paper_is_none(written: str) -> None:
    assert papers.read(written).text == ""


def test_an_identity_of_before_1999_is_known_by_the_one_of_today() -> None:
    assert papers.key_of("110105491231002") == papers.key_of(CITIZEN)


@given(st.integers(0, 999), st.dates())
def test_one_wrong_digit_of_a_citizens_number_is_always_seen(order: int, born: Any) -> None:
    first = f"110105{born.replace(year=1900 + born.year % 120):%Y%m%d}{order:03d}"
    sound = first + papers._check_digit(first)
    assert papers.read(sound).is_sound
    wrong = sound[:14] + str((int(sound[14]) + 1) % 10) + sound[15:]
    assert not papers.read(wrong).is_sound


@pytest.mark.django_db
@pytest.mark.parametrize("written", [way for ways in WAYS.values() for way in ways][:9] + list(WRONG))
def test_no_paper_costs_a_complaint(written: str) -> None:
    said = {"matter": "楼道灯不亮", "kind": "help", "channel": "web", "identity": written, "name": "甲某"}
    assert Machine("1100", *CHANNEL).send("/appeals/", said).status_code == 201
    person = Complainant.objects.get()
    assert (person.identity, bool(person.doubts)) == (papers.read(written).text, not papers.read(written).is_sound)
    assert person.identity_index == blind_index(papers.key_of(written), str)
