"""The rule book's page with what a version would have done, next to the decision on it."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from evaluation import simulations
from evaluation.models import Simulation
from evaluation.simulation_report import report_of
from workorders.lifecycle import ClockKind
from workorders.models import Policy, WorkOrder
from workorders.policy_admin import PolicyAdmin
from workorders.policy_versions import keeps_policy
from workorders.refusals import Refused

admin.site.unregister(Policy)


@admin.register(Policy)
class SimulatedPolicyAdmin(PolicyAdmin):
    page = "evaluation/policy.html"

    def get_urls(self) -> list[URLPattern]:
        simulate = self.admin_site.admin_view(require_POST(self.simulate))
        shown = self.admin_site.admin_view(require_GET(self.simulations))
        return [
            path("<int:pk>/simulate/", simulate, name="workorders_policy_simulate"),
            path("<int:pk>/simulations/", shown, name="workorders_policy_simulations"),
            *super().get_urls(),
        ]

    def context_of(self, request: HttpRequest, policy: Policy) -> dict[str, Any]:
        context = super().context_of(request, policy)
        return {**context, **simulated(policy, request.user)} if context["may_propose"] else context

    def simulate(self, request: HttpRequest, pk: int) -> HttpResponse:
        policy, days = self.found(request, pk), request.POST.get("days", "")
        actor: Any = request.user
        try:
            simulations.ask(policy, int(days) if days.isdecimal() else 0, actor=actor, now=timezone.now())
        except Refused as refusal:
            return self.shown(request, policy, refusal)
        self.message_user(request, _("The simulation begins; its result appears here."))
        return self.to_page(policy)

    def simulations(self, request: HttpRequest, pk: int) -> HttpResponse:
        policy = self.found(request, pk)
        if not keeps_policy(request.user):
            raise PermissionDenied
        context = {"policy": policy, **simulated(policy, request.user)}
        return TemplateResponse(request, "evaluation/_simulations.html", context)


def simulated(policy: Policy, user: Any) -> dict[str, Any]:
    """The last result, and how the last run stands."""
    latest = policy.simulations.first()
    finished = policy.simulations.filter(state=Simulation.State.FINISHED).select_related("asked_by").first()
    context = {
        "choices": simulations.CHOICES,
        "running": latest if latest and latest.is_open else None,
        "failed": latest is not None and latest.state == Simulation.State.FAILED,
    }
    return context | (in_words(finished, user) if finished else {})


def in_words(simulation: Simulation, user: Any) -> dict[str, Any]:
    assert simulation.result is not None, "the database has it so"
    shown = list(turned(simulation.result["listed"], user))
    hidden = sum(simulation.result["turned"].values()) - len(shown)
    return {"finished": simulation, "report": report_of(simulation.result), "turned": shown, "hidden": hidden}


def turned(listed: list[dict[str, Any]], user: Any) -> list[dict[str, Any]]:
    """With the orders that the reader may see: the administrator sees none."""
    orders = WorkOrder.objects.visible_to(user).only("number").in_bulk([one["order"] for one in listed])
    return [
        {
            "order": orders[one["order"]],
            "kind": ClockKind(one["kind"]).label,
            "late": one["late"],
            "before": datetime.fromisoformat(one["due"][0]),
            "after": datetime.fromisoformat(one["due"][1]) if one["due"][1] else None,
        }
        for one in listed
        if one["order"] in orders
    ]
