"""What the names in the API's answers mean, for the OpenAPI document: said once where they mean the same everywhere.

A serializer's own `help_text` goes before these, `Shape.field` before `field`.
"""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

FIELDS = {
    "actions": _("What the caller may do on the order now; empty without the scope for it"),
    "address": _("The place in words"),
    "appeals": _("Who asked, masked; more than one where orders were merged into this one"),
    "area": _("Code of the street or district: GET /api/v1/areas/"),
    "at": _("When it was"),
    "category": _("Code of the category: GET /api/v1/categories/"),
    "channel": _("The way it came in"),
    "clocks": _("The clocks that run or ran, with their stored deadlines"),
    "code": _("By this it is named in filters and steps"),
    "created_at": _("When it was made"),
    "due_at": _("When it runs out"),
    "ended_at": _("When the order ended; null while it is open"),
    "event": _("The event that the ledger keeps of it"),
    "grade": _("How pressing it is; limits follow from it"),
    "id": _("The key by which it is addressed"),
    "is_active": _("False: switched off"),
    "kind": _("What sort it is"),
    "label": _("For people, in the language asked for"),
    "lead_unit": _("Code of the unit that leads; null before the dispatch"),
    "matter": _("What is asked for, in the complainant's words"),
    "meetings": _("The joint meetings on it, the oldest first"),
    "name": _("What people call it"),
    "number": _("The order's number; its last digit checks the others"),
    "order": _("The order as it stands"),
    "parent": _("Code of the one above it; null at the top"),
    "received_at": _("When it came in"),
    "registered_at": _("When the order was registered"),
    "relay": _("How to reach somebody who stays unknown to the caller; empty for the others"),
    "results": _("The rows"),
    "round": _("The round of handling; a rework begins a new one"),
    "status": _("Where the order stands"),
    "step": _("The step's name"),
    "title": _("In a line"),
    "unit": _("Code of the unit"),
    "version": _("Grows by one with every step; for `version` and If-Match"),
    "Action.fields": _("What the step takes"),
    "Action.step": _("The step's name, as in its address"),
    "Action.url": _("Where to POST it"),
    "Appeal.call_back_at": _("When they would like to be called back; null for any time"),
    "Appeal.complainant": _("Who asked, as far as the caller may know"),
    "Appeal.home_visit": _("True: somebody is to visit them at home"),
    "Area.level": _("District or street"),
    "Asked.description": _("What it means, its choices, and where its codes come from"),
    "Asked.name": _("The field's name in the body"),
    "Asked.required": _("False: may be left out or null"),
    "Attached.results": _("The files as they are kept now"),
    "Attachment.content_type": _("Its media type, by its content"),
    "Attachment.name": _("The file's name, as it was sent"),
    "Attachment.sha256": _("SHA-256 of its content, in hexadecimal digits"),
    "Attachment.size": _("In bytes"),
    "Bulk.results": _("One for each number that was sent"),
    "Calendar.announced": _("False: the state has not announced the year's holidays yet"),
    "Calendar.days": _("Every day of the year; none where it is not announced"),
    "Calendar.year": _("The year"),
    "Call.call_id": _("As the telephone system named it"),
    "Call.caller": _("Who calls, as far as it is known, masked"),
    "Call.history": _("How often they asked before"),
    "Caller.known": _("True: this number asked before"),
    "Category.name_en": _("Its name in English"),
    "Category.retention": _("How long its orders are kept"),
    "Category.sector": _("The sector that is responsible by default"),
    "Clock.paused_at": _("Since when it stands still; null while it runs"),
    "Clock.provisional": _("True: it reaches into a year whose holidays are not announced, and may still move"),
    "Clock.started_at": _("When it started"),
    "Clock.stopped_at": _("When it was stopped; null while it runs"),
    "Day.date": _("The day"),
    "Day.is_working": _("True for a working day, a make-up day too"),
    "Day.note": _("Why, for people"),
    "Delivery.attempts": _("How often it was tried since it was made, or last replayed by hand"),
    "Delivery.delivered_at": _("When the receiver took it; null before"),
    "Delivery.last_code": _("The HTTP status of the last answer; null where there was none"),
    "Delivery.last_error": _("What was wrong the last time, in a word; empty when it was delivered"),
    "Delivery.log": _("The last attempts, the oldest first"),
    "Delivery.next_attempt_at": _("When it is tried next; null when that is over"),
    "Delivery.order": _("The order's number; null for a test"),
    "Delivery.status": _("How far it has come"),
    "Delivery.step": _("The step it tells of; `test` for a test"),
    "Event.at": _("When it was done"),
    "Event.hash": _("SHA-256 of the event and of the hash before it"),
    "Event.number": _("Its place in the order's ledger, from 1 on; the order's version after it"),
    "Event.previous_hash": _("The hash of the event before it; empty for the first"),
    "Event.reason": _("The reason that was given; empty where none was"),
    "Event.source": _("The order's status before; empty for a registration"),
    "Event.target": _("The order's status after it"),
    "Event.unit": _("Code of the unit of whoever did it, as it was then; null for the system itself"),
    "Feed.results": _("Events of the caller's orders, in order"),
    "History.open": _("Orders that have not ended"),
    "History.total": _("All their orders"),
    "Meeting.called_at": _("When it was called"),
    "Meeting.concluded_at": _("When it ended; null before"),
    "Meeting.conclusion": _("What came of it; empty before"),
    "Meeting.end": _("How it ended; empty before"),
    "Meeting.held_at": _("When it takes place; null where no time is set"),
    "Meeting.opinions": _("What each unit says"),
    "Meeting.question": _("What it is about"),
    "Opinion.duty": _("Whether the unit sees itself in charge; empty while it has not answered"),
    "Opinion.text": _("What it says; empty while it has not answered"),
    "Policy.document": _("The rule book: limits, ladder, reason codes, windows"),
    "Policy.effective_from": _("Since when it is in force"),
    "Policy.version": _("Its number; an order keeps the one it runs under"),
    "Problem.status": _("The HTTP status"),
    "Progress.source_id": _("The channel's own id; empty where it gave none"),
    "Progress.stages": _("Each status it came to, and when"),
    "Progress.status_label": _("The status for people, in the language asked for"),
    "RevealDone.complainants": _("Who asked, in clear, shown this once"),
    "Revealed.address": _("Where they live; empty where it is not known"),
    "Revealed.identity": _("The number of their identity card; empty where it is not known"),
    "Revealed.name": _("In clear; empty where it is not known"),
    "Revealed.phone": _("In clear; empty where it is not known"),
    "Revealed.phone_written": _("The telephone as it was said, where it was said with other words; otherwise empty"),
    "Signed.number": _("As it was sent"),
    "Signed.order": _("The order as it stands, where it was signed"),
    "Signed.problem": _("Why it was not signed"),
    "Signed.signed": _("True: done"),
    "Stage.status": _("The status it came to"),
    "Unit.kind": _("Hotline, district, street, department or utility"),
    "event_types": _("The steps it is told of; `*` for all"),
    "failing_since": _("Since when nothing could be delivered; null while all is well"),
    "previous_secret_until": _("Until when the secret of before signs as well"),
    "switched_off_at": _("Since when it is off; null while it is on"),
    "url": _("Where it is told"),
}
PARAMETERS = {
    "delivery": _("The delivery's id"),
    "grade": _("Orders of these grades; may be given several times"),
    "id": _("Its id, out of the list"),
    "kind": _("Orders of these kinds; may be given several times"),
    "ordering": _("Sorted by this; with - from the end"),
    "registered_before": _("Registered before then; ISO 8601 with zone"),
    "registered_since": _("Registered then or later; ISO 8601 with zone"),
    "status": _("In one of these states; of orders, several may be given"),
    "version": _("An earlier one; the one in force where it is not given"),
    "year": _("The year; this one where it is not given"),
}
ANSWERS = {"200": _("Done, or here it is"), "201": _("Made"), "202": _("Taken; it is sent in a moment")}


def describe(result: dict[str, Any], **_generator: Any) -> dict[str, Any]:
    """A hook of drf-spectacular."""
    for shape, field, schema in _fields(result["components"]["schemas"]):
        _say(schema, FIELDS.get(f"{shape}.{field}") or FIELDS.get(field))
    for operation in (one for path in result["paths"].values() for one in path.values()):
        for parameter in operation.get("parameters", ()):
            _say(parameter, PARAMETERS.get(parameter["name"]))
        for status, answer in operation["responses"].items():
            _say(answer, ANSWERS.get(status))
    return result


def _fields(schemas: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for shape, schema in schemas.items():
        for field, found in schema.get("properties", {}).items():
            yield shape, field, found


def _say(schema: dict[str, Any], told: Any) -> None:
    if told and not schema.get("description"):
        schema["description"] = str(told)
