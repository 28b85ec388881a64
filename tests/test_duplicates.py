"""What stands beside a new order: likely duplicates and the suggested category, found by index among a hundred thousand."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from intake import candidates, duplicates, places, suggesting
from intake.candidates import Asked
from intake.duplicates import Likeness
from tests.roads import Road
from workorders import search
from workorders.lifecycle import Role, Status
from workorders.models import Area, Category, User, WorkOrder

pytestmark = pytest.mark.usefixtures("no_statistics")

MATTER = "幸福里小区北门外的烧烤摊每天夜里营业到凌晨两点，油烟和噪音严重影响休息，希望尽快处理。"
AGAIN = "幸福里北门口烧烤摊油烟扰民，每天夜里营业到凌晨，噪音很大，请处理。"
OTHER = "燃气缴费卡无法充值，营业厅说系统升级。"
PLACE = "幸福里小区北门"

tokens = st.sets(st.text("施工噪音扰民油烟", min_size=2, max_size=2), max_size=12)
shares = st.dictionaries(st.text("施工噪音扰民油烟", min_size=2, max_size=2), st.floats(0, 1), max_size=12)


@pytest.fixture
def user(road: Road) -> User:
    return road.cast.of(Role.OPERATOR)


def alike(road: Road, user: User, **known: Any) -> list[candidates.Alike]:
    return candidates.beside(Asked(**known), user, now=road.now).alike


# The place

AREAS = [
    places.Named(1, "朝阳区", "北京市"),
    places.Named(2, "亚运村街道", "朝阳区"),
    places.Named(3, "望京街道", "朝阳区"),
    places.Named(4, "城关街道", "房山区"),
    places.Named(5, "城关街道", "昌平区"),
    places.Named(6, "东升镇", "海淀区"),
]


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("亚运村街道安慧里三号楼", 2),
        ("我住亚运村那边", 2),
        ("朝阳区亚运村", 2),
        ("朝阳区的路灯都不亮", 1),
        ("在望京看见的", None),
        ("望京街道", 3),
        ("城关街道的垃圾", None),
        ("昌平区城关街道的垃圾", 5),
        ("路灯不亮", None),
        ("", None),
    ],
)
def test_the_area_that_is_spoken_of_is_known_and_never_guessed_between_namesakes(text: str, area: int | None) -> None:
    assert places.spoken_of(text, AREAS) == area


def test_the_desk_suggests_the_area_until_one_is_chosen_and_the_unit_with_it(as_: Callable[..., Client]) -> None:
    client, typed = as_(Role.OPERATOR), {"matter": "亚运村北门道路清扫保洁不及时，落叶堆积", "category": "010101"}
    page = ask(client, **typed)
    assert 'data-fill="area=110105009 亚运村街道"' in page
    assert page.count("亚运村街道") >= 3, "on the button, and as the unit"
    assert 'data-fill="area=' not in ask(client, **typed, area="110105008 安贞街道")
    assert 'data-fill="area=' not in ask(client, matter="落叶堆积")


# How alike


@given(tokens, tokens, shares)
def test_likeness_is_a_share_that_does_not_depend_on_who_came_first(
    one: set[str], other: set[str], known: dict[str, float]
) -> None:
    found = duplicates.similarity(one, other, known)
    assert 0 <= found <= 1
    assert found == duplicates.similarity(other, one, known)
    assert (found == 0) == (not one & other)
    assert found == pytest.approx(1) or one != other or not one


@given(tokens, tokens, shares)
def test_what_both_have_makes_them_more_alike_and_what_one_has_less(
    one: set[str], other: set[str], known: dict[str, float]
) -> None:
    found = duplicates.similarity(one, other, known)
    assert duplicates.similarity(one | {"同样"}, other | {"同样"}, known) >= found or not one & other
    assert duplicates.similarity(one | {"别的"}, other, known) <= found


@given(tokens, tokens, shares)
def test_a_part_is_contained_in_every_whole(part: set[str], rest: set[str], known: dict[str, float]) -> None:
    assert duplicates.containment(part, part | rest, known) == (pytest.approx(1) if part else 0)
    assert 0 <= duplicates.containment(part, rest, known) <= 1


def test_a_rare_word_says_more_than_a_frequent_one() -> None:
    known = {"噪音": 0.1, "处理": 0.6}
    new = {"噪音", "处理", "烧烤"}
    assert duplicates.similarity(new, {"烧烤", "燃气"}, known) > duplicates.similarity(new, {"处理", "燃气"}, known)
    assert duplicates.rare(new, known, share=0.02, most=9) == ["烧烤"]
    assert len(duplicates.rare({f"词{n}" for n in range(99)}, known, share=0.02, most=9)) == 9
    assert len(duplicates.rare({f"词{n}" for n in range(99)}, {}, share=0.002, most=9)) == 4


@pytest.mark.parametrize(
    ("likeness", "likely"),
    [
        (Likeness(0.5), True),
        (Likeness(0.4), False),
        (Likeness(0.3, same_caller=True), True),
        (Likeness(0.3, place=0.7), True),
        (Likeness(0.3, place=0.3), False),
        (Likeness(0.1, place=1.0, same_caller=True), False),
    ],
)
def test_what_counts_as_a_likely_duplicate(likeness: Likeness, likely: bool) -> None:
    assert likeness.is_likely == likely


# Which orders


def test_the_likeliest_comes_first_with_its_reasons(road: Road, user: User, english: None) -> None:
    far = road.register(matter=AGAIN, phone="13900000001", area=Area.objects.get(code="110101001"))
    near = road.register(matter=AGAIN, address=PLACE, phone="13900000002")
    same = road.register(matter=AGAIN, address=PLACE, phone="13800001234")
    road.register(matter=OTHER, address=PLACE)
    found = alike(road, user, text=MATTER, phones=["138 0000 1234"], area=road.street, address=PLACE)
    assert [one.order for one in found] == [same, near, far]
    assert found[0].reasons[:2] == ["same caller", "same place"]
    assert found[1].reasons[0] == "same place"
    assert [one.reasons for one in found[2:]] == [[f"alike {found[2].likeness.percent}%"]]


def test_it_is_not_like_itself_nor_like_what_was_withdrawn_or_merged(road: Road, user: User) -> None:
    itself = road.register(matter=MATTER)
    for status in (Status.WITHDRAWN, Status.MERGED):
        road.to(status, matter=MATTER)
    open_one = road.to(Status.ACCEPTED, matter=MATTER)
    found = alike(road, user, text=MATTER, but=itself.pk)
    assert [one.order for one in found] == [open_one]


def test_what_ended_long_ago_is_left_out_and_what_is_open_is_not(road: Road, user: User) -> None:
    road.to(Status.CLOSED, matter=MATTER, phone="13700000001")
    still_open = road.to(Status.ACCEPTED, matter=MATTER)
    road.now += candidates.RECENT + timedelta(days=2)
    assert [one.order for one in alike(road, user, text=MATTER, area=road.street)] == [still_open]


def test_at_most_five_and_only_what_the_user_may_see(road: Road, user: User) -> None:
    for _time in range(7):
        road.register(matter=MATTER)
    assert len(alike(road, user, text=MATTER)) == 5
    stranger = road.cast.of(Role.HANDLER, road.stranger)
    assert alike(road, stranger, text=MATTER, phones=["13800001234"], area=road.street) == []


@pytest.mark.parametrize("text", ["", "噪音", "，。！", "a"])
def test_a_text_that_says_nothing_yet_finds_nothing(road: Road, user: User, text: str) -> None:
    road.register(matter=MATTER)
    found = candidates.beside(Asked(text=text), user, now=road.now)
    assert (found.alike, found.categories) == ([], [])


# Which category


def test_the_words_of_a_category_name_suggest_it(road: Road, user: User) -> None:
    found = candidates.beside(Asked(text="门口道路清扫保洁不及时，落叶堆积"), user, now=road.now).categories
    assert found[0][0].code == "010101"
    assert 5 <= found[0][1] <= 100


def test_what_similar_orders_were_about_goes_before_words(road: Road, user: User) -> None:
    category = Category.objects.exclude(pk=road.category.pk).filter(children=None).order_by("path")[40]
    for _time in range(3):
        road.register(matter=AGAIN, category=category)
    found = candidates.beside(Asked(text=MATTER), user, now=road.now).categories
    assert found[0][0] == category
    assert len(found) <= 3
    assert sum(percent for _category, percent in found) <= 100


@given(
    st.dictionaries(st.integers(1, 9), tokens, max_size=6),
    st.lists(st.tuples(st.integers(1, 9), st.floats(0, 1)), max_size=9),
    tokens,
)
def test_suggestions_are_three_at_most_sorted_and_no_more_than_everything(
    names: dict[int, set[str]], neighbours: list[tuple[int, float]], text: set[str]
) -> None:
    found = suggesting.suggest(text, names, neighbours, {})
    percents = [one.percent for one in found]
    assert len(found) <= 3
    assert percents == sorted(percents, reverse=True)
    assert sum(percents) <= 101, "each is rounded"


# The view


def ask(client: Client, **typed: str) -> str:
    answer = client.post("/reception/beside/", typed, HTTP_ACCEPT_LANGUAGE="en")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_desk_gets_category_unit_deadline_and_duplicates(as_: Callable[..., Client], recent: Road) -> None:
    order = recent.register(matter="门口道路清扫保洁不及时，落叶堆积，影响通行", address=PLACE)
    client = as_(Role.OPERATOR)
    shown = ask(client, matter="道路清扫保洁不及时，落叶堆积", phone="13800001234", area="110105009 亚运村街道")
    assert 'data-fill="category=010101 道路清扫保洁不及时"' in shown
    assert 'aria-keyshortcuts="Alt+1"' in shown
    assert recent.lead.name in shown
    assert "By the catalogue" in shown
    assert "Deadline" in shown
    assert order.spoken_number in shown
    assert "same caller" in shown
    assert f'value="{order.number}"' in shown
    assert "13800001234" not in shown
    assert "王小明" not in shown


def test_what_cannot_be_read_yet_counts_as_not_there(as_: Callable[..., Client], recent: Road) -> None:
    shown = ask(as_(Role.OPERATOR), matter=MATTER * 2, area="11", category="no such", phone="1" * 99, grade="x")
    assert "Nothing like it" in shown


def test_only_operators_ask(as_: Callable[..., Client], road: Road) -> None:
    assert as_(Role.DISPATCHER).post("/reception/beside/").status_code == 403
    assert as_(Role.OPERATOR).get("/reception/beside/").status_code == 405
    assert Client().post("/reception/beside/").status_code == 303


# A hundred thousand

COPIES = """
INSERT INTO workorders_workorder (number, title, matter, address, tokens, kind, grade, status, version, round,
    registered_at, policy_id, area_id, category_id)
SELECT (9000000000000 + n)::text, '第' || n || '件', '夜间施工', '', ARRAY['夜间', '间施', '施工', 'w' || n %% 500, 'x' || n %% 9],
    kind, grade, 'accepted', 1, 1, registered_at, policy_id, area_id, category_id
FROM workorders_workorder, generate_series(1, 100000) AS n WHERE id = %(order)s
"""
APPEALS = """
INSERT INTO intake_appeal (
    order_id, complainant_id, channel, words, received_at, anonymous_to_unit, source, source_id, green_channel, on_behalf_by, home_visit
)
SELECT id, NULL, 'phone', '', registered_at, FALSE, '', '', '', '', FALSE FROM workorders_workorder WHERE id <> %(order)s
"""


@pytest.fixture
def swept(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The rows of a test are taken back; what they leave behind in the tables would slow down those that follow."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("VACUUM workorders_workorder, intake_appeal")


@pytest.fixture
def many(swept: None, recent: Road) -> WorkOrder:
    order = recent.register(matter=MATTER, address=PLACE)
    with connection.cursor() as cursor:
        cursor.execute(COPIES, {"order": order.pk})
        cursor.execute(APPEALS, {"order": order.pk})
        cursor.execute("ANALYZE workorders_workorder, intake_appeal, intake_complainant")
    cache.delete("search:frequencies")
    return order


def plans(asked: Asked, user: User, now: datetime) -> list[str]:
    ways = (candidates.by_caller, by_words, candidates.by_area)
    return [way(asked, user, now).explain() for way in ways]


def by_words(asked: Asked, user: User, now: datetime) -> Any:
    return candidates.by_words(asked, user, now, search.frequencies(least=0.0))


def test_among_a_hundred_thousand_it_is_found_by_index_in_a_fixed_number_of_queries(
    swept: None, many: WorkOrder, recent: Road, as_: Callable[..., Client]
) -> None:
    user = recent.cast.of(Role.OPERATOR)
    asked = Asked(text=f"{AGAIN} 夜间施工", phones=["13800001234"], area=recent.street, address=PLACE)
    for plan in plans(asked, user, recent.now):
        assert "Seq Scan on workorders_workorder" not in plan, plan
        assert "Seq Scan on intake_appeal" not in plan, plan
    assert alike(recent, user, text=asked.text, phones=asked.phones, area=asked.area)[0].order == many
    typed = {"matter": AGAIN, "phone": "13800001234", "area": "110105009", "address": PLACE}
    client = as_(Role.OPERATOR)
    ask(client, **typed)  # the statistics are kept from here on
    with CaptureQueriesContext(connection) as captured:
        assert many.spoken_number in ask(client, **typed)
    reads = [query["sql"] for query in captured if 'FROM "workorders_workorder"' in query["sql"]]
    assert len(reads) == 3
    assert len(captured) <= 17
    frequent = Asked(text="夜间施工 x1 x2")
    assert by_words(frequent, user, recent.now).query.is_empty(), "words that stand everywhere lead nowhere"
