"""Files that come with a step: what may be attached, and how it is kept."""

import hashlib
from collections.abc import Iterable
from pathlib import PurePath

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _

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


def check(file: UploadedFile) -> None:
    """Raises ValidationError for a file that is empty, too large or of a kind that is not taken."""
    named = {"name": file.name}
    if extension(file) not in CONTENT_TYPES:
        kinds = " ".join(sorted(suffix.lstrip(".") for suffix in CONTENT_TYPES))
        raise ValidationError(_("“%(name)s”: files of this kind are not taken. Taken are: %(kinds)s.") % {**named, "kinds": kinds})
    if not file.size:
        raise ValidationError(_("“%(name)s” is empty.") % named)
    if file.size > settings.ATTACHMENT_MAX_BYTES:
        limit = settings.ATTACHMENT_MAX_BYTES // (1024 * 1024)
        raise ValidationError(_("“%(name)s” is larger than %(limit)s MB.") % {**named, "limit": limit})


def attach(event: Event, files: Iterable[UploadedFile]) -> None:
    for file in files:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        shown = file.name or digest
        file.name = digest[:32] + extension(file)
        Attachment.objects.create(
            order=event.order,
            event=event,
            file=file,
            name=get_valid_filename(shown)[:200],
            content_type=CONTENT_TYPES[extension(file)],
            size=file.size,
            sha256=digest,
        )
