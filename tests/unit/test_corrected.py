"""Corrected pages, sent back to a server as JSON, in its output formats."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from typing import Any

import pdfs
import pypdfium2
import pytest
from asking import TIFF, Reader, assert_problem, serving
from making import encoded, white
from starlette.testclient import TestClient

from raypipe.images.pdf import unlocked
from raypipe.outputs.base import Format
from raypipe.outputs.formats import FORMATS


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with serving(max_pages=3) as client:
        yield client


@pytest.fixture(scope="module")
def pages(client: TestClient) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = client.post("/v1/ocr", content=TIFF).json()["pages"]
    return answer


def convert(client: TestClient, pages: Any, query: str = "output_format=hocr") -> Any:
    return client.post(f"/v1/convert?{query}", content=json.dumps({"pages": pages}))


@pytest.mark.parametrize("name", ["text", "hocr", "alto", "tsv", "markdown"])
def test_what_comes_back_unchanged_is_what_the_server_answers(
    client: TestClient, pages: list[dict[str, Any]], name: str
) -> None:
    query = f"output_format={name}"
    direct = client.post(f"/v1/ocr?{query}", content=TIFF)
    again = convert(client, pages, query)
    assert again.status_code == 200 and again.headers["content-type"] == direct.headers["content-type"]
    assert again.headers["cache-control"] == "no-store"
    assert again.text == direct.text


def test_corrections_are_in_every_format(client: TestClient, pages: list[dict[str, Any]]) -> None:
    page = json.loads(json.dumps(pages[0]))
    page["text"] = page["lines"][0]["text"] = page["lines"][0]["words"][0]["text"] = "Käthe & <Co>"
    for name in ("text", "hocr", "alto", "page", "html"):
        answer = convert(client, [page], f"output_format={name}")
        assert "Käthe &amp; &lt;Co&gt;" in answer.text or "Käthe & <Co>" in answer.text, name
    assert client.get("/metrics").text.count("pages_total{") == 0


@pytest.mark.parametrize("each", FORMATS.values(), ids=lambda each: each.name)
def test_a_format_says_what_it_needs(client: TestClient, pages: list[dict[str, Any]], each: Format) -> None:
    """Before it is asked, in the OpenAPI document, as well as after."""
    described = client.get("/openapi.json").json()["paths"]["/v1/convert"]["post"]["x-formats"][each.name]
    assert described == {"suffix": each.suffix, "one_page": each.one_page, "originals": each.originals}
    answer = convert(client, pages, f"output_format={each.name}")
    if each.originals:
        assert "send a form with its file" in assert_problem(answer, 422, "no_picture")["detail"]
    elif each.one_page:
        assert_problem(answer, 406, "one_page")
    else:
        assert answer.status_code == 200


LINE = {"text": "a", "confidence": 1, "x": 1, "y": 1, "width": 1, "height": 1, "angle": 0, "row": 0, "words": []}

WORD_ON_PAGE = {"text": "a", "confidence": 1, "x": 100, "y": 50, "width": 80, "height": 20, "angle": 0}


@pytest.mark.parametrize(
    "change",
    [
        {"turned": 45},
        {"width": -1},
        {"text": "\ud800"},
        {"lines": [{**LINE, "x": 1e300}]},
        {"lines": [{**LINE, "x": "left"}]},
        {"lines": [LINE] * 10_001},
        {"pagenum": -1},
    ],
)
def test_what_is_on_no_page_is_refused(client: TestClient, pages: list[dict[str, Any]], change: dict[str, Any]) -> None:
    assert_problem(convert(client, [{**pages[0], **change}]), 422, "pages_invalid")


@pytest.mark.parametrize(
    "body", [b"no json", b"[]", b'{"pages": []}', b'{"pages": [{}]}', b"[" * 100_000, b'{"pages": [NaN]}']
)
def test_other_bodies_are_refused(client: TestClient, body: bytes) -> None:
    assert_problem(client.post("/v1/convert", content=body), 422, "pages_invalid")


def with_file(client: TestClient, pages: Any, content: bytes, **fields: str) -> Any:
    form = {"pages": json.dumps({"pages": pages}), **fields}
    return client.post("/v1/convert?output_format=pdf", data=form, files={"file": ("/etc/scan.png", content)})


def test_a_pdf_is_made_of_the_file_that_comes_along(client: TestClient, pages: list[dict[str, Any]]) -> None:
    text = {**pages[0], "lines": [{**LINE, "words": [{**WORD_ON_PAGE, "text": "Käthe"}]}]}
    answer = with_file(client, [text], encoded(white(100, 200), "PNG"))
    (page,) = pypdfium2.PdfDocument(answer.content)
    assert page.get_textpage().get_text_range().strip() == "Käthe"


def test_pages_that_come_with_their_file_may_be_long(client: TestClient, pages: list[dict[str, Any]]) -> None:
    """Those of a book are over the megabyte that Starlette allows a field."""
    words = [{**WORD_ON_PAGE, "text": "a" * 300}] * 4000
    answer = with_file(client, [{**pages[0], "lines": [{**LINE, "words": words}]}], encoded(white(100, 200), "PNG"))
    assert answer.status_code == 200, answer.text


def test_a_server_that_can_write_nothing_says_so(
    client: TestClient, pages: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/none")
    problem = assert_problem(with_file(client, pages[:1], encoded(white(100, 200), "PNG")), 507, "no_temporary_folder")
    assert "TMPDIR" in problem["detail"] and "/none" not in problem["detail"]
    assert convert(client, pages, "output_format=alto").status_code == 200


class Opening(Reader):
    async def unlocked(self, content: bytes, password: str) -> bytes:
        return unlocked(content, [password])


def test_a_pdf_is_made_of_a_locked_file_with_its_password(pages: list[dict[str, Any]]) -> None:
    with serving(Opening()) as client:
        for form in ({}, {"password": "wrong"}):
            assert_problem(with_file(client, pages[:1], pdfs.LOCKED, **form), 422, "pdf_locked")
        assert pypdfium2.PdfDocument(with_file(client, pages[:1], pdfs.LOCKED, password="open").content)[0]


def test_what_a_form_may_hold(client: TestClient, pages: list[dict[str, Any]]) -> None:
    picture = encoded(white(100, 200), "PNG")
    assert_problem(with_file(client, pages[:1], b"no picture"), 415, "image_unknown")
    assert_problem(with_file(client, pages[:2], picture), 422, "page_missing")
    assert_problem(with_file(client, pages[:1], picture, wish="1"), 422, "form_invalid")
    assert_problem(with_file(client, [], picture), 422, "pages_invalid")


def test_the_language_comes_back(client: TestClient, pages: list[dict[str, Any]]) -> None:
    page = {**pages[0], "lang": "fr"}
    assert ' lang="fr"' in convert(client, [page], "output_format=hocr").text
    assert 'LANG="fr"' in convert(client, [page], "output_format=alto").text
    assert 'primaryLanguage="French"' in convert(client, [page], "output_format=page").text
    assert convert(client, [page], "output_format=json").json()["pages"][0]["lang"] == "fr"
    assert_problem(convert(client, [{**page, "lang": '"><b>'}]), 422, "pages_invalid")


def test_alternatives_come_back(client: TestClient, pages: list[dict[str, Any]]) -> None:
    page = json.loads(json.dumps(pages[0]))
    page["lines"][0]["words"][0]["alternatives"] = others = [{"text": "Deer", "confidence": 0.25}]
    (back,) = convert(client, [page], "output_format=json").json()["pages"]
    assert back["lines"][0]["words"][0]["alternatives"] == others


def test_the_description_has_the_options_that_each_path_takes(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    options = {
        path: {each["name"] for each in paths[path][method]["parameters"] if each["in"] == "query"}
        for path, method in (("/v1/ocr", "post"), ("/v1/convert", "post"), ("/v1/jobs/{job}/result", "get"))
    }
    assert options == {
        "/v1/ocr": {"output_format", "include_confidence", "pages", "overlay"},
        "/v1/convert": {"output_format", "include_confidence"},
        "/v1/jobs/{job}/result": {"output_format", "include_confidence", "pages"},
    }
    form = paths["/v1/jobs"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"file", "password", "webhook"}


def test_its_limits_are_those_of_documents(client: TestClient, pages: list[dict[str, Any]]) -> None:
    assert_problem(convert(client, pages * 2), 413, "too_many_pages")
    assert_problem(convert(client, pages, "output_format=hocr&overlay=png"), 422, "option_invalid")
    assert_problem(convert(client, pages, "output_format=hocr&pages=1"), 422, "option_invalid")
    with serving(max_body_bytes=100) as small:
        assert_problem(convert(small, pages), 413, "body_too_large")


def test_it_takes_one_of_the_places(pages: list[dict[str, Any]]) -> None:
    reader = Reader()
    with serving(reader, max_requests=1) as client:
        service = client.app._app.state.service  # type: ignore[attr-defined]
        with service.admission.place("somebody"):
            assert_problem(convert(client, pages), 429, "overloaded")
        assert convert(client, pages).status_code == 200
    assert reader.rows == []


def test_a_page_that_failed_is_told(client: TestClient, pages: list[dict[str, Any]]) -> None:
    failed = {**pages[0], "exception": "BinaryToImage image_damaged: It is no good."}
    assert_problem(convert(client, [failed]), 422, "image_damaged")
