"""Bad input: each is refused with a clear message in place, what was typed stays, and nothing has happened."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from tests.media import JPEG, M4A, MOV, MP3, MP4, PNG, WEBP
from tests.roads import Road
from workorders.forms import FilesField
from workorders.lifecycle import Role
from workorders.models import WorkOrder

pytestmark = pytest.mark.django_db

KEPT = "已到现场查看，情况属实。"


def refused(client: Any, order: WorkOrder, step: str, typed: dict[str, Any]) -> str:
    before = (order.version, order.events.count(), order.attachments.count())
    answer = client.post(f"/orders/{order.number}/steps/{step}/", {"version": order.version, **typed})
    order.refresh_from_db()
    assert answer.status_code == 400
    assert (order.version, order.events.count(), order.attachments.count()) == before
    return answer.content.decode()


def in_place(page: str, field: str) -> str:
    """The message beside the field, tied to it for who cannot see it."""
    assert 'aria-invalid="true"' in page
    assert (
        f'aria-describedby="id_{field}_error"' in page or f"id_{field}_error" in page.partition("aria-describedby")[2]
    )
    return page.partition(f'id="id_{field}_error"')[2].partition("</div>")[0]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("录像.mp4", b"\0\0\0\x20ftypisom" + bytes(30 * 1024 * 1024), "20 MB"),
        ("程序.exe", b"MZ", "程序.exe"),
        ("照片.png", b"MZ\x90\x00" + bytes(64), "照片.png"),
        ("照片.jpg", PNG[:40], "照片.jpg"),
        ("照片.png", b"%PDF-1.7", "照片.png"),
        ("报告.pdf", b"<script>alert(1)</script>", "报告.pdf"),
        ("表格.xlsx", b"%PDF-1.7", "表格.xlsx"),
        ("说明.txt", b"MZ\x90\x00", "说明.txt"),
        ("空.png", b"", "空文件"),
    ],
)
def test_a_file_that_is_not_taken_is_named_and_the_words_stay(
    name: str, content: bytes, says: str, as_: Callable, recent: Road
) -> None:
    order = recent.to("handling")
    files = [SimpleUploadedFile("好的.png", PNG), SimpleUploadedFile(name, content, "image/png")]
    page = refused(as_(Role.HANDLER, recent.lead), order, "progress", {"text": KEPT, "files": files})
    assert says in in_place(page, "files")
    assert KEPT in page


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", PNG),
        ("a.jpeg", JPEG),
        ("a.jfif", JPEG),
        ("png.jpg", PNG),
        ("a.webp", WEBP),
        ("a.pdf", b"\n\n%PDF-1.4"),
        ("a.mp4", MP4),
        ("a.mov", MOV),
        ("a.m4a", M4A),
        ("a.mp3", MP3),
        ("a.docx", b"PK\x03\x04"),
        ("a.xlsx", b"PK\x03\x04"),
        ("a.txt", "现场情况".encode()),
        ("b.txt", "现场情况".encode("gbk")),
        ("c.txt", "现场情况".encode("utf-16")),
    ],
)
def test_a_file_that_is_what_its_name_says_is_taken(name: str, content: bytes) -> None:
    assert FilesField().clean([SimpleUploadedFile(name, content)])


def test_the_form_tells_the_browser_what_is_taken(as_: Callable, recent: Road) -> None:
    order = recent.to("handling")
    page = as_(Role.HANDLER, recent.lead).get(f"/orders/{order.number}/steps/progress/").content.decode()
    assert f'data-max-bytes="{20 * 1024 * 1024}"' in page and "20 MB" in page
    assert 'accept=".jpg,' in page


@pytest.mark.parametrize(
    ("step", "status", "field", "value", "others"),
    [
        ("progress", "handling", "text", "长" * 4001, {}),
        ("progress", "handling", "text", "\x00", {}),
        ("dispatch", "accepted", "lead", "X999 没有的单位", {"instructions": KEPT}),
        ("dispatch", "accepted", "co_handling", ["J110101001", "X998"], {"lead": "J110105009", "instructions": KEPT}),
        ("merge", "accepted", "parent", "2611220000000", {}),
        ("suspend", "handling", "review_date", "2026-02-30", {"reason": KEPT}),
        ("request_suspension", "handling", "review_date", "1999-01-01", {"reason": KEPT}),
        ("request_extension", "handling", "length", "0", {"reason": KEPT, "basis": "《行政处罚法》第六十条"}),
    ],
)
def test_a_value_that_cannot_be_is_refused_beside_its_field(
    step: str, status: str, field: str, value: Any, others: dict[str, Any], as_: Callable, recent: Road
) -> None:
    order = recent.to(status)
    role, unit = (Role.DISPATCHER, None) if step in ("dispatch", "merge", "suspend") else (Role.HANDLER, recent.lead)
    page = refused(as_(role, unit), order, step, {**others, field: value})
    assert in_place(page, field).strip()
    for kept in (value if isinstance(value, list) else [value]) + list(others.values()):
        assert kept.replace("\x00", "") in page


def test_a_date_in_the_past_is_refused(as_: Callable, recent: Road) -> None:
    order = recent.to("handling")
    yesterday = timezone.localdate() - timedelta(days=1)
    page = refused(as_(Role.DISPATCHER), order, "suspend", {"reason": KEPT, "review_date": yesterday.isoformat()})
    assert in_place(page, "review_date").strip() and KEPT in page and yesterday.isoformat() in page


def test_more_than_the_server_takes_at_once_is_said_on_a_page_of_ours(as_: Callable, recent: Road) -> None:
    order = recent.to("handling")
    client = as_(Role.HANDLER, recent.lead)
    client.raise_request_exception = False
    answer = client.post(f"/orders/{order.number}/steps/progress/", {"text": "长" * 3_000_000})
    assert answer.status_code == 400 and 'href="/orders/"' in answer.content.decode()
    assert order.events.count() == order.version
