"""Files that come with a step: what may be attached, and how it is kept."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from workorders import films, pictures, signatures, sounds
from workorders.folding import without_invisible
from workorders.models import Attachment, Event

# The content type is ours, by extension: what the browser claims is not believed.
CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jfif": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".heif": "image/heic",
    ".pdf": "application/pdf",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".txt": "text/plain",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
DIGESTS = "files"  # what the ledger calls them
LONGEST_NAME = 200
UNSAFE = re.compile(r"[^-\w.]")
# Windows keeps them for devices, whatever follows the dot.
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d|conin|conout|clock)(?:\.|$)", re.IGNORECASE)


class Received(File):
    """A file as it will be kept, with the digest of how it came."""

    def __init__(self, content: Any, name: str, came_as: str) -> None:
        super().__init__(content, name)
        self.came_as = came_as
        self.kept_as = hashlib.file_digest(self.open(), "sha256").hexdigest()

    @property
    def suffix(self) -> str:
        """Of the kind that it is kept as."""
        return extension(self)


def extension(file: File) -> str:
    return PurePath(file.name or "").suffix.lower()


def receive(file: File) -> Received:
    """Make of an upload what will be kept. Raises ValidationError for what is not taken, and says why.

    Pictures are written anew, films and sounds lose all but what they show and let hear. Documents and text are kept as
    they came: they tell what somebody wrote.
    """
    if isinstance(file, Received):
        return file
    _refuse_unfit(file)
    came_as = hashlib.file_digest(file.open(), "sha256").hexdigest()
    kind = _kind(file)
    return Received(_silent(file, kind), safe_name(file.name or "", pictures.KEPT_AS.get(kind, kind)), came_as)


def received_if_fit(file: Any) -> Any:
    """Do the long work of `receive` before any row is locked; what is not taken waits for the form to say so."""
    try:
        return receive(file) if isinstance(file, File) else file
    except ValidationError:
        return file


def safe_name(name: str, kind: str) -> str:
    """What the file was called, without what is dangerous in a name; its end says what it is."""
    base = re.split(r"[/\\]", name)[-1]
    typed = PurePath(base).suffix
    suffix = typed if CONTENT_TYPES.get(typed.lower()) == CONTENT_TYPES[kind] and typed.lower() != ".jfif" else kind
    words = without_invisible(base.removesuffix(typed)).strip()
    stem = UNSAFE.sub("", words.replace(" ", "_")).strip("._")
    if not any(character.isalnum() for character in stem):
        stem = _("attachment")
    if RESERVED.match(stem):
        stem = f"{_('attachment')}_{stem}"
    return stem[: LONGEST_NAME - len(suffix)] + suffix


def _refuse_unfit(file: File) -> None:
    named = {"name": file.name}
    if extension(file) not in CONTENT_TYPES:
        kinds = " ".join(sorted(suffix.lstrip(".") for suffix in CONTENT_TYPES))
        raise ValidationError(
            _("“%(name)s”: files of this kind are not taken. Taken are: %(kinds)s.") % {**named, "kinds": kinds}
        )
    if not file.size:
        raise ValidationError(_("“%(name)s” is empty.") % named)
    if file.size > settings.ATTACHMENT_MAX_BYTES:
        limit = settings.ATTACHMENT_MAX_BYTES // (1024 * 1024)
        raise ValidationError(_("“%(name)s” is larger than %(limit)s MB.") % {**named, "limit": limit})


def _kind(file: File) -> str:
    """The kind that its content is of. A picture may be named as another kind of picture: cameras and chats do that."""
    head, named = file.open().read(signatures.LOOKED_AT), extension(file)
    if CONTENT_TYPES[named].startswith("image/"):
        kind = signatures.kind_of_picture(head)
    else:
        kind = named if signatures.fits(named, head) else None
    if kind is None:
        raise ValidationError(
            _("“%(name)s” is not what its name says: its content is of another kind.") % {"name": file.name}
        )
    return kind


def _silent(file: File, kind: str) -> Any:
    """The content without what it tells beside what it shows."""
    try:
        if kind in pictures.FORMATS:
            return ContentFile(pictures.silent(kind, file.open().read()))
        if kind in (".mp4", ".mov", ".m4a"):
            return ContentFile(films.silent(file.open().read()))
        if kind == ".mp3":
            return ContentFile(sounds.silent(file.open().read()))
    except pictures.Unreadable as fault:
        raise ValidationError(str(fault.words) % {"name": file.name}) from fault
    except (films.Unparsed, sounds.Unplayable) as fault:
        raise ValidationError(str(pictures.DAMAGED) % {"name": file.name}) from fault
    return file


def digests_of(files: Iterable[File]) -> dict[str, Any]:
    """For the ledger: of each file the SHA-256 as it came and as it is kept."""
    rows = [{"name": file.name, "came": file.came_as, "kept": file.kept_as} for file in map(receive, files)]
    return {DIGESTS: rows} if rows else {}


def attach(event: Event, files: Iterable[File]) -> None:
    for file in map(receive, files):
        Attachment.objects.create(
            order=event.order,
            event=event,
            file=File(file.open(), name=file.kept_as[:32] + file.suffix),
            name=file.name or "",
            content_type=CONTENT_TYPES[file.suffix],
            size=file.size or 0,
            sha256=file.kept_as,
        )
