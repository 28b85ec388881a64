"""An MP3 without its tags: only the frames that a player plays are kept. Pure: bytes in, bytes out."""

VERSION_1, VERSION_2 = 3, 2
LAYERS = {3: 1, 2: 2, 1: 3}
KILOBITS = {  # by version and layer
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = (44100, 48000, 32000)  # of version 1; version 2 has half, version 2.5 a quarter
TAGS = (b"TAG", b"ID3", b"APE", b"LYR")


class Unplayable(ValueError):
    """No frame follows another."""


def silent(data: bytes) -> bytes:
    """Return the frames of the sound, one behind the other. Raises Unplayable."""
    frames: list[bytes] = []
    at, follows = 0, False  # on a frame
    while 0 <= at < len(data):
        if data[at : at + 3] == b"ID3":
            at, follows = at + _length_of_tag(data, at), False
            continue
        length = _length_of_frame(data, at)
        if length and (follows or _leads_on(data, at + length)):
            frames.append(data[at : at + length])
            at, follows = at + length, True
        else:
            at, follows = data.find(b"\xff", at + 1), False
    if not frames:
        raise Unplayable
    return b"".join(frames)


def _leads_on(data: bytes, at: int) -> bool:
    """The first frame is followed by another, by a tag, or by the end: two bytes alone may look like the head of one."""
    return at >= len(data) or data[at : at + 3] in TAGS or _length_of_frame(data, at) > 0


def _length_of_frame(data: bytes, at: int) -> int:
    """The bytes of the frame that begins here; 0 where none does."""
    head = data[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return 0
    version_bits, layer, padding = head[1] >> 3 & 3, LAYERS.get(head[1] >> 1 & 3), head[2] >> 1 & 1
    bits, rate = head[2] >> 4, head[2] >> 2 & 3
    if version_bits == 1 or layer is None or not 0 < bits < 15 or rate == 3:
        return 0
    version = 1 if version_bits == VERSION_1 else 2
    hertz = RATES[rate] // {VERSION_1: 1, VERSION_2: 2}.get(version_bits, 4)
    kilobits = KILOBITS[version, layer][bits - 1]
    if layer == 1:
        return (12_000 * kilobits // hertz + padding) * 4
    return (72_000 if (version, layer) == (2, 3) else 144_000) * kilobits // hertz + padding


def _length_of_tag(data: bytes, at: int) -> int:
    """ID3v2: seven bits of each byte count; a flag says that the head stands behind it once more."""
    head = data[at : at + 10]
    if len(head) < 10:
        return 10
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)
