"""Ctrl+K: pages, orders, views and filters by a few letters. What the page itself offers is found by the page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from workorders import panels, search, selectors
from workorders.masking import masked
from workorders.models import Category, Unit, User, WorkOrder
from workorders.pinyin import spelled
from workorders.views import saved
from workorders.views.request import StaffRequest

MOST_ORDERS, MOST_FILTERS = 8, 3


@dataclass(frozen=True)
class Row:
    label: str
    address: str
    icon: str
    more: str = ""


@login_required
@never_cache
@require_POST
def palette(request: StaffRequest) -> HttpResponse:
    """What was typed is not in the address, for it may be a telephone."""
    words = " ".join(request.POST.get("q", "").replace("\0", " ").split())[:100]
    found = {
        _("Work orders"): _orders(request.user, words),
        _("Pages of the console"): _pages(request.user, words),
        _("Saved views"): _views(request.user, words),
        _("Filters"): _filters(words),
    }
    groups = {label: rows for label, rows in found.items() if rows}
    return render(request, "workorders/_palette.html", {"groups": groups, "total": sum(map(len, groups.values()))})


def _pages(user: User, words: str) -> list[Row]:
    """By name, address or pinyin: the keyboard may stand on Latin letters."""
    pages = [Row(_("Work orders"), reverse("orders"), "list-details")]
    pages += [Row(str(entry.label), reverse(entry.url_name), entry.icon) for entry in panels.entries_of(user)]
    if user.is_staff:
        pages.append(Row(_("Administration"), reverse("admin:index"), "settings"))
    return [page for page in pages if _holds(words, page.label, page.address, spelled(page.label))]


def _orders(user: User, words: str) -> list[Row]:
    if len(words) < 2:
        return []
    found = _wanted(user, words).order_by("-id").only("number", "title", "status", "is_history")[:MOST_ORDERS]
    return [Row(f"{one.spoken_number} {masked(one.title)}", _page(one), "file-text", one.state) for one in found]


def _wanted(user: User, words: str) -> Any:
    """As the search bar finds them."""
    orders, known = WorkOrder.objects.visible_to(user), selectors.found_by_stages(user, words)
    if known is None:
        return search.matching(orders, words)
    form = selectors.FilterForm(known)
    form.is_valid()
    return selectors.narrowed(orders, user, form.cleaned_data, timezone.now())


def _page(order: WorkOrder) -> str:
    return reverse("order", args=[order.number])


def _views(user: User, words: str) -> list[Row]:
    views = saved.views_of(user)
    return [Row(one.name, f"{reverse('orders')}?{one.query}", "bookmark") for one in views if _holds(words, one.name)]


def _filters(words: str) -> list[Row]:
    if len(words) < 2:
        return []
    named = Q(name__icontains=words) | Q(code__startswith=words)
    units = Unit.objects.filter(named, is_active=True)[:MOST_FILTERS]
    categories = Category.objects.filter(named, is_active=True)[:MOST_FILTERS]
    return [*_narrowed(units, "unit", _("Unit")), *_narrowed(categories, "category", _("Category"))]


def _narrowed(rows: Iterable[Any], field: str, label: str) -> Iterable[Row]:
    for row in rows:
        query = urlencode({"view": "open", field: f"{row.code} {row.name}"})
        yield Row(str(row), f"{reverse('orders')}?{query}", "filter", label)


def _holds(words: str, *texts: str) -> bool:
    return any(words.lower() in text.lower() for text in texts)
