"""The words a reply begins with: headings, what the order says already, and what each kind of reply has to say."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import TextChoices
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dispatch import replies
from intake.ways import way_of
from workorders.lifecycle import Kind
from workorders.masking import masked
from workorders.moments import spelled


class ReplyKind(TextChoices):
    CONSULTATION = "consultation", gettext_lazy("Reply to a consultation")
    SOLVED = "solved", gettext_lazy("Solved")
    UNSOLVED = "unsolved", gettext_lazy("Not solved, with the reason and another way")
    COMPLAINT = "complaint", gettext_lazy("Reply to a complaint or a report of a wrong")
    SUGGESTION = "suggestion", gettext_lazy("Reply to a suggestion")


LABELS = {
    "salutation": gettext_lazy("Salutation and thanks"),
    "received": gettext_lazy("1. What was received"),
    "investigation": gettext_lazy("2. Investigation: way, facts, legal basis"),
    "opinion": gettext_lazy("3. Opinion: result, why not, or what else"),
    "follow_up": gettext_lazy("4. What follows: way of appeal, contact person and telephone"),
    "signature": gettext_lazy("Unit and date"),
}
KIND_OF: dict[str, ReplyKind] = {
    Kind.CONSULTATION: ReplyKind.CONSULTATION,
    Kind.HELP: ReplyKind.SOLVED,
    Kind.COMPLAINT: ReplyKind.COMPLAINT,
    Kind.REPORT: ReplyKind.COMPLAINT,
    Kind.SUGGESTION: ReplyKind.SUGGESTION,
}


def headings() -> dict[str, str]:
    """In the city's language: the letter goes to the complainant, whoever writes it."""
    with translation.override(settings.LANGUAGE_CODE):
        return {
            "salutation": _("Salutation"),
            "received": _("1. Your appeal"),
            "investigation": _("2. Investigation"),
            "opinion": _("3. Opinion"),
            "follow_up": _("4. What follows"),
            "signature": _("Unit and date of the letter"),
        }


def begun(order: Any, actor: Any, now: datetime) -> str:
    """The letter with all that the order says, and placeholders for what only the handler knows."""
    with translation.override(settings.LANGUAGE_CODE):
        parts = {**_known(order, actor, now), **_to_say(KIND_OF[order.kind])}
    return replies.compose(parts, headings())


def _known(order: Any, actor: Any, now: datetime) -> dict[str, str]:
    appeal = order.appeals.first()
    received = {
        "date": _day(appeal.received_at if appeal else order.registered_at),
        "way": way_of(appeal),
        "title": masked(order.title),
        "number": order.spoken_number,
    }
    return {
        "salutation": _("Dear citizen:\nThank you for your trust in the 12345 hotline and in our work."),
        "received": _received_by(appeal) % received,
        "follow_up": _(
            "If you do not agree with this result, call 12345 and say so; the next higher body will review it. "
            "Contact: %(name)s, telephone %(telephone)s."
        )
        % _contact(actor),
        "signature": f"{order.lead_unit or ''}\n{_day(now)}",
    }


def _received_by(appeal: Any) -> str:
    if appeal and appeal.channel == appeal.Channel.TRANSFER:
        return _("Another body passed on what you told it on %(date)s: “%(title)s” (work order %(number)s).")
    return _("On %(date)s you told us %(way)s: “%(title)s” (work order %(number)s).")


def _contact(actor: Any) -> dict[str, Any]:
    missing = {"name": _("【contact person】"), "telephone": _("【telephone】")}
    return {"name": actor or missing["name"], "telephone": getattr(actor, "telephone", "") or missing["telephone"]}


def _to_say(kind: str) -> dict[str, str]:
    way = _("We looked into it by 【visit on site, telephone, files】 on 【day】. ")
    basis = _(" The legal basis is 【law and article】.")
    return {
        ReplyKind.CONSULTATION: {
            "investigation": _("We checked the rules in force: 【law, policy or procedure, with its article】."),
            "opinion": _("To your question: 【the answer】. To do so you need 【place, papers, time】."),
        },
        ReplyKind.SOLVED: {
            "investigation": way + _("We found 【facts】.") + basis,
            "opinion": _("On 【day】 we 【what was done】; the matter is solved."),
        },
        ReplyKind.UNSOLVED: {
            "investigation": way + _("We found 【facts】.") + basis,
            "opinion": _(
                "It cannot be solved now because 【reason】. Instead we 【what is done instead, until when】."
            ),
        },
        ReplyKind.COMPLAINT: {
            "investigation": way
            + _("What you reported 【is so, is so in part, could not be found】: 【facts】.")
            + basis,
            "opinion": _("We 【decision, order or penalty】 and will 【how it is kept from happening again】."),
        },
        ReplyKind.SUGGESTION: {
            "investigation": _("We studied your suggestion together with 【departments】: 【what they found】."),
            "opinion": _("We 【take it up, take it up in part, cannot take it up】: 【plan or reason】."),
        },
    }[ReplyKind(kind)]


def skeletons() -> dict[str, dict[str, str]]:
    """What each kind of reply has to say, for the form to change over."""
    with translation.override(settings.LANGUAGE_CODE):
        return {str(kind): _to_say(kind) for kind in ReplyKind}


def _day(instant: datetime) -> str:
    return spelled(timezone.localdate(instant))
