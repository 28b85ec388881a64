"""What a picture tells beside what it shows does not come in with it."""

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st

from tests.roads import Road
from workorders import pictures
from workorders.lifecycle import Status
from workorders.models import Attachment

PLACE = b"39.98N 116.41E Xiaomi 14"
SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x12\xff\x00\x34\xff\xd0\x56"
TABLE = b"\xff\xc4\x00\x05\xff\xd9\x00"  # holds what looks like the end
ORIENTED = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)


def segment(kind: int, body: bytes) -> bytes:
    return bytes([0xFF, kind]) + struct.pack(">H", len(body) + 2) + body


def jpeg(*told: bytes, behind: bytes = b"") -> bytes:
    colours = segment(0xE2, b"ICC_PROFILE\0colours") + segment(0xDB, b"table")
    return b"\xff\xd8" + b"".join(told) + colours + SCAN + TABLE + SCAN + b"\xff\xd9" + behind


def exif(order: str, orientation: int) -> bytes:
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    entries = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack(f"{order}HHII", 0x8825, 4, 1, 40)
    head = mark + struct.pack(f"{order}IH", 8, 2) + entries + struct.pack(f"{order}I", 0)
    return segment(0xE1, b"Exif\0\0" + head + PLACE)


@pytest.mark.parametrize(
    "told",
    [
        (exif("<", 1),),
        (segment(0xE0, b"JFIF\0"), exif(">", 1)),
        (segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + PLACE),),
        (segment(0xED, b"Photoshop 3.0\0" + PLACE), segment(0xFE, PLACE)),
        (segment(0xE2, b"MPF\0" + PLACE),),
    ],
)
def test_place_device_and_words_are_taken_out_of_a_photograph_and_its_colours_stay(told: tuple[bytes, ...]) -> None:
    kept = pictures.silent(".jpg", jpeg(*told))
    assert PLACE not in kept
    assert kept == jpeg(*(one for one in told if b"JFIF" in one))


def test_what_a_telephone_puts_behind_the_picture_goes_too() -> None:
    assert pictures.silent(".jpeg", jpeg(behind=b"\xff\xd8" + exif("<", 1) + b"ftypmp4")) == jpeg()


@pytest.mark.parametrize("order", ["<", ">"])
def test_which_way_up_it_stands_is_kept(order: str) -> None:
    assert pictures.silent(".jpg", jpeg(exif(order, 6))) == jpeg(segment(0xE1, b"Exif\0\0" + ORIENTED))


def test_the_same_for_the_other_kinds_of_picture() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    png = [chunk(b"IHDR", b"size"), chunk(b"IDAT", b"dots"), chunk(b"IEND", b"")]
    told = [png[0], chunk(b"eXIf", PLACE), chunk(b"iTXt", PLACE), *png[1:]]
    assert pictures.silent(".png", b"\x89PNG\r\n\x1a\n" + b"".join(told)) == b"\x89PNG\r\n\x1a\n" + b"".join(png)

    def riff(*chunks: tuple[bytes, bytes]) -> bytes:
        body = b"WEBP" + b"".join(
            kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks
        )
        return b"RIFF" + struct.pack("<I", len(body)) + body

    told_webp = riff((b"VP8X", b"\x1c123456789"), (b"VP8 ", b"dots!"), (b"EXIF", PLACE), (b"XMP ", PLACE))
    assert pictures.silent(".webp", told_webp) == riff((b"VP8X", b"\x10123456789"), (b"VP8 ", b"dots!"))


@given(st.sampled_from([".jpg", ".png", ".webp", ".pdf"]), st.binary(max_size=80))
def test_what_cannot_be_taken_apart_is_left_as_it_is_or_never_grows(suffix: str, data: bytes) -> None:
    for head in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"):
        assert len(pictures.silent(suffix, head + data)) <= len(head + data) + len(ORIENTED) + 10


def test_a_picture_that_comes_with_a_step_is_kept_without_its_place(settings: Any, tmp_path: Path, road: Road) -> None:
    settings.MEDIA_ROOT, order = tmp_path, road.to(Status.HANDLING)
    files = [SimpleUploadedFile("现场.jpg", jpeg(exif("<", 6))), SimpleUploadedFile("说明.txt", PLACE)]
    road.act(order, "progress", files=files)
    picture, words = Attachment.objects.order_by("pk")
    assert PLACE not in picture.file.read() and picture.size == len(jpeg(segment(0xE1, b"Exif\0\0" + ORIENTED)))
    assert words.file.read() == PLACE, "what somebody wrote is theirs"
