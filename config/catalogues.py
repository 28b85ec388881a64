"""The message catalogues without system tools: Babel collects, merges and compiles; Django's own lexer reads the templates."""

import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog, extract, pofile
from babel.messages.mofile import write_mo
from django.conf import settings
from django.utils.translation.template import templatize

APPS = ("config", "workorders", "intake", "dispatch", "evaluation", "archive")
KEYWORDS = {**extract.DEFAULT_KEYWORDS, "gettext_lazy": None, "ngettext_lazy": (1, 2), "pgettext_lazy": ((1, "c"), 2)}
LOCALES = ("zh_Hans",)  # the messages themselves are English

# Without dates and tools: a catalogue changes when a message does.
HEADER = """msgid ""
msgstr ""
"Language: zh_Hans\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""


def sources() -> Iterator[tuple[Path, str, str]]:
    """(path, how to read it, text). What the lexer makes of a template is no valid Python, but scans as JavaScript."""
    for app in APPS:
        for path in sorted((settings.BASE_DIR / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path, "python", path.read_text(encoding="utf-8")
    for path in sorted(settings.BASE_DIR.glob("templates/**/*.html")):
        yield path, "javascript", templatize(path.read_text(encoding="utf-8"))


def collected() -> Catalog:
    catalog = Catalog(charset="utf-8")
    for path, language, source in sources():
        place = path.relative_to(settings.BASE_DIR).as_posix()
        for _line, message, _comments, context in extract.extract(
            language, io.BytesIO(source.encode()), KEYWORDS, options={"encoding": "utf-8"}
        ):
            catalog.add(message, locations=[(place, 0)], context=context)
    return catalog


def file_of(locale: str) -> Path:
    return settings.BASE_DIR / "locale" / locale / "LC_MESSAGES" / "django.po"


def read(locale: str) -> Catalog:
    path = file_of(locale)
    if not path.exists():
        return Catalog(locale=locale, charset="utf-8")
    with path.open("rb") as file:
        return pofile.read_po(file, locale=locale)


def update(locale: str) -> Catalog:
    """Merge what the sources say today into the catalogue; messages that nobody says any more go."""
    catalog = read(locale)
    catalog.update(collected(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    path = file_of(locale)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(HEADER.encode())
        pofile.write_po(file, catalog, omit_header=True, sort_output=True, no_location=True, width=110)
    return catalog


def missing(locale: str) -> list[str]:
    """Messages of the sources without a translation, and translations whose placeholders differ."""
    translated, found = read(locale), []
    for message in collected():
        if not message.id:
            continue
        text = translated.get(message.id, message.context)
        said = text.string if text else None
        strings = [said] if isinstance(said, str) else list(said or ())
        if not strings or not all(strings):
            found.append(f"not translated: {message.id!r}")
        elif text is not None:
            found += [f"{error} in {message.id!r}" for error in text.check()]
    return found


def compile_all() -> int:
    for locale in LOCALES:
        with file_of(locale).with_suffix(".mo").open("wb") as file:
            write_mo(file, read(locale))
    return len(LOCALES)
