"""OAuth2 client credentials (RFC 6749 §4.4) for the units' own systems, by django-oauth-toolkit."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_plus

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from oauth2_provider.models import get_access_token_model
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import SettingsScopes
from oauth2_provider.views import TokenView
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from dispatch.clients import knows_secret, mark_used, note_digest
from dispatch.models import ApiClient
from workorders.api.throttles import count_failure, exhausted
from workorders.models import User


class ClientScopes(SettingsScopes):
    """A client gets what it was given, and asks for less where it wants less."""

    def get_available_scopes(self, application: Any = None, *args: Any, **options: Any) -> list[str]:
        return list(application.scopes) if application else list(self.get_all_scopes())

    get_default_scopes = get_available_scopes


class ClientValidator(OAuth2Validator):
    """The secret of before a rotation is good as well, for as long as the rotation says."""

    def _authenticate_basic_auth(self, request: Any) -> bool:
        return self._by_either(request, super()._authenticate_basic_auth)

    def _authenticate_request_body(self, request: Any) -> bool:
        return self._by_either(request, super()._authenticate_request_body)

    def _by_either(self, request: Any, authenticate: Callable[[Any], bool]) -> bool:
        if authenticate(request):
            self._note_digest(request, previous=False)
            return True
        client = request.client
        if not isinstance(client, ApiClient) or not client.has_previous_secret():
            return False
        current, client.client_secret = client.client_secret, client.previous_secret
        try:
            request.by_previous_secret = authenticate(request)
        finally:
            client.client_secret = current
        if request.by_previous_secret:
            self._note_digest(request, previous=True)
        return request.by_previous_secret

    def _note_digest(self, request: Any, *, previous: bool) -> None:
        _client_id, secret = credentials_in(request.headers.get("HTTP_AUTHORIZATION", ""), dict(request.decoded_body))
        if secret:
            note_digest(request.client, secret, previous=previous)

    def save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **options: Any) -> None:
        """Let no token that the secret of before fetches outlive it."""
        super().save_bearer_token(token, request, *args, **options)
        if getattr(request, "by_previous_secret", False):
            until = request.client.previous_secret_until
            issued = get_access_token_model().objects.filter(application=request.client, expires__gt=until)
            issued.filter(token_checksum=_checksum(token["access_token"])).update(expires=until)

    def _load_access_token(self, token: str) -> Any:
        """With whom it is for, so that every call costs one query."""
        related = get_access_token_model().objects.select_related("application__user__unit")
        return related.filter(token_checksum=_checksum(token)).first()


class InvalidToken(AuthenticationFailed):
    default_code = "invalid_token"
    default_detail = _("The access token is unknown, expired or revoked. Get a new one at /oauth/token/.")


class ClientAuthentication(OAuth2Authentication):
    """`Authorization: Bearer …`; the body is left alone, so that nobody is refused before we know who they are."""

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        if not request.headers.get("Authorization", "").lower().startswith("bearer"):
            return None
        core, http = get_oauthlib_core(), request._request
        address = http.build_absolute_uri(http.path)
        valid, found = core.server.verify_request(address, http.method, "", core.extract_headers(http), [])
        if not valid:
            raise InvalidToken
        token = found.access_token
        token.granted = frozenset(token.scope.split()) & frozenset(token.application.scopes)
        mark_used(token.application, timezone.now())
        return token.application.user, token

    def authenticate_header(self, request: Request) -> str:
        """RFC 6750 §3: who brought a token hears that it is no good, who brought none only where to bring it."""
        brought = request.headers.get("Authorization", "").lower().startswith("bearer")
        return f'Bearer realm="{self.www_authenticate_realm}"' + brought * ', error="invalid_token"'


class Token(TokenView):
    """Slow down who guesses, by address, whatever clients are tried. A right secret always enters: nobody locks it out."""

    def post(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        address = request.META.get("REMOTE_ADDR", "")
        refused = exhausted("token", address)
        if refused and not knows_secret(*credentials_in(request.headers.get("Authorization", ""), request.POST)):
            return refused
        answer = super().post(request, *args, **options)
        if answer.status_code != 200:
            count_failure("token", address)
        if answer.status_code == 401:  # RFC 6749 §5.2: in the scheme that clients log in by
            answer["WWW-Authenticate"] = 'Basic realm="api"'
        return answer


def credentials_in(authorization: str, form: Mapping[str, Any]) -> tuple[str, str]:
    """Return (client id, secret) out of `Basic base64(id:secret)`, or out of the form; empty where there are none."""
    kind, _blank, encoded = authorization.partition(" ")
    if kind.lower() != "basic":
        return str(form.get("client_id", "")), str(form.get("client_secret", ""))
    with suppress(ValueError):
        client_id, _colon, secret = base64.b64decode(encoded).decode().partition(":")
        return unquote_plus(client_id), unquote_plus(secret)
    return "", ""


def _checksum(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
