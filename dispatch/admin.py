from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from oauth2_provider import models as oauth

from dispatch import alert_admin, clients, notice_admin, rectification_admin, slip_admin, webhook_admin  # noqa: F401  register their own
from dispatch.models import ApiClient, Responsibility
from workorders.admin import RoleAdmin
from workorders.api.scopes import Scope
from workorders.lifecycle import Role

# Tokens are the clients' business; clients have a page of their own below.
for model in (
    oauth.get_application_model(),
    oauth.get_access_token_model(),
    oauth.get_grant_model(),
    oauth.get_id_token_model(),
    oauth.get_refresh_token_model(),
):
    admin.site.unregister(model)


@admin.register(Responsibility)
class ResponsibilityAdmin(RoleAdmin):
    list_display = ("category", "area", "unit", "territory", "basis")
    list_select_related = ("category", "area", "unit")
    list_filter = ("territory",)
    search_fields = ("category__code", "category__name", "unit__name")
    autocomplete_fields = ("category", "area", "unit")
    list_per_page = 50


class ApiClientForm(ModelForm):
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Scopes"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = ApiClient
        fields = ("name", "unit", "scopes")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("unit") and cleaned.get("scopes"):
            try:
                clients.check(cleaned["unit"], cleaned["scopes"])
            except ValidationError as problem:
                self.add_error("scopes", problem)
        return cleaned

    def _post_clean(self) -> None:
        """The rest of the client is made by `clients.create()`: there is nothing of the model to check yet."""


@admin.register(ApiClient)
class ApiClientAdmin(RoleAdmin):
    """Issue, rotate, revoke. A secret is answered once, to whoever asked for it, and is stored nowhere."""

    form = ApiClientForm
    list_display = ("name", "client_id", "unit", "scopes", "last_used_at", "previous_secret_until", "revoked_at")
    list_select_related = ("unit",)
    search_fields = ("name", "client_id", "unit__name", "unit__code")
    autocomplete_fields = ("unit",)
    actions = ("rotate", "revoke")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is(request, Role.ADMINISTRATOR)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What a client may do is fixed when it is issued; its actions are for who may add."""
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ("client_id", "user", "created", "last_used_at", "previous_secret_until", "revoked_at")
        return ("name", "unit", "scopes", *shown) if obj else ("name", "unit", "scopes")

    def save_model(self, request: HttpRequest, obj: ApiClient, form: Any, change: bool) -> None:
        cleaned = form.cleaned_data
        actor: Any = request.user
        issued = clients.create(cleaned["unit"], cleaned["scopes"], name=cleaned["name"], actor=actor)
        obj.__dict__.update(issued.client.__dict__)
        request.issued = issued  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiClient, post_url_continue: str | None = None) -> HttpResponse:
        return self._once(request, request.issued)  # type: ignore[attr-defined]

    @admin.action(description=gettext_lazy("Give the chosen client a new secret"), permissions=["add"])
    def rotate(self, request: HttpRequest, queryset: QuerySet[ApiClient]) -> HttpResponse | None:
        chosen = list(queryset.filter(revoked_at=None)[:2])
        if len(chosen) == 1:
            return self._once(request, clients.rotate(chosen[0]))
        self.message_user(request, _("Choose one client that is in use."), messages.ERROR)
        return None

    @admin.action(description=gettext_lazy("Revoke the chosen clients, at once and for good"), permissions=["add"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiClient]) -> None:
        for client in queryset:
            clients.revoke(client)
        self.message_user(request, _("Revoked. Their tokens do not work any more."))

    def _once(self, request: HttpRequest, issued: clients.Issued) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "issued": issued, "title": issued.client.name}
        return TemplateResponse(request, "dispatch/secret.html", context)
