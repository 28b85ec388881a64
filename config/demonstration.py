"""The demo: 300 orders of the last 60 days in every status, done by `perform()` as if somebody had worked all along.

A simulation of discrete events: the next step of all lives is done, with the alerts and the archiving that fall due
before it. The same `now` gives the same orders.
"""

import heapq
import os
import random
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from archive.services import archive_due
from config import fates
from config.cast import NAMES, Cast
from config.celery import unpublished
from config.fates import Fate, Merged
from config.lives import Life, Matter, World
from dispatch import clients, notices, rectifications, slips, supervision
from dispatch.models import Alert, ApiClient, Assignment, Channel, Rectification
from evaluation import simulations
from workorders import policy_versions
from workorders.addresses import MAIL_FILE
from workorders.clocks import load_calendar
from workorders.lifecycle import Role, Status
from workorders.models import Area, Category, Event, Policy, Unit, User, WorkOrder
from workorders.policy import DEFAULT

FOLDER = Path(__file__).parent / "demo"
SEED = 12345
CLIENT = "demo-"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STREETS, VILLAGES = 36, 10
OF_UNITS = (Role.HANDLER, Role.REVIEWER)
OF_THE_CITY = tuple(role for role in NAMES if role not in OF_UNITS)

# (fate, how many, age of the youngest, age of the oldest)
PLAN: list[tuple[type[Fate], int, timedelta, timedelta]] = [
    (fates.Answered, 70, 10 * MINUTE, 58 * DAY),
    (fates.Declined, 14, 2 * HOUR, 55 * DAY),
    (fates.Withdrawn, 7, 3 * DAY, 40 * DAY),
    (fates.Finished, 46, 3 * DAY, 59 * DAY),
    (fates.Late, 12, 14 * DAY, 59 * DAY),
    (fates.Reworked, 13, 9 * DAY, 58 * DAY),
    (fates.Objected, 7, 20 * DAY, 58 * DAY),
    (fates.Recalled, 7, 4 * DAY, 50 * DAY),
    (fates.Consulted, 5, 12 * DAY, 58 * DAY),
    (fates.Resumed, 4, 25 * DAY, 58 * DAY),
    (fates.Waiting, 11, 2 * MINUTE, 110 * MINUTE),
    (fates.Waiting, 1, 150 * MINUTE, 170 * MINUTE),
    (fates.Incomplete, 4, 3 * HOUR, 2 * DAY),
    (fates.Accepted, 7, 25 * MINUTE, 150 * MINUTE),
    (fates.Consulting, 4, 5 * HOUR, 30 * HOUR),
    (fates.Dispatched, 9, 30 * MINUTE, 6 * HOUR),
    (fates.Emergency, 4, 14 * MINUTE, 55 * MINUTE),
    (fates.Uncontacted, 6, 3 * HOUR, 22 * HOUR),
    (fates.Handling, 21, 1 * DAY, 8 * DAY),
    (fates.Handling, 5, 11 * DAY, 24 * DAY),
    (fates.AskingReturn, 3, 40 * MINUTE, 6 * HOUR),
    (fates.AskingTime, 4, 1 * DAY, 3 * DAY),
    (fates.Supervised, 4, 6 * DAY, 9 * DAY),
    (fates.Suspended, 5, 9 * DAY, 40 * DAY),
    (fates.Reported, 7, 1 * DAY, 8 * DAY),
    (fates.AwaitingCallback, 9, 2 * DAY, 9 * DAY),
    (fates.Reviewing, 3, 12 * DAY, 25 * DAY),
    (fates.Merged, 8, 0 * DAY, 0 * DAY),
]
# How much of a day's calls comes in each of its hours, from midnight on.
CALLS = [2, 1, 1, 1, 1, 2, 4, 8, 14, 18, 17, 14, 9, 9, 13, 15, 14, 12, 11, 11, 10, 8, 5, 3]


@dataclass(frozen=True)
class Seeded:
    statuses: dict[str, int]
    steps: int
    alerts: int


def seed(now: datetime, password: str) -> Seeded | None:
    """All of it or nothing; none where there are orders already."""
    with transaction.atomic(), unpublished():
        if WorkOrder.objects.exists():
            return None
        cast = Cast(password)
        give_telephones()
        Story(now, cast).tell()
        connect(password)
        notices.pass_over(now)
        ring()
        propose(cast, now)
    statuses = Counter(WorkOrder.objects.values_list("status", flat=True))
    return Seeded(dict(statuses), Event.objects.count(), Alert.objects.count())


class Story:
    def __init__(self, now: datetime, cast: Cast) -> None:
        self.now = now
        for role in OF_THE_CITY:
            cast.of(role)
        rules = Policy.objects.in_force(now).rules
        words = {**_toml("words"), **_toml("handling")}
        self.world = World(cast, load_calendar(rules, now - 70 * DAY, 400 * DAY), words, now)
        self.chance = random.Random(SEED)  # noqa: S311  a story, not a secret
        self.lives = list(Casting(self.world, self.chance).lives())

    def tell(self) -> None:
        running = [life.live() for life in self.lives]
        heap = [(next(steps), number) for number, steps in enumerate(running)]
        heapq.heapify(heap)
        watch = Watch(heap[0][0])
        while heap and heap[0][0] <= self.now:
            at, number = heapq.heappop(heap)
            watch.until(at)
            following = next(running[number], None)
            if following:
                heapq.heappush(heap, (following, number))
        watch.until(self.now)
        rectifications.demand(self.now)
        self._staff()
        self._report()

    def _staff(self) -> None:
        """Every unit that got an order has people who can log in."""
        cast = self.world.cast
        for unit in Unit.objects.filter(assignments__isnull=False).distinct():
            for extension, role in enumerate(OF_UNITS, 801):
                user = cast.of(role, unit)
                user.office_phone = f"{unit.phone} 转 {extension}"
                user.save(update_fields=["office_phone"])

    def _report(self) -> None:
        """The first unit that has to rectify has handed in its report; the others are still at it."""
        found = Rectification.objects.select_related("unit").order_by("pk").first()
        if found is None:
            return
        day = timezone.localdate(self.now) + timedelta(days=30)
        report = {"words": self.world.words["rectification"][0], "date": day.isoformat()}
        for role, act in zip(OF_UNITS, ("report", "sign"), strict=True):
            who = self.world.cast.of(role, found.unit)
            rectifications.perform(found.pk, act, actor=who, now=self.now, data=report)


NEXT_ALERT = """
    SELECT min(next_alert_at) FROM workorders_clock
    WHERE next_alert_at IS NOT NULL
"""


class Watch:
    """What the beat would have done: alerts and slips in the minute after they fell due, the rest in the night."""

    def __init__(self, begin: datetime) -> None:
        self.night = timezone.localtime(begin).replace(hour=2, minute=30, second=0, microsecond=0)

    def until(self, moment: datetime) -> None:
        while (at := min(self.night, self._next_scan() or moment + DAY)) <= moment:
            if at == self.night:
                archive_due(at)
                rectifications.demand(at)
                rectifications.flag_overdue(at)
                self.night += DAY
            else:
                supervision.scan(at)
                slips.supervise(at)

    def _next_scan(self) -> datetime | None:
        with connection.cursor() as cursor:
            cursor.execute(NEXT_ALERT)
            (due,) = cursor.fetchone()
        return due and (due + MINUTE).replace(second=0, microsecond=0)


class Casting:
    """Deals matters, places and moments out to the fates of the plan."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.categories = {node.code: node for node in Category.objects.all()}
        self.deck: list[dict[str, Any]] = _toml("matters")["matter"]
        chance.shuffle(self.deck)
        streets = list(Area.objects.filter(level=Area.Level.STREET).select_related("parent__parent").order_by("code"))
        villages = [area for area in streets if area.name.endswith(("镇", "乡"))]
        self.villages = chance.sample(villages, VILLAGES)
        self.streets = chance.sample([area for area in streets if area not in villages], STREETS)

    def lives(self) -> Iterator[Life]:
        lives: list[Life] = []
        for fate, count, youngest, oldest in PLAN:
            for _number in range(count):
                life = self._merged(lives) if fate is Merged else self._life(fate, youngest, oldest, len(lives))
                lives.append(life)
                yield life

    def _life(self, fate: type[Fate], youngest: timedelta, oldest: timedelta, number: int) -> Life:
        registered_at = self._moment(youngest, oldest)
        return fate(self.world, self._matter(fate, registered_at), registered_at, self._own(number))

    def _own(self, number: int) -> random.Random:
        """A life's own chance: what happens in one changes nothing in another."""
        return random.Random(f"{SEED}/{number}")  # noqa: S311

    def _merged(self, lives: Sequence[Life]) -> Life:
        recent = [life for life in lives if life.registered_at > self.world.now - 25 * DAY]
        handled = [life for life in recent if isinstance(life, fates.Finished | fates.Handling)]
        parents = [life for life in handled if life.matter.category.grade in Merged.grades]
        parent = self.chance.choice(parents)
        registered_at = parent.registered_at + self.chance.randint(20, 400) * MINUTE
        life = Merged(self.world, parent.matter, min(registered_at, self.world.now - 2 * HOUR), self._own(len(lives)))
        life.parent = parent
        return life

    def _moment(self, youngest: timedelta, oldest: timedelta) -> datetime:
        """In the hours when people call, where it is not a matter of hours."""
        moment = self.world.now - youngest - (oldest - youngest) * self.chance.random()
        if oldest > 2 * DAY:
            hour = self.chance.choices(range(24), CALLS)[0]
            moment = timezone.localtime(moment).replace(hour=hour, minute=self.chance.randrange(60))
        return min(moment, self.world.now - youngest).replace(microsecond=0)

    def _matter(self, fate: type[Fate], at: datetime) -> Matter:
        """The first of the deck that fits; then it goes to the bottom."""
        for raw in self.deck:
            category = self.categories[raw["category"]]
            month = timezone.localtime(at).month
            if fate.fits(category.grade, raw) and month in raw.get("months", [month]):
                self.deck.remove(raw)
                self.deck.append(raw)
                return self._placed(raw, category)
        raise LookupError(f"config/demo/matters.toml has nothing for {fate.__name__}")

    def _placed(self, raw: dict[str, Any], category: Category) -> Matter:
        areas = self.villages if raw.get("rural") else self.streets
        area = self.chance.choices(areas, [1 / rank for rank in range(1, len(areas) + 1)])[0]
        places = self.world.words["place_kinds"].get(raw["place_kind"], [""])  # type: ignore[attr-defined]
        place = self.chance.choice(places)
        slots = {
            "street": area.name,
            "place": place,
            "time": self.chance.choice(self.world.words["times"]),
            "count": self.chance.randint(2, 9),
        }
        texts = {name: text.format(**slots) if isinstance(text, str) else text for name, text in raw.items()}
        return Matter(category, area, place, texts)


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


# Who can log in


def password() -> str:
    return os.environ.get("DEMO_PASSWORD") or "jiesu-demo"


def people() -> list[User]:
    """Those of the city, then handler and reviewer of the two busiest streets and the busiest utility."""
    city = User.objects.filter(unit__kind=Unit.Kind.CITY, username__in=[NAMES[role][1] for role in OF_THE_CITY])
    units = [*_busiest(Unit.Kind.STREET, 2), *_busiest(Unit.Kind.UTILITY, 1)]
    names = [f"{unit.code.lower()}-{NAMES[role][1]}" for unit in units for role in OF_UNITS]
    order = {name: number for number, name in enumerate(names)}
    theirs = User.objects.filter(username__in=names).select_related("unit")
    return [*city.select_related("unit").order_by("pk"), *sorted(theirs, key=lambda user: order[user.username])]


def _busiest(kind: str, count: int, among: QuerySet[Unit] | None = None) -> list[Unit]:
    among = Unit.objects.all() if among is None else Unit.objects.filter(pk__in=among)
    units = among.filter(kind=kind, assignments__part=Assignment.Part.LEAD)
    return list(units.annotate(orders=Count("assignments")).order_by("-orders", "code")[:count])


def give_telephones() -> None:
    """No number of Beijing begins with a 1: nobody's rings."""
    units = list(Unit.objects.order_by("path"))
    for number, unit in enumerate(units, 1):
        unit.phone = f"010-1000{number:04d}"
    Unit.objects.bulk_update(units, ["phone"])


# What rings


def ring() -> None:
    """Whatever would ring goes into the mail file, where this way of running has one."""
    if settings.NOTICE_MAIL_FILE:
        Channel.objects.create(name="演示邮件文件", url=f"{MAIL_FILE}://?to={{recipient}}")


# What waits for the second person


def propose(cast: Cast, now: datetime) -> None:
    """Version 2 of the rule book: half the time for the first contact; what it would have done is there to read."""
    text = DEFAULT.read_text(encoding="utf-8").replace("（第一版）", "（第二版）")
    text = text.replace('ordinary = { value = 24, unit = "hour" }', 'ordinary = { value = 12, unit = "hour" }')
    begin = (timezone.localtime(now) + 14 * DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    actor = cast.of(Role.ADMINISTRATOR)
    policy = policy_versions.propose(
        text, begin, purpose="群众普遍反映首次联系偏慢，拟缩短一半。", actor=actor, now=now
    )
    simulation = simulations.ask(policy, 30, actor=actor, now=now)
    simulations.run(simulation.pk, now=now)


# Which systems are connected


def connect(secret: str) -> None:
    """The systems of the busiest street with something to sign, and of the district above it; a channel of the hotline."""
    city = Unit.objects.get(kind=Unit.Kind.CITY)
    units: list[tuple[str, Any, tuple[str, ...]]] = [("channel", city, clients.CHANNEL)]
    waiting = Unit.objects.filter(led_orders__status=Status.DISPATCHED)
    for street in _busiest(Unit.Kind.STREET, 1, waiting) or _busiest(Unit.Kind.STREET, 1):
        units += [("street", street, clients.HANDLING), ("district", street.parent, clients.HANDLING)]
    for name, unit, scopes in units:
        client_id = f"{CLIENT}{name}"
        clients.create(unit, scopes, name=client_id, client_id=client_id, secret=secret)


def systems() -> list[ApiClient]:
    return list(ApiClient.objects.filter(client_id__startswith=CLIENT).select_related("unit").order_by("pk"))
