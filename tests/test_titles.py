"""A made title says where and what; it greets nobody, names nobody, and is never empty."""

import csv
import gzip
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.titles import LONGEST, NOTHING_SAID, made_title

REAL = Path(__file__).parents[2] / "shared" / "data"
GREETINGS = re.compile("[您你]们?好|尊敬|敬爱|领导|谢谢|感谢|早上好|辛苦")


@pytest.mark.parametrize(
    ("matter", "place", "category", "title"),
    [
        (
            "您好，我住来广营北苑家园3号楼，楼下天天施工到半夜，吵得睡不着",
            "",
            "",
            "来广营北苑家园3号楼楼下天天施工到半夜",
        ),
        ("小区楼下夜间施工，噪音扰民，连续三天。", "", "", "小区楼下夜间施工"),
        ("路灯坏了", "望京街10号", "照明", "望京街10号路灯坏了"),
        ("尊敬的市长您好：我是居民王建国，电话13800001234，反映小区垃圾没人清运", "", "", "小区垃圾没人清运"),
        ("我叫李小红，我家住望京花园3号楼，楼上漏水把我家泡了", "", "", "望京花园3号楼楼上漏水把我家泡了"),
        ("您好", "望京街", "噪声", "望京街噪声"),
        ("您好", "", "噪声", "噪声"),
        ("你好，我叫王小明，电话13900001111", "", "", NOTHING_SAID),
        ("🔥🔥", "", "", NOTHING_SAID),
        ("着火了！", "", "", "着火了"),
        ("喂你好我要投诉楼下烧烤店油烟太大", "", "", "楼下烧烤店油烟太大"),
        ("喂，你好，\u200b我想反映一下路灯不亮", "", "", "路灯不亮"),
        ("邻居王女士天天打孩子", "", "", "邻居天天打孩子"),
        ("小区垃圾没人清运", "朝阳区望京花园东区3号楼2单元（靠近北门）", "", "朝阳区望京花园小区垃圾没人清运"),
    ],
)
def test_a_title_is_place_and_matter(matter: str, place: str, category: str, title: str) -> None:
    assert made_title(matter, place, category) == title


@settings(max_examples=60)
@given(
    st.text(max_size=80),
    st.text(st.sampled_from("您好，我是居民叫王小明领导电话13800001234垃圾路灯不亮。小区号楼 \n"), max_size=80),
    st.text(st.sampled_from("望京街10号楼小区（），朝阳"), max_size=40),
)
def test_a_title_is_never_empty_never_long_and_holds_no_telephone(text: str, words: str, place: str) -> None:
    for matter in (text, words, f"{text}，{words}"):
        title = made_title(matter, place)
        assert title.strip() and len(title) <= LONGEST
        assert not re.search(r"\d{7,}", title) and "\n" not in title


def test_a_long_matter_is_cut_where_a_word_ends() -> None:
    title = made_title("Street lights have been broken near the north gate of the park since Monday evening")
    assert title == "Street lights have been"
    assert (
        made_title("因楼上住户私自改造卫生间排水管道导致楼下多户居民家中天花板渗水")
        == "因楼上住户私自改造卫生间排水管道"
    )


@pytest.mark.skipif(not REAL.exists(), reason="the real complaints are not beside the repository")
@pytest.mark.parametrize("name", ["complaints_2019", "complaints_with_replies", "complaints_labelled", "orders_fuzhou"])
def test_titles_of_real_complaints_greet_nobody_and_name_no_number(name: str) -> None:
    with gzip.open(REAL / f"{name}.csv.gz", "rt", encoding="utf-8") as file:
        titles = [made_title(row["detail"]) for row in csv.DictReader(file)]
    wrong = [title for title in titles if GREETINGS.search(title) or re.search(r"\d{7,}|\*\*", title)]
    assert not wrong, wrong[:5]
    assert all(0 < len(title) <= LONGEST for title in titles)
    assert sum(title == NOTHING_SAID or len(title) < 4 for title in titles) <= 0.01 * len(titles)
