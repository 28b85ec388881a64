"""walk at its door: complaints with their replies go the whole road at the times they had."""

import io
import os
import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from archive.models import Dossier
from config.walking import Itinerary, Scorer, Walker, scorer
from evaluation.models import Callback
from intake.models import Appeal
from tests.conftest import CHINA
from tests.test_ledger import tamper
from workorders import ledger
from workorders.clocks import load_calendar
from workorders.models import Area, Clock, Event, Policy, WorkOrder

pytestmark = pytest.mark.django_db
LETTERS = int(os.environ.get("WALK_LETTERS", "120"))
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
HEADER = "msg_id,user_id,title,created_at,detail,reply,replied_at"
ROW = "{id},U{id},夜里施工的噪声,2019-03-04 10:15:20,工地夜间施工到两点，没法睡觉,“已责令停工，”已回复,2019-03-25 16:40:05"


def letters(folder: Path, count: int = 3, **changed: str) -> Path:
    rows = [ROW.format(id=number) for number in range(1, count + 1)]
    text = "\n".join([HEADER, *rows, ""])
    for old, new in changed.items():
        text = text.replace(old, new)
    path = folder / "letters.csv"
    path.write_text(text, encoding="utf-8")
    return path


def walk(path: Path, *options: str) -> tuple[int, str]:
    out = io.StringIO()
    with translation.override("en"):
        try:
            call_command("walk", str(path), *options, "--rejects", f"{path}.rejects", stdout=out)
        except CommandError as problem:
            return problem.returncode, out.getvalue() + str(problem)
    return 0, out.getvalue()


def steps(order: WorkOrder) -> list[str]:
    return list(Event.objects.filter(order=order).order_by("number").values_list("step", flat=True))


def test_a_letter_goes_from_registration_to_the_archive_at_its_own_times(tmp_path: Path) -> None:
    code, said = walk(letters(tmp_path, 1))
    assert code == 0
    assert said.startswith("1 orders walked, 0 were there already;")
    assert said.endswith("Chains verified: 1 of 1.\n")
    order = WorkOrder.objects.get()
    assert order.status == "archived"
    assert order.registered_at == datetime(2019, 3, 4, 10, 15, 20, tzinfo=CHINA)
    assert steps(order)[:5] == ["register", "accept", "dispatch", "sign", "contact"]
    result = Event.objects.get(order=order, step="report", round=1)
    assert result.at == datetime(2019, 3, 25, 16, 40, 5, tzinfo=CHINA)
    assert result.data["text"] == "“已责令停工，”已回复"
    assert Dossier.objects.get(order=order).archived_at > result.at + timedelta(days=30)


def test_place_and_matter_come_from_the_letter_and_decide_the_unit(tmp_path: Path) -> None:
    walk(letters(tmp_path, 1))
    order = WorkOrder.objects.get()
    assert order.category and order.category.name == "夜间施工噪声"
    assert order.area and order.lead_unit
    assert order.lead_unit.area == order.area, "noise of building is the street's"


def test_steps_follow_each_other_in_time_and_no_clock_runs_on(tmp_path: Path) -> None:
    walk(letters(tmp_path, 12))
    for order in WorkOrder.objects.all():
        times = list(Event.objects.filter(order=order).order_by("number").values_list("at", flat=True))
        assert times == sorted(times)
        assert Callback.objects.filter(order=order, finished_at__isnull=False).count() == order.round
    assert not Clock.objects.running().exists()
    assert Clock.objects.filter(kind="resolution", round=1, outcome="missed").count() == 12, "three weeks are too long"


def test_walking_twice_registers_nothing_twice_and_says_so(tmp_path: Path) -> None:
    path = letters(tmp_path, 4)
    walk(path, "--limit", "2")
    assert walk(path)[1].startswith("2 orders walked, 2 were there already;")
    code, said = walk(path, "--verify")
    assert code == 0
    assert said.startswith("0 orders walked, 4 were there already;")
    assert said.endswith("Chains verified: 4 of 4.\n")
    assert Appeal.objects.values("source_id").distinct().count() == WorkOrder.objects.count() == 4


def test_the_same_letter_is_walked_the_same_way_every_time(tmp_path: Path) -> None:
    path, seen = letters(tmp_path, 5), []
    for source in ("first", "second"):
        walk(path, "--source", source)
        orders = WorkOrder.objects.filter(appeals__source=source).order_by("appeals__source_id")
        seen.append([list(order.events.order_by("number").values_list("step", "at", "data")) for order in orders])
    assert seen[0] == seen[1]


def test_a_reply_that_comes_within_the_hour_still_finds_all_its_steps_before_it(tmp_path: Path) -> None:
    walk(letters(tmp_path, 1, **{"2019-03-25 16:40:05": "2019-03-04 10:35:20"}))
    assert steps(WorkOrder.objects.get())[1:6] == ["accept", "dispatch", "sign", "contact", "report"]


def test_deadlines_are_counted_by_kind(tmp_path: Path) -> None:
    said = walk(letters(tmp_path, 6))[1].splitlines()
    assert said[1].split() == ["Deadlines", "met", "missed", "void"]
    table = {row.split()[0]: [int(number) for number in row.split()[1:]] for row in said[2:-1]}
    for kind, (met, missed, void) in table.items():
        outcomes = list(Clock.objects.filter(kind=kind).values_list("outcome", flat=True))
        assert [met, missed, void] == [outcomes.count(one) for one in ("met", "missed", "void")]
    assert table["acceptance"][0] + table["acceptance"][1] == 6
    assert table["resolution"][1] >= 6, "three weeks are too long"


def test_a_walk_goes_no_further_than_today(tmp_path: Path) -> None:
    walker = Walker("letters", now=datetime(2019, 3, 20, tzinfo=CHINA))
    cleaned = {
        "title": "路灯",
        "matter": "路灯不亮",
        "category": None,
        "area": None,
        "complainant": "U1",
        "reply": "好了",
    }
    times = {
        "registered_at": datetime(2019, 3, 4, 10, tzinfo=CHINA),
        "replied_at": datetime(2019, 3, 25, 10, tzinfo=CHINA),
    }
    order = walker.walk({**cleaned, **times, "source_id": "1"})
    assert order.status == "handling"
    assert "report" not in steps(order)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("2019-03-25 16:40:05", "2019-03-01 00:00:00", "replied_at: The reply is older than the complaint."),
        ("“已责令停工，”已回复", "", "reply: This field is required."),
        ("“已责令停工，”已回复", "长" * 10_001, "reply: Ensure this value has at most 10000 characters"),
        ("工地夜间施工到两点，没法睡觉", "", "matter: This field is required."),
    ],
)
def test_a_bad_row_is_rejected_and_the_code_is_1(tmp_path: Path, old: str, new: str, reason: str) -> None:
    code, said = walk(letters(tmp_path, 1, **{old: new}))
    assert code == 1
    assert f"line 2: {reason}" in said
    assert not WorkOrder.objects.exists()


def test_a_file_without_replies_cannot_be_walked(tmp_path: Path) -> None:
    code, said = walk(letters(tmp_path, 1, reply="answer"))
    assert (code, said[:34]) == (2, "No column is known as the reply; t")


def test_a_broken_chain_is_named_and_the_code_is_1(tmp_path: Path) -> None:
    path = letters(tmp_path, 2)
    walk(path)
    order = WorkOrder.objects.latest("pk")
    tamper("UPDATE workorders_event SET reason = 'better' WHERE order_id = %s AND step = 'sign'", order.pk)
    code, said = walk(path, "--verify")
    assert code == 1
    assert said.endswith(f"Chains verified: 1 of 2.\nBroken: {order.spoken_number}")


def test_a_walk_that_fails_half_way_leaves_nothing_of_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*order: object, **options: object) -> None:
        raise KeyboardInterrupt

    path = letters(tmp_path, 1)
    monkeypatch.setattr("config.walking.open_callback", killed)
    assert walk(path) == (130, "Stopped. The same command goes on where this one ended.")
    assert not WorkOrder.objects.exists()
    monkeypatch.undo()
    assert walk(path)[1].startswith("1 orders walked, 0 were there already;")


def test_nothing_is_published_for_what_is_long_past(tmp_path: Path, django_capture_on_commit_callbacks: object) -> None:
    with django_capture_on_commit_callbacks() as callbacks:  # type: ignore[operator]
        walk(letters(tmp_path, 1))
    assert callbacks == []


NAMES = {
    "1": ["夜间施工噪声", "施工噪声", "噪声扰民"],
    "2": ["路灯不亮", "道路照明", "市政道路"],
    "3": ["夜间违法停车", "停车秩序", "停车管理"],
}


def test_the_scorer_takes_the_category_that_shares_the_rarest_words() -> None:
    judge = Scorer(NAMES, fallback="99")
    judge.ENOUGH = 0.1
    assert judge.best("路灯", "小区外的路灯不亮了") == "2"
    assert judge.best("夜间", "工地夜间施工") == "1"
    assert judge.best("", "有人违法停车") == "3"


def test_a_text_that_fits_nothing_goes_to_the_other_matters() -> None:
    judge = scorer()
    assert judge.best("你好", "谢谢") == "2999"
    assert judge.best("", "") == "2999"


def test_streets_are_spread_evenly_by_who_asks() -> None:
    walker = Walker("letters", now=datetime(2026, 3, 10, tzinfo=CHINA))
    streets = [walker._street(f"U{number}").pk for number in range(2000)]
    assert len(set(streets)) > 340
    assert streets == [walker._street(f"U{number}").pk for number in range(2000)]
    assert Area.objects.filter(pk__in=streets, level="street").count() == len(set(streets))


@pytest.mark.parametrize("key", range(40))
def test_an_itinerary_is_a_road_that_perform_allows(key: int) -> None:
    rules, begun = Policy.objects.get().rules, datetime(2019, 9, 20, 23, 50, tzinfo=CHINA)
    replied = begun + timedelta(hours=3 ** (key % 8))
    calendar = load_calendar(rules, replied, timedelta(days=90))
    road = list(Itinerary(begun, replied, "好", random.Random(key), calendar, rules.archive_after).stops())
    assert [stop.at for stop in road] == sorted(stop.at for stop in road)
    assert road[0].at > begun
    assert next(stop.at for stop in road if stop.step == "report") == replied
    called = next(stop.at for stop in road if stop.step in ("rework", "attempt", "close"))
    assert calendar.is_working(called.astimezone(CHINA).date())
    assert called.astimezone(CHINA).date() > replied.astimezone(CHINA).date()


@pytest.mark.skipif(not DATA.exists(), reason="the real files of ../shared/data are not here")
@pytest.mark.proof
def test_real_letters_are_walked_and_every_chain_is_verified(tmp_path: Path, committed: None) -> None:
    """Committed one by one, as a site does: 5,700 steps in one transaction take half as long again."""
    code, said = walk(
        DATA / "complaints_with_replies.csv.gz", "--limit", str(LETTERS), "--rejects", str(tmp_path / "r.csv")
    )
    assert code == 0, said
    assert said.startswith(f"{LETTERS} orders walked, 0 were there already;")
    assert said.endswith(f"Chains verified: {LETTERS} of {LETTERS}.\n")
    assert WorkOrder.objects.filter(status="archived").count() == LETTERS
    assert not [order for order in WorkOrder.objects.all()[:50] if ledger.verify(order)]
