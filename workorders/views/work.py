"""New work announces itself: the fragment that every page of the console asks for again and again."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.validators import RegexValidator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from workorders import news
from workorders.views.request import StaffRequest

ASKS_EVERY = 25  # seconds
LARGEST = 2**63 - 1


class AskedForm(forms.Form):
    """What the page has been told already; it comes back as it was given."""

    since = forms.IntegerField(required=False, min_value=0, max_value=LARGEST)
    known = forms.CharField(required=False, max_length=2000, validators=[RegexValidator(r"^\d{1,18}(-\d{1,18})*$")])
    said = forms.CharField(required=False, max_length=20)


@login_required
@never_cache
def work(request: StaffRequest) -> HttpResponse:
    form = AskedForm(request.GET)
    asked: dict[str, Any] = form.cleaned_data if form.is_valid() else {"since": None, "known": "", "said": ""}
    since = asked["since"]
    found = news.read(request.user, since=since, known=map(int, filter(None, asked["known"].split("-"))))
    said = f"{news.bounded(found.waiting)} {news.bounded(len(found.fresh))}"
    if said == asked["said"] and since is not None and found.until - since < news.STEADY:
        return HttpResponse(status=204)
    return render(request, "workorders/_work.html", {"news": found, "said": said, **_shown(found)})


def _shown(found: news.News) -> dict[str, object]:
    return {
        "waiting": news.bounded(found.waiting),
        "fresh": news.bounded(len(found.fresh)),
        "known": "-".join(map(str, found.fresh)),
    }
