"""What a POST brings: its fields, and the same checked by a form that belongs to no step."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.request import Request

from workorders.api.asked import misfits, plain
from workorders.api.errors import invalid
from workorders.api.input import refuse_unknown


def body(request: Request) -> dict[str, Any]:
    """A JSON object, or the fields of a form."""
    if isinstance(request.data, QueryDict):
        return {name: request.data.getlist(name) for name in request.data if name not in request.FILES}
    if not isinstance(request.data, dict):
        raise invalid({"": [_("A JSON object is asked for.")]})
    return dict(request.data)


def cleaned(request: Request, form: type[forms.Form]) -> dict[str, Any]:
    """Raises `invalid` with the fields: names that the form does not know, other kinds of values, its own errors."""
    data = body(request)
    refuse_unknown(data, form.base_fields)
    wrong = misfits(form.base_fields, data)
    filled = None if wrong else form(plain(data.items()))
    if filled is None or not filled.is_valid():
        errors = filled.errors if filled else {}
        raise invalid(wrong or {name: [str(one) for one in found] for name, found in errors.items()})
    return filled.cleaned_data
