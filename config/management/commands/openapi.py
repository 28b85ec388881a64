from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

FILE = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"


class Command(BaseCommand):
    help = "Write docs/openapi.yaml, or with --check say whether it still tells what the API is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        document = rendered()
        if GENERATOR_STATS:
            GENERATOR_STATS.emit_summary()
            raise CommandError("The document is not complete.")
        if not options["check"]:
            FILE.write_bytes(document)
        elif not FILE.exists() or FILE.read_bytes() != document:
            raise CommandError(
                "docs/openapi.yaml is not what the API is: run manage.py openapi, and look at the change."
            )


def rendered() -> bytes:
    """In English, whatever the machine speaks. Raises where it is not valid OpenAPI."""
    with translation.override("en"):
        schema = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(schema)
    return OpenApiYamlRenderer().render(schema, renderer_context={})
