"""Search: what stands in an order is found by any part of it, and nothing else is."""

from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.roads import Road
from workorders import numbers, search
from workorders.models import Category, WorkOrder

MATTER = "朝阳区A座3号楼2单元夜间施\n工，噪音95分贝；业主群 WeChat 号 abc_123，物业费涨了50%。\r\n　路面C:\\坑洼，联系 13800001234 转 8"
ADDRESS = "酒仙桥路10号院（𠮷野家对面）"


@pytest.fixture
def order(road: Road) -> WorkOrder:
    road.register(matter="另一件事：路灯不亮", address="望京街")
    return road.register(title="关于施工扰民的投诉", matter=MATTER, address=ADDRESS)


def found(query: str) -> list[int]:
    return list(search.matching(WorkOrder.objects.all(), query).values_list("pk", flat=True))


@pytest.mark.parametrize(
    "query",
    [
        "噪音",
        "楼2",
        "A座",
        "a座3号",
        "3号楼",
        "wechat",
        "WECHAT",
        "We",
        "95",
        "95分贝",
        "13800001234",
        "酒仙桥路10号院",
        "𠮷野家",
        "扰民",
        "投",
        "8",
        "噪音 物业费",
        "  扰民   酒仙桥  WeChat ",
        "，噪",
        "（𠮷野",
        "夜间施工",
        "施工，噪音",
        "Ａ座３号楼",
        "ＷｅＣｈａｔ",
        "９５分贝",
        "“夜间施工”",
        '"WeChat 号"',
        "「噪音」",
    ],
)
def test_a_word_of_title_matter_or_place_is_found(query: str, order: WorkOrder) -> None:
    assert found(query) == [order.pk]


@pytest.mark.parametrize(
    "query", ["音噪", "施噪", "噪音 路灯", "95贝", "abcd", "13800001235", "座A", "间工", "投诉朝阳", "院关于"]
)
def test_a_word_that_does_not_stand_there_is_not_found(query: str, order: WorkOrder) -> None:
    assert found(query) == []


SAME_WORDS = [
    ("夜间犬\u200b吠", "夜间犬吠"),
    ("供\xad暖不热", "供暖不热"),
    ("井\ufeff盖松动", "井盖松动"),
    ("葛\U000e0100洲坝路", "葛洲坝路"),
    ("联系\u200e电话", "联系\u2060电话"),
    ("施工噪聲擾民", "施工噪声扰民"),
    ("臺灣街裏的麵館", "台湾街里的面馆"),
    ("樓道著火", "楼道着火"),
    ("⼯⼚噪⾳", "工厂噪音"),
    ("⻔⼝堵⻋", "门口堵车"),
    ("Ⅱ期工地", "ii期工地"),
    ("③号楼漏水", "3号楼漏水"),
    ("㎡计费错误", "m2计费错误"),
    ("㈱物业", "(株)物业"),
    ("５㎞外", "5km外"),
    ("物业 公司", "物业公司"),
    ("ﾊﾞｽ停", "バス停"),
    ("cafe\u0301里", "caf\xe9里"),
]


@pytest.mark.parametrize(("written", "typed"), [*SAME_WORDS, *((typed, written) for written, typed in SAME_WORDS)])
def test_words_that_look_the_same_are_found_however_they_are_written(
    written: str, typed: str, order: WorkOrder, road: Road
) -> None:
    matter = road.register(title="甲", matter=f"请看：{written}，谢谢")
    place = road.register(title="乙", matter="路灯", address=f"东街{written}")
    assert set(found(typed)) == {matter.pk, place.pk}


@pytest.fixture
def by_category(order: WorkOrder, road: Road) -> dict[str, WorkOrder]:
    noise = Category.objects.create(code="x", name="噪聲與振动", grade="ordinary")
    site = Category.objects.create(code="x1", name="工地夜间作业", grade="ordinary", parent=noise)
    music = Category.objects.create(code="x2", name="音响", grade="ordinary", parent=noise)
    return {
        "site": road.register(matter="每天晚上敲敲打打", category=site),
        "music": road.register(matter="每天晚上放歌", category=music),
        "none": road.register(matter="每天晚上路灯不亮"),
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("噪声", {"site", "music"}),
        ("工地夜间", {"site"}),
        ("噪声 放歌", {"music"}),
        ("音响 振动", {"music"}),
        ("噪声 路灯", set()),
        ("振", {"site", "music"}),
        ("振动工地", set()),
    ],
)
def test_an_order_is_found_by_the_name_of_its_category_and_of_those_above(
    query: str, names: set[str], by_category: dict[str, WorkOrder]
) -> None:
    assert set(found(query)) == {by_category[name].pk for name in names}


def test_a_category_with_another_name_finds_its_orders_at_once(by_category: dict[str, WorkOrder]) -> None:
    Category.objects.filter(code="x").update(name="扰民")
    assert set(found("噪声 每天")) == set()
    assert {by_category["site"].pk, by_category["music"].pk} <= set(found("扰民 每天"))


LITERAL = ["50%", "abc_123", "C:\\坑", "%", "_", "\\"]
NO_PATTERN = ["5%5", "ab%123", "abc123", "a_c", "%%", "噪%贝", "噪_", "\\坑%"]
NO_PATTERN += [".*", "(噪音)", "噪音|路灯", "[噪音]", "***=噪音", "噪音{1}", "噪音+", "噪.", "^路灯", "\\w\\w"]


@pytest.mark.parametrize(
    ("query", "stands"), [*((one, True) for one in LITERAL), *((one, False) for one in NO_PATTERN)]
)
def test_no_character_of_a_query_is_a_wildcard(query: str, stands: bool, order: WorkOrder) -> None:
    assert found(query) == ([order.pk] if stands else [])


@pytest.mark.parametrize("query", ["Ｂ座", "B座", "６号楼", "6号楼", "18号", "🔥", "🔥漏水", "着火🔥"])
def test_digits_and_letters_of_either_width_and_pictures_are_found(query: str, order: WorkOrder, road: Road) -> None:
    wide = road.register(matter="望京Ｂ座６号楼，１８号电梯着火🔥漏水")
    assert found(query) == [wide.pk]


@pytest.mark.parametrize("query", ["", "   ", "\0", '""', "“", '" "'])
def test_an_empty_query_narrows_nothing(query: str, order: WorkOrder) -> None:
    assert len(found(query)) == 2


def test_a_character_that_no_database_knows_does_no_harm(order: WorkOrder) -> None:
    assert found("噪\0音") == [order.pk]


@pytest.mark.parametrize("form", ["{0}", " {1} ", "{2}", "{3}", "单号 {1}"])
def test_an_order_is_found_by_its_number_however_it_is_typed(form: str, order: WorkOrder) -> None:
    wide = "".join(chr(ord(digit) - ord("0") + ord("０")) for digit in order.number)
    assert found(form.format(order.number, order.spoken_number, " ".join(order.number), wide)) == [order.pk]


def test_a_number_finds_the_order_and_those_that_mention_it(order: WorkOrder, road: Road) -> None:
    mentions = road.register(matter=f"与工单{order.number}重复")
    assert set(found(order.number)) == {order.pk, mentions.pk}
    assert found(numbers.compose(road.now, 999_998)) == []


def test_search_stays_within_what_it_was_given(order: WorkOrder) -> None:
    assert not search.matching(WorkOrder.objects.exclude(pk=order.pk), order.number).exists()
    assert not search.matching(WorkOrder.objects.none(), "噪音").exists()


@pytest.mark.usefixtures("no_statistics")
def test_a_word_of_two_characters_uses_the_index(order: WorkOrder) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in ("噪音", "3号", "A座", "夜间施工", order.number, order.number[:9]):
            plan = search.matching(WorkOrder.objects.order_by(), query).explain()
            assert "order_by_words" in plan, f"{query}: {plan}"


@pytest.fixture
def many(order: WorkOrder) -> WorkOrder:
    """A word that stands in all of five thousand orders, and one that stands in one."""
    with connection.cursor() as cursor:
        cursor.execute(COPIES, [order.pk])
        cursor.execute("ANALYZE workorders_workorder")
    cache.delete("search:frequencies")
    return order


COPIES = """
INSERT INTO workorders_workorder (number, title, matter, address, tokens, kind, grade, status, version, round,
    registered_at, policy_id)
SELECT (9000000000000 + n)::text, '施工', '夜间施工', '', ARRAY['夜间', '间施', '施工'], kind, grade, status, 1, 1, registered_at, policy_id
FROM workorders_workorder, generate_series(1, 5000) AS n WHERE id = %s
"""


@pytest.mark.parametrize(
    ("query", "by_index"), [("施工", False), ("夜间施工", False), ("分贝", True), ("施工 分贝", True)]
)
def test_a_frequent_word_is_walked_to_and_a_rare_one_goes_by_index(query: str, by_index: bool, many: WorkOrder) -> None:
    page = search.matching(WorkOrder.objects.order_by("-id"), query)[:25]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = page.explain()
    assert ("order_by_words" in plan) == by_index, plan
    assert len(page) == (1 if by_index else 25)


@pytest.mark.parametrize(("query", "by_index"), [("施工", False), ("施工 噪音", True), ("施工 8", False)])
def test_frequent_words_that_are_seldom_together_go_by_index(query: str, by_index: bool, many: WorkOrder) -> None:
    """To walk all orders for a handful of them would take minutes where there are millions."""
    cache.set("search:frequencies", {"施工": 0.1, "噪音": 0.1})
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = search.matching(WorkOrder.objects.order_by("-id"), query)[:25].explain()
    assert ("order_by_words" in plan) == by_index, plan


def test_whichever_road_is_taken_the_same_orders_are_found(many: WorkOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    for query in ("施工", "夜间施工", "施工 分贝", "间施工，噪"):
        walked = found(query)
        with monkeypatch.context() as patch:
            patch.setattr(search, "FREQUENT", 2.0)
            assert sorted(found(query)) == sorted(walked), query


def test_what_is_frequent_is_asked_of_the_database_once(many: WorkOrder, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2 + 2 * 2):  # the statistics of words and categories once
        for _time in range(2):
            list(search.matching(WorkOrder.objects.order_by("-id"), "施工")[:25])


def test_without_redis_words_are_found_all_the_same(many: WorkOrder, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert found("分贝") == [many.pk]
    assert len(found("夜间施工")) > 5000


@pytest.mark.parametrize(
    ("text", "query", "html"),
    [
        ("夜间施工扰民", "施工", "夜间<mark>施工</mark>扰民"),
        ("夜间施\n工扰民", "施工", "夜间<mark>施\n工</mark>扰民"),
        ("<b>WeChat</b>", "wechat b", "&lt;<mark>b</mark>&gt;<mark>WeChat</mark>&lt;/<mark>b</mark>&gt;"),
        ("噪音噪音", "噪音 音噪", "<mark>噪音</mark><mark>噪音</mark>"),
        ("Ａ座３号", "a座3", "<mark>Ａ座３</mark>号"),
        ("噪音&quot;", '"噪音"', "<mark>噪音</mark>&amp;quot;"),
        ("着火🔥<i>", "🔥", "着火<mark>🔥</mark>&lt;i&gt;"),
        ("50% & 9", "50% 9", "<mark>50%</mark> &amp; <mark>9</mark>"),
        ("夜间施工", "", "夜间施工"),
        ("夜间犬\u200b吠", "犬吠", "夜间<mark>犬\u200b吠</mark>"),
        ("㎡计费", "m2计", "<mark>㎡计</mark>费"),
        ("㎡计费", "m 2", "<mark>㎡</mark>计费"),
        ("Ⅱ期工地③号", "ii期 3号", "<mark>Ⅱ期</mark>工地<mark>③号</mark>"),
        ("施工噪聲", "噪声", "施工<mark>噪聲</mark>"),
        ("ｶﾞｽ管", "ガス", "<mark>ｶﾞｽ</mark>管"),
        ("<\u200b㎡>", "m2", "&lt;\u200b<mark>㎡</mark>&gt;"),
    ],
)
def test_every_hit_is_marked_and_nothing_else_is_html(text: str, query: str, html: str) -> None:
    assert search.marked(text, query) == html


def test_a_snippet_is_the_text_around_the_first_hit() -> None:
    text = "甲" * 100 + "施工噪音" + "乙" * 100
    shown = search.snippet(text, "噪音")
    assert shown == f"…{'甲' * 18}施工<mark>噪音</mark>{'乙' * 38}…"
    assert search.snippet("路灯不亮", "噪音") == ""
    assert search.snippet("噪音", "噪音") == "<mark>噪音</mark>"


letters = st.text(st.sampled_from("施工噪音扰民座号Aab19 \n　，%_\\.-İſK𠮷"), min_size=2, max_size=30)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(letters, letters, st.data())
def test_every_part_of_a_text_is_found(road: Road, matter: str, address: str, data: st.DataObject) -> None:
    order = road.register(title="标题", matter=matter, address=address)
    text = data.draw(st.sampled_from([matter, address]))
    start = data.draw(st.integers(0, len(text) - 2))
    part = text[start : data.draw(st.integers(start + 2, len(text)))]
    assert order.pk in found(part)


@given(st.text(max_size=60), st.data())
def test_the_tokens_of_a_word_are_among_those_of_every_text_that_holds_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    word = (text[start : data.draw(st.integers(start, len(text)))].split() or [""])[0]
    pairs = {token for token in search.cut(word) if len(token) == 2}
    assert pairs <= search.cut(text)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", set()),
        ("施工噪音", {"施工", "工噪", "噪音"}),
        ("A座3", {"a座", "座3"}),
        ("Ａ座３", {"a座", "座3"}),
        ("施\n工", {"施工"}),
        ("a b", {"a", "b"}),
        ("施 a", {"施", "a"}),
        ("投，诉", {"投", "诉"}),
    ],
)
def test_text_is_cut_into_pairs(text: str, tokens: set[str]) -> None:
    assert search.cut(text) == tokens
