"""The pages of the rule book: its versions, what each would change, and the two persons who put one in force."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import IntegerField, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget

from workorders import policy_versions
from workorders.models import Policy
from workorders.policy_diff import by_section, changes
from workorders.policy_versions import IN_THE_PAST, acts_of, keeps_policy
from workorders.refusals import Refused
from workorders.role_admin import RoleAdmin

DECISIONS: dict[str, Callable[..., Policy]] = {
    "approve": policy_versions.approve,
    "reject": policy_versions.reject,
    "withdraw": policy_versions.withdraw,
}
IN_FORCE, TO_COME, REPLACED = "in_force", "to_come", "replaced"
STANDINGS = {
    IN_FORCE: gettext_lazy("In force"),
    TO_COME: gettext_lazy("Approved, not yet in effect"),
    REPLACED: gettext_lazy("Replaced"),
}
COLOURS = {IN_FORCE: "success", TO_COME: "info", Policy.State.PROPOSED: "warning", Policy.State.REJECTED: "danger"}


def standing_of(policy: Policy, in_force: int | None) -> str:
    if policy.state != Policy.State.APPROVED:
        return policy.state
    if policy.pk == in_force:
        return IN_FORCE
    return TO_COME if policy.effective_from > timezone.now() else REPLACED


def in_words(standing: str) -> str:
    return str(STANDINGS.get(standing) or Policy.State(standing).label)


def in_force_now() -> Policy | None:
    try:
        return Policy.objects.in_force(timezone.now())
    except Policy.DoesNotExist:
        return None


def next_month() -> datetime:
    today = timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=32)).replace(day=1)


class ProposalForm(forms.ModelForm):
    effective_from = forms.SplitDateTimeField(
        label=gettext_lazy("Effective from"),
        help_text=gettext_lazy(
            "Orders registered from then on run under it; those that run already keep their version."
        ),
        widget=UnfoldAdminSplitDateTimeWidget(),
    )
    purpose = forms.CharField(
        label=gettext_lazy("Why it is proposed"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    source = forms.CharField(
        label=gettext_lazy("Rules (TOML)"),
        help_text=gettext_lazy("All sections, as the version in force has them; comments are kept."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 34, "spellcheck": "false", "class": "policy-source"}),
        strip=False,
    )

    class Meta:
        model = Policy
        fields = ("effective_from", "purpose", "source")

    def clean_source(self) -> str:
        text: str = self.cleaned_data["source"].replace("\r\n", "\n")
        _document, problems = policy_versions.read(text)
        if problems:
            raise ValidationError(problems)
        return text

    def clean_effective_from(self) -> Any:
        if self.cleaned_data["effective_from"] < timezone.now():
            raise ValidationError(IN_THE_PAST)
        return self.cleaned_data["effective_from"]

    def _post_clean(self) -> None:
        """The version is made by `policy_versions.propose()`: there is nothing of the model to check yet."""


@admin.register(Policy)
class PolicyAdmin(RoleAdmin):
    """What a version says never changes; a new one is proposed beside it, and decided by somebody else."""

    form = ProposalForm
    page = "workorders/policy.html"
    list_display = ("version", "title", "standing", "effective_from", "created_by", "decided_by")
    list_display_links = ("version", "title")
    list_select_related = ("created_by", "decided_by")

    class Media:
        css = {"all": ["jiesu/policy.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return keeps_policy(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and keeps_policy(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        in_force = in_force_now()
        return super().get_queryset(request).annotate(in_force=Value(in_force.pk if in_force else None, IntegerField()))

    @display(description=gettext_lazy("State"), label=COLOURS)
    def standing(self, policy: Any) -> tuple[str, str]:
        standing = standing_of(policy, policy.in_force)
        return standing, in_words(standing)

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(require_POST(self.decide))
        return [
            *(path(f"<int:pk>/{act}/", decide, {"act": act}, f"workorders_policy_{act}") for act in DECISIONS),
            *super().get_urls(),
        ]

    # Propose

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """One way to save: it leads to the version's page."""
        one_button = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **one_button})

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        begin = request.GET.get("from", "")
        chosen = Policy.objects.filter(version=int(begin)).first() if begin.isdecimal() else in_force_now()
        return {"effective_from": next_month(), **({"source": chosen.text} if chosen else {})}

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        cleaned, now = form.cleaned_data, timezone.now()
        facts = {"purpose": cleaned["purpose"], "actor": request.user, "now": now}
        proposed = policy_versions.propose(cleaned["source"], cleaned["effective_from"], **facts)
        obj.__dict__.update(proposed.__dict__)

    def response_add(self, request: HttpRequest, obj: Policy, post_url_continue: str | None = None) -> HttpResponse:
        self.message_user(request, _("Proposed. Somebody else approves it before it takes effect."))
        return self.to_page(obj)

    def to_page(self, policy: Policy) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:workorders_policy_change", args=[policy.pk]))

    # Look

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method == "POST":
            raise PermissionDenied
        return self.shown(request, self.found(request, object_id))

    def found(self, request: HttpRequest, pk: str | int) -> Policy:
        if not self.has_view_permission(request):
            raise PermissionDenied
        policy = self.get_object(request, str(pk))
        if policy is None:
            raise Http404
        return cast(Policy, policy)

    def shown(self, request: HttpRequest, policy: Policy, refusal: Refused | None = None) -> HttpResponse:
        context = {**self.admin_site.each_context(request), **self.context_of(request, policy), "refusal": refusal}
        return TemplateResponse(request, self.page, context, status=refusal.status if refusal else 200)

    def context_of(self, request: HttpRequest, policy: Policy) -> dict[str, Any]:
        in_force = in_force_now()
        standing, base = standing_of(policy, in_force.pk if in_force else None), self._base(request, policy, in_force)
        return {
            "title": str(policy),
            "opts": self.opts,
            "policy": policy,
            "standing": in_words(standing),
            "colour": COLOURS.get(standing, ""),
            "acts": acts_of(policy, request.user),
            "may_propose": self.has_add_permission(request),
            "words": request.POST.get("words", ""),
            "base": base,
            "others": Policy.objects.exclude(pk=policy.pk).only("version", "title"),
            "sections": by_section(changes(base.document, policy.document)) if base else [],
        }

    def _base(self, request: HttpRequest, policy: Policy, in_force: Policy | None) -> Policy | None:
        """What a version is compared with: what was asked for, else the one in force, else the one before it."""
        asked = request.GET.get("base", "")
        if asked.isdecimal():
            return Policy.objects.filter(version=int(asked)).exclude(pk=policy.pk).first()
        if in_force and in_force.pk != policy.pk:
            return in_force
        return Policy.objects.approved().filter(version__lt=policy.version).order_by("version").last()

    # Decide

    def decide(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        policy = self.found(request, pk)
        try:
            decided = DECISIONS[act](pk, actor=request.user, now=timezone.now(), words=request.POST.get("words", ""))
        except Refused as refusal:
            return self.shown(request, policy, refusal)
        self.log_change(request, decided, decided.get_state_display())
        self.message_user(request, _("Version %(version)s: %(state)s.") % _told(decided), messages.SUCCESS)
        return self.to_page(decided)


def _told(policy: Policy) -> dict[str, Any]:
    return {"version": policy.version, "state": policy.get_state_display()}
