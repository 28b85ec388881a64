"""A picture as it looks, written anew: nothing is kept of what it tells beside (place, time, camera, thumbnails, comments).

A complainant's own picture would give away where they live to a unit that may not know who they are. So every picture is
decoded and encoded again, and what cannot be decoded is refused. Pure: bytes in, bytes out.
"""

import os
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageCms, ImageFile, ImageOps

FORMATS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".heic": "HEIF"}
KEPT_AS = {".heic": ".jpg"}  # browsers do not show it
MOST_DOTS = 64 * 1024 * 1024  # cameras of 64 megapixels; one dot takes up to 4 bytes, twice
MOST_SCANS = 200  # a progressive JPEG has about ten, and each costs as much as a whole picture
QUALITY = 90
END = b"\xff\xd9"
PLAIN = {".jpg": ("L", "RGB"), ".png": ("1", "L", "LA", "I;16", "RGB", "RGBA"), ".webp": ("RGB", "RGBA")}
ENCODING: dict[str, dict[str, Any]] = {
    ".jpg": {"quality": QUALITY},
    ".png": {"compress_level": 4},
    ".webp": {"quality": QUALITY, "method": 2},
}
# Whatever decoders raise when the bytes are not what they should be.
FAULTS = (
    *(OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, AttributeError, RuntimeError),
    *(ArithmeticError, MemoryError, struct.error, zlib.error, Image.DecompressionBombError),
)
# A decoded picture takes hundreds of megabytes: the threads of one process take turns.
ONE_AT_A_TIME = Lock()
# The decoder of HEIC can be brought down by what it reads: it works in a process of its own, and never in the web's.
APART = {".heic"}
APART_FOR = 60  # seconds
ROOT = Path(__file__).resolve().parent.parent


class Unreadable(ValueError):
    """`words` say why the picture called %(name)s is not taken."""

    def __init__(self, words: "str | Promise") -> None:
        super().__init__(words)
        self.words = words


DAMAGED = _("“%(name)s” is damaged or cut off and cannot be opened. Send it again.")
TOO_LARGE = _("“%(name)s” has more than 64 million dots. Send it smaller.")
MOVING = _("“%(name)s” is a moving picture. Send a film or a still picture.")
REASONS = {3: DAMAGED, 4: TOO_LARGE, 5: MOVING}  # by exit code


def silent(kind: str, data: bytes) -> bytes:
    """Decode a picture of this kind (.jpg, .png, .webp, .heic) and encode only what can be seen.

    A HEIC becomes a JPEG (see KEPT_AS). Raises Unreadable for what cannot be decoded, is too large or moves.
    """
    with ONE_AT_A_TIME:
        return _silenced_apart(kind, data) if kind in APART else _silenced(kind, data)


def _silenced(kind: str, data: bytes) -> bytes:
    try:
        return _encoded(KEPT_AS.get(kind, kind), _decoded(kind, data))
    except Unreadable:
        raise
    except FAULTS as fault:
        raise Unreadable(DAMAGED) from fault


def _silenced_apart(kind: str, data: bytes) -> bytes:
    command = [sys.executable, "-m", "workorders.pictures", kind]
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        done = subprocess.run(command, input=data, capture_output=True, cwd=ROOT, env=environment, timeout=APART_FOR)
    except subprocess.TimeoutExpired as fault:
        raise Unreadable(DAMAGED) from fault
    if done.returncode == 0 and done.stdout:
        return done.stdout
    raise Unreadable(REASONS.get(done.returncode, DAMAGED))


def main(kind: str) -> int:
    """Silence the picture on standard input, in a process that may fall; return the exit code."""
    import pi_heif

    pi_heif.register_heif_opener()
    try:
        silenced = _silenced(kind, sys.stdin.buffer.read())
    except Unreadable as refusal:
        return next(code for code, words in REASONS.items() if words is refusal.words)
    sys.stdout.buffer.write(silenced)
    return 0


def _decoded(kind: str, data: bytes) -> Image.Image:
    """Return the first picture of the file, upright."""
    if kind == ".jpg" and data.count(b"\xff\xda") > MOST_SCANS:
        raise Unreadable(DAMAGED)
    image: Image.Image = Image.open(BytesIO(data), formats=[FORMATS[kind]])
    if image.width * image.height > MOST_DOTS:
        raise Unreadable(TOO_LARGE)
    # Behind a JPEG or a HEIC stand other views of the same picture, which are not kept.
    if kind in (".png", ".webp") and getattr(image, "is_animated", False):
        raise Unreadable(MOVING)
    try:
        image.load()
    except OSError:
        image = _as_far_as_readable(kind, data)
    return _upright(image)


def _as_far_as_readable(kind: str, data: bytes) -> Image.Image:
    """Return a JPEG that is whole but has damaged dots, as every viewer shows it; raise OSError for one that is cut off."""
    if kind != ".jpg" or END not in data[-1024:]:
        raise OSError("cut off")
    image = Image.open(BytesIO(data), formats=[FORMATS[kind]])
    ImageFile.LOAD_TRUNCATED_IMAGES = True  # a global of Pillow; ONE_AT_A_TIME keeps others from it
    try:
        image.load()
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    return image


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except FAULTS:  # the dots are whole; only what says which way up they stand is not
        return image


def _encoded(kind: str, image: Image.Image) -> bytes:
    plain = _in_plain_colours(image, PLAIN[kind])
    plain.info = {}  # encoders write comments and profiles from it
    buffer = BytesIO()
    plain.save(buffer, FORMATS[kind], **ENCODING[kind])
    return buffer.getvalue()


def _in_plain_colours(image: Image.Image, modes: tuple[str, ...]) -> Image.Image:
    """Convert to sRGB, so that colours stay without the profile, which may hold any text."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "RGBA", "CMYK"):
        image = _in_srgb(image, profile)
    if image.mode in modes and "transparency" not in image.info:
        return image
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    if "RGBA" in modes:
        return image
    ground = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(ground, image).convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        theirs = ImageCms.getOpenProfile(BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(image, theirs, ImageCms.createProfile("sRGB"), outputMode=mode) or image
    except (*FAULTS, ImageCms.PyCMSError):  # without its profile a picture looks a little paler
        return image


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
