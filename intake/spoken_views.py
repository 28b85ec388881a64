"""What the caller's words say while they are typed: danger, and a title for the order."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from intake.danger import danger_in, named
from intake.titles import made_title
from workorders.forms import CodeField
from workorders.lifecycle import Role
from workorders.views.access import for_hotline
from workorders.views.request import StaffRequest


class SpokenForm(forms.Form):
    """What is typed so far; what cannot be read yet counts as not there."""

    matter = forms.CharField(required=False, max_length=20_000)
    address = forms.CharField(required=False, max_length=200)
    category = CodeField("Category", required=False)


@never_cache
@for_hotline(Role.OPERATOR)
@require_POST
def spoken_of(request: StaffRequest) -> HttpResponse:
    return render(request, "intake/_danger.html", spoken(request.POST))


def spoken(posted: Any) -> dict[str, Any]:
    form = SpokenForm(posted)
    form.is_valid()
    matter, category = form.cleaned_data.get("matter", ""), form.cleaned_data.get("category")
    title = (
        made_title(matter, form.cleaned_data.get("address", ""), category.name if category else "") if matter else ""
    )
    return {"dangers": named(danger_in(matter)), "made_title": title}
