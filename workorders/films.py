"""A film or sound without what it tells beside what it shows and lets hear: place, time, camera, titles, hidden tracks.

MP4, MOV and M4A are boxes in boxes (ISO/IEC 14496-12). Only boxes on the list below keep their content; every other one is
blanked where it stands, so that no offset changes. Of the media data, only the samples of pictures and sound are kept:
cameras write tracks of places (mebx, gpmd, camm), and padding that nobody plays. Refused is whatever does not parse.
Pure: bytes in, bytes out. The coded pictures themselves are not looked into.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

CONTAINERS = frozenset(b"moov trak edts mdia minf dinf stbl mvex moof traf mfra".split())
# What a player needs. `udta`, `meta`, `uuid`, `tref`, `free` and everything unheard of are not on it.
CONTENT = frozenset(
    b"ftyp styp sidx mvhd tkhd elst mdhd hdlr vmhd smhd dref stsd stts ctts cslg stss stps stsz stz2 stsc stco co64 "
    b"sdtp sgpd sbgp subs saiz saio tapt mehd trex mfhd tfhd tfdt trun tfra mfro mdat".split()
)
HANDLERS = (b"vide", b"soun")
MOST_BOXES, MOST_TRACKS, DEEPEST = 100_000, 64, 8
Span = tuple[int, int]


class Unparsed(ValueError):
    """The boxes do not fit into each other, or lead outside of the file."""


@dataclass
class Box:
    kind: bytes
    at: int
    body: int
    end: int
    children: list["Box"] = field(default_factory=list)

    def inside(self) -> "Iterator[Box]":
        """The boxes below this one, at any depth."""
        for child in self.children:
            yield child
            yield from child.inside()

    def all_of(self, kind: bytes) -> "list[Box]":
        return [child for child in self.children if child.kind == kind]


@dataclass
class Track:
    box: Box
    parts: dict[bytes, Box] = field(default_factory=dict)
    handler: bytes = b""
    number: int = 0
    default_size: int = 0  # of a sample in a fragment

    @property
    def is_kept(self) -> bool:
        return self.handler in HANDLERS


def silent(data: bytes) -> bytes:
    """Return the film, as long as it came, with all but pictures and sound blanked. Raises Unparsed."""
    film = bytearray(data)
    try:
        _silence(film)
    except (struct.error, IndexError, ZeroDivisionError) as fault:
        raise Unparsed(str(fault)) from fault
    return bytes(film)


def _silence(film: bytearray) -> None:
    file = Box(b"", 0, 0, len(film))
    _read(film, file)
    movies = file.all_of(b"moov")
    if not movies:
        raise Unparsed("no moov: the recording was cut off")
    tracks = [_track(film, trak) for moov in movies for trak in moov.all_of(b"trak")]
    _read_defaults(film, movies, tracks)
    samples = [span for track in tracks if track.is_kept for span in _chunks(film, track)]
    more, unkept = _fragments(film, file, {track.number: track for track in tracks})
    samples += more
    _keep_only(film, samples, file.all_of(b"mdat"))
    media = {box.at for box in file.all_of(b"mdat")}
    for box in file.inside():
        if box.kind not in CONTAINERS | CONTENT or (box.kind == b"mdat" and box.at not in media):
            _blank(film, box)
        else:
            _forget_times_and_names(film, box)
    for box in [track.box for track in tracks if not track.is_kept] + unkept:
        _blank(film, box)


def _read(film: bytearray, file: Box) -> None:
    """Hang every box below the one that holds it."""
    open_boxes, count = [(file, 0)], 0
    while open_boxes:
        container, depth = open_boxes.pop()
        at = container.body
        # Some writers end a list by zeros.
        while at < container.end and any(film[at : min(container.end, at + 8)]):
            box = _box(film, at, container.end, may_be_open=container is file)
            count += 1
            if count > MOST_BOXES or depth > DEEPEST:
                raise Unparsed("too many boxes")
            container.children.append(box)
            if box.kind in CONTAINERS:
                open_boxes.append((box, depth + 1))
            at = box.end
        if any(film[at : container.end]):
            raise Unparsed(f"no box at {at}")


def _box(film: bytearray, at: int, end: int, *, may_be_open: bool) -> Box:
    size, kind = struct.unpack_from(">I4s", film, at)
    body = at + 8
    if size == 1:
        (size,) = struct.unpack_from(">Q", film, body)
        body += 8
    elif size == 0 and may_be_open:
        size = end - at  # to the end of the file
    if at + size < body or at + size > end:
        raise Unparsed(f"a box of {size} bytes at {at}")
    return Box(kind, at, body, at + size)


def _track(film: bytearray, trak: Box) -> Track:
    track = Track(trak, {box.kind: box for box in trak.inside()})
    for tkhd in trak.all_of(b"tkhd"):
        (track.number,) = struct.unpack_from(">I", film, tkhd.body + (20 if film[tkhd.body] == 1 else 12))
    for mdia in trak.all_of(b"mdia"):
        for hdlr in mdia.all_of(b"hdlr"):  # QuickTime has others below
            track.handler = bytes(film[hdlr.body + 8 : hdlr.body + 12])
    return track


def _read_defaults(film: bytearray, movies: list[Box], tracks: list[Track]) -> None:
    if len(tracks) > MOST_TRACKS:
        raise Unparsed("too many tracks")
    for trex in (box for moov in movies for box in moov.inside() if box.kind == b"trex"):
        number, size = struct.unpack_from(">I8xI", film, trex.body + 4)
        for track in tracks:
            if track.number == number:
                track.default_size = size


def _chunks(film: bytearray, track: Track) -> Iterator[Span]:
    """Where the samples of a track stand: each chunk holds some of them, one behind the other."""
    offsets = _offsets(film, track)
    runs = _table(film, track, b"stsc", ">III")
    if not offsets or not runs:
        return
    if any(run[0] < 1 for run in runs):
        raise Unparsed("chunks are counted from one")
    ends = _ends_of_samples(film, track, len(offsets) * max(per_chunk for _first, per_chunk, _entry in runs))
    sample = 0
    for run, following in pairwise([*runs, (len(offsets) + 1, 0, 0)]):
        for chunk in range(run[0], min(following[0], len(offsets) + 1)):
            # The last chunk may have room for more samples than there are.
            last = min(sample + run[1], len(ends) - 1)
            yield offsets[chunk - 1], offsets[chunk - 1] + ends[last] - ends[sample]
            sample = last


def _offsets(film: bytearray, track: Track) -> list[int]:
    wide = b"co64" in track.parts
    return [offset for (offset,) in _table(film, track, b"co64" if wide else b"stco", ">Q" if wide else ">I")]


def _table(film: bytearray, track: Track, kind: bytes, row: str, head: int = 4) -> list[tuple[int, ...]]:
    """The rows of a table that begins with their number; none where the track has no such table."""
    if kind not in track.parts:
        return []
    box = track.parts[kind]
    (count,) = struct.unpack_from(">I", film, box.body + head)
    begin = box.body + head + 4
    if begin + count * struct.calcsize(row) > box.end:
        raise Unparsed(f"{kind!r} ends too early")
    return list(struct.iter_unpack(row, film[begin : begin + count * struct.calcsize(row)]))


def _ends_of_samples(film: bytearray, track: Track, most: int) -> "range | list[int]":
    """Where each sample would end if all stood behind each other; the first number is 0."""
    if b"stz2" in track.parts:
        raise Unparsed("sizes of samples in half bytes")
    if b"stsz" not in track.parts:
        return [0]
    same, count = struct.unpack_from(">II", film, track.parts[b"stsz"].body + 4)
    if same:
        size = _bytes_of_frame(film, track) if same == 1 and track.handler == b"soun" else same
        return range(0, (min(count, most) + 1) * size, size)
    return list(accumulate((size for (size,) in _table(film, track, b"stsz", ">I", 8)), initial=0))


def _bytes_of_frame(film: bytearray, track: Track) -> int:
    """QuickTime calls all samples of uncompressed sound one byte long; its description knows better."""
    entry = track.parts[b"stsd"].body + 8
    version, channels, bits = struct.unpack_from(">H6xHH", film, entry + 16)
    if version == 1:
        per_packet, _packet, frame = struct.unpack_from(">III", film, entry + 36)
        return max(1, frame // per_packet)
    return max(1, channels * bits // 8)


def _fragments(film: bytearray, file: Box, tracks: dict[int, Track]) -> tuple[list[Span], list[Box]]:
    """Where the samples stand that fragments (moof) bring, and the boxes of those that are not kept."""
    samples, unkept = [], []
    for moof in file.all_of(b"moof"):
        data_end = moof.at
        for traf in moof.all_of(b"traf"):
            heads = traf.all_of(b"tfhd")
            if not heads:
                raise Unparsed("a fragment of no track")
            track, base, size = _fragment(film, heads[0], tracks, moof.at, data_end)
            data_end = base
            for trun in traf.all_of(b"trun"):
                begin, data_end = _run(film, trun, base, data_end, size)
                if track.is_kept:
                    samples.append((begin, data_end))
            if not track.is_kept:
                unkept.append(traf)
    return samples, unkept


def _fragment(
    film: bytearray, tfhd: Box, tracks: dict[int, Track], moof_at: int, data_end: int
) -> tuple[Track, int, int]:
    """(track, where its offsets count from, the size of its samples unless they say their own)."""
    flags, number = struct.unpack_from(">II", film, tfhd.body)
    if number not in tracks:
        raise Unparsed("a fragment of an unknown track")
    at, base, size = tfhd.body + 8, data_end, tracks[number].default_size
    if flags & 0x1:
        (base,) = struct.unpack_from(">Q", film, at)
        at += 8
    elif flags & 0x20000:
        base = moof_at
    at += 4 * bool(flags & 0x2) + 4 * bool(flags & 0x8)
    if flags & 0x10:
        (size,) = struct.unpack_from(">I", film, at)
    return tracks[number], base, size


def _run(film: bytearray, trun: Box, base: int, data_end: int, size: int) -> Span:
    flags, count = struct.unpack_from(">II", film, trun.body)
    flags, at, begin = flags & 0xFFFFFF, trun.body + 8, data_end
    if flags & 0x1:
        (offset,) = struct.unpack_from(">i", film, at)
        begin = base + offset
        at += 4
    at += 4 * bool(flags & 0x4)
    fields = [flag for flag in (0x100, 0x200, 0x400, 0x800) if flags & flag]
    if at + count * 4 * len(fields) > trun.end:
        raise Unparsed("a run ends too early")
    if 0x200 not in fields:
        return begin, begin + count * size
    where = fields.index(0x200)
    rows = struct.unpack_from(f">{count * len(fields)}I", film, at)
    return begin, begin + sum(rows[where :: len(fields)])


def _keep_only(film: bytearray, samples: list[Span], media: list[Box]) -> None:
    """Blank all media data but these samples, each of which has to stand in one of the boxes."""
    boxes, blank_from = iter(media), 0
    box = next(boxes, None)
    for begin, end in sorted(span for span in samples if span[0] != span[1]):
        while box and begin >= box.end:
            _zero(film, max(blank_from, box.body), box.end)
            box = next(boxes, None)
        if box is None or begin < box.body or end > box.end:
            raise Unparsed("a sample outside of the media data")
        _zero(film, max(blank_from, box.body), begin)
        blank_from = max(blank_from, end)
    while box:
        _zero(film, max(blank_from, box.body), box.end)
        box = next(boxes, None)


def _zero(film: bytearray, begin: int, end: int) -> None:
    if begin < end:
        film[begin:end] = bytes(end - begin)


def _blank(film: bytearray, box: Box) -> None:
    film[box.at + 4 : box.at + 8] = b"free"
    _zero(film, box.body, box.end)


def _forget_times_and_names(film: bytearray, box: Box) -> None:
    if box.kind in (b"mvhd", b"tkhd", b"mdhd"):
        length = 16 if film[box.body] == 1 else 8
        _zero(film, box.body + 4, min(box.body + 4 + length, box.end))
    if box.kind == b"hdlr":
        _zero(film, box.body + 24, box.end)
