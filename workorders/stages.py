"""How the later stages add to a step without being imported: what it asks for, and the record they keep of it.

A stage calls `step()` and `co_handling()` while its app gets ready; `perform()` and the console look them up here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from django import forms
from django.db.models import Q

if TYPE_CHECKING:
    from workorders.models import Event


class Record(Protocol):
    """Writes a stage's record of a step, inside the transaction, after the order moved and before its clocks start."""

    def __call__(self, event: "Event", cleaned: dict[str, Any], *, now: datetime) -> None: ...


@dataclass
class StageStep:
    form: type[Any] | None = None
    record: Record | None = None


_steps: dict[str, StageStep] = {}
_co_handling: list[Callable[[Any], Q]] = []


def step(name: str, *, form: type[forms.Form] | None = None, record: Record | None = None) -> None:
    _steps[name] = StageStep(form, record)


def of_step(name: str) -> StageStep:
    return _steps.get(name, StageStep())


def co_handling(condition: Callable[[Any], Q]) -> None:
    """`condition(units)` selects the orders these units co-handle."""
    _co_handling[:] = [condition]


def co_handled_by(units: Any) -> Q:
    return _co_handling[0](units) if _co_handling else Q(pk__in=[])
