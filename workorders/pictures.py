"""A picture without what it tells beside what it shows: where, when and with what it was taken.

The place of an arrival is recorded by its step, where everybody reads it; a complainant's own picture would give away where
they live to a unit that may not know who they are. Which way up a picture stands is kept. Pure: bytes in, bytes out.
"""

import re
import struct

ORIENTATION, UPRIGHT = 0x0112, 1
PNG_TOLD = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
WEBP_TOLD = {b"EXIF": 0x08, b"XMP ": 0x04}  # and their bits in VP8X
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # within a scan: no stuffed byte, no restart, no fill


def silent(suffix: str, data: bytes) -> bytes:
    """What cannot be taken apart, and what is no picture, stays as it is."""
    strip = {".jpg": _jpeg, ".jpeg": _jpeg, ".png": _png, ".webp": _webp}.get(suffix)
    try:
        return strip(data) if strip else data
    except (ValueError, IndexError, struct.error):
        return data


def _jpeg(data: bytes) -> bytes:
    kept, upright, at = [], b"", 2
    while data[at + 1] != 0xDA:
        segment = _segment(data, at)
        if segment[4:10] == b"Exif\0\0":
            upright = _orientation(segment[10:])
        kept += [segment] if _shows(segment) else []
        at += len(segment)
    return b"".join([data[:2], upright, *kept, data[at : _end(data, at)]])


def _segment(data: bytes, at: int) -> bytes:
    begin, length = struct.unpack_from(">BxH", data, at)
    if begin != 0xFF or length < 2:
        raise ValueError
    return data[at : at + 2 + length]


def _shows(segment: bytes) -> bool:
    """Of what applications add: the size of a dot, the colours, and how they are coded."""
    kind = segment[1]
    return not (0xE0 <= kind <= 0xEF or kind == 0xFE) or kind in (0xE0, 0xEE) or segment[4:15] == b"ICC_PROFILE"


def _end(data: bytes, at: int) -> int:
    """Behind the picture telephones add films and further pictures, with places of their own."""
    while data[at + 1] != 0xD9:
        found = MARKER.search(data, at + len(_segment(data, at)))
        if found is None:
            return len(data)
        at = found.start()
    return at + 2


def _orientation(tiff: bytes) -> bytes:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return b""
    (ifd,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, ifd)
    for entry in range(ifd + 2, ifd + 2 + count * 12, 12):
        tag, value = struct.unpack_from(f"{order}H6xH", tiff, entry)
        if tag == ORIENTATION and value != UPRIGHT:
            return _says_only(value)
    return b""


def _says_only(orientation: int) -> bytes:
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, ORIENTATION, 3, 1, orientation, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff


def _png(data: bytes) -> bytes:
    kept, at = [data[:8]], 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        kept += [] if kind in PNG_TOLD else [data[at : at + 12 + length]]
        at += 12 + length
        if kind == b"IEND":
            break
    return b"".join(kept)


def _webp(data: bytes) -> bytes:
    kept, at = [], 12
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        chunk = data[at : at + 8 + length + length % 2]
        kept += [] if kind in WEBP_TOLD else [_without_bits(chunk) if kind == b"VP8X" else chunk]
        at += len(chunk)
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _without_bits(chunk: bytes) -> bytes:
    return chunk[:8] + bytes([chunk[8] & ~sum(WEBP_TOLD.values())]) + chunk[9:]
