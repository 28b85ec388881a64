"""Each step as an operation of its own in the OpenAPI document: what it asks for is derived from its form."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

from workorders.api import parts
from workorders.api.asked import example_of, fields_of, object_schema
from workorders.api.examples import DONE, answered
from workorders.api.schema import FORM, JSON, ApiSchema
from workorders.api.serializers import DoneSerializer
from workorders.lifecycle import ActsFor, Role, steps_of
from workorders.models import WorkOrder
from workorders.transitions import STEPS, form_of

VERSION = {"type": "integer", "minimum": 1, "description": "Refused with 409 where the order has another version"}
TARGETS = {name: targets for name, _step, targets in steps_of(WorkOrder)}
DOERS = {
    ActsFor.HOTLINE: "the hotline",
    ActsFor.LEAD: "the lead unit",
    ActsFor.CO_HANDLING: "a co-handling unit",
    ActsFor.CONSULTED: "a unit that takes part in the joint meeting",
    ActsFor.HANDLING: "the hotline or a unit that has the order in hand",
    ActsFor.HIGHER: "a body above the lead unit",
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "sign": {"version": 4},
    "contact": {"way": "phone", "text": "已电话联系诉求人，约定今天下午到现场查看。"},
    "report": {"solved": "yes", "text": "已到现场核查并完成整改，后续加强巡查。"},
    "reveal": {"reason": "回拨电话核实点位"},
}


class StepSchema(ApiSchema):
    @property
    def step(self) -> str:
        view: Any = self.view
        return view.step

    def is_excluded(self) -> bool:
        """The address that takes any step's name stands for those that have one of their own."""
        return not self.step

    def get_operation_id(self) -> str:
        return f"step_{self.step}"

    def get_summary(self) -> str:
        return str(STEPS[self.step].label)

    def get_description(self) -> str:  # type: ignore[override]
        step, targets = STEPS[self.step], TARGETS[self.step]
        roles = ", ".join(str(Role(role).label) for role in step.roles)
        moves = "; ".join(f"`{source}` → `{target}`" for source, target in targets.items())
        lines = [getattr(WorkOrder, self.step).__doc__ or "", f"Done for {DOERS[step.acts_for]} by: {roles}.", moves]
        return "\n\n".join(line.strip() for line in lines if line.strip())

    def get_request_serializer(self) -> Any:
        fields = fields_of(form_of(self.step), STEPS[self.step])
        without = {name: field for name, field in fields.items() if name != "files"}
        bodies = {JSON: object_schema(without, {"version": VERSION})}
        return (
            {**bodies, FORM: object_schema(fields, {"version": VERSION}, nullable=False)}
            if "files" in fields
            else bodies
        )

    def get_examples(self) -> list[OpenApiExample]:
        value = EXAMPLES.get(self.step) or example_of(fields_of(form_of(self.step), STEPS[self.step])) or {"version": 4}
        sent = OpenApiExample(self.step, value, request_only=True, media_type=JSON)
        return [sent, answered(DONE)] if self.step == "sign" else [sent]

    def answers(self) -> dict[Any, Any]:
        answer = parts.answer_of(self.step)
        if answer is None:
            return {200: DoneSerializer}
        name = "".join(word.capitalize() for word in self.step.split("_"))
        return {200: type(f"{name}DoneSerializer", (DoneSerializer,), {answer.name: answer.serializer})}
