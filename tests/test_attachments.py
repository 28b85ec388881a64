"""Files that come with a step: kept whole under a name of our own, or refused with the whole step."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.roads import TEXT, Road
from tests.test_perform import refused
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
        files=[upload("现场 照片<1>.JPG", b"\xff\xd8\xffe"), upload("../../etc/x.pdf"), upload("长" * 220 + ".pdf")],
    )
    found = list(Attachment.objects.filter(order=order, event=event))
    assert [(one.content_type, one.size) for one in found] == [
        ("image/jpeg", 4),
        ("application/pdf", 8),
        ("application/pdf", 8),
    ]
    assert [one.name for one in found] == ["现场_照片1.JPG", "x.pdf", "长" * 196 + ".pdf"]
    for one in found:
        assert hashlib.sha256(one.file.read()).hexdigest() == one.sha256
        assert one.file.name.startswith("attachments/")
        assert "照片" not in one.file.name
    assert event.data == TEXT, "the ledger says what was told; the files stand beside it"


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
