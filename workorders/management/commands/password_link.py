from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from workorders.management.commands.create_administrator import link_words
from workorders.models import User
from workorders.passwords import issue_link
from workorders.refusals import Refused


class Command(BaseCommand):
    help = "Print a one-time link by which somebody sets a password; the present one works until it is used."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no account {username}.")
        try:
            secret = issue_link(user, actor=None, now=timezone.now())
        except Refused as refused:
            raise CommandError(str(refused.message)) from None
        self.stdout.write(link_words(user, secret))
