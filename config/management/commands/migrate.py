from typing import Any

from django.core.management.commands.migrate import Command as Migrate

from config.database import as_owner, grant_to_plain_role, one_at_a_time


class Command(Migrate):
    """Django's own, as the owner of the database; then the plain role gets its rights anew."""

    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner(), one_at_a_time():
            super().handle(*args, **options)
            if not (options["plan"] or options["check_unapplied"]):
                grant_to_plain_role()
