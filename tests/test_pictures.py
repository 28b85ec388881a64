"""What a picture tells beside what it shows does not come in with it."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.media import BLUE, HEIC, JPEG, PLACE, PNG, SIZE, WEBP, exif, photograph, picture, png_with
from tests.roads import Road
from workorders import attachments, pictures
from workorders.lifecycle import Status
from workorders.models import Attachment

FORMATS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
CORNERS = {"upper left": (3, 3), "upper right": (-4, 3), "lower left": (3, -4), "lower right": (-4, -4)}


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def corner(data: bytes) -> str:
    """Where the blue is."""
    image = opened(data).convert("RGB")
    colours = {name: image.getpixel((x % image.width, y % image.height)) for name, (x, y) in CORNERS.items()}
    return min(colours, key=lambda name: sum(abs(a - b) for a, b in zip(colours[name], BLUE, strict=True)))


def behind_the_picture() -> bytes:
    """A second view (MPO), and what telephones hang on."""
    first, second = opened(picture("JPEG")), opened(picture("JPEG", size=(48, 32)))
    buffer = BytesIO()
    first.save(buffer, "MPO", save_all=True, append_images=[second], exif=exif())
    return buffer.getvalue() + PLACE


def fill_byte() -> bytes:
    """ITU-T T.81 B.1.1.2: any number of FF may stand before a marker."""
    whole = photograph()
    return whole[:2] + b"\xff" + whole[2:].replace(b"\xff\xe1", b"\xff\xff\xff\xe1")


TELLING = {
    "a photograph": (".jpg", photograph()),
    "one in stages": (".jpg", photograph(progressive=True)),
    "one with fill bytes": (".jpg", fill_byte()),
    "one with a second view": (".jpg", behind_the_picture()),
    "one with a profile of words": (".jpg", picture("JPEG", icc_profile=PLACE)),
    "one in the colours of printers": (".jpg", picture("JPEG", mode="CMYK", comment=PLACE)),
    "a PNG": (".png", photograph("PNG")),
    "a PNG with a chunk of its own": (".png", png_with((b"tEXt", b"a\0" + PLACE), (b"prVt", PLACE))),
    "a PNG with something behind it": (".png", PNG + PLACE),
    "a WebP": (".webp", photograph("WEBP")),
    "a WebP with something behind it": (".webp", WEBP + PLACE),
}


@pytest.mark.parametrize("what", TELLING)
def test_place_device_and_words_are_taken_out_of_a_picture_and_it_looks_the_same(what: str) -> None:
    kind, original = TELLING[what]
    assert PLACE in original
    silenced = pictures.silent(kind, original)
    assert PLACE not in silenced
    image = opened(silenced)
    assert (image.format, image.size, getattr(image, "n_frames", 1)) == (FORMATS[kind], SIZE, 1)
    assert not image.getexif() and not set(image.info) - {
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
        "loop",
        "background",
        "timestamp",
        "duration",
    }
    assert corner(silenced) == "upper left"


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("orientation", "upright", "blue"),
    [(1, SIZE, "upper left"), (3, SIZE, "lower right"), (6, SIZE[::-1], "upper right"), (8, SIZE[::-1], "lower left")],
)
def test_a_picture_stands_the_way_it_was_held(kind: str, orientation: int, upright: tuple[int, int], blue: str) -> None:
    silenced = pictures.silent(kind, photograph(FORMATS[kind], orientation=orientation))
    assert (opened(silenced).size, corner(silenced)) == (upright, blue)


def test_a_heic_is_kept_as_an_upright_jpeg() -> None:
    assert b"GPSLAT39.9" in HEIC
    silenced = pictures.silent(".heic", HEIC)
    assert b"GPSLAT" not in silenced
    assert (opened(silenced).format, opened(silenced).size, corner(silenced)) == ("JPEG", SIZE[::-1], "upper right")


def test_colours_are_kept_without_their_profile() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    silenced = opened(pictures.silent(".png", picture(icc_profile=profile)))
    assert "icc_profile" not in silenced.info
    assert silenced.getpixel((3, 3)) == BLUE


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_a_png_of_any_colours_is_taken(mode: str) -> None:
    image = Image.new("L", SIZE, 128) if mode == "I;16" else opened(PNG)
    buffer = BytesIO()
    image.convert(mode).save(buffer, "PNG")
    assert opened(pictures.silent(".png", buffer.getvalue())).size == SIZE


def moving(kind: str) -> bytes:
    buffer, frames = BytesIO(), [Image.new("RGB", SIZE, colour) for colour in ("red", "blue")]
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def bomb() -> bytes:
    """A few kilobytes that would take gigabytes."""
    return picture(size=SIZE).replace(b"\0\0\0\x20\0\0\0\x10", b"\0\0\xff\xff\0\0\xff\xff", 1)


NOT_TAKEN = {
    "a JPEG without its end": ("a.jpg", photograph(size=(320, 240))[:-300], "damaged or cut off"),
    "a JPEG of a head alone": ("a.jpg", b"\xff\xd8\xff\xe0", "damaged or cut off"),
    "a PNG without its end": ("a.png", photograph("PNG")[:-60], "damaged or cut off"),
    "a PNG whose dots are wrong": ("a.png", PNG.replace(b"IDAT", b"IDAU"), "damaged or cut off"),
    "a WebP without its end": ("a.webp", photograph("WEBP")[:60], "damaged or cut off"),
    "a HEIC without its end": ("a.heic", HEIC[:400], "damaged or cut off"),
    "a JPEG of endless scans": ("a.jpg", JPEG[:-2] + b"\xff\xda" * 300 + b"\xff\xd9", "damaged or cut off"),
    "a picture of billions of dots": ("a.png", bomb(), "damaged or cut off"),
    "a picture of 70 million dots": ("a.png", picture(size=(10_000, 7_000)), "64 million"),
    "a moving PNG": ("a.png", moving("PNG"), "moving picture"),
    "a moving WebP": ("a.webp", moving("WEBP"), "moving picture"),
    "a GIF": ("a.gif", picture("GIF"), "not taken"),
    "a GIF called a JPEG": ("a.jpg", picture("GIF"), "another kind"),
    "a TIFF called a JPEG": ("a.jpg", picture("TIFF"), "another kind"),
    "a film called a picture": ("a.heic", b"\0\0\0\x18ftypisom" + bytes(12), "another kind"),
}


@pytest.mark.parametrize("what", NOT_TAKEN)
def test_a_picture_that_cannot_be_written_anew_is_refused_with_the_reason(what: str, english: None) -> None:
    name, data, why = NOT_TAKEN[what]
    with pytest.raises(ValidationError, match=why) as refusal:
        attachments.receive(SimpleUploadedFile(name, data))
    assert name in str(refusal.value)


@given(st.sampled_from([*FORMATS, *FORMATS, ".heic"]), st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_whatever_is_damaged_is_refused_or_silent(kind: str, at: int, damage: bytes) -> None:
    whole = bytearray(HEIC if kind == ".heic" else photograph(FORMATS[kind]))
    whole[at % len(whole) : at % len(whole) + len(damage)] = damage
    try:
        silenced = pictures.silent(kind, bytes(whole))
    except pictures.Unreadable:
        return
    assert PLACE not in silenced and b"GPSLAT" not in silenced


def test_a_decoder_that_falls_brings_nothing_down_with_it(monkeypatch: pytest.MonkeyPatch, english: None) -> None:
    """Killed in the middle of its work, as by a picture made for it."""
    killed = [sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"]
    run = subprocess.run
    monkeypatch.setattr(pictures.subprocess, "run", lambda _command, **options: run(killed, **options))
    with pytest.raises(pictures.Unreadable, match="damaged"):
        pictures.silent(".heic", HEIC)


def test_a_picture_with_a_few_wrong_dots_is_kept_as_it_shows() -> None:
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00?\x00"
    table = b"\xff\xdb\x00\x43" + bytes(65)
    head = b"\xff\xd8" + table + b"\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00"
    wrong = head + b"\xff\xc4\x00\x16" + bytes(20) + scan + b"\x12\x34\xff\xd9"
    assert opened(pictures.silent(".jpg", wrong)).size == (16, 16)
    with pytest.raises(pictures.Unreadable):
        pictures.silent(".jpg", wrong[:-2])


def test_a_picture_that_comes_with_a_step_is_kept_without_its_place(settings: Any, tmp_path: Path, road: Road) -> None:
    settings.MEDIA_ROOT, order = tmp_path, road.to(Status.HANDLING)
    files = [SimpleUploadedFile("现场.jpg", photograph()), SimpleUploadedFile("说明.txt", PLACE)]
    road.act(order, "progress", files=files)
    photo, words = Attachment.objects.order_by("pk")
    silenced = photo.file.read()
    assert PLACE not in silenced and photo.size == len(silenced)
    assert words.file.read() == PLACE, "what somebody wrote is theirs"
