from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import catalogues, wording


class Command(BaseCommand):
    help = "Message catalogues: update them from the sources, check that they are complete, compile them."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["update", "check", "compile"])

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        if act == "compile":
            self.stdout.write(f"{catalogues.compile_all()} catalogue compiled.")
            return
        for locale in catalogues.LOCALES:
            if act == "update":
                catalogues.update(locale)
            missing = catalogues.missing(locale)
            if act == "check" and missing:
                raise CommandError(f"{locale} is not complete:\n" + "\n".join(missing))
            self.stdout.write(f"{locale}: {len(missing)} missing.")
        replaced = wording.problems() if act == "check" else []
        if replaced:
            raise CommandError("Words that were replaced (CONTRIBUTING.md, 文字规范):\n" + "\n".join(replaced))
