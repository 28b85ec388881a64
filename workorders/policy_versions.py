"""From a proposal to a rule in force: one person proposes a version, another one approves it (two persons, 双人复核).

Whoever keeps the rule book is an administrator or a supervisor of the city's hotline.
"""

import json
import re
import tomllib
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workorders.lifecycle import Role
from workorders.models import Policy, User
from workorders.policy import SECTIONS, default_document, problems_of
from workorders.refusals import Invalid, NotAllowed, NotVisible, WrongState

State = Policy.State
KEEPERS = (Role.ADMINISTRATOR, Role.SUPERVISOR)
PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")  # in the words of tomllib
LONGEST_TEXT = 100_000
LONGEST_TITLE = 120
NOT_A_KEEPER = gettext_lazy("Only administrators and supervisors of the hotline keep the rule book.")
NOT_THE_SECOND = gettext_lazy("You proposed this version. Somebody else has to decide on it.")
NOT_THE_FIRST = gettext_lazy("Only who proposed a version withdraws it.")
DECIDED = gettext_lazy("This version has been decided already.")
IN_THE_PAST = gettext_lazy("The effective date lies in the past: no order runs under a rule that nobody could know.")
NO_REASON = gettext_lazy("Give a reason: who proposed it will read it.")


def keeps_policy(user: Any) -> bool:
    if not user.is_active:
        return False
    at_hotline = user.unit is not None and user.unit.kind == "city"
    return user.is_superuser or (at_hotline and user.has_role(*KEEPERS))


def acts_of(policy: Policy, user: Any) -> list[str]:
    """What this person may do with this version now."""
    if policy.state != State.PROPOSED or not keeps_policy(user):
        return []
    return ["withdraw"] if policy.created_by_id == user.pk else ["approve", "reject"]


# Propose


def read(text: str) -> tuple[dict[str, Any], list[str]]:
    """(the document of a TOML text, what is wrong with it): a mistake of form with its line and column."""
    if len(text) > LONGEST_TEXT:
        return {}, [_("The text is longer than %(most)s characters.") % {"most": LONGEST_TEXT}]
    try:
        document = tomllib.loads(text)
    except ValueError as problem:  # of tomllib, or of a number that has too many digits
        return {}, [_not_toml(str(problem))]
    except RecursionError:
        return {}, [_not_toml(_("too many brackets in one another"))]
    return document, problems_of(document) + _problems_of_what_is_kept(document)


def _not_toml(problem: str) -> str:
    place = PLACE.search(problem)
    if place is None:
        return _("This is not TOML: %(problem)s") % {"problem": problem}
    facts = {"line": place[1], "column": place[2], "problem": problem[: place.start()].strip()}
    return _("Line %(line)s, column %(column)s: this is not TOML. %(problem)s") % facts


def _problems_of_what_is_kept(document: dict[str, Any]) -> list[str]:
    known = {*SECTIONS, *default_document()}
    problems = [_("%(path)s: there is no such section.") % {"path": name} for name in document if name not in known]
    title = document.get("title")
    if not isinstance(title, str) or not 0 < len(title.strip()) <= LONGEST_TITLE:
        problems.append(_("title: a text of at most %(most)s characters is needed.") % {"most": LONGEST_TITLE})
    if not _can_be_stored(document):
        problems.append(_("The document holds a date, an endless number or a character that cannot be stored."))
    return problems


def _can_be_stored(document: dict[str, Any]) -> bool:
    try:
        return "\\u0000" not in json.dumps(document, allow_nan=False)
    except (TypeError, ValueError):
        return False


@transaction.atomic
def propose(text: str, effective_from: datetime, *, purpose: str, actor: User, now: datetime) -> Policy:
    if not keeps_policy(actor):
        raise NotAllowed(NOT_A_KEEPER)
    document, problems = read(text)
    fields = {"source": problems} if problems else {}
    if effective_from < now:
        fields["effective_from"] = [str(IN_THE_PAST)]
    if fields:
        raise Invalid(fields=fields)
    return Policy.objects.create(
        version=_next_version(),
        title=document["title"].strip(),
        source=text,
        document=document,
        effective_from=effective_from,
        purpose=purpose,
        created_by=actor,
        created_at=now,
    )


def _next_version() -> int:
    """One at a time: who proposes holds the first version's row."""
    Policy.objects.select_for_update().order_by("version").first()
    latest: int | None = Policy.objects.aggregate(latest=Max("version"))["latest"]
    return (latest or 0) + 1


# Decide


def approve(policy_id: int, *, actor: User, now: datetime, words: str = "") -> Policy:
    return _decide(policy_id, "approve", State.APPROVED, actor, now, words)


def reject(policy_id: int, *, actor: User, now: datetime, words: str) -> Policy:
    return _decide(policy_id, "reject", State.REJECTED, actor, now, words)


def withdraw(policy_id: int, *, actor: User, now: datetime, words: str) -> Policy:
    return _decide(policy_id, "withdraw", State.WITHDRAWN, actor, now, words)


@transaction.atomic
def _decide(policy_id: int, act: str, state: State, actor: User, now: datetime, words: str) -> Policy:
    policy = Policy.objects.select_for_update().filter(pk=policy_id).first()
    if policy is None:
        raise NotVisible(_("There is no such policy version."))
    _check(policy, act, actor, now, words)
    policy.state, policy.decided_by, policy.decided_at, policy.decision = state, actor, now, words.strip()
    policy.save(update_fields=["state", "decided_by", "decided_at", "decision"])
    return policy


def _check(policy: Policy, act: str, actor: User, now: datetime, words: str) -> None:
    if not keeps_policy(actor):
        raise NotAllowed(NOT_A_KEEPER)
    if policy.state != State.PROPOSED:
        raise WrongState(DECIDED)
    if act not in acts_of(policy, actor):
        raise NotAllowed(NOT_THE_FIRST if act == "withdraw" else NOT_THE_SECOND)
    if act == "approve":
        _check_still_right(policy, now)
    elif not words.strip():
        raise Invalid(NO_REASON, fields={"words": [str(NO_REASON)]})


def _check_still_right(policy: Policy, now: datetime) -> None:
    """The day may have come, or the rules of a document changed, since it was proposed."""
    if policy.effective_from < now:
        raise WrongState(IN_THE_PAST)
    problems = problems_of(policy.document)
    if problems:
        raise WrongState(" ".join(problems))
