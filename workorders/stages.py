"""How the later stages add to a step without being imported: what it asks for, and the record they keep of it.

A stage calls these while its app gets ready; `perform()` and the console look them up here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Protocol

from django import forms
from django.db.models import Prefetch, Q
from django.utils.functional import Promise

if TYPE_CHECKING:
    from workorders.models import Event, User, WorkOrder


class Record(Protocol):
    """Writes a stage's record of a step, inside the transaction, after the order moved and before its clocks start."""

    def __call__(self, event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None: ...


class Refusal(Protocol):
    """Why a step cannot be done on this order now, in a sentence; none where it can."""

    def __call__(self, order: "WorkOrder", *, now: datetime) -> "str | Promise | None": ...


class Facts(Protocol):
    """What the event says beyond what was typed, before the order's clocks move."""

    def __call__(self, order: "WorkOrder", *, now: datetime) -> dict[str, Any]: ...


class Fulfils(Protocol):
    """Whether what was done is what the step's clocks ask for: only then do they stop."""

    def __call__(self, event: "Event", cleaned: dict[str, Any]) -> bool: ...


class After(Protocol):
    """Follows each step, inside the transaction, after its own record."""

    def __call__(self, event: "Event", *, now: datetime) -> None: ...


@dataclass
class StageStep:
    form: type[Any] | None = None
    record: Record | None = None
    refusal: Refusal | None = None
    facts: Facts | None = None
    fulfils: Fulfils | None = None
    labels: dict[str, Any] = field(default_factory=dict)  # of the facts, for people: words, or a field with choices


_steps: dict[str, StageStep] = {}
_co_handling: list[Callable[[Any], Q]] = []
_consulted: list[Callable[[Any], Q]] = []
_shared: list[Callable[[Any], Q]] = []
_after_each: list[After] = []
_waiting: list[Callable[[Any], Q]] = []
_resting: list[Callable[[Any, datetime], Q]] = []
_beside: list[Callable[[], Prefetch]] = []
_hiding: list[Callable[[Any, Any], bool]] = []


def step(
    name: str,
    *,
    form: type[forms.Form] | None = None,
    record: Record | None = None,
    refusal: Refusal | None = None,
    facts: Facts | None = None,
    fulfils: Fulfils | None = None,
    labels: dict[str, Any] | None = None,
) -> None:
    _steps[name] = StageStep(form, record, refusal, facts, fulfils, labels or {})


def of_step(name: str) -> StageStep:
    return _steps.get(name, StageStep())


def refusal_of(name: str, order: "WorkOrder", *, now: datetime) -> "str | Promise | None":
    refusal = of_step(name).refusal
    return refusal(order, now=now) if refusal else None


def facts_of(name: str, order: "WorkOrder", *, now: datetime) -> dict[str, Any]:
    facts = of_step(name).facts
    return facts(order, now=now) if facts else {}


def fulfils(event: "Event", cleaned: dict[str, Any]) -> bool:
    judge = of_step(event.step).fulfils
    return judge is None or judge(event, cleaned)


def after_each(follow: After) -> None:
    if follow not in _after_each:
        _after_each.append(follow)


def follow(event: "Event", *, now: datetime) -> None:
    for after in _after_each:
        after(event, now=now)


def waiting(condition: Callable[[Any], Q]) -> None:
    """`condition(user)` selects orders that wait for this user because of what stands beside them."""
    if condition not in _waiting:
        _waiting.append(condition)


def waiting_for(user: "User") -> Iterator[Q]:
    return (condition(user) for condition in _waiting)


def resting(condition: Callable[[Any, datetime], Q]) -> None:
    """`condition(user, now)` selects orders that are not this user's next one yet: what they wait for has not come."""
    if condition not in _resting:
        _resting.append(condition)


def at_rest(user: "User", now: datetime) -> Q:
    return reduce(or_, (condition(user, now) for condition in _resting), Q(pk__in=[]))


def beside(records: Callable[[], Prefetch]) -> None:
    """Records of the stage that an order's page reads at once with the order: one query, however many look at them."""
    if records not in _beside:
        _beside.append(records)


def all_beside() -> list[Prefetch]:
    return [records() for records in _beside]


def co_handling(condition: Callable[[Any], Q]) -> None:
    """`condition(units)` selects the orders these units co-handle."""
    _co_handling[:] = [condition]


def co_handled_by(units: Any) -> Q:
    return _co_handling[0](units) if _co_handling else Q(pk__in=[])


def consulting(condition: Callable[[Any], Q]) -> None:
    """`condition(units)` selects the orders about which these units are asked for their opinion."""
    _consulted[:] = [condition]


def consulted(units: Any) -> Q:
    return _consulted[0](units) if _consulted else Q(pk__in=[])


def sharing(condition: Callable[[Any], Q]) -> None:
    """`condition(units)` selects orders that these units see although they do not lead them."""
    if condition not in _shared:
        _shared.append(condition)


def shared_with(units: Any) -> Q:
    return reduce(or_, (condition(units) for condition in _shared), Q(pk__in=[]))


def hiding(rule: Callable[[Any, Any], bool]) -> None:
    """`rule(order, user)` says whether the people under the order wish to stay unknown to this user."""
    _hiding[:] = [rule]


def hides_people(order: "WorkOrder", user: "User") -> bool:
    return any(rule(order, user) for rule in _hiding)
