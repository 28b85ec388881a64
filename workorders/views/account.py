"""The pages on which people set passwords: their own while logged in, and by the one-time link they were handed."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import authenticate, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.views import PasswordChangeView, RedirectURLMixin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from workorders import passwords
from workorders.auth import password_was_right, remember_browser, waiting_words
from workorders.models import User

SAME = gettext_lazy("This is the password you have. Choose another one.")


class OwnPasswordForm(PasswordChangeForm):
    """Asks for the present password at the same door as the log-in, so that guessing it here is held off as well."""

    def __init__(self, request: HttpRequest, *args: Any, **options: Any) -> None:
        self.request = request
        super().__init__(*args, **options)

    def clean_old_password(self) -> str:
        old: str = self.cleaned_data["old_password"]
        if authenticate(self.request, username=self.user.get_username(), password=old) is None:
            held = self.request.login_try.held  # type: ignore[attr-defined]
            # The page itself says it, instead of django-axes' answer: the form stays open.
            self.request.axes_locked_out = False  # type: ignore[attr-defined]
            wrong = self.error_messages["password_incorrect"]
            words = waiting_words((held.until - timezone.now()).total_seconds()) if held else wrong
            raise ValidationError(words, code="password_incorrect")
        password_was_right(self.request)
        return old

    def clean(self) -> Any:
        cleaned = super().clean() or self.cleaned_data
        old = cleaned.get("old_password")
        if old and old == cleaned.get("new_password1"):
            self.add_error("new_password1", SAME)
        return cleaned


class OwnPassword(RedirectURLMixin, PasswordChangeView):
    """Change the own password, from the console and from the administration."""

    form_class = OwnPasswordForm
    template_name = "registration/own_password.html"
    next_page = "orders"

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    def get_success_url(self) -> str:
        return self.get_redirect_url() or resolve_url("orders")

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        user: Any = self.request.user
        return super().get_context_data(**context, next=self.get_redirect_url(), forced=user.must_change_password)

    def form_valid(self, form: Any) -> HttpResponse:
        passwords.choose_password(
            form.user, form.cleaned_data["new_password1"], now=timezone.now(), request=self.request
        )
        update_session_auth_hash(self.request, form.user)
        messages.success(self.request, _("Your password is changed. Other browsers were logged out."))
        return HttpResponseRedirect(self.get_success_url())


@sensitive_post_parameters()
@never_cache
def password_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Set a password by one-time link. Looking at the page does not use the link up: mail programs look, too."""
    now = timezone.now()
    try:
        user: User = passwords.user_of_link(secret, now)
        form = SetPasswordForm(user, request.POST or None)
        if request.method == "POST" and form.is_valid():
            passwords.use_link(secret, form.cleaned_data["new_password1"], now=now, request=request)
            # So a link lets somebody in whom a stranger behind the same address holds off.
            remember_browser(request, user)
            messages.success(request, _("Your password is set. Log in with it."))
            return HttpResponseRedirect(resolve_url("login"))
    except passwords.LinkIsOver as over:
        context = {"over": over.message}
        return _unreferred(render(request, "registration/password_link.html", context, status=over.status))
    return _unreferred(render(request, "registration/password_link.html", {"form": form, "account": user}))


def _unreferred(answer: HttpResponse) -> HttpResponse:
    """The address is the secret, so no page that is opened from here hears of it."""
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@never_cache
def session(request: HttpRequest) -> HttpResponse:
    """Say if somebody is logged in, before a form of the administration is sent and lost."""
    if request.user.is_authenticated:
        return HttpResponse(status=204)
    return render(request, "_session_over.html", status=401)
