"""Who is told of what: the ladder's levels → people → the ways to them. Each in as many queries for one alert as for many."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q

from dispatch.models import Alert, ApiClient, Channel
from workorders.lifecycle import ClockKind, Level, Role
from workorders.models import Unit, User

TO_SUPERVISORS = (Role.SUPERVISOR,)
# A unit's own clock: its handler, with its reviewer; then whoever leads it, who is its reviewer; then the unit above.
OF_UNITS = {
    Level.REMINDER: (Role.HANDLER,),
    Level.WARNING: (Role.HANDLER, Role.REVIEWER),
    Level.OVERDUE: (Role.REVIEWER,),
    Level.HIGHER: (Role.REVIEWER, Role.SUPERVISOR),
}
# The hotline's clocks: up to a warning whose desk it is, then its supervisors.
OF_DESKS = {
    ClockKind.ACCEPTANCE: (Role.OPERATOR,),
    ClockKind.DISPATCH: (Role.DISPATCHER,),
    ClockKind.RESOLUTION: (Role.DISPATCHER,),
    ClockKind.CALLBACK: (Role.CALLBACK_AGENT,),
}


@dataclass(frozen=True)
class Audience:
    unit: Unit
    roles: tuple[Role, ...]


@dataclass(frozen=True)
class Way:
    """To a person by console or by a channel of their own, or to a unit by a channel."""

    user: User | None = None
    unit: Unit | None = None
    channel: Channel | None = None

    @property
    def is_console(self) -> bool:
        return self.channel is None


def level_of(alert: Alert) -> Level:
    """Whoever stands above is told anew when it goes up by hand."""
    return alert.level_now


def audience(alert: Alert, city: Unit) -> Audience:
    unit, level = alert.unit, level_of(alert)
    if not alert.kind:  # of no clock, but of what the hotline's leaders watch
        return Audience(city, TO_SUPERVISORS)
    above: Any = unit and unit.parent
    if unit is None or unit == city:
        desk = OF_DESKS.get(ClockKind(alert.kind))
        return Audience(city, desk if desk and level <= Level.WARNING else TO_SUPERVISORS)
    if level == Level.HIGHER and above and above != city:
        return Audience(above, OF_UNITS[Level.HIGHER])
    return Audience(unit, OF_UNITS[level]) if level < Level.HIGHER else Audience(city, TO_SUPERVISORS)


class AddressBook:
    """People and channels, read once for all that is to be told."""

    def __init__(self, users: Q, units: Iterable[Unit]) -> None:
        self.people: dict[int, list[User]] = defaultdict(list)
        self.channels: dict[tuple[int | None, int | None], list[Channel]] = defaultdict(list)
        # A department's system works as a user of its own, and reads the feed: nobody would look at what it is told.
        a_system = Exists(ApiClient.objects.filter(user=OuterRef("pk")))
        people = User.objects.filter(users, ~a_system, is_active=True)
        for user in people.select_related("unit").order_by("pk"):
            self.people[user.unit_id or 0].append(user)
        everybody = [user.pk for there in self.people.values() for user in there]
        rung = (
            Q(unit__in={*self.people, *(unit.pk for unit in units)}) | Q(user__in=everybody) | Q(unit=None, user=None)
        )
        for channel in Channel.objects.filter(rung, is_active=True).defer("url").order_by("pk"):
            self.channels[channel.unit_id, channel.user_id].append(channel)

    def within(self, audience: Audience) -> list[User]:
        return [user for user in self.people[audience.unit.pk] if user.has_role(*audience.roles)]

    def ways(self, users: Sequence[User], units: Iterable[Unit]) -> Iterator[Way]:
        """To each person, and to each unit once however many of its people are meant."""
        for user in users:
            yield Way(user=user)
            yield from (Way(user=user, channel=channel) for channel in self.channels[None, user.pk])
        unreached = {user.unit_id for user in users if not self.channels[None, user.pk]}
        staffed = {user.unit_id for user in users}
        for unit in units:
            stand_in = self.channels[None, None] if unit.pk in unreached or unit.pk not in staffed else []
            yield from (Way(unit=unit, channel=channel) for channel in self.channels[unit.pk, None] or stand_in)


class AlertBook(AddressBook):
    def __init__(self, alerts: Iterable[Alert]) -> None:
        self.city = Unit.objects.get(kind=Unit.Kind.CITY)
        units = {self.city, *(audience(alert, self.city).unit for alert in alerts)}
        super().__init__(Q(unit__in=units), units)

    def ways_of(self, alert: Alert) -> Iterator[Way]:
        """Where nobody plays the part, the hotline's supervisors are told as well: no alert goes to nobody."""
        meant, supervisors = audience(alert, self.city), Audience(self.city, TO_SUPERVISORS)
        if people := self.within(meant):
            return self.ways(people, [meant.unit])
        return self.ways(self.within(supervisors), dict.fromkeys([meant.unit, self.city]))
