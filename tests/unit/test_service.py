"""What the server answers: pages in each form, failures, and whether it is ready."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from xml.etree import ElementTree

import pdfs
import pytest
from asking import (
    DRAWN,
    LEISURELY,
    LOCKED,
    PICTURE,
    SCAN,
    SECRET,
    TIFF,
    UNCOUNTABLE,
    Reader,
    assert_problem,
    serving,
)
from starlette.testclient import TestClient

from raypipe.web import service
from raypipe.web.problems import of_page


def test_json(client: TestClient) -> None:
    answer = client.post("/v1/ocr", content=PICTURE, headers={"X-Request-ID": "mine-1"}).json()
    assert answer["request_id"] == "mine-1" and answer["models"][0]["name"] == "some_reader"
    timings = answer["timings"]
    assert timings["Some"] == 0.1 and timings["queue"] >= 0.02 and timings["total"] > 0
    (page,) = answer["pages"]
    word = {"text": "Dear", "confidence": 0.9753, "x": 20.12, "y": 10, "width": 40, "height": 20, "angle": 0.5}
    assert page == {
        "name": "upload",
        "pagenum": 0,
        "total_pages": 1,
        "width": 200,
        "height": 100,
        "turned": 0,
        "lang": None,
        "text": "Dear page 0",
        "confidence": 0.9753,
        "lines": [{**word, "row": 0, "words": [word]}],
        "exception": None,
        "failure": None,
    }


def test_confidences_can_be_left_out(client: TestClient) -> None:
    assert "confidence" not in client.post("/v1/ocr?include_confidence=false", content=PICTURE).text
    assert "x_wconf" not in client.post("/v1/ocr?include_confidence=no&output_format=hocr", content=PICTURE).text


def test_overlays(client: TestClient) -> None:
    (page,) = client.post("/v1/ocr?overlay=png", content=PICTURE).json()["pages"]
    assert page["overlay"] == f"data:image/png;base64,{b64encode(DRAWN).decode()}"
    assert_problem(client.post("/v1/ocr?overlay=jpeg", content=PICTURE), 422, "no_overlay")


def test_text_and_hocr(client: TestClient) -> None:
    assert client.post("/v1/ocr?output_format=text", content=TIFF).text == "Dear page 0\n\fDear page 1\n\fDear page 2\n"
    assert client.post("/v1/ocr?output_format=formatted_text", content=PICTURE).text == "Dear\n"
    root = ElementTree.fromstring(client.post("/v1/ocr?output_format=hocr", content=TIFF).content)
    pages = [element for element in root.iter() if element.get("class") == "ocr_page"]
    assert [page.get("id") for page in pages] == ["page_0", "page_1", "page_2"]


def test_hocr_ids(client: TestClient) -> None:
    def ids(query: str, *contents: bytes) -> list[str]:
        files = [("a", (f"{number}.tif", content)) for number, content in enumerate(contents)]
        response = client.post(f"/v1/ocr?output_format=hocr{query}", files=files)
        return re.findall(r'id="(\w+)"', response.text)

    assert ids("&pages=3", TIFF) == ["page_2", "block_1", "par_1", "line_1", "word_1"]
    assert ids("&pages=2-3", TIFF)[::5] == ["page_1", "page_2"]
    for found in (ids("", TIFF), ids("", PICTURE, TIFF)):
        assert len(set(found)) == len(found) >= 15


def test_ndjson_is_a_page_a_line(client: TestClient) -> None:
    response = client.post("/v1/ocr?output_format=ndjson", content=TIFF)
    assert [json.loads(line)["pagenum"] for line in response.text.splitlines()] == [0, 1, 2]


def test_too_slow() -> None:
    reader = Reader()
    with serving(reader, request_seconds=0.05) as client:
        assert_problem(client.post("/v1/ocr", content=b"slow"), 504, "too_slow")
        lines = client.post("/v1/ocr?output_format=ndjson", content=b"slow").text.splitlines()
        assert json.loads(lines[-1])["code"] == "too_slow"
        assert reader.cancelled == 2
        assert "raypipe_requests_in_progress 0.0" in client.get("/metrics").text


def test_the_time_of_a_stream_starts_anew_with_each_page() -> None:
    with serving(request_seconds=0.4, pages_at_once=1) as client:
        assert_problem(client.post("/v1/ocr", content=LEISURELY), 504, "too_slow")
        lines = client.post("/v1/ocr?output_format=ndjson", content=LEISURELY).text.splitlines()
        assert [json.loads(line).get("pagenum") for line in lines] == [0, 1, 2]


@pytest.mark.parametrize("path", ["/v1/ocr", "/v1/ocr?output_format=ndjson", "/invocations"])
def test_counting_pages_takes_of_the_same_time(path: str) -> None:
    with serving(request_seconds=0.05, max_requests=1) as client:
        for _ in range(2):  # The only place is free again, or the second would be a 429.
            assert_problem(client.post(path, content=UNCOUNTABLE), 504, "too_slow")


def test_pages_of_a_request_do_not_take_all() -> None:
    reader = Reader()
    with serving(reader, pages_at_once=2) as client:
        client.post("/v1/ocr", files=[("a", (f"{n}.jpg", PICTURE)) for n in range(9)])
    assert reader.most_running == 2 and len(reader.rows) == 9


@pytest.mark.parametrize(
    ("code", "status"),
    [("image_too_large", 413), ("image_unknown", 415), ("image_truncated", 422), ("worker_died", 500)],
)
def test_a_page_that_failed(client: TestClient, code: str, status: int) -> None:
    for path in ("/v1/ocr", "/invocations"):
        problem = assert_problem(client.post(path, content=f"bad {code}".encode()), status, code)
        assert problem["detail"] == "it is no good. Mend it."
    assert of_page(f"A+B {code}: x: y").detail == "x: y"


@pytest.mark.parametrize("output_format", ["json", "text", "formatted_text", "hocr"])
def test_an_answer_tells_which_pages_failed(client: TestClient, output_format: str) -> None:
    bad = b"bad image_damaged"
    files = [("a", (f"{number}.jpg", content)) for number, content in enumerate((PICTURE, bad, bad))]
    path = f"/v1/ocr?output_format={output_format}"
    assert client.post(path, files=files).headers["x-failed-pages"] == "2,3"
    assert "x-failed-pages" not in client.post(path, files=files[:1]).headers
    response = client.post(path, files=files[1:])
    if output_format == "json":
        assert [page["exception"] is None for page in response.json()["pages"]] == [False, False]
    else:
        assert_problem(response, 422, "image_damaged")


def test_a_stream_whose_only_page_failed_is_a_problem(client: TestClient) -> None:
    path, bad = "/v1/ocr?output_format=ndjson", b"bad image_damaged"
    assert_problem(client.post(path, content=bad), 422, "image_damaged")
    lines = client.post(path, files=[("a", ("a", bad)), ("b", ("b", PICTURE))]).text.splitlines()
    assert [json.loads(line)["exception"] is None for line in lines] == [False, True]


def test_invocations(client: TestClient) -> None:
    assert client.post("/invocations", content=PICTURE).json() == {"items": [{"text": "Dear page 0"}]}
    assert client.post("/invocations", content=TIFF).json()["items"][2] == {"text": "Dear page 2", "pagenum": 3}
    assert client.get("/ping").status_code == 200
    files = [("a", ("one.jpg", PICTURE)), ("a", ("two.tif", TIFF)), ("a", ("three.jpg", PICTURE))]
    items = client.post("/invocations", files=files).json()["items"]
    assert [item.get("pagenum") for item in items] == [None, 1, 2, 3, None]


def test_health_and_readiness(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader()
    with serving(reader) as client:
        assert client.get("/healthz").json() == {"status": "alive"}
        assert client.get("/readyz").json() == {"status": "ready"}
        monkeypatch.setattr(service, "READY_SECONDS", 0.01)
        reader.hold.clear()
        problem = assert_problem(client.get("/readyz"), 503, "not_ready")
        assert problem and client.get("/healthz").status_code == 200


def test_the_metrics_say_how_long_models_took_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "READY_SECONDS", 0.01)
    reader = Reader()
    reader.hold.clear()
    sample = 'raypipe_model_load_seconds{operator="Stage"} 0.5'
    with serving(reader) as client:
        assert sample not in client.get("/metrics").text
        reader.hold.set()
        assert sample in client.get("/metrics").text
        reader.hold.clear()
        assert sample in client.get("/metrics").text


@pytest.mark.parametrize(("password", "status"), [(SECRET, 200), ("wrong", 422), (None, 422)])
def test_a_locked_document_comes_with_its_password(
    password: str | None, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    form, reader = {} if password is None else {"password": password}, Reader()
    with serving(reader) as client:
        answer = client.post("/v1/ocr", data=form, files={"file": ("a.pdf", LOCKED)})
        metrics = client.get("/metrics").text
    assert answer.status_code == status
    assert not any("password" in row for row in reader.rows)
    assert SECRET not in answer.text + metrics + "".join(capfd.readouterr())


def test_a_password_is_no_part_of_an_address(client: TestClient) -> None:
    answer = client.post(f"/v1/ocr?password={SECRET}", content=LOCKED)
    assert_problem(answer, 422, "option_invalid")
    assert SECRET not in answer.text


def test_a_pdf_needs_the_picture_and_opens_no_path() -> None:
    reader = Reader()
    with serving(reader) as client:
        answer = client.post("/v1/ocr", content=PICTURE, headers={"Accept": "application/pdf"})
        assert answer.status_code == 200 and answer.content.startswith(b"%PDF-")
        for kept in (None, replace(SCAN, data=None, origin=__file__)):
            reader.picture = kept
            answer = client.post("/v1/ocr", content=PICTURE, headers={"Accept": "application/pdf"})
            assert_problem(answer, 422, "no_picture")
        reader.picture = replace(SCAN, data=pdfs.pdf(b"BT /F0 20 Tf 40 50 Td (a font of its own) Tj ET", (200, 100)))
        answer = client.post("/v1/ocr?output_format=pdfa", content=PICTURE)
        assert "not embedded" in assert_problem(answer, 422, "document_unfit")["detail"]
