"""The options of a request, and the format that it accepts."""

from __future__ import annotations

import re

import pytest
from asking import (
    PICTURE,
    TIFF,
    assert_problem,
)
from starlette.testclient import TestClient

from raypipe.web.options import Options, negotiate


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/html;q=0.9, text/plain;q=0.5", "text/html; charset=utf-8"),
        ("text/rtf;q=0.9, text/plain;q=0.5", "text/plain; charset=utf-8"),
        ("text/vnd.hocr+html, application/json;q=0.1", "text/vnd.hocr+html; charset=utf-8"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/json;q=0, */*", "application/x-ndjson"),
    ],
)
def test_accept_chooses_the_format(client: TestClient, accept: str, media_type: str) -> None:
    response = client.post("/v1/ocr", content=PICTURE, headers={"Accept": accept})
    assert response.status_code == 200 and response.headers["content-type"] == media_type


def test_a_format_that_is_not_there(client: TestClient) -> None:
    problem = assert_problem(
        client.post("/v1/ocr", content=PICTURE, headers={"Accept": "image/png"}), 406, "not_acceptable"
    )
    assert "text/plain" in problem["detail"]
    assert negotiate("image/png", Options(output_format="text")).name == "text"


@pytest.mark.parametrize(
    ("pages", "numbers"), [("2", [1]), ("1-2", [0, 1]), ("3,1", [0, 2]), ("2-99", [1, 2]), ("1,1-1", [0])]
)
def test_some_pages(client: TestClient, pages: str, numbers: list[int]) -> None:
    answer = client.post(f"/v1/ocr?pages={pages}", content=TIFF).json()
    assert [page["pagenum"] for page in answer["pages"]] == numbers
    assert all(page["total_pages"] == 3 for page in answer["pages"])


def test_no_such_page(client: TestClient) -> None:
    assert_problem(client.post("/v1/ocr?pages=4", content=TIFF), 422, "page_missing")


@pytest.mark.parametrize(
    "query", ["pages=0", "pages=2-1", "pages=a", "overlay=gif", "output_format=doc", "wish=1", "include_confidence=2"]
)
def test_wrong_options(client: TestClient, query: str) -> None:
    problem = assert_problem(client.post(f"/v1/ocr?{query}", content=PICTURE), 422, "option_invalid")
    assert query.split("=")[0] in problem["detail"]


def test_a_form_may_choose_the_format_whatever_is_accepted(client: TestClient) -> None:
    wishes, files = {"Accept": "application/msword"}, {"a": ("a", PICTURE)}
    response = client.post("/v1/ocr", files=files, data={"output_format": "text"}, headers=wishes)
    assert response.text == "Dear page 0\n"
    assert_problem(client.post("/v1/ocr", files=files, headers=wishes), 406, "not_acceptable")


def test_a_wrong_option_in_a_form(client: TestClient) -> None:
    response = client.post("/v1/ocr", files={"a": ("a", PICTURE)}, data={"pages": "0"})
    assert_problem(response, 422, "option_invalid")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("pages=a", "pages='a' is wrong: it is pages to answer with, counted from 1, such as 1-3,7"),
        ("pages=3-1", "3-1 ends before it begins"),
        ("overlay=gif", "overlay='gif' is wrong: choose one of none, jpeg, png, clean."),
        ("include_confidence=2", "it is true or false"),
        ("wish=1", "wish is not an option here; there are output_format, include_confidence, pages, overlay."),
        ("pages=" + "9" * 500, "pages='999"),
    ],
)
def test_wrong_options_are_told_in_words(client: TestClient, query: str, words: str) -> None:
    for answer in (
        client.post(f"/v1/ocr?{query}", content=PICTURE),
        client.post("/v1/ocr", files={"a": ("a", PICTURE)}, data=dict([query.split("=")])),
    ):
        detail = answer.json()["detail"]
        assert words in detail and len(detail) < 250
        assert not re.search(r"\\d|Input should|pattern|Value error|Extra inputs", detail)


def test_an_option_is_given_once(client: TestClient) -> None:
    for query in ("pages=1&pages=2", "output_format=text&output_format=json"):
        problem = assert_problem(client.post(f"/v1/ocr?{query}", content=PICTURE), 422, "option_invalid")
        assert "is given twice" in problem["detail"]
    form = {"a": ("a", PICTURE)}
    twice = client.post("/v1/ocr", files=form, data={"pages": ["1", "2"]})
    assert_problem(twice, 422, "option_invalid")


def test_an_overlay_that_nobody_would_see_is_refused(client: TestClient) -> None:
    problem = assert_problem(
        client.post("/v1/ocr?overlay=png&output_format=text", content=PICTURE), 422, "option_invalid"
    )
    assert problem["detail"] == "text shows no overlay. Leave it out, or choose json, ndjson, html."


def test_a_page_that_is_not_there_is_told_with_those_that_are(client: TestClient) -> None:
    problem = assert_problem(client.post("/v1/ocr?pages=9", content=TIFF), 422, "page_missing")
    assert problem["detail"].endswith("Choose some of 1-3, or leave pages out.")
    problem = assert_problem(client.post("/v1/ocr?pages=9", content=PICTURE), 422, "page_missing")
    assert problem["detail"].endswith("Choose page 1, or leave pages out.")
