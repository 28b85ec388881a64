"""What a form asks for, as JSON Schema: for `actions`, for the OpenAPI document, and to refuse other kinds of values."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext as _

from workorders.forms import CodeField, CodesField, FilesField, OrderField, StepForm
from workorders.lifecycle import Step

NAMED = {"Unit": "units", "Category": "categories", "Area": "areas"}
KINDS: list[tuple[type[forms.Field], dict[str, Any]]] = [
    (forms.DateTimeField, {"type": "string", "format": "date-time"}),
    (forms.DateField, {"type": "string", "format": "date"}),
    (forms.TimeField, {"type": "string", "format": "time"}),
    (forms.BooleanField, {"type": "boolean"}),
    (forms.FloatField, {"type": "number"}),
    (forms.DecimalField, {"type": "string", "format": "decimal"}),
    (forms.IntegerField, {"type": "integer"}),
]
PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
}


def schema_of(field: forms.Field) -> dict[str, Any]:
    """The JSON Schema of one field's values."""
    found = _kind(field)
    items = found["items"] if found.get("type") == "array" else found
    if isinstance(field, forms.ChoiceField):
        items["enum"] = [str(value) for value, _label in _choices(field)]
        if not field.required and not isinstance(field, forms.MultipleChoiceField):
            items["enum"] = list(dict.fromkeys([*items["enum"], ""]))
    if isinstance(field, forms.RegexField):
        found["pattern"] = field.regex.pattern if field.required else f"^$|{field.regex.pattern}"
    limits = [one.limit_value for one in field.validators if isinstance(one, MaxLengthValidator)]
    if limits and items is found:
        found["maxLength"] = min(limits)
    for bound, name in (("min_value", "minimum"), ("max_value", "maximum")):
        if isinstance(field, forms.IntegerField) and getattr(field, bound) is not None:
            found[name] = getattr(field, bound)
    if field.required and found["type"] == "string" and "format" not in found and "enum" not in found:
        found["minLength"] = 1
    if field.required and found["type"] == "array":
        found["minItems"] = 1
    return found


def _kind(field: forms.Field) -> dict[str, Any]:
    if isinstance(field, FilesField):
        return {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}}
    if isinstance(field, CodesField | forms.MultipleChoiceField):
        return {"type": "array", "items": {"type": "string"}}
    for kind, schema in KINDS:
        if isinstance(field, kind):
            return dict(schema)
    return {"type": "string"}


def described(field: forms.Field) -> str:
    """In words: label, help, what the choices mean, where the codes come from."""
    lines = [str(field.label or "")]
    if field.help_text:
        lines.append(str(field.help_text))
    if isinstance(field, CodeField):
        lines.append(_("Codes: GET /api/v1/%(list)s/") % {"list": NAMED.get(field.model, field.model)})
    if isinstance(field, OrderField):
        lines.append(_("The number of an order"))
    if isinstance(field, forms.ChoiceField):
        lines += [f"`{value}` {label}" for value, label in _choices(field) if value]
    return "; ".join(line for line in lines if line)


def _choices(field: forms.ChoiceField) -> list[tuple[Any, Any]]:
    flat: list[tuple[Any, Any]] = []
    choices: Any = field.choices
    for value, label in choices:
        flat += label if isinstance(label, list | tuple) else [(value, label)]
    return flat


EXAMPLES = {"Unit": "J110105009", "Category": "020101", "Area": "110105009"}
SAMPLES = {
    "date": "2026-11-30",
    "date-time": "2026-11-30T10:00:00+08:00",
    "time": "10:00",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "string": "情况说明",
}


def example_of(fields: dict[str, forms.Field]) -> dict[str, Any]:
    """A body with all that is required."""
    return {name: _sample(field) for name, field in fields.items() if field.required}


def _sample(field: forms.Field) -> Any:
    schema = schema_of(field)
    one = schema["items"] if schema["type"] == "array" else schema
    if isinstance(field, OrderField):
        found: Any = "2611220000427"
    elif isinstance(field, CodeField):
        found = EXAMPLES[field.model]
    else:
        found = one["enum"][0] if one.get("enum") else SAMPLES[one.get("format", one["type"])]
    return [found] if one is not schema else found


def asked_by(form: forms.BaseForm) -> list[dict[str, Any]]:
    """`actions[].fields`: name, label, whether it is required, and its schema."""
    return [
        {
            "name": name,
            "label": str(field.label or name),
            "description": described(field),
            "required": field.required,
            "schema": schema_of(field),
        }
        for name, field in form.fields.items()
    ]


def fields_of(form: type[StepForm], step: Step) -> dict[str, forms.Field]:
    """What a step's form asks for, known without an order: for the schema."""
    fields: dict[str, forms.Field] = dict(form.base_fields)
    bare = StepForm(order=None, step=step, actor=None)  # type: ignore[arg-type]
    return {**fields, **{name: field for name, field in bare.fields.items() if name not in fields}}


def object_schema(
    fields: dict[str, forms.Field], extra: dict[str, Any] | None = None, *, nullable: bool = True
) -> dict[str, Any]:
    """In JSON, null is the same as leaving a field out; a form has no null."""
    shapes = {name: schema_of(field) for name, field in fields.items()}
    if nullable:
        shapes |= {name: _or_null(shapes[name]) for name, field in fields.items() if not field.required}
    properties = {name: {**shapes[name], "description": described(field)} for name, field in fields.items()}
    required = [name for name, field in fields.items() if field.required]
    found: dict[str, Any] = {
        "type": "object",
        "properties": {**properties, **(extra or {})},
        "additionalProperties": False,
    }
    return {**found, "required": required} if required else found


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **enum}


def misfits(fields: dict[str, forms.Field], given: dict[str, Any]) -> dict[str, list[str]]:
    """Values of another JSON type than the one asked for. Forms would take `5` for the text "5"."""
    return {
        name: [_("This is not a value of the kind that is asked for.")]
        for name, value in given.items()
        if name in fields and not _fits(value, schema_of(fields[name]), fields[name].required)
    }


def _fits(value: Any, schema: dict[str, Any], required: bool) -> bool:
    if value is None:
        return not required
    kinds = PYTHON[schema["type"]]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return False
    if value == "" and "format" in schema:
        return False
    return not isinstance(value, list) or all(_fits(one, schema["items"], True) for one in value)


def plain(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An absent value and null are the same to a form."""
    return {name: value for name, value in values if value is not None}
