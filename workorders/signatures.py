"""What a file's first bytes say it is: a name and a claimed type are only words."""

import re

LOOKED_AT = 1024  # bytes

PICTURE_OR_SOUND = {
    ".jpg": rb"\xff\xd8\xff",
    ".jpeg": rb"\xff\xd8\xff",
    ".png": rb"\x89PNG",
    ".webp": rb"RIFF.{4}WEBP",
    ".mp3": rb"ID3|\xff[\xe0-\xff]",
    ".m4a": rb".{4}ftyp",
    ".mp4": rb".{4}ftyp",
}
DOCUMENTS = {
    ".pdf": rb"(?=.*?%PDF-)",  # a few bytes may stand before it
    ".docx": rb"PK\x03\x04",
    ".xlsx": rb"PK\x03\x04",
    ".txt": rb"\xff\xfe|\xfe\xff|(?!MZ|PK\x03\x04|\x7fELF|%PDF-)[^\x00]*\Z",
}
BEGINNINGS = {kind: re.compile(begin, re.DOTALL) for kind, begin in {**PICTURE_OR_SOUND, **DOCUMENTS}.items()}


def fits(extension: str, head: bytes) -> bool:
    """Whether a file that begins with `head` can be of the kind that its name says."""
    return bool(BEGINNINGS[extension].match(head[:LOOKED_AT]))
