"""Words of danger: nobody who says that somebody is in danger is taken for an ordinary complaint."""

import csv
import gzip
from pathlib import Path

import pytest

from intake.danger import danger_in, rules_of

DATA = Path(__file__).parent / "data"
REAL = Path(__file__).parents[2] / "shared" / "data"
DANGER = [line.split("\t") for line in (DATA / "danger_phrases.tsv").read_text(encoding="utf-8").splitlines()]
HARMLESS = (DATA / "harmless_phrases.txt").read_text(encoding="utf-8").splitlines()


def test_of_two_hundred_calls_in_danger_no_more_than_one_in_a_hundred_is_missed() -> None:
    missed = [words for _service, words in DANGER if not danger_in(words)]
    assert len(DANGER) >= 200 and len(missed) <= 0.01 * len(DANGER), missed


def test_the_line_that_helps_is_among_those_that_are_named() -> None:
    others = [words for service, words in DANGER if service not in {match.service for match in danger_in(words)}]
    assert len(others) <= 0.03 * len(DANGER), others


def test_the_same_words_in_harmless_matters_raise_few_alarms() -> None:
    alarms = [words for words in HARMLESS if danger_in(words)]
    assert len(HARMLESS) >= 200 and len(alarms) <= 0.03 * len(HARMLESS), alarms


@pytest.mark.parametrize(
    ("words", "groups"),
    [
        ("没有着火", set()),
        ("火已扑灭，谢谢", set()),
        ("消防通道被占", set()),
        ("煤气费太贵", set()),
        ("天天跳广场舞", set()),
        ("小区杀虫没有通知", set()),
        ("火锅店油烟大", set()),
        ("咨询高血压门诊报销", set()),
        ("没有人受伤，火也没有着起来", set()),
        ("着火了，没有人受伤吧", {"fire"}),
        ("不是煤气费的事，是煤气漏了", {"gas"}),
        ("上次说没着火，这次真的着火了", {"fire"}),
        ("樓道著火了", {"fire"}),
        ("着 火 了", {"fire"}),
        ("着\u200b火\u200b了", {"fire"}),
        ("⽼⼈被困", {"trapped"}),
        ("不给补偿我就跳楼", {"suicide"}),
        ("去年没解决，我现在不想活了", {"suicide"}),
    ],
)
def test_negations_and_context_decide(words: str, groups: set[str]) -> None:
    assert {match.group for match in danger_in(words)} == groups


def test_the_words_are_named_as_they_stand_in_the_text() -> None:
    (match,) = danger_in("您好，五楼着火了，请快来")
    assert (match.service, match.words) == ("119", "着火")


def test_a_site_adds_words_of_its_own() -> None:
    own = {"group": [{"name": "flood", "service": "119", "words": ["溢洪"]}], "harmless": {"words": ["溢洪道"]}}
    rules = rules_of(own)
    assert danger_in("水库溢洪了", rules) and not danger_in("溢洪道在哪里", rules) and not danger_in("着火", rules)


def test_in_a_long_letter_only_what_is_now_is_a_danger() -> None:
    letter = "我们小区有两百多户居民，大家对物业的服务很不满意。" * 10
    assert not danger_in(f"{letter}楼道里着火。{letter}")
    assert danger_in(f"{letter}现在楼道里着火。{letter}")
    assert danger_in(f"{letter}我不想活了。{letter}")


@pytest.mark.skipif(not REAL.exists(), reason="the real complaints are not beside the repository")
def test_few_real_complaints_raise_an_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    with gzip.open(REAL / "complaints_2019.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[::8]
    titles = sum(bool(danger_in(row["title"])) for row in rows)
    letters = sum(bool(danger_in(f"{row['title']}。{row['detail']}")) for row in rows)
    with capsys.disabled():
        print(f"\n  of {len(rows)} real complaints {titles} titles and {letters} letters speak of danger")  # noqa: T201
    assert titles <= 0.02 * len(rows) and letters <= 0.08 * len(rows)
