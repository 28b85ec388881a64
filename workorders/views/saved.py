"""Saving the list as it is, for oneself or for the unit."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from workorders.columns import ListForm
from workorders.models import SavedView, User
from workorders.refusals import Invalid, NotVisible
from workorders.views import sought
from workorders.views.request import StaffRequest

MOST = 30


class SaveForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name of the view"), max_length=40)
    shared = forms.BooleanField(label=gettext_lazy("For all of my unit"), required=False)
    query = forms.CharField(max_length=2000, required=False, strip=False)

    def clean_query(self) -> str:
        """Only what the list knows: a view must not become a way to anywhere else."""
        given = QueryDict(self.cleaned_data["query"])
        if "sought" in given or sought.is_personal(given.get("q", "")):
            raise forms.ValidationError(_("A view does not keep a number that may be a person's."))
        form = ListForm(given)
        if not form.is_valid():
            raise forms.ValidationError([error for errors in form.errors.values() for error in errors])
        kept = QueryDict(mutable=True)
        for name in form.fields:
            kept.setlist(name, [value for value in given.getlist(name) if value])
        return kept.urlencode()


def views_of(user: User) -> QuerySet[SavedView]:
    shared = Q(unit=user.unit) if user.unit else Q(pk__in=[])
    return SavedView.objects.filter(Q(owner=user) | shared)


@login_required
@require_POST
def save(request: StaffRequest) -> HttpResponse:
    form = SaveForm(request.POST)
    if not form.is_valid():
        raise Invalid(fields={name: [str(one) for one in found] for name, found in form.errors.items()})
    _keep(request.user, form.cleaned_data)
    messages.success(request, _("The view “%(name)s” is kept.") % {"name": form.cleaned_data["name"]})
    return redirect(f"{reverse('orders')}?{form.cleaned_data['query']}")


def _keep(user: User, given: dict[str, Any]) -> None:
    """Under a name that is there already it takes the other's place."""
    others = SavedView.objects.filter(owner=user).exclude(name=given["name"])
    if others.count() >= MOST:
        raise Invalid(fields={"name": [_("You keep at most %(most)s views. Remove one first.") % {"most": MOST}]})
    unit = user.unit if given["shared"] else None
    SavedView.objects.update_or_create(owner=user, name=given["name"], defaults={"query": given["query"], "unit": unit})


@login_required
@require_POST
def remove(request: StaffRequest, pk: int) -> HttpResponse:
    removed, _rows = SavedView.objects.filter(owner=request.user, pk=pk).delete()
    if not removed:
        raise NotVisible(_("There is no such view of yours."))
    messages.success(request, _("The view is removed."))
    return redirect("orders")
