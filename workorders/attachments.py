"""Files that come with a step: what may be attached, and how it is kept."""

import hashlib
from collections.abc import Iterable
from pathlib import PurePath

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _

from workorders import pictures, signatures
from workorders.models import Attachment, Event

# The content type is ours, by extension: what the browser claims is not believed.
CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".pdf": "application/pdf",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".mp4": "video/mp4",
    ".txt": "text/plain",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def extension(file: UploadedFile) -> str:
    return PurePath(file.name or "").suffix.lower()


def shown_name(file: UploadedFile) -> str:
    """What the file was called, without what is dangerous in a name; its end stays, however long it is."""
    name = PurePath(get_valid_filename(file.name or ""))
    return name.stem[: 200 - len(name.suffix)] + name.suffix


def check(file: UploadedFile) -> None:
    """Raises ValidationError for a file that is empty, too large, of a kind that is not taken, or not of its kind."""
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
    if not signatures.fits(extension(file), _head(file)):
        raise ValidationError(_("“%(name)s” is not what its name says: its content is of another kind.") % named)


def _head(file: UploadedFile) -> bytes:
    file.seek(0)
    head = file.read(signatures.LOOKED_AT)
    file.seek(0)
    return head


def attach(event: Event, files: Iterable[UploadedFile]) -> None:
    for file in files:
        kept = _kept(file)
        kept.seek(0)  # it may have been read before, by a try that was refused
        digest = hashlib.file_digest(kept, "sha256").hexdigest()
        Attachment.objects.create(
            order=event.order,
            event=event,
            file=File(kept, name=digest[:32] + extension(file)),
            name=shown_name(file),
            content_type=CONTENT_TYPES[extension(file)],
            size=kept.size or 0,
            sha256=digest,
        )


def _kept(file: UploadedFile) -> File:
    """A picture as it looks, and no more; the digest is of what is kept."""
    if not CONTENT_TYPES[extension(file)].startswith("image/"):
        return file
    file.seek(0)
    return ContentFile(pictures.silent(extension(file), file.read()))
