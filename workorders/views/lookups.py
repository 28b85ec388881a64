from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache

from workorders import panels
from workorders.models import Area, Category, Unit
from workorders.refusals import NotVisible

LISTS = {
    "category": Category.objects.filter(children=None),
    "area": Area.objects.exclude(level=Area.Level.CITY),
    "unit": Unit.objects.exclude(kind=Unit.Kind.CITY),
}


@login_required
@cache_control(private=True, max_age=300)
def lookup(request: HttpRequest, name: str) -> HttpResponse:
    """The options of an input with a list: every active row once, fetched by the page when it is first needed."""
    if name not in LISTS:
        raise NotVisible
    rows = LISTS[name].filter(is_active=True).select_related("parent__parent")
    return render(request, "workorders/_options.html", {"rows": rows})


@login_required
@never_cache
def banners(request: HttpRequest) -> HttpResponse:
    found = panels.banners_of(request.user, timezone.now())
    return render(request, "workorders/_banners.html", {"banners": found})
