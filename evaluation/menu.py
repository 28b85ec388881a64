"""The administration's menu: what a supervisor works at comes first, then everything else as it was."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from evaluation import dashboard

FIRST = ("Alert", "Slip", "Rectification", "Accountability", "Threshold", "Policy")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """unfold's groups of items, of what this user may open."""
    apps = admin.site.get_app_list(request)
    models = {model["object_name"]: model for app in apps for model in app["models"]}
    first = [_item(models[name]) for name in FIRST if name in models]
    top = [_to_the_dashboard()] if dashboard.is_for(request.user) else []
    groups = [{"title": _("Supervisors' desks"), "items": top + first}] if top else []
    return groups + [{"title": app["name"], "items": _rest(app, bool(top))} for app in apps]


def _rest(app: dict[str, Any], shown_first: bool) -> list[dict[str, Any]]:
    taken = FIRST if shown_first else ()
    return [_item(model) for model in app["models"] if model["object_name"] not in taken]


def _item(model: dict[str, Any]) -> dict[str, Any]:
    return {"title": model["name"], "link": model["admin_url"]}


def _to_the_dashboard() -> dict[str, Any]:
    index = reverse("admin:index")
    return {"title": _("Dashboard"), "link": index, "active": lambda request: request.path == index}
