"""What a film or a sound tells beside what it shows and lets hear does not come in with it."""

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media import FRAME, PICTURES, PLACE, SOUND, box, film, fragments, full, sound, track
from tests.roads import Road
from workorders import attachments, films, sounds
from workorders.lifecycle import Status
from workorders.models import Attachment

FILMS = {
    "a film": film(),
    "one whose boxes come first": film(first=True),
    "one with long offsets": film(wide=True),
    "one in fragments": fragments(),
}


@pytest.mark.parametrize("what", FILMS)
def test_a_film_loses_its_place_and_keeps_pictures_and_sound_where_they_were(what: str) -> None:
    original = FILMS[what]
    silenced = films.silent(original)
    assert PLACE in original and PLACE not in silenced
    for name in (b"\xa9xyz", b"udta", b"meta", b"loci", b"uuid", b"ISO6709", b"mebx", b"gps "):
        assert name not in silenced, name
    assert len(silenced) == len(original)
    for samples in {PICTURES, SOUND} if SOUND in original else {PICTURES}:
        assert silenced.find(samples) == original.find(samples)
    assert films.silent(silenced) == silenced


def test_when_it_was_taken_and_who_wrote_the_boxes_is_gone_too() -> None:
    instant = struct.pack(">I", 3_900_000_000)
    silenced = films.silent(film())
    assert instant in film() and instant not in silenced
    assert b"Core Media" not in silenced


def test_a_film_whose_place_stands_in_a_box_alone_is_taken() -> None:
    original = (
        box(b"ftyp", b"isom", bytes(4)) + box(b"moov", box(b"udta", box(b"\xa9xyz", PLACE))) + box(b"mdat", PLACE)
    )
    silenced = films.silent(original)
    assert (len(silenced), PLACE in silenced, b"\xa9xyz" in silenced) == (len(original), False, False)


def test_sound_that_is_not_pressed_is_kept_whole() -> None:
    """QuickTime calls its samples one byte long."""
    entry = box(b"sowt", bytes(8), struct.pack(">HHIHHHHI", 0, 0, 0, 2, 16, 0, 0, 44100 << 16))
    plain = track(1, b"soun", 36, [])
    stsd = full(b"stsd", struct.pack(">I", 1), box(b"mp4a", bytes(28)))
    stsz = full(b"stsz", struct.pack(">II", 0, 0))
    for old, new in (
        (stsd, full(b"stsd", struct.pack(">I", 1), entry)),
        (stsz, full(b"stsz", struct.pack(">II", 1, 5))),
    ):
        assert len(old) == len(new) and old in plain
        plain = plain.replace(old, new)
    plain = plain.replace(struct.pack(">IIII", 1, 1, 0, 1), struct.pack(">IIII", 1, 1, 5, 1))
    original = box(b"ftyp", b"qt  ", bytes(4), b"qt  ", bytes(8)) + box(b"mdat", SOUND, PLACE) + box(b"moov", plain)
    assert original[36:56] == SOUND
    assert SOUND in films.silent(original) and PLACE not in films.silent(original)


BROKEN = {
    "cut off": film()[:-10],
    "without moov": film()[: film().index(b"moov") - 4],
    "with a box that is larger than what holds it": film()[: film().index(b"udta") - 4]
    + b"\0\1"
    + film()[film().index(b"udta") - 2 :],
    "with samples outside": film().replace(struct.pack(">4I", 0, 2, 10, 20), struct.pack(">4I", 0, 2, 10, 9999)),
    "with more rows than there are": film().replace(
        struct.pack(">4I", 0, 2, 10, 20), struct.pack(">4I", 0, 2_000_000_000, 10, 20)
    ),
    "with something behind it": film() + PLACE,
    "with a fragment of nobody": fragments().replace(struct.pack(">II", 0x020000, 2), struct.pack(">II", 0x020000, 9)),
    "of a million boxes": box(b"ftyp") + box(b"free") * 100_001,
    "of boxes in boxes": box(b"ftyp") + b"".join(struct.pack(">I4s", 8 * left, b"moov") for left in range(20, 0, -1)),
    "of another kind": b"RIFF....AVI LIST",
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_film_that_cannot_be_taken_apart_is_refused_and_named(what: str, english: None) -> None:
    with pytest.raises(films.Unparsed):
        films.silent(BROKEN[what])
    with pytest.raises(ValidationError, match=r"a\.mp4"):
        attachments.receive(SimpleUploadedFile("a.mp4", BROKEN[what]))


@given(
    st.sampled_from(list(FILMS)),
    st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=4)), max_size=3),
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_damaged_is_refused_or_stays_as_long_as_it_was(what: str, damages: list[tuple[int, bytes]]) -> None:
    whole = bytearray(FILMS[what])
    for at, damage in damages:
        at %= len(whole) - 4
        whole[at : at + len(damage)] = damage
    with suppress(films.Unparsed):
        assert len(films.silent(bytes(whole))) == len(whole)


def test_an_mp3_keeps_its_frames_and_nothing_else() -> None:
    assert sounds.silent(sound()) == FRAME * 5
    with pytest.raises(sounds.Unplayable):
        sounds.silent(b"ID3\x04\0\0\0\0\0\x10" + PLACE)


@pytest.mark.parametrize("name", ["录像.mp4", "录像.MOV", "录音.m4a", "录音.mp3"])
def test_what_comes_with_a_step_is_kept_without_its_place(name: str, settings: Any, tmp_path: Path, road: Road) -> None:
    settings.MEDIA_ROOT, order = tmp_path, road.to(Status.HANDLING)
    road.act(order, "progress", files=[SimpleUploadedFile(name, sound() if name.endswith("3") else film())])
    silenced = Attachment.objects.get()
    assert (silenced.name, PLACE in silenced.file.read()) == (name, False)
