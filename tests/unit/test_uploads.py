"""The files of a request, their names, and forms."""

from __future__ import annotations

import tempfile
from base64 import b64encode

import pytest
from asking import (
    LOCKED,
    PICTURE,
    SECRET,
    TIFF,
    assert_problem,
    serving,
)
from starlette.testclient import TestClient

from raypipe.web.uploads import clean_name

ONE_FIELD = b'--x\r\nContent-Disposition: form-data; name="pages"\r\n\r\n1\r\n--x--\r\n'


def test_a_form_of_files_and_options(client: TestClient) -> None:
    files = [("a", ("one.jpg", PICTURE)), ("b", ("/etc/../two.tif", TIFF)), ("a", ("three.jpg", b"bad image_damaged"))]
    answer = client.post("/v1/ocr?pages=1-9", files=files, data={"pages": "1-2"}).json()
    assert [(page["name"], page["pagenum"]) for page in answer["pages"]] == [
        ("one.jpg", 0),
        ("two.tif", 0),
        ("two.tif", 1),
        ("three.jpg", 0),
    ]
    assert [page["exception"] is None for page in answer["pages"]] == [True, True, True, False]
    failure = {"stage": "SomeStage", "code": "image_damaged", "message": "it is no good. Mend it."}
    assert [page["failure"] for page in answer["pages"]] == [None, None, None, failure]


def test_a_form_needs_no_folder_to_write_to(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starlette would write files of a form that are larger than a megabyte."""
    monkeypatch.setattr(tempfile, "tempdir", "/none")
    answer = client.post("/v1/ocr", files=[("a", ("large.jpg", PICTURE + bytes(3_000_000)))])
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"--x\r\nno colon\r\n", "multipart/form-data; boundary=x", "form_damaged"),
        (b"--x\r\n", "multipart/form-data; boundary=x", "no_file"),
        (b"nothing", "multipart/form-data", "form_damaged"),
        (ONE_FIELD, "multipart/form-data; boundary=x", "no_file"),
        (b"", "image/png", "body_empty"),
    ],
)
def test_bodies_that_cannot_be_read(client: TestClient, body: bytes, content_type: str, code: str) -> None:
    assert_problem(client.post("/v1/ocr", content=body, headers={"Content-Type": content_type}), 422, code)


def test_a_file_without_a_name_is_told_apart(client: TestClient) -> None:
    """Some HTTP libraries give none to what they send from memory."""
    answer = client.post("/v1/ocr", content=ONE_FIELD, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert "no file with a filename" in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"\x89PNG\x1a", b'{"file": "AAAA"}', b"file=a.jpg"])
def test_what_curl_d_sends_is_said(client: TestClient, body: bytes) -> None:
    """curl calls all data a web form; only -d takes bytes out of a file."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/v1/ocr", content=b"\x89PNG\r\n\x1a\n", headers=headers).status_code == 200
    problem = assert_problem(client.post("/v1/ocr", content=body, headers=headers), 415, "form_urlencoded")
    assert all(each in problem["detail"] for each in ("--data-binary @", "-F file=@", "Content-Type: application/json"))


def test_too_many_pages_and_files() -> None:
    with serving(max_pages=2, max_files=2) as client:
        assert_problem(client.post("/v1/ocr", content=TIFF), 413, "too_many_pages")
        assert client.post("/v1/ocr?pages=1-2", content=TIFF).status_code == 200
        assert_problem(client.post("/v1/ocr?output_format=ndjson", content=TIFF), 413, "too_many_pages")
        files = [("a", (f"{n}.jpg", PICTURE)) for n in range(3)]
        assert_problem(client.post("/v1/ocr", files=files), 413, "too_many_files")


@pytest.mark.parametrize(
    ("name", "clean"),
    [("a/b\\c.jpg", "c.jpg"), ("../..", ".."), ("\x00\n", "upload"), ("é.jpg", "é.jpg"), ("x" * 999, "x" * 200)],
)
def test_names_are_only_names(name: str, clean: str) -> None:
    assert clean_name(name) == clean


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="C:\\\\one.jpg"', "one.jpg"),
        ("attachment; filename*=UTF-8''z%C3%A9ro%20two.jpg", "zéro two.jpg"),
        ("attachment; filename*=nonsense''%FF", "\xff"),
        ("attachment", "upload"),
        ("", "upload"),
    ],
)
def test_the_name_of_a_raw_body(client: TestClient, disposition: str, name: str) -> None:
    answer = client.post("/v1/ocr", content=PICTURE, headers={"Content-Disposition": disposition}).json()
    assert answer["pages"][0]["name"] == name


def test_a_name_that_contradicts_itself_is_no_error(client: TestClient) -> None:
    headers = {"Content-Disposition": "attachment; filename*=utf-8''a; filename*0=b"}
    answer = client.post("/v1/ocr", content=PICTURE, headers=headers).json()
    assert answer["pages"][0]["name"] in ("upload", "b"), "Python 3.13 takes the last"


def test_a_file_in_json_with_options(client: TestClient) -> None:
    """What takes JSON only, such as a workflow tool or a gateway, sends base64."""
    body = {"file": b64encode(TIFF).decode(), "name": "/etc/two.tif", "pages": "2", "include_confidence": False}
    (page,) = client.post("/v1/ocr", json=body).json()["pages"]
    assert (page["name"], page["pagenum"], "confidence" in page) == ("two.tif", 1, False)
    text = client.post("/v1/ocr", json={**body, "output_format": "text"}, headers={"Accept": "image/png"})
    assert text.text == "Dear page 1\n"
    assert client.post("/v1/ocr", json={"file": b64encode(LOCKED).decode(), "password": SECRET}).status_code == 200
    for encode in (lambda text: f"data:image/tiff;base64,{text}", lambda text: f"{text[:4]}\r\n{text[4:]}\n"):
        assert client.post("/v1/ocr", json={"file": encode(b64encode(TIFF).decode())}).json()["pages"]
    assert client.post("/invocations", json={"file": b64encode(PICTURE).decode()}).json()["items"]
    left_out = {"file": b64encode(PICTURE).decode(), "name": None, "pages": None}
    assert client.post("/v1/ocr", json=left_out).json()["pages"][0]["name"] == "upload"
    assert_problem(client.post("/v1/ocr", json={**body, "wish": 1}), 422, "option_invalid")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"{}", b'{"file": 1}', b'{"file": "%"}', b'{"file": "", "name": {}}', b"[" * 100_000],
)
def test_other_json_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post("/v1/ocr", content=body, headers={"Content-Type": "application/json"})
    problem = assert_problem(answer, 422, "json_invalid" if body else "body_empty")
    assert not body or '{"file": BASE64' in problem["detail"]


def test_half_a_character_is_no_name_of_an_option(client: TestClient) -> None:
    body = b'{"file": "aaaa", "\\udfff": 1}'
    assert_problem(
        client.post("/v1/ocr", content=body, headers={"Content-Type": "application/json"}), 422, "json_invalid"
    )
