"""API clients with a token in their hand, without the detour of asking for one."""

import json
import secrets
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, set_token_value

from dispatch import clients
from dispatch.models import ApiClient
from workorders.api.scopes import Scope
from workorders.models import Unit

V1 = "/api/v1"
HANDLING = (Scope.ORDERS_READ, Scope.ORDERS_HANDLE)
CHANNEL = (Scope.APPEALS_WRITE,)
HASHED = "pbkdf2_sha256$1$salt$hash="  # nobody asks for a token with it, so nobody need wait for a real hash


class Machine(Client):
    """A unit's own system."""

    def __init__(self, unit: str, *scopes: str, client: ApiClient | None = None) -> None:
        self.client = client or clients.create(Unit.objects.get(code=unit), scopes, secret=HASHED).client
        self.token = token_for(self.client)
        super().__init__(headers={"Authorization": f"Bearer {self.token}"}, raise_request_exception=False)

    def send(self, path: str, body: Any = None, **headers: str) -> Any:
        return send(self, path, body, **headers)

    def read(self, path: str, **query: Any) -> Any:
        response = self.get(V1 + path, query)
        assert response.status_code == 200, response.content
        return response.json()


def send(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    """POST JSON; `Idempotency_Key=…` and the like are headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(
        V1 + path, json.dumps({} if body is None else body), content_type="application/json", headers=named
    )


def token_for(client: ApiClient, *, lasts: timedelta = timedelta(hours=1)) -> str:
    raw = secrets.token_urlsafe(30)
    token = AccessToken(application=client, scope=" ".join(client.scopes), expires=timezone.now() + lasts)
    set_token_value(token, raw)
    token.save()
    return raw
