"""What later stages add to the API's orders without being imported: parts of an order, and of a step's answer.

The counterpart of `workorders/panels.py`: a stage calls `add_part()` and `add_answer()` while its app gets ready.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rest_framework.serializers import BaseSerializer

Select = Callable[[Any, Any], Any]  # (order, user) → what the serializer shows


@dataclass(frozen=True)
class Part:
    name: str
    serializer: BaseSerializer[Any]
    select: Select

    def shown(self, order: Any, user: Any) -> Any:
        return self.serializer.to_representation(self.select(order, user))


_parts: dict[str, Part] = {}
_answers: dict[str, Part] = {}


def add_part(name: str, serializer: BaseSerializer[Any], select: Select) -> None:
    """Every order that is read by its number has it."""
    _parts[name] = Part(name, serializer, select)


def add_answer(step: str, name: str, serializer: BaseSerializer[Any], select: Select) -> None:
    """The answer to the step has it, once, beside event and order."""
    _answers[step] = Part(name, serializer, select)


def parts() -> list[Part]:
    return list(_parts.values())


def answer_of(step: str) -> Part | None:
    return _answers.get(step)
