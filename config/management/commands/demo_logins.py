from typing import Any

from django.core.management.base import BaseCommand

from config import demonstration
from config.cast import NAMES
from workorders.lifecycle import Role
from workorders.models import User

NOBODY = "  No demo users. Create yours with: manage.py create_administrator NAME"


class Command(BaseCommand):
    help = "Who can log in to the demo, and with which password."

    def handle(self, *args: Any, **options: Any) -> None:
        operator = User.objects.filter(username=NAMES[Role.OPERATOR][1]).first()
        if operator is None or not operator.has_usable_password():
            self.stdout.write(NOBODY)
            return
        for user in demonstration.people():
            roles = ", ".join(str(Role(role).label) for role in user.roles)
            self.stdout.write(f"  {user.username:<22}{roles}  {user.unit}")
        self.stdout.write("")
        for system in demonstration.systems():
            self.stdout.write(f"  {system.client_id:<22}API client: {' '.join(system.scopes)}  {system.unit}")
        password = demonstration.password()
        known = operator.check_password(password)
        self.stdout.write(
            f"\n  Password, secret  {password if known else 'the DEMO_PASSWORD of when the demo was seeded'}"
        )
