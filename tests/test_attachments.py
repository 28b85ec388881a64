"""Files that come with a step: kept whole under a name of our own, or refused with the whole step."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.media import HEIC, JPEG, MP4, PNG, WEBP, photograph
from tests.roads import TEXT, Road
from tests.test_perform import refused
from workorders import attachments, ledger, selectors
from workorders.lifecycle import Status
from workorders.models import Attachment
from workorders.refusals import Invalid
from workorders.transitions import STEPS


@pytest.fixture
def files(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT, settings.ATTACHMENT_MAX_BYTES = tmp_path, 1000
    return tmp_path


def upload(name: str, content: bytes = b"%PDF-1.7", claimed: str = "text/html") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, claimed)


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_files_are_kept_with_their_hash_and_a_content_type_of_our_own(files: Path, road: Road) -> None:
    order = road.to(Status.HANDLING)
    event = road.act(
        order,
        "progress",
        files=[upload("现场 照片<1>.JPG", JPEG), upload("../../etc/x.pdf"), upload("长" * 220 + ".pdf")],
    )
    found = list(Attachment.objects.filter(order=order, event=event))
    assert [(one.content_type, one.size) for one in found] == [
        ("image/jpeg", len(found[0].file)),
        ("application/pdf", 8),
        ("application/pdf", 8),
    ]
    assert [one.name for one in found] == ["现场_照片1.JPG", "x.pdf", "长" * 196 + ".pdf"]
    for one in found:
        assert hashlib.sha256(one.file.read()).hexdigest() == one.sha256
        assert one.file.name.startswith("attachments/")
        assert "照片" not in one.file.name
    assert event.data == {**TEXT, "files": event.data["files"]}


def test_a_file_that_was_read_before_is_kept_whole(files: Path, road: Road) -> None:
    order, file = road.to(Status.HANDLING), upload("结果.pdf", b"%PDF-1.7 all of it")
    file.read()
    road.act(order, "progress", files=[file])
    found = Attachment.objects.get(order=order)
    assert (found.file.read(), found.sha256) == (
        b"%PDF-1.7 all of it",
        hashlib.sha256(b"%PDF-1.7 all of it").hexdigest(),
    )


@pytest.mark.parametrize(
    ("step", "file"),
    [
        ("progress", upload("virus.exe")),
        ("progress", upload("page.html")),
        ("progress", upload("picture.svg")),
        ("progress", upload("report.pdf.js")),
        ("progress", upload("without")),
        ("progress", upload(".pdf")),
        ("progress", upload("empty.pdf", b"")),
        ("progress", upload("large.pdf", b"%PDF-".ljust(1001))),
        ("progress", upload("程序.pdf", b"MZ\x90\x00")),
        ("progress", upload("picture.png", b"<svg onload=alert(1)>")),
        ("progress", upload("text.txt", b"MZ\x90\x00")),
        ("progress", "not a file"),
        ("suspend", upload("fine.pdf")),
    ],
)
def test_a_file_that_is_not_taken_is_refused_with_the_whole_step(step: str, file: Any, files: Path, road: Road) -> None:
    order = road.to(Status.HANDLING)
    actor = road.cast.of(STEPS[step].roles[0], road.lead if step == "progress" else None)
    given = {**road.needs(step, order), "files": [upload("good.pdf"), file]}
    assert set(refused(Invalid, order, step, actor=actor, now=road.now, **given).fields) == {"files"}
    assert not Attachment.objects.exists()
    assert kept(files) == []


def test_the_largest_file_is_taken(files: Path, road: Road) -> None:
    order = road.to(Status.HANDLING)
    road.act(order, "progress", files=[upload("large.pdf", b"%PDF-".ljust(1000))])
    assert Attachment.objects.get(order=order).size == 1000


@pytest.mark.parametrize(
    ("name", "content", "kept_as", "content_type"),
    [
        ("照片.jpg", WEBP, "照片.webp", "image/webp"),
        ("照片.jpg", PNG, "照片.png", "image/png"),
        ("照片.PNG", JPEG, "照片.jpg", "image/jpeg"),
        ("照片.jfif", JPEG, "照片.jpg", "image/jpeg"),
        ("照片.jpeg", JPEG, "照片.jpeg", "image/jpeg"),
        ("照片.heic", HEIC, "照片.jpg", "image/jpeg"),
        ("照片.HEIF", HEIC, "照片.jpg", "image/jpeg"),
        ("照片.jpg", HEIC, "照片.jpg", "image/jpeg"),
        ("照片.heic", JPEG, "照片.jpg", "image/jpeg"),
    ],
)
def test_a_picture_is_kept_as_what_it_is_whatever_its_name_says(
    name: str, content: bytes, kept_as: str, content_type: str, files: Path, road: Road, settings: Any
) -> None:
    settings.ATTACHMENT_MAX_BYTES = 10_000
    order = road.to(Status.HANDLING)
    road.act(order, "progress", files=[upload(name, content)])
    found = Attachment.objects.get(order=order)
    assert (found.name, found.content_type) == (kept_as, content_type)
    assert found.file.name.endswith(Path(kept_as).suffix)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("😀.pdf", "附件.pdf"),
        ("📷📷 🏠.pdf", "附件.pdf"),
        ("🏠漏水.pdf", "漏水.pdf"),
        ("___.pdf", "附件.pdf"),
        ("...pdf.pdf", "pdf.pdf"),
        ("C:\\fakepath\\现场.pdf", "现场.pdf"),
        ("../../etc/现场.pdf", "现场.pdf"),
        ("a\u202efdp.exe.pdf", "afdp.exe.pdf"),
        ("现\u200b场\x07\r\n.pdf", "现场.pdf"),
        ("\u3164.pdf", "附件.pdf"),
        ("\ud83d.pdf", "附件.pdf"),
        ("CON.pdf", "附件_CON.pdf"),
        ("com1.tar.pdf", "附件_com1.tar.pdf"),
        ("console.pdf", "console.pdf"),
        ("a" * 400 + ".PDF", "a" * 196 + ".PDF"),
    ],
)
def test_a_file_has_a_name_that_can_be_saved_anywhere(name: str, shown: str) -> None:
    assert attachments.safe_name(name, ".pdf") == shown


def test_the_ledger_keeps_how_a_file_came_and_how_it_is_kept(files: Path, road: Road, settings: Any) -> None:
    settings.ATTACHMENT_MAX_BYTES = 10_000
    order, came = road.to(Status.HANDLING), [photograph(), MP4, b"%PDF-1.7 as it was"]
    names = ["现场.jpg", "现场.mp4", "报告.pdf"]
    event = road.act(order, "progress", files=[upload(name, data) for name, data in zip(names, came, strict=True)])
    rows = event.data["files"]
    assert [(row["name"], row["came"]) for row in rows] == [
        (name, hashlib.sha256(data).hexdigest()) for name, data in zip(names, came, strict=True)
    ]
    assert [row["kept"] for row in rows] == [file.sha256 for file in Attachment.objects.filter(event=event)]
    assert [row["came"] == row["kept"] for row in rows] == [False, False, True]
    assert not ledger.verify(order)
    assert [words for _label, words in selectors.told(event)] == [TEXT["text"]], "people read names, not digests"


def test_what_comes_with_the_registration_stands_in_the_ledger_too(files: Path, road: Road) -> None:
    order = road.register(files=[upload("报告.pdf")])
    (row,) = order.events.get().data["files"]
    assert row["came"] == row["kept"] == order.attachments.get().sha256
