from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dispatch import clients
from dispatch.models import ApiClient
from workorders.api.scopes import Scope
from workorders.models import Unit
from workorders.moments import written

ONCE = "This is the only time that the secret is shown."


class Command(BaseCommand):
    help = "Create, rotate, revoke and list the API clients of the units' own systems."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="issue a client to a unit")
        create.add_argument("--unit", required=True, metavar="CODE")
        create.add_argument("--scope", required=True, nargs="+", action="extend", choices=Scope.values)
        create.add_argument("--name", default="")
        rotate = actions.add_parser("rotate", help="a new secret; the one before stays good for a while")
        rotate.add_argument("client_id")
        rotate.add_argument("--overlap-days", type=float, default=clients.OVERLAP.days)
        revoke = actions.add_parser("revoke", help="switch a client off, with all its tokens, at once")
        revoke.add_argument("client_id")
        actions.add_parser("list", help="all clients")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['action']}")(options)

    def _create(self, options: dict[str, Any]) -> None:
        unit = Unit.objects.filter(code=options["unit"], is_active=True).first()
        if unit is None:
            raise CommandError(f"There is no unit with the code {options['unit']}.", returncode=2)
        try:
            issued = clients.create(unit, options["scope"], name=options["name"])
        except ValidationError as problem:
            raise CommandError(" ".join(problem.messages), returncode=2) from None
        self._show(issued)

    def _rotate(self, options: dict[str, Any]) -> None:
        issued = clients.rotate(self._found(options), overlap=timedelta(days=options["overlap_days"]))
        self._show(issued)
        until = issued.client.previous_secret_until
        assert until is not None
        self.stdout.write(f"The secret before is good until {written(until)}.")

    def _revoke(self, options: dict[str, Any]) -> None:
        client = self._found(options)
        clients.revoke(client)
        self.stdout.write(f"{client.name} is revoked; its tokens do not work any more.")

    def _list(self, options: dict[str, Any]) -> None:
        for client in ApiClient.objects.select_related("unit"):
            used = written(client.last_used_at) if client.last_used_at else "never used"
            state = "revoked" if client.revoked_at else used
            scopes = " ".join(client.scopes)
            self.stdout.write(f"{client.client_id}  {client.unit.code:<12}{state:<18}{scopes}  {client.name}")

    def _found(self, options: dict[str, Any]) -> ApiClient:
        client = ApiClient.objects.filter(client_id=options["client_id"], revoked_at=None).first()
        if client is None:
            raise CommandError(f"There is no API client {options['client_id']} in use.", returncode=2)
        return client

    def _show(self, issued: clients.Issued) -> None:
        self.stdout.write(f"client_id      {issued.client.client_id}")
        self.stdout.write(f"client_secret  {issued.secret}")
        self.stdout.write(ONCE)
