from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from workorders.access_requests import create_from_server, give_from_server
from workorders.lifecycle import Role
from workorders.models import Unit, User
from workorders.passwords import GOOD_FOR, issue_link

ONE_ALONE = (
    "This is the only one who gives roles, and roles take two persons: make a second administrator, or give somebody at "
    "the hotline the role supervisor with `create_administrator NAME --role supervisor`."
)


class Command(BaseCommand):
    help = (
        "Make somebody at the hotline who gives roles, and print the one-time link by which they set their password. "
        "For an account that exists: give it the role as well, and print a new link."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--last-name", default="")
        parser.add_argument("--first-name", default="")
        parser.add_argument(
            "--role", choices=[Role.ADMINISTRATOR, Role.SUPERVISOR], default=Role.ADMINISTRATOR, help="administrator"
        )

    @transaction.atomic
    def handle(self, *args: Any, username: str, role: str, **options: Any) -> None:
        now = timezone.now()
        user = User.objects.filter(username=username).first()
        if user is None:
            names = {"last_name": options["last_name"], "first_name": options["first_name"]}
            user = self._create(username, role, names)
        elif user.is_service:
            raise CommandError(f"{username} is the account of a system; nobody logs in with it.")
        elif not (user.is_active and user.has_role(role)):
            unit = user.unit or _hotline()
            give_from_server(user, {*user.roles, role}, unit, purpose="create_administrator", now=now)
        self.stdout.write(f"{username}: {', '.join(str(Role(name).label) for name in user.roles)}, {user.unit}")
        self.stdout.write(link_words(user, issue_link(user, actor=None, now=now)))
        if _deciders() < 2:
            self.stdout.write(ONE_ALONE)

    def _create(self, username: str, role: str, names: dict[str, str]) -> User:
        fields: dict[str, Any] = {"username": username, "password": "!", **names}
        try:
            User(**fields).full_clean(exclude=["roles"])
        except ValidationError as problem:
            raise CommandError("; ".join(problem.messages)) from None
        return create_from_server(
            username, [role], _hotline(), purpose="create_administrator", now=timezone.now(), **names
        )


def _hotline() -> Unit:
    unit = Unit.objects.filter(kind=Unit.Kind.CITY).order_by("path").first()
    if unit is None:
        raise CommandError("There are no units yet: run `manage.py load_reference` first.")
    return unit


def _deciders() -> int:
    people = User.objects.filter(is_active=True, is_service=False)
    administrators = people.filter(roles__contains=[Role.ADMINISTRATOR])
    supervisors = people.filter(roles__contains=[Role.SUPERVISOR], unit__kind=Unit.Kind.CITY)
    return (administrators | supervisors).count()


def link_words(user: User, secret: str) -> str:
    hours = int(GOOD_FOR.total_seconds() // 3600)
    address = settings.SITE_URL + reverse("password_link", args=[secret])
    return f"{user.username} sets a password here, once, within {hours} hours:\n  {address}"
