"""Rows become registered orders, each once, or history; what is under an id already is compared and never lost."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from intake.models import Appeal
from intake.rows import Checked
from intake.services import Voice, register, register_history
from intake.sheets import Row
from workorders.models import User

BATCH = 100


@dataclass(frozen=True)
class Said:
    """What is there under an id, short enough to be remembered for a whole file."""

    words: bytes
    at: datetime

    def is_said_by(self, item: Checked) -> bool:
        """Compare the words, and the time where the row has one of its own."""
        return self.words == _digest(item.cleaned["matter"]) and (
            not item.has_time or self.at == item.cleaned["registered_at"]
        )


OF_VOICE = {part.name for part in fields(Voice)} - {"source"}
MENTIONED = 5


def voice_of(cleaned: dict[str, Any], source: str) -> Voice:
    return Voice(source=source, **{name: value for name, value in cleaned.items() if name in OF_VOICE})


@dataclass
class Intake:
    """Takes rows in, batch by batch; each batch is committed, so that a run that was killed can be repeated.

    Without an actor nothing is written: the same counts, for a look beforehand. As history they end where they begin.
    """

    source: str
    actor: User | None
    reject: Callable[[Row, str], None]
    is_history: bool = False
    now: datetime = field(default_factory=timezone.now)
    read: int = 0
    registered: int = 0
    known: int = 0
    rejected: int = 0
    old: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[str]] = field(default_factory=dict)
    earlier: dict[str, Said] = field(default_factory=dict)

    def take(self, rows: Iterable[Checked]) -> None:
        rows = iter(rows)
        while batch := list(islice(rows, BATCH)):
            with transaction.atomic():
                self._take_batch(batch)

    def _take_batch(self, batch: list[Checked]) -> None:
        ids = [item.cleaned["source_id"] for item in batch if not item.problem]
        self.earlier |= taken(self.source, ids)
        for item in batch:
            self.read += 1
            if item.problem:
                self._reject(item.row, item.problem)
            elif item.cleaned["source_id"] in self.earlier:
                self._meet(item)
            else:
                self._take(item)

    def _meet(self, item: Checked) -> None:
        """A row that says what is there is there; one that says something else under the same id is not lost for it."""
        if self.earlier[item.cleaned["source_id"]].is_said_by(item):
            self.known += 1
        else:
            self._reject(item.row, OTHER_WORDS % {"id": item.cleaned["source_id"]})

    def _take(self, item: Checked) -> None:
        try:
            self._register(item)
        except IntegrityError:
            earlier = taken(self.source, [item.cleaned["source_id"]])
            if not earlier:
                raise
            self.earlier |= earlier
            self._meet(item)
        except DataError as problem:
            self._reject(item.row, " ".join(str(problem).split()))
        else:
            self.earlier[item.cleaned["source_id"]] = Said(
                _digest(item.cleaned["matter"]), item.cleaned["registered_at"]
            )
            self.registered += 1
            self.old += item.cleaned["registered_at"] < self.now - OLD
            self._note(item)

    def _register(self, item: Checked) -> None:
        if not self.actor:
            return
        voice, at = voice_of(item.cleaned, self.source), item.cleaned["registered_at"]
        if self.is_history:
            ended_at = item.cleaned.get("ended_at")
            register_history(voice, actor=self.actor, registered_at=at, ended_at=ended_at, now=self.now)
        else:
            register(voice, actor=self.actor, now=at)

    def _note(self, item: Checked) -> None:
        for note in item.notes:
            self.notes[note] += 1
            if self.notes[note] <= MENTIONED:
                self.places.setdefault(note, []).append(item.row.place)

    def _reject(self, row: Row, problem: str) -> None:
        self.rejected += 1
        self.reject(row, problem)


OTHER_WORDS = _("The id “%(id)s” is there already, with other words or another time.")
OLD = timedelta(days=30)


def _digest(words: str) -> bytes:
    return hashlib.sha256(words.encode()).digest()


def taken(source: str, ids: list[str]) -> dict[str, Said]:
    """Return what each of these ids said that the source has brought before."""
    rows = Appeal.objects.filter(source=source, source_id__in=ids).values_list("source_id", "words", "received_at")
    return {source_id: Said(_digest(words), at) for source_id, words, at in rows}
