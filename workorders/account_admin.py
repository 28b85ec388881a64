"""The pages of accounts: people, the roles that wait for a second person, and the log that the auditor reads.

No page shows, takes or stores a password: who needs a new one is handed a one-time link.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from workorders import access_requests, passwords
from workorders.access_requests import acts_of_request, change_access, check_change, differs, may_decide
from workorders.account_log import record_account_event
from workorders.lifecycle import Role
from workorders.models import AccessRequest, AccountEvent, User
from workorders.permissions import is_of_hotline
from workorders.refusals import Refused
from workorders.role_admin import RoleAdmin
from workorders.staffing import gaps_after, gaps_of_leaving, words_of_gaps

DECISIONS: dict[str, Callable[..., AccessRequest]] = {
    "approve": access_requests.approve_request,
    "reject": access_requests.reject_request,
    "withdraw": access_requests.withdraw_request,
}
COLOURS = {
    AccessRequest.State.PROPOSED: "warning",
    AccessRequest.State.APPROVED: "success",
    AccessRequest.State.REJECTED: "danger",
}


class UserForm(forms.ModelForm):
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("roles"),
        choices=Role.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    purpose = forms.CharField(
        label=gettext_lazy("What new roles are for"),
        required=False,
        help_text=gettext_lazy("Read by the second person who approves them."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    class Meta:
        model = User
        fields = ("username", "last_name", "first_name", "email", "unit", "roles", "office_phone", "is_active")

    actor: User

    def wanted(self, user: User) -> dict[str, Any]:
        """Return what the form wants the account to have; what it does not ask for stays as it is."""
        cleaned = self.cleaned_data
        return {
            "roles": cleaned.get("roles", user.roles) or [],
            "unit": cleaned.get("unit", user.unit),
            "active": cleaned.get("is_active", user.is_active),
        }

    def clean(self) -> Any:
        cleaned = super().clean()
        user = User.objects.filter(pk=self.instance.pk).first() or User(unit=self.cleaned_data.get("unit"))
        wanted = self.wanted(user)
        if differs(user, wanted["roles"], wanted["unit"], active=wanted["active"]):
            try:
                check_change(user, **wanted, actor=self.actor)
            except Refused as refusal:
                raise ValidationError(str(refusal.message)) from None
        return cleaned


@admin.register(User)
class UserAdmin(RoleAdmin):
    """People. What they may do goes through `access_requests.py`; a form here only asks for it."""

    form = UserForm
    branch_by = ("unit",)
    list_display = ("username", "last_name", "first_name", "unit", "role_names", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("unit",)
    autocomplete_fields = ("unit",)
    search_fields = ("username", "last_name", "first_name", "unit__name")
    ordering = ("username",)
    change_form_template = "workorders/user.html"
    fieldsets = (
        (None, {"fields": ("username",)}),
        (gettext_lazy("Person"), {"fields": ("last_name", "first_name", "email")}),
        (gettext_lazy("Work"), {"fields": ("unit", "roles", "purpose", "office_phone", "is_active")}),
    )

    class Media:
        css = {"all": ["jiesu/policy.css"]}

    @display(description=gettext_lazy("roles"))
    def role_names(self, user: User) -> str:
        return role_words(user.roles)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nobody changes what they may do themselves."""
        return ("unit", "role_names", "is_active") if obj and obj.pk == request.user.pk else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        own = obj is not None and obj.pk == request.user.pk
        left_out = ({"purpose"} if own or not self.has_change_permission(request) else set()) | (
            set() if obj else {"is_active"}
        )
        return [
            (
                title,
                {
                    "fields": tuple(
                        "role_names" if own and name == "roles" else name
                        for name in options["fields"]
                        if name not in left_out
                    )
                },
            )
            for title, options in self.fieldsets
        ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change, **options)
        form.actor = request.user
        return form

    def get_urls(self) -> list[URLPattern]:
        link = self.admin_site.admin_view(require_POST(self.issue_link))
        # Where Django's own form for another's password was: old bookmarks must not find a form.
        gone = self.admin_site.admin_view(self.no_password_form)
        return [
            path("<int:pk>/link/", link, name="workorders_user_link"),
            path("<int:pk>/password/", gone, name="auth_user_password_change"),
            *super().get_urls(),
        ]

    def no_password_form(self, request: HttpRequest, pk: int) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:workorders_user_change", args=[pk]))

    # Save

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        stored = User.objects.select_for_update().get(pk=obj.pk) if change else None
        wanted = form.wanted(stored or User(unit=obj.unit))
        if stored:
            obj.roles, obj.unit, obj.is_active = stored.roles, stored.unit, stored.is_active
        else:
            # Without roles the unit gives nothing yet, and says to which supervisor's list the account belongs.
            obj.roles, obj.password = [], make_password(None)
        obj.save()
        actor: Any = request.user
        now = timezone.now()
        if not change:
            record_account_event(AccountEvent.Kind.CREATED, obj, actor=actor, request=request, now=now)
        purpose = form.cleaned_data.get("purpose", "")
        waiting = change_access(obj, **wanted, actor=actor, now=now, purpose=purpose, http=request)
        obj.refresh_from_db()
        if stored and (left := words_of_gaps(gaps_after(stored))):
            self.message_user(request, left, messages.WARNING)
        if waiting:
            self.message_user(
                request, _("The roles take effect when a second person has approved them."), messages.WARNING
            )

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {**(extra_context or {}), **self._context_of(request, object_id)}
        return super().changeform_view(request, object_id, form_url, context)

    def _context_of(self, request: HttpRequest, object_id: Any) -> dict[str, Any]:
        user = self.get_object(request, object_id) if object_id else None
        if user is None:
            return {}
        waiting = AccessRequest.objects.filter(user=user, state=AccessRequest.State.PROPOSED).first()
        actor: Any = request.user
        may_link = passwords.keeps_accounts(actor) and user.pk != actor.pk and user.is_active and not user.is_service
        hangs = words_of_gaps(gaps_of_leaving(user))
        return {"waiting": waiting, "may_link": may_link, "is_own": user.pk == actor.pk, "hangs": hangs}

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: str | None = None) -> HttpResponse:
        """A new account comes with its link, shown once."""
        return self._show_link(request, obj)

    # One-time link

    def issue_link(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = self.get_object(request, str(pk))
        if user is None:
            raise Http404
        return self._show_link(request, user)

    def _show_link(self, request: HttpRequest, user: User) -> HttpResponse:
        actor: Any = request.user
        try:
            secret = passwords.issue_link(user, actor=actor, now=timezone.now(), request=request)
        except Refused as refusal:
            self.message_user(request, str(refusal.message), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:workorders_user_change", args=[user.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": user.username,
            "account": user,
            "link": settings.SITE_URL + reverse("password_link", args=[secret]),
            "hours": int(passwords.GOOD_FOR.total_seconds() // 3600),
            "waiting": AccessRequest.objects.filter(user=user, state=AccessRequest.State.PROPOSED).first(),
        }
        return TemplateResponse(request, "workorders/one_time_link.html", context)


@admin.register(AccessRequest)
class AccessRequestAdmin(RoleAdmin):
    """What one person asked for another to do; somebody else approves or rejects it."""

    list_display = ("created_at", "user", "asked_roles", "unit", "standing", "created_by", "decided_by")
    list_display_links = ("created_at", "user")
    list_filter = ("state",)
    list_select_related = ("user", "unit", "created_by", "decided_by")
    search_fields = ("user__username", "user__last_name")
    show_full_result_count = False

    class Media:
        css = {"all": ["jiesu/policy.css"]}

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user: Any = request.user
        return user.is_authenticated and (may_decide(user) or is_of_hotline(user, Role.AUDITOR))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=gettext_lazy("roles"))
    def asked_roles(self, row: AccessRequest) -> str:
        return role_words(row.roles)

    @display(description=gettext_lazy("State"), label=COLOURS)
    def standing(self, row: AccessRequest) -> tuple[str, str]:
        return row.state, row.get_state_display()

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(require_POST(self.decide))
        return [
            *(path(f"<int:pk>/{act}/", decide, {"act": act}, f"workorders_accessrequest_{act}") for act in DECISIONS),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method == "POST":
            raise PermissionDenied
        return self._page(request, self._row(request, object_id))

    def _row(self, request: HttpRequest, pk: str | int) -> AccessRequest:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row: AccessRequest | None = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        return row

    def _page(self, request: HttpRequest, row: AccessRequest, refusal: Refused | None = None) -> HttpResponse:
        actor: Any = request.user
        before = User(roles=row.roles_before, unit=row.unit_before)
        context = {
            **self.admin_site.each_context(request),
            "title": str(row.user),
            "opts": self.opts,
            "row": row,
            "colour": COLOURS.get(AccessRequest.State(row.state), ""),
            "roles": role_words(row.roles),
            "roles_before": role_words(before.roles),
            "acts": acts_of_request(row, actor),
            "may_decide": may_decide(actor),
            "is_own": row.user_id == actor.pk,
            "words": request.POST.get("words", ""),
            "refusal": refusal,
        }
        return TemplateResponse(
            request, "workorders/access_request.html", context, status=refusal.status if refusal else 200
        )

    def decide(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        row = self._row(request, pk)
        try:
            DECISIONS[act](
                pk, actor=request.user, now=timezone.now(), words=request.POST.get("words", ""), http=request
            )
        except Refused as refusal:
            return self._page(request, row, refusal)
        self.log_change(request, row, act)
        self.message_user(request, _("Your decision is recorded."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:workorders_accessrequest_change", args=[pk]))


def role_words(roles: list[str]) -> str:
    names = [str(Role(role).label) for role in roles if role in Role.values]
    return _(", ").join(names) or "—"


@admin.register(AccountEvent)
class AccountEventAdmin(RoleAdmin):
    """Log-ins, failures, passwords, roles: the hotline's auditor reads them, and nobody writes here."""

    list_display = ("number", "at", "what", "user", "actor", "address", "facts")
    list_filter = ("kind", ("at", admin.DateFieldListFilter))
    list_select_related = ("user", "actor")
    search_fields = ("user_name", "actor_name", "address")
    fields = readonly_fields = ("number", "at", "what", "user", "actor", "address", "agent", "facts", "hash")
    show_full_result_count = False
    list_per_page = 50

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user: Any = request.user
        return bool(user.is_authenticated and is_of_hotline(user, Role.AUDITOR))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=gettext_lazy("what happened"))
    def what(self, event: AccountEvent) -> str:
        return event.get_kind_display()

    @display(description=gettext_lazy("facts"))
    def facts(self, event: AccountEvent) -> str:
        data = {**event.data}
        if "roles" in data:
            data["roles"] = role_words(data["roles"])
        if "before" in data:
            data["before"] = role_words(data["before"])
        if "until" in data:
            data["until"] = date_format(localtime(datetime.fromisoformat(data["until"])), "H:i:s")
        return " · ".join(f"{FACTS.get(name, name)} {value}" for name, value in data.items() if value not in ("", []))


FACTS = {
    "unknown": gettext_lazy("unknown name, fingerprint"),
    "until": gettext_lazy("next try from"),
    "roles": gettext_lazy("roles"),
    "before": gettext_lazy("before"),
    "unit": gettext_lazy("own unit"),
    "access_request": gettext_lazy("request"),
    "issued_by": gettext_lazy("link issued by"),
    "by": gettext_lazy("by"),
}
