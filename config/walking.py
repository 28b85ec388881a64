"""Real complaints with their real replies, driven from registration to the archive at the times they had (`walk`).

What the file does not say is made up the same way every time: from the row's id, never from chance.
"""

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.cast import Cast
from config.celery import unpublished
from dispatch.replies import without_placeholders
from dispatch.reply_forms import ResultForm
from dispatch.selectors import suggested_unit
from evaluation.records import open_callback
from intake.heads import ALIASES
from intake.importing import voice_of
from intake.rows import MomentField, RowForm
from intake.services import register
from workorders import clocks, ledger, search
from workorders.calendar import WorkCalendar
from workorders.lifecycle import ClockKind, Grade, Role
from workorders.models import Area, Category, Clock, Event, Policy, WorkOrder

WALK_ALIASES = {
    **ALIASES,
    "complainant": ("user_id", "用户编号"),
    "reply": ("回复内容", "办理结果"),
    "replied_at": ("回复时间", "办结时间"),
}
RESULT_LIMIT: int = ResultForm.base_fields["text"].max_length  # type: ignore[attr-defined]
WEEK = timedelta(days=7)


class ReplyForm(RowForm):
    complainant = forms.CharField(max_length=100, required=False)
    reply = forms.CharField(max_length=RESULT_LIMIT)
    replied_at = MomentField()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        begun, ended = cleaned.get("registered_at"), cleaned.get("replied_at")
        if begun and ended and ended <= begun:
            self.add_error("replied_at", _("The reply is older than the complaint."))
        return cleaned


# What it is about


class Scorer:
    """The category whose name shares most with a text: pairs of characters, the rarer in the catalogue the heavier."""

    ENOUGH = 4.0
    EMPTY = frozenset(
        {"问题", "咨询", "投诉", "建议", "举报", "质量", "办理", "管理", "政策"}
    )  # of every second letter

    def __init__(self, names: Mapping[str, Sequence[str]], fallback: str) -> None:
        """`names` maps a code to the names from the leaf up; the further up, the less they say."""
        cuts = {code: [search.cut(name) - self.EMPTY for name in chain] for code, chain in names.items()}
        spread = Counter(pair for chain in cuts.values() for pair in set().union(*chain))
        self.fallback = fallback
        self.weights: dict[str, dict[str, float]] = {}
        for code, chain in cuts.items():
            for height, pairs in reversed(list(enumerate(chain))):
                for pair in pairs:
                    rarity = math.log(len(names) / spread[pair]) / 2**height
                    self.weights.setdefault(pair, {})[code] = rarity / math.sqrt(len(chain[0]))

    def best(self, title: str, matter: str) -> str:
        scores: Counter[str] = Counter()
        for text, weight in ((title, 2.0), (matter, 1.0)):
            for pair in search.cut(text):
                for code, rarity in self.weights.get(pair, {}).items():
                    scores[code] += rarity * weight  # type: ignore[assignment]
        code, score = min(scores.items(), key=lambda item: (-item[1], item[0]), default=(self.fallback, 0))
        return code if score >= self.ENOUGH else self.fallback


def scorer() -> Scorer:
    """Over the leaves of the catalogue, without 其他 and without emergencies: nobody reports one and waits for days."""
    nodes = {node.code: node for node in Category.objects.filter(is_active=True)}
    parents = {node.parent_id for node in nodes.values()}
    leaves = [node for node in nodes.values() if node.pk not in parents]
    others = sorted(node.code for node in leaves if node.name.startswith("其他"))
    taken = [node for node in leaves if node.grade != Grade.EMERGENCY and node.code not in others]
    names = {node.code: [nodes[code].name for code in node.chain() if code in nodes] for node in taken}
    return Scorer(names, fallback=others[-1])


# When things happen


@dataclass(frozen=True)
class Stop:
    at: datetime
    step: str
    data: dict[str, Any] = field(default_factory=dict)


CONTACTED = {"way": "phone", "text": "已电话联系诉求人，核实时间、地点和具体情况，说明办理安排。"}
PROGRESS = {"text": "已组织核查，正在与有关方面商定处理办法，有结果即向诉求人反馈。"}
AGAIN = "针对回访中反映的情况，已再次到现场核实并补充办理，结果重新答复如下：\n"
GOOD = {"reached": "yes", "contacted": "yes", "solved": "yes", "satisfied": "yes"}
FAIR = {"reached": "yes", "contacted": "yes", "solved": "mostly", "satisfied": "mostly"}
POOR = {"reached": "yes", "contacted": "yes", "solved": "no", "satisfied": "no"}
SAYS = "问题没有解决，要求重新办理。"
REDO = {"contacted": "yes", "solved": "no", "satisfied": "no", "words": SAYS, "reason": f"诉求人反映{SAYS}"}


@dataclass(frozen=True)
class Itinerary:
    """The road of one order, pure: the times of the file, and between them steps spread by `chance`."""

    registered_at: datetime
    replied_at: datetime
    reply: str
    chance: random.Random
    calendar: WorkCalendar
    archive_after: timedelta

    def stops(self) -> Iterator[Stop]:
        yield from self._to_the_unit()
        yield from self._reported(self.replied_at, self.reply)
        called = self._next_working_day(self.replied_at)
        if self.chance.random() < 0.08:
            yield Stop(called, "rework", REDO)
            again = self.calendar.add(called, self._minutes(500, 1300))
            yield Stop(called + (again - called) / 3, "contact", CONTACTED)
            yield from self._reported(again, (AGAIN + self.reply)[:RESULT_LIMIT])
            called = self._next_working_day(again)
        yield from self._closed(called)

    def _to_the_unit(self) -> Iterator[Stop]:
        """Reception, dispatch and the unit's first steps, closer together where the reply came soon."""
        gaps = [self._minutes(3, 125), self._minutes(5, 130), self._minutes(5, 260), self._minutes(60, 1500)]
        room = (self.replied_at - self.registered_at) * 0.9
        share = min(1.0, room / sum(gaps, timedelta()))
        at = self.registered_at
        for step, gap in zip(("accept", "dispatch", "sign", "contact"), gaps, strict=True):
            at += gap * share
            yield Stop(at, step, CONTACTED if step == "contact" else {})
        reports = min(3, (self.replied_at - at) // WEEK)
        for number in range(1, reports + 1):
            yield Stop(at + (self.replied_at - at) * number / (reports + 1), "progress", PROGRESS)

    def _reported(self, at: datetime, reply: str) -> Iterator[Stop]:
        solved = self.chance.choices(["yes", "partly", "explained"], [60, 20, 20])[0]
        # The file's publisher crossed names out; a letter of ours holds no placeholder.
        yield Stop(at, "report", {"text": without_placeholders(reply, "某"), "solved": solved})
        yield Stop(at + self._minutes(10, 60), "approve")

    def _closed(self, at: datetime) -> Iterator[Stop]:
        unanswered = self.chance.choices([0, 1, 2], [84, 12, 4])[0]
        for _attempt in range(unanswered):
            yield Stop(at, "attempt", {"why": "no_answer"})
            at += self._minutes(90, 180)
        answers = {"reached": "no"} if unanswered == 2 else self.chance.choices([GOOD, FAIR, POOR], [75, 18, 7])[0]
        yield Stop(at, "close", answers)
        yield Stop(at + self.archive_after + self._minutes(1, 5), "archive")

    def _next_working_day(self, at: datetime) -> datetime:
        tomorrow = timezone.localdate(at) + timedelta(days=1)
        opening, _closing = next(self.calendar.spans(tomorrow))
        return opening + self._minutes(0, 170)

    def _minutes(self, least: int, most: int) -> timedelta:
        return timedelta(minutes=self.chance.randint(least, most))


# Walking


class Walker:
    def __init__(self, source: str, now: datetime) -> None:
        self.source, self.now, self.cast = source, now, Cast()
        self.scorer = scorer()
        self.categories = {node.code: node for node in Category.objects.all()}
        self.streets = list(Area.objects.filter(level=Area.Level.STREET, is_active=True).order_by("code"))
        self.rules = Policy.objects.in_force(now).rules

    def walk(self, cleaned: dict[str, Any]) -> WorkOrder:
        """All of an order's road or nothing of it, so that a run that was killed can be repeated."""
        with transaction.atomic(), unpublished():
            order = self._register(cleaned)
            for stop in self._itinerary(cleaned).stops():
                if stop.at > self.now:
                    break
                self._go(order, stop)
        return order

    def _register(self, cleaned: dict[str, Any]) -> WorkOrder:
        code = self.scorer.best(cleaned["title"], cleaned["matter"])
        facts = {
            **cleaned,
            "category": cleaned["category"] or self.categories[code],
            "area": cleaned["area"] or self._street(cleaned["complainant"] or cleaned["source_id"]),
        }
        actor = self.cast.of(Role.OPERATOR)
        # What was answered long ago is no emergency any more.
        grade = cleaned.get("grade") or facts["category"].grade
        voice = replace(voice_of(facts, self.source), grade=grade, danger_seen=True)
        return register(voice, actor=actor, now=cleaned["registered_at"])

    def _street(self, key: str) -> Area:
        return random.Random(key).choice(self.streets)  # noqa: S311  spread evenly, not secretly

    def _itinerary(self, cleaned: dict[str, Any]) -> Itinerary:
        begun, ended = cleaned["registered_at"], cleaned["replied_at"]
        return Itinerary(
            begun,
            ended,
            cleaned["reply"],
            random.Random(cleaned["source_id"]),  # noqa: S311
            clocks.load_calendar(self.rules, ended, timedelta(days=90)),
            self.rules.archive_after,
        )

    def _go(self, order: WorkOrder, stop: Stop) -> None:
        data = dict(stop.data)
        if stop.step == "accept":
            data = {"category": order.category, "area": order.area, "grade": order.grade}
        elif stop.step == "dispatch":
            suggestion = suggested_unit(order)
            data = {"lead": suggestion.unit if suggestion else None}
        self.cast.act(order, stop.step, now=stop.at, **data)
        if stop.step == "contact" and order.grade == Grade.EMERGENCY and order.round == 1:
            self.cast.act(order, "arrive", now=stop.at)
        if stop.step == "approve":
            open_callback(order, now=stop.at)


# What came of it


def steps_of(orders: list[int]) -> int:
    return Event.objects.filter(order__in=orders).count()


def deadlines(orders: list[int]) -> list[tuple[str, int, int, int]]:
    """(kind, met, missed, no longer owed) of every kind of clock that these orders had."""
    rows = Clock.objects.filter(order__in=orders).values_list("kind", "outcome").annotate(Count("pk")).order_by()
    counts = {(kind, outcome): count for kind, outcome, count in rows}
    met, missed, void = Clock.Outcome.values
    kinds = [kind for kind in ClockKind.values if any((kind, outcome) in counts for outcome in (met, missed, void))]
    return [(kind, *(counts.get((kind, outcome), 0) for outcome in (met, missed, void))) for kind in kinds]


def broken(orders: list[int]) -> list[WorkOrder]:
    return [order for order in WorkOrder.objects.filter(pk__in=orders).order_by("pk") if ledger.verify(order)]
