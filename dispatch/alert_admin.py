"""The alerts desk and the thresholds, in the supervisors' administration. Administrators see no orders, so neither these."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from dispatch import alert_desk, alerts
from dispatch.models import Alert, AlertNote, Breach, Threshold
from dispatch.permissions import is_hotline, is_supervisor
from workorders.admin import RoleAdmin
from workorders.lifecycle import Level
from workorders.models import User
from workorders.refusals import Invalid, NotVisible, Refused

DONE = {
    "acknowledge": gettext_lazy("Acknowledged."),
    "assign": gettext_lazy("Assigned."),
    "comment": gettext_lazy("The comment is added."),
    "escalate": gettext_lazy("Escalated to the next level."),
    "resolve": gettext_lazy("Resolved."),
}
FOLLOWS = {
    "acknowledge": gettext_lazy("It stays on the desk until it is resolved."),
    "assign": gettext_lazy("It waits for %(who)s."),
    "comment": gettext_lazy("It stays on the desk until it is resolved."),
    "escalate": gettext_lazy("It stands at “%(level)s” now."),
    "resolve": gettext_lazy("It has left the desk; the order goes on."),
}
IN_BULK = ("acknowledge", "assign", "resolve")
BY_ITSELF, NONE = "list", "none"  # what an address says of an alert that nobody chose, and of none at all


class SupervisorAdmin(RoleAdmin):
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_authenticated and is_supervisor(request.user))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)


@admin.register(Alert)
class AlertAdmin(SupervisorAdmin):
    """Not a list of rows to edit: the desk. What is done there goes through `alerts.py`."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.desk), name="dispatch_alert_changelist"),
            path("together/<slug:act>/", view(require_POST(self.act_together)), name="dispatch_alert_together"),
            path("<int:pk>/change/", view(self.chosen), name="dispatch_alert_change"),
            path("<int:pk>/<slug:act>/", view(require_POST(self.act)), name="dispatch_alert_act"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def desk(self, request: HttpRequest) -> HttpResponse:
        self._admit(request)
        return self._shown(request)

    def chosen(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect(f"{reverse('admin:dispatch_alert_changelist')}?alert={pk}")

    def act(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        self._admit(request)
        self._known(act, tuple(alerts.ACTS))
        seen = request.POST.get("seen", "")
        try:
            note = alerts.ACTS[act](pk, **self._given(request, act), seen=int(seen) if seen.isdecimal() else None)
        except Refused as refusal:
            if refusal.status in (403, 404):
                raise
            return self._shown(request, pk, {"refusal": refusal}, status=refusal.status)
        messages.success(request, _strip_of(note))
        return self._back(request, None if act == "resolve" else pk)

    def act_together(self, request: HttpRequest, act: str) -> HttpResponse:
        self._admit(request)
        self._known(act, IN_BULK)
        try:
            chosen = alert_desk.typed(request.POST.getlist("chosen"))
        except forms.ValidationError as problem:
            raise NotVisible(alerts.NO_SUCH) from problem
        outcome = alerts.together(act, chosen, **self._given(request, act))
        if outcome.done:
            count = len(outcome.done)
            done = ngettext("%(count)s alert done.", "%(count)s alerts done.", count) % {"count": count}
            messages.success(request, done)
        if chosen and not outcome.refused:
            return self._back(request)
        return self._shown(request, None, _of_bulk(outcome), status=_worst(outcome))

    def _given(self, request: HttpRequest, act: str) -> dict[str, Any]:
        given = {"actor": request.user, "now": timezone.now(), "text": request.POST.get("text", "")[:2000]}
        to = request.POST.get("to", "")
        return (
            {**given, "to": User.objects.filter(pk=to).first() if to.isdecimal() else None}
            if act == "assign"
            else given
        )

    def _shown(
        self, request: HttpRequest, pk: int | None = None, extra: dict[str, Any] | None = None, status: int = 200
    ) -> HttpResponse:
        user: Any = request.user
        form = alert_desk.FilterForm(request.GET)
        form.is_valid()
        page = alert_desk.page(user, form.cleaned_data, request.GET.get("after", ""))
        chosen = self._chosen(request, page, pk)
        context = {
            **self.admin_site.each_context(request),
            "title": self.opts.verbose_name_plural.capitalize(),
            "is_fullwidth": "1",
            "form": form,
            "page": page,
            "levels": alert_desk.levels(user),
            "supervisors": list(alerts.supervisors()) if page.alerts else [],
            "opened": bool(pk or request.GET.get("alert")) and BY_ITSELF not in request.GET,
            "address": "" if pk or request.GET.get("alert") else self._address(request, chosen),
            "now": timezone.now(),
            "typed": request.POST,
            **(alert_desk.beside(chosen, user) | {"people": list(alerts.assignable(chosen))} if chosen else {}),
            **(extra or {}),
        }
        return TemplateResponse(request, "dispatch/alerts/desk.html", context, status=status)

    def _chosen(self, request: HttpRequest, page: alert_desk.Page, pk: int | None) -> Alert | None:
        """The one that was opened, else the next thing to do."""
        user: Any = request.user
        asked = str(pk or request.GET.get("alert", ""))
        if asked == NONE:
            return None
        if asked:
            found = alert_desk.one(user, int(asked)) if asked.isdecimal() and len(asked) < 19 else None
            if found is None:
                raise NotVisible(alerts.NO_SUCH)
            return found
        return alert_desk.one(user, page.alerts[0].pk) if page.alerts else None

    def _address(self, request: HttpRequest, chosen: Alert | None) -> str:
        """Name what the desk has opened by itself, so that a reload shows the same."""
        query = request.GET.copy()
        query["alert"], query[BY_ITSELF] = str(chosen.pk) if chosen else NONE, "1"
        return f"{reverse('admin:dispatch_alert_changelist')}?{query.urlencode()}"

    def _back(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        query = request.GET.copy()
        for name in ("alert", BY_ITSELF):
            query.pop(name, None)
        if pk:
            query["alert"] = str(pk)
        return redirect(f"{reverse('admin:dispatch_alert_changelist')}?{query.urlencode()}")

    def _admit(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise NotVisible(alerts.NO_SUCH)

    def _known(self, act: str, acts: tuple[str, ...]) -> None:
        if act not in acts:
            raise NotVisible(alerts.NO_SUCH)


def _strip_of(note: AlertNote) -> str:
    """Say what was done to which alert, whose it is, and what follows."""
    alert = note.alert
    order = alert.order
    facts = [order.spoken_number if order else str(alert.breach), str(alert.unit or _("Hotline"))]
    follows = str(FOLLOWS[note.act]) % {"who": note.to, "level": Level(note.level).label if note.level else ""}
    return " · ".join([str(DONE[note.act]), *facts, follows])


def _of_bulk(outcome: alerts.Together) -> dict[str, Any]:
    """Those refused stay ticked, with why; none ticked at all is said too."""
    found = Alert.objects.select_related("order", "breach__threshold").in_bulk(outcome.refused)
    refused = [(found.get(pk), refusal) for pk, refusal in outcome.refused.items()]
    return {"refused": refused, "still": list(outcome.refused), "none_chosen": not (outcome.done or refused)}


def _worst(outcome: alerts.Together) -> int:
    return max((refusal.status for refusal in outcome.refused.values()), default=Invalid.status)


class ThresholdForm(forms.ModelForm):
    user: User

    class Meta:
        model = Threshold
        fields = ("kind", "category", "area", "unit", "each", "count", "percent", "window", "level", "is_active")

    def clean(self) -> dict[str, Any]:
        """A unit's leader sets thresholds for the own branch, and these measure units only."""
        cleaned = super().clean() or {}
        unit, own = cleaned.get("unit"), self.user.unit
        if own and not is_hotline(self.user) and (unit is None or not unit.path.startswith(own.path)):
            self.add_error("unit", _("Choose your unit or one below it."))
        return cleaned


@admin.register(Threshold)
class ThresholdAdmin(SupervisorAdmin):
    form = ThresholdForm
    list_display = ("sentence", "kind", "level", "is_active", "burning", "created_by")
    list_display_links = ("sentence",)
    list_filter = ("kind", "is_active")
    list_select_related = ("category", "area", "unit", "created_by")
    autocomplete_fields = ("category", "area", "unit")
    radio_fields = {"kind": admin.HORIZONTAL}
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return Threshold.objects.visible_to(request.user).prefetch_related(
            Prefetch("breaches", Breach.objects.filter(ended_at=None), to_attr="exceeded")
        )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """The form knows who fills it in."""
        form = super().get_form(request, obj, change, **options)
        return type(form.__name__, (form,), {"user": request.user})

    def save_model(self, request: HttpRequest, obj: Threshold, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    @admin.display(description=gettext_lazy("threshold"))
    def sentence(self, threshold: Threshold) -> str:
        return threshold.sentence

    @admin.display(description=gettext_lazy("exceeded now"))
    def burning(self, threshold: Any) -> str:
        return "、".join(str(one) for one in threshold.exceeded) or "—"
