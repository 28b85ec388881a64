"""What a file's first bytes say it is: a name and a claimed type are only words."""

import re

LOOKED_AT = 1024  # bytes

PICTURES = {
    ".jpg": rb"\xff\xd8\xff",
    ".png": rb"\x89PNG",
    ".webp": rb"RIFF.{4}WEBP",
    ".heic": rb".{4}ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)",
}
SOUNDS_AND_FILMS = {
    ".mp3": rb"ID3|\xff[\xe0-\xff]",
    ".m4a": rb".{4}ftyp",
    ".mp4": rb".{4}ftyp",
    ".mov": rb".{4}(?:ftyp|moov|mdat|wide|free|skip)",
}
DOCUMENTS = {
    ".pdf": rb"(?=.*?%PDF-)",  # a few bytes may stand before it
    ".docx": rb"PK\x03\x04",
    ".xlsx": rb"PK\x03\x04",
    ".txt": rb"\xff\xfe|\xfe\xff|(?!MZ|PK\x03\x04|\x7fELF|%PDF-)[^\x00]*\Z",
}
BEGINNINGS = {
    kind: re.compile(begin, re.DOTALL) for kind, begin in {**PICTURES, **SOUNDS_AND_FILMS, **DOCUMENTS}.items()
}


def fits(extension: str, head: bytes) -> bool:
    """Whether a file that begins with `head` can be of the kind that its name says."""
    return bool(BEGINNINGS[extension].match(head[:LOOKED_AT]))


def kind_of_picture(head: bytes) -> str | None:
    """The extension of the kind of picture that begins with `head`; none where no picture does."""
    return next((kind for kind in PICTURES if fits(kind, head)), None)
