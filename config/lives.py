"""What the lives of the demo's orders are made of: each is a generator that yields the moment of its next step.

What a step does is `perform()`'s; here stands only who does what when, as units and complainants would.
"""

import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from config.cast import Cast
from dispatch import replies, reply_words
from dispatch.selectors import suggested_unit
from evaluation.records import open_callback
from intake.services import Voice, register
from workorders.calendar import WorkCalendar
from workorders.lifecycle import Grade, Role
from workorders.models import Area, Category, Unit, WorkOrder

Words = dict[str, list[str]]
Times = Iterator[datetime]

GOOD: dict[str, Any] = {"reached": "yes", "contacted": "yes", "solved": "yes", "satisfied": "yes"}
FAIR: dict[str, Any] = {"reached": "yes", "contacted": "yes", "solved": "mostly", "satisfied": "mostly"}
POOR: dict[str, Any] = {"reached": "yes", "contacted": "yes", "solved": "no", "satisfied": "no"}
REDO: dict[str, Any] = {"contacted": "yes", "solved": "no", "satisfied": "no"}

# Minutes from one step to the next, within the limits of the grade; the result in minutes, or in hours of working time.
Span = tuple[int, int]


@dataclass(frozen=True)
class Pace:
    accept: Span
    dispatch: Span
    sign: Span
    contact: Span
    result: Span
    review: Span
    in_working_time: bool = True


PACES = {
    Grade.EMERGENCY: Pace((1, 10), (1, 9), (1, 10), (3, 18), (15, 60), (2, 9), False),
    Grade.UTILITY: Pace((3, 45), (2, 22), (4, 45), (8, 90), (120, 1000), (5, 60), False),
    Grade.ORDINARY: Pace((4, 95), (4, 95), (5, 200), (25, 900), (5, 38), (15, 150)),
    Grade.COMPLEX: Pace((6, 95), (30, 240), (10, 200), (40, 1100), (25, 90), (20, 200)),
}


@dataclass(frozen=True)
class World:
    """What all lives share. `now` is the end of the story: no step may lie after it."""

    cast: Cast
    calendar: WorkCalendar
    words: Words
    now: datetime


@dataclass(frozen=True)
class Matter:
    """A matter in its own words, filled in for a place."""

    category: Category
    area: Area
    place: str
    texts: dict[str, Any]


class Life:
    """One order from its registration on. `hurried` lives have all their steps before the end of the story."""

    hurried = False

    def __init__(self, world: World, matter: Matter, registered_at: datetime, chance: random.Random) -> None:
        self.world, self.matter, self.chance = world, matter, chance
        self.registered_at = self.at = registered_at
        self.order: WorkOrder
        self.helpers: list[Unit] = []
        self.pace = PACES[Grade(matter.category.grade)]

    def live(self) -> Times:
        yield self.at
        self.order = register(self.voice(), actor=self.world.cast.of(Role.OPERATOR), now=self.at)
        yield from self.road()

    def road(self) -> Times:
        """What becomes of it; without more it waits to be accepted."""
        yield from ()

    # Means

    def word(self, kind: str) -> str:
        return self.chance.choice(self.world.words[kind])

    def happens(self, share: float) -> bool:
        return self.chance.random() < share

    def after(self, minutes: Span) -> datetime:
        return self._to(self.at + timedelta(seconds=self.chance.randint(minutes[0] * 60, minutes[1] * 60)))

    def at_work(self, hours: Span) -> datetime:
        """So many hours of working time later."""
        span = timedelta(seconds=self.chance.randint(hours[0] * 3600, hours[1] * 3600))
        return self._to(self.world.calendar.add(self.at, span))

    def call_time(self) -> datetime:
        """The next working day; where hours count, as soon as people are awake."""
        if self.pace.in_working_time:
            opening, _closing = next(self.world.calendar.spans(timezone.localdate(self.at) + timedelta(days=1)))
            return self._to(opening + timedelta(seconds=self.chance.randint(300, 10_000)))
        moment = timezone.localtime(self.at + timedelta(minutes=self.chance.randint(120, 720)))
        if not 8 <= moment.hour < 21:
            moment = (moment + timedelta(hours=3)).replace(hour=9)
        return self._to(moment)

    def _to(self, moment: datetime) -> datetime:
        left = self.world.now - self.at
        if self.hurried and moment >= self.world.now:
            moment = self.at + left * self.chance.uniform(0.2, 0.5)
        self.at = moment
        return moment

    def act(self, step: str, *, unit: Unit | None = None, **data: Any) -> None:
        self.world.cast.act(self.order, step, now=self.at, unit=unit, **data)
        if step == "approve":
            open_callback(self.order, now=self.at)

    def photo(self, share: float) -> dict[str, Any]:
        """A file to go with a step, now and then."""
        if not self.happens(share):
            return {}
        return {"files": [SimpleUploadedFile("现场照片.png", picture(self.chance), "image/png")]}

    # Who asks

    def voice(self) -> Voice:
        texts = self.matter.texts
        return Voice(
            matter=texts["text"],
            title=texts["title"],
            kind=texts["kind"],
            channel=texts["channel"],
            green_channel=texts.get("green_channel", ""),
            category=self.matter.category,
            grade=self.matter.category.grade,
            danger_seen=True,
            area=self.matter.area,
            address=self.matter.place,
            **self._complainant(),
        )

    def _complainant(self) -> dict[str, Any]:
        if self.anonymous:
            return {}
        name = self.word("surnames") + self.word("given_names")
        return {"name": name, "phone": f"1{self.chance.randint(300, 399)}000{self.chance.randint(0, 9999):04}"}

    @property
    def anonymous(self) -> bool:
        return self.matter.texts["channel"] == "mail"

    # Steps that most lives share

    def accepted(self) -> Times:
        if "missing" in self.matter.texts:
            yield from self.completed()
        yield self.after(self.pace.accept)
        self.act("accept", category=self.matter.category, area=self.matter.area, grade=self.matter.category.grade)

    def completed(self) -> Times:
        yield from self.asked()
        yield self.after((40, 1500))
        self.act("correct", text=self.word("correction"), **self.photo(0.3))

    def asked(self) -> Times:
        yield self.after((3, 60))
        self.act("ask_correction", reason=self.matter.texts["missing"], missing=["place", "evidence"])

    def dispatched(self) -> Times:
        yield from self.accepted()
        yield self.after(self.pace.dispatch)
        self.send("dispatch", **({"instructions": self.word("instructions")} if self.happens(0.4) else {}))

    def send(self, step: str, **data: Any) -> None:
        suggestion = suggested_unit(self.order)
        assert suggestion, "every leaf of the catalogue is routed"
        self.helpers = self.co_handling(suggestion.unit)
        self.act(step, lead=suggestion.unit, co_handling=self.helpers, **data)

    def co_handling(self, lead: Unit) -> list[Unit]:
        """The sector's department beside a street, the district's government beside a department."""
        if not self.happens(0.22):
            return []
        found = Unit.objects.filter(sector=self.matter.category.sector).first()
        if found is None or found == lead:
            found = Unit.objects.filter(kind=Unit.Kind.DISTRICT, area__code__in=self.matter.area.chain()).first()
        return [found] if found and found != lead else []

    def signed(self) -> Times:
        yield from self.dispatched()
        yield self.after(self.pace.sign)
        self.act("sign")
        for unit in self.helpers:
            yield self.after((1, 4))
            self.act("co_sign", unit=unit)

    def contacted(self) -> Times:
        yield self.after(self.pace.contact)
        first = self.contact()
        self.act("contact", **first)
        if first["way"] == "unreachable":
            yield self.after((4, 12))
            self.act("contact", way="phone", text=self.word("contact"))
        if self.matter.category.grade == Grade.EMERGENCY and self.order.round == 1:
            yield self.after((2, 15))
            self.act("arrive", place=self.matter.place, text=self.word("arrival"), **self.photo(0.5))

    def contact(self) -> dict[str, Any]:
        if self.anonymous:
            return {"way": "anonymous", "text": self.word("anonymous")}
        way = self.chance.choices(["phone", "visit", "unreachable"], [80, 14, 6])[0]
        return {"way": way, "text": self.word({"phone": "contact", "visit": "visited"}.get(way, way))}

    def in_handling(self) -> Times:
        yield from self.signed()
        yield from self.contacted()

    def reported(self, again: bool = False) -> Times:
        """The co-handling unit answers first; a fifth of the longer ones have a stage report."""
        if self.pace.in_working_time and self.happens(0.25):
            yield self.at_work((2, 7))
            self.act("progress", text=self.matter.texts["progress"], **self.photo(0.2))
        if not again:
            yield from self.co_reported()
        yield self.until_result(again)
        text = (self.word("again") if again else "") + self.matter.texts["answer"]
        solved = self.chance.choices(["yes", "partly", "explained"], [80, 12, 8])[0]
        self.act("report", text=self.letter(text), solved=solved, **self.photo(0.25))

    def letter(self, opinion: str) -> str:
        """As the unit desk begins it; what only the handler knows is in the place of the gaps."""
        handler = self.world.cast.of(Role.HANDLER, self.order.lead_unit)
        begun = replies.apart(reply_words.begun(self.order, handler, self.at), reply_words.headings())
        found = {"investigation": self.world.words["investigation"][0], "opinion": opinion}
        return replies.compose({**begun, **found}, reply_words.headings())

    def until_result(self, again: bool) -> datetime:
        least, most = self.pace.result
        span = (least // 2, most // 3) if again else (least, most)
        return self.at_work(span) if self.pace.in_working_time else self.after(span)

    def co_reported(self) -> Times:
        for unit in self.helpers:
            yield self.after((5, 25))
            self.act("co_report", unit=unit, text=self.word("co_report"))

    def approved(self, again: bool = False) -> Times:
        yield from self.reported(again)
        yield self.after(self.pace.review)
        if self.happens(0.06):
            self.act("send_back", reason=self.word("send_back"))
            yield self.after((60, 200))
            self.act("report", text=self.letter(self.matter.texts["answer"]), solved="yes", **self.photo(1))
            yield self.after(self.pace.review)
        self.act("approve")

    def closed(self) -> Times:
        yield self.call_time()
        answers = self.chance.choices([GOOD, FAIR, POOR, None], [77, 13, 6, 4])[0]
        if answers is None:
            yield from self.unreachable()
        else:
            self.act("close", **answers, words=self.said(answers))

    def unreachable(self) -> Times:
        for _attempt in range(2):
            self.act("attempt", why=self.word("why_no_answer"))
            yield self.after((90, 300))
        self.act("close", reached="no")

    def said(self, answers: dict[str, Any]) -> str:
        happy = answers["satisfied"] != "no"
        return self.word("complainant_words_satisfied" if happy else "complainant_words_dissatisfied")


def picture(chance: random.Random, width: int = 240, height: int = 160) -> bytes:
    """A small PNG: a sky, and ground below it."""
    sky, ground = ([chance.randint(low, low + 80) for _channel in range(3)] for low in (150, 50))
    rows = b"".join(b"\0" + bytes(sky if row < height * 0.6 else ground) * width for row in range(height))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
