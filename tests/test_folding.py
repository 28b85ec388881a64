"""Comparing text that looks the same to a person."""

import pytest

from workorders.folding import folded, without_invisible


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("１３９０００", "139000"),
        ("⼯⼚噪⾳", "工厂噪音"),
        ("③号楼Ⅱ单元50㎡", "3号楼II单元50m2"),
        ("噪\u200b音\ufeff扰\u2060民", "噪音扰民"),
        ("138\u00a00000\u00a00001", "138 0000 0001"),
        ("\u202d13900001234\u202c", "13900001234"),
    ],
)
def test_text_of_other_forms_is_compared_in_one(written: str, compared: str) -> None:
    assert folded(written) == compared


def test_what_is_seen_stays_when_only_the_invisible_goes() -> None:
    assert without_invisible("③\u200b号 Ａ") == "③号 Ａ"
