"""Large bodies of people who are not logged in are refused before anything reads them."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.cast import Cast
from workorders.lifecycle import Role

LARGE = 300 * 1024


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that uploads were written to."""
    names: list[str] = []
    from django.core.files import uploadhandler

    def note(handler: Any, *args: Any, **options: Any) -> None:
        names.append(args[1])
        raise AssertionError("the body was read")

    for kind in (uploadhandler.TemporaryFileUploadHandler, uploadhandler.MemoryFileUploadHandler):
        monkeypatch.setattr(kind, "new_file", note)
    return names


@pytest.mark.parametrize("path", ["/login/", "/reception/", "/orders/", "/admin/login/", "/oauth/token/", "/nowhere/"])
def test_a_stranger_s_upload_is_refused_unread(path: str, opened: list[str], db: None) -> None:
    file = SimpleUploadedFile("film.mp4", b"0" * LARGE)
    answer = Client(enforce_csrf_checks=True).post(path, {"files": file})
    assert (answer.status_code, opened) == (413, [])


@pytest.mark.parametrize("path", ["/api/v1/appeals/", "/api/v1/workorders/2611280000017/report/"])
@pytest.mark.parametrize("brought", ["", "Bearer unknown"])
def test_the_api_asks_who_it_is_before_it_reads(path: str, brought: str, opened: list[str], db: None) -> None:
    headers = {"Authorization": brought} if brought else {}
    answer = Client(headers=headers).post(path, {"files": SimpleUploadedFile("film.mp4", b"0" * LARGE)})
    assert (answer.status_code, opened) == (401, [])


def test_a_body_of_unknown_size_is_refused_too(db: None) -> None:
    answer = Client().post("/login/", {"username": "x"}, headers={"Transfer-Encoding": "chunked"})
    assert answer.status_code == 413


def test_who_is_logged_in_and_who_logs_in_are_let_through(cast: Cast) -> None:
    client = Client()
    assert client.post("/login/", {"username": "x", "password": "y" * 1000}).status_code == 200
    client.force_login(cast.of(Role.OPERATOR))
    assert client.post("/reception/", {"matter": "x" * LARGE}).status_code != 413
