"""From a voice to a registered order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from intake import calls, confidence, merged_orders
from intake.danger import danger_in
from intake.models import Appeal, Call, Complainant
from intake.models.complainant import as_kept
from intake.titles import made_title
from workorders import transitions
from workorders.attachments import attach, digests_of
from workorders.lifecycle import Grade, Kind, Status
from workorders.refusals import WrongState

if TYPE_CHECKING:
    from workorders.models import Area, Category, User, WorkOrder


LONGEST_NOTE = 4000
ONE_CALL = timedelta(minutes=10)


@dataclass(frozen=True)
class Voice:
    """What came in: M26, one standard form for every channel."""

    matter: str
    title: str = ""
    kind: str = Kind.COMPLAINT
    channel: str = Appeal.Channel.PHONE
    category: "Category | None" = None
    area: "Area | None" = None
    address: str = ""
    grade: str = ""
    name: str = ""
    phone: str = ""
    identity: str = ""
    home: str = ""
    anonymous_to_unit: bool = False
    call_back_at: datetime | None = None
    green_channel: str = ""
    on_behalf_by: str = ""
    home_visit: bool = False
    files: Sequence[UploadedFile] = ()
    source: str = ""
    source_id: str = ""
    call: Call | None = None
    danger_seen: bool = False  # the operator saw the words of danger, and chose the grade all the same


@transaction.atomic
def register(voice: Voice, *, actor: "User | None", now: datetime | None = None) -> "WorkOrder":
    """Take a voice in: an order with its first event and clock, the appeal in its own words, and who asked.

    Raises IntegrityError (and changes nothing) where this `source` has brought this `source_id` before.
    """
    now = now or timezone.now()
    dangers = danger_in(f"{voice.title}。{voice.matter}")
    data: dict[str, Any] = {"channel": str(voice.channel), **digests_of(voice.files)}
    if dangers:
        data["danger"] = [f"{match.service} {match.words}" for match in dangers]
    event = transitions.register(actor=actor, now=now, data=data, **_facts(voice, is_danger=bool(dangers)))
    attach(event, voice.files)
    _keep(voice, event.order, now)
    return event.order


@transaction.atomic
def register_history(
    voice: Voice, *, actor: "User", registered_at: datetime, ended_at: datetime | None, now: datetime
) -> "WorkOrder":
    """Keep a complaint that was handled elsewhere: the order, its appeal and who asked; no clock, and nobody is told."""
    data = {"channel": str(voice.channel), "source": voice.source}
    event = transitions.record_history(
        actor=actor,
        now=now,
        registered_at=registered_at,
        ended_at=ended_at,
        data=data,
        **_facts(voice, is_danger=False),
    )
    _keep(voice, event.order, registered_at)
    return event.order


@transaction.atomic
def add_to(order: "WorkOrder", voice: Voice, *, actor: "User", now: datetime | None = None) -> Appeal:
    """补充诉求: what is said of a running order stands under it as an appeal of its own, and the ledger tells it.

    Where a correction is awaited, this is it: nothing closes for want of what the caller has just said.
    Brought twice (the same `source` and `source_id`) it is added once. What was merged goes on in another order.
    """
    known = _known(voice)
    if known:
        return known
    now, order = now or timezone.now(), merged_orders.last_of(order)
    step = "correct" if order.status == Status.INCOMPLETE else "note"
    appeal = _keep(voice, order, now)
    transitions.perform(order.pk, step, actor=actor, now=now, files=voice.files, text=_note_of(voice))
    return appeal


def urge(order: "WorkOrder", *, actor: "User", now: datetime) -> None:
    """催办 by who calls again. Urges are counted, and some of them bring a supervision slip: one call counts once."""
    order = merged_orders.last_of(order)
    if order.events.filter(step="urge", actor=actor, at__gt=now - ONE_CALL).exists():
        raise WrongState(_("You have urged this order just now. One call counts once."))
    text = _("The complainant called again and presses.")
    transitions.perform(order.pk, "urge", actor=actor, now=now, text=text)


@transaction.atomic
def take_and_accept(voice: Voice, *, actor: "User") -> tuple[Appeal, bool]:
    """Register and accept at once, both or neither. Brought again, it is neither registered nor accepted again."""
    appeal, is_new = take(voice, actor=actor)
    order = appeal.order
    if order.status == Status.REGISTERED:
        facts: dict[str, Any] = {"category": order.category, "area": order.area, "grade": order.grade}
        appeal.order = transitions.perform(order.pk, "accept", actor=actor, **facts).order
    return appeal, is_new


def _keep(voice: Voice, order: "WorkOrder", now: datetime) -> Appeal:
    if voice.call:
        calls.file(voice.call, now=now)
    return Appeal.objects.create(
        order=order,
        call=voice.call,
        complainant=_complainant(voice, voice.anonymous_to_unit or confidence.is_secret(order)),
        channel=voice.channel,
        anonymous_to_unit=voice.anonymous_to_unit,
        call_back_at=voice.call_back_at,
        green_channel=voice.green_channel,
        on_behalf_by=voice.on_behalf_by,
        home_visit=voice.home_visit,
        words=voice.matter,
        received_at=now,
        source=voice.source,
        source_id=voice.source_id,
    )


def _note_of(voice: Voice) -> str:
    """The appeal keeps all the words; a note takes its beginning where they are very long."""
    said = _("The complainant adds: %(words)s") % {"words": voice.matter}
    return said if len(said) <= LONGEST_NOTE else said[: LONGEST_NOTE - 1] + "…"


def take(voice: Voice, *, actor: "User | None") -> tuple[Appeal, bool]:
    """Register what a channel brings, once: (appeal, whether it is new). `source` and `source_id` know it again."""
    known = _known(voice)
    if known:
        return known, False
    try:
        order = register(voice, actor=actor)
    except IntegrityError:
        known = _known(voice)  # brought twice at the same moment
        if known is None:
            raise
        return known, False
    return Appeal.objects.select_related("order").get(order=order), True


def _known(voice: Voice) -> Appeal | None:
    same = Appeal.objects.filter(source=voice.source, source_id=voice.source_id).exclude(source_id="")
    return same.select_related("order").first()


def already_taken(source: str, source_id: str) -> bool:
    return Appeal.objects.filter(source=source, source_id=source_id).exists()


def _facts(voice: Voice, *, is_danger: bool) -> dict[str, Any]:
    return {
        "title": voice.title.strip()
        or made_title(voice.matter, voice.address, voice.category.name if voice.category else ""),
        "matter": voice.matter,
        "kind": voice.kind,
        "category": voice.category,
        "area": voice.area,
        "address": voice.address,
        "grade": _grade(voice, is_danger=is_danger),
    }


def _grade(voice: Voice, *, is_danger: bool) -> str:
    """Words of danger make an emergency of it, unless somebody who saw them chose another grade."""
    chosen_in_sight = voice.grade and voice.danger_seen
    if is_danger and not chosen_in_sight:
        return Grade.EMERGENCY
    return voice.grade or (voice.category.grade if voice.category else Grade.ORDINARY)


def _complainant(voice: Voice, secret: bool) -> Complainant | None:
    """The same telephone and name is the same person; without a telephone everybody is somebody new.

    What somebody says of themselves for the first time, or anew, is kept of now on: what they left out before, for a
    unit that was not to know them perhaps, stays left out there. What was told in confidence stands in rows of its own,
    and nothing is taken from them for an order whose unit may know the person.
    """
    typed = {"name": voice.name, "phone": voice.phone, "identity": voice.identity, "address": voice.home}
    given = as_kept(typed)
    same = [known for known in Complainant.by_phone(voice.phone).order_by("-pk") if voice.name in ("", known.name)]
    confided = confidence.secret_rows_of(same)
    of_this_kind = [known for known in same if (known.pk in confided) == secret]
    for known in of_this_kind:
        if all(getattr(known, field) == value for field, value in given.items()):
            return known
    sources = same if secret else of_this_kind
    before = sources[0].shown if sources else {}
    return Complainant.objects.create(**{**before, **given}) if given else None
