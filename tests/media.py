"""Small pictures, films and sounds as telephones make them, all of which say where they were taken."""

import base64
import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image, PngImagePlugin

PLACE = b"39.9842N-116.4103E"
RED, BLUE = (200, 30, 30), (30, 30, 200)
SIZE = (32, 16)
# 32 × 16 dots with EXIF and XMP that hold GPSLAT39.9, to be turned by a quarter.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAhFtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
    "AEZpbG9jAAAAAERAAAMAAQAAAAACNQABAAAAAAAAAD4AAgAAAAACcwABAAAAAAAAAFoAAwAAAAACzQABAAAAAAAAACEAAABiaWlu"
    "ZgAAAAAAAwAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZlAgAAAQACAABFeGlmAAAAACppbmZlAgAAAQADAABtaW1lAGFwcGxp"
    "Y2F0aW9uL3JkZit4bWwAAAAAAA5waXRtAAAAAAABAAABBmlwcnAAAADlaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAA"
    "DwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAAAD"
    "AIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFwAAAAIAAAAAEAAAAQAAAA"
    "Af///+AAAAAC////0AAAAAIAAAAQcGl4aQAAAAADCAgIAAAACWlyb3QDAAAAGWlwbWEAAAAAAAAAAQABBoECAwWEhgAAAChpcmVm"
    "AAAAAAAAAA5jZHNjAAIAAQABAAAADmNkc2MAAwABAAEAAADBbWRhdAAAADooAa9SF8kk6FeFnf045DEYzFMF9aGs0S5CfO2UBtts"
    "3ycz6YMtaLU7GeNCY9pulWiVPX8dZYpiHQEgAAAABkV4aWYAAE1NACoAAAAIAAMBDgACAAAACwAAADIBEgADAAAAAQAGAACIJQAE"
    "AAAAAQAAAD4AAAAAR1BTTEFUMzkuOQAAAAEAAQACAAAAAk4AAAAAAAAAPHg6eG1wbWV0YT5HUFNMQVQzOS45PC94OnhtcG1ldGE+"
)


def picture(kind: str = "PNG", *, mode: str = "RGB", size: tuple[int, int] = SIZE, **options: Any) -> bytes:
    """Red, with a blue corner on the upper left."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (0, 0, 8, 8))
    buffer = BytesIO()
    image.convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation: int = 1) -> bytes:
    tags = Image.Exif()
    tags[0x0112], tags[0x010E] = orientation, PLACE.decode()
    tags.get_ifd(0x8825)[2] = (39.0, 59.0, 2.0)
    return tags.tobytes()


def photograph(kind: str = "JPEG", *, orientation: int = 1, **options: Any) -> bytes:
    """A picture with all that its kind may tell beside."""
    tags = {"exif": exif(orientation), "xmp": b"<x:xmpmeta>" + PLACE + b"</x:xmpmeta>"}
    if kind == "JPEG":
        tags["comment"] = PLACE
    if kind == "PNG":
        words = PngImagePlugin.PngInfo()
        words.add_text("Comment", PLACE.decode())
        words.add_itxt("XML:com.adobe.xmp", PLACE.decode())
        tags = {"exif": tags["exif"], "pnginfo": words}
    return picture(kind, **{**tags, **options})


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    whole = picture()
    head, rest = whole[:33], whole[33:]
    made = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return head + b"".join(made) + rest


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, *parts: bytes) -> bytes:
    return box(kind, bytes(4), *parts)


def track(number: int, handler: bytes, at: int, sizes: list[int], *more: bytes, wide: bool = False) -> bytes:
    """One chunk that holds all samples."""
    offsets = full(b"co64", struct.pack(">IQ", 1, at)) if wide else full(b"stco", struct.pack(">II", 1, at))
    stbl = box(
        b"stbl",
        full(b"stsd", struct.pack(">I", 1), box({b"vide": b"avc1", b"soun": b"mp4a"}.get(handler, b"mebx"), bytes(28))),
        full(b"stts", struct.pack(">III", 1, len(sizes), 10)),
        full(b"stsc", struct.pack(">IIII", 1, 1, len(sizes), 1)),
        full(b"stsz", struct.pack(">II", 0, len(sizes)), struct.pack(f">{len(sizes)}I", *sizes)),
        offsets,
    )
    hdlr = full(b"hdlr", bytes(4), handler, bytes(12), b"Core Media " + PLACE + b"\0")
    mdia = box(b"mdia", full(b"mdhd", bytes(20)), hdlr, box(b"minf", hdlr.replace(handler, b"alis"), stbl))
    tkhd = full(b"tkhd", struct.pack(">III", 3_900_000_000, 3_900_000_000, number), bytes(68))
    return box(b"trak", tkhd, mdia, *more)


PICTURES, SOUND, PLACES = b"P" * 30, b"S" * 20, PLACE + b" mebx"


def film(*, first: bool = False, wide: bool = False, brand: bytes = b"isom") -> bytes:
    """Pictures, sound and a track of places, with the place in every box where cameras write it."""
    head = box(b"ftyp", brand, bytes(4), brand)
    media = [PICTURES, PLACES, SOUND, PLACE]

    def moov(at: int) -> bytes:
        pictures = track(1, b"vide", at, [10, 20], box(b"udta", box(b"loci", PLACE)), wide=wide)
        places = track(2, b"meta", at + 30, [len(PLACES)], box(b"tref", box(b"cdsc", struct.pack(">I", 1))))
        sound = track(3, b"soun", at + 30 + len(PLACES), [20], wide=wide)
        tags = box(b"udta", box(b"\xa9xyz", struct.pack(">HH", 18, 0x15C7), PLACE), box(b"meta", PLACE))
        keys = full(b"meta", full(b"keys", b"com.apple.quicktime.location.ISO6709"), box(b"ilst", PLACE))
        mvhd = full(b"mvhd", struct.pack(">II", 3_900_000_000, 3_900_000_000), bytes(88))
        return box(b"moov", mvhd, pictures, places, sound, tags, keys, box(b"gps ", PLACE))

    more = box(b"uuid", bytes(16), PLACE) + box(b"free", PLACE) + box(b"skip", PLACE)
    mdat = box(b"mdat", *media)
    if first:
        return head + moov(len(head) + len(moov(0)) + len(more) + 8) + more + mdat
    return head + more + mdat + moov(len(head) + len(more) + 8)


def fragments() -> bytes:
    """As browsers record: an empty moov, then a fragment of pictures and one of places."""
    trak = track(1, b"vide", 0, []), track(2, b"meta", 0, [])
    trex = [full(b"trex", struct.pack(">IIIII", number, 1, 0, size, 0)) for number, size in ((1, 0), (2, len(PLACES)))]
    head = box(b"ftyp", b"iso5", bytes(4)) + box(b"moov", full(b"mvhd", bytes(96)), *trak, box(b"mvex", *trex))

    def moof(offset: int) -> bytes:
        runs = [
            box(
                b"traf",
                box(b"tfhd", struct.pack(">II", 0x020000, 1)),
                box(b"trun", struct.pack(">IIiII", 0x201, 2, offset, 10, 20)),
            ),
            box(
                b"traf",
                box(b"tfhd", struct.pack(">II", 0x020000, 2)),
                box(b"trun", struct.pack(">IIi", 0x1, 1, offset + 30)),
            ),
        ]
        return box(b"moof", full(b"mfhd", bytes(4)), *runs)

    return head + moof(len(moof(0)) + 8) + box(b"mdat", PICTURES, PLACES)


FRAME = b"\xff\xfb\x90\x00" + b"\x55" * 413  # 128 kbit/s, 44.1 kHz


def sound() -> bytes:
    """An MP3 with an ID3v2 head, an ID3v1 tail and words between the frames."""
    tag = b"ID3\x04\0\0" + bytes([0, 0, 0, 40]) + (b"TXXX" + PLACE).ljust(40, b"\0")
    return tag + FRAME * 3 + PLACE + FRAME * 2 + b"TAG" + PLACE.ljust(125, b"\0")


PNG, JPEG, WEBP = picture(), picture("JPEG"), picture("WEBP")
MP4, MOV, M4A, MP3 = film(), film(brand=b"qt  "), film(brand=b"M4A "), sound()
