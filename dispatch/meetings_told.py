"""Joint meetings as an order's page tells them: from the ledger, which the page has read already, without a query more."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.dateparse import parse_datetime

from dispatch.meetings import ENDS
from dispatch.models import Meeting, Opinion
from workorders.lifecycle import Status
from workorders.models import Event


@dataclass
class ToldOpinion:
    """`given` is none while the unit has not answered."""

    unit: str
    given: Event | None = None

    @property
    def duty(self) -> Opinion.Duty | None:
        return Opinion.Duty(self.given.data["duty"]) if self.given else None


@dataclass
class ToldMeeting:
    called: Event
    opinions_by_code: dict[str, ToldOpinion] = field(default_factory=dict)
    concluded: Event | None = None

    def __post_init__(self) -> None:
        for participant in self.called.data.get("participants", []):
            code, _space, name = participant.partition(" ")
            self.opinions_by_code[code] = ToldOpinion(name or code)

    @property
    def opinions(self) -> list[ToldOpinion]:
        return list(self.opinions_by_code.values())

    @property
    def is_open(self) -> bool:
        return self.concluded is None

    @property
    def held_at(self) -> datetime | None:
        return parse_datetime(self.called.data.get("held_at", ""))

    @property
    def end(self) -> Meeting.End | None:
        return ENDS.get(self.concluded.step, Meeting.End.LAPSED) if self.concluded else None


def meetings_told(events: Iterable[Event]) -> list[ToldMeeting]:
    """Of the events of one order, in their order."""
    found: list[ToldMeeting] = []
    for event in events:
        if event.step == "consult":
            found.append(ToldMeeting(event))
        elif found and event.step == "opine" and event.unit:
            found[-1].opinions_by_code[event.unit.code].given = event
        elif found and event.source == Status.CONSULTING != event.target:
            found[-1].concluded = event
    return found
