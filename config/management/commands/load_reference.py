from typing import Any

from django.core.management.base import BaseCommand

from config.database import as_owner
from dispatch import catalogue
from workorders import reference


class Command(BaseCommand):
    help = "Add the reference data that is missing: areas, units, categories, catalogue, calendar, policy version 1."

    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner():
            added = {**reference.load(), "catalogue lines": catalogue.load()}
        new = ", ".join(f"{count} {name}" for name, count in added.items() if count)
        self.stdout.write(f"Reference data: {'added ' + new if new else 'nothing to add'}.")
