"""Metrics and the log."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from asking import (
    TIFF,
    Reader,
    Slow,
    assert_problem,
    serving,
)
from starlette.testclient import TestClient

from raypipe.errors import ConfigError
from raypipe.types import Row
from raypipe.web.app import create
from raypipe.web.reading import ReadPage
from raypipe.web.settings import ServerSettings


def test_a_bug_is_a_500_that_tells_nothing(client: TestClient, capfd: pytest.CaptureFixture[str]) -> None:
    response = client.post("/v1/ocr", content=b"bug")
    problem = assert_problem(response, 500, "internal")
    assert "secret" not in response.text
    assert problem["request_id"] in capfd.readouterr().err


def test_metrics_follow_conventions(client: TestClient) -> None:
    client.get("/v1/models")
    metrics = client.get("/metrics").text
    assert "_created" not in metrics and "process_cpu_seconds_total" in metrics
    assert re.search(r'^raypipe_build_info\{python="3\.[\d.]+",version="[\d.]+"\} 1\.0$', metrics, re.MULTILINE)


def test_methods_that_clients_make_up_are_one_series(client: TestClient) -> None:
    """Else a client could fill the memory of the server, and of Prometheus."""
    for method in ("FOOBAR", "BARFOO"):
        client.request(method, "/healthz")
    metrics = client.get("/metrics").text
    assert 'raypipe_requests_total{method="other",route="/healthz",status="405"} 2.0' in metrics
    assert "FOOBAR" not in metrics


def test_metrics_and_logs_hold_no_content(client: TestClient, capfd: pytest.CaptureFixture[str]) -> None:
    client.post("/v1/ocr", files={"a": ("private.tif", TIFF)})
    client.post("/v1/ocr", content=b"bad image_damaged")
    client.get("/nothing/private")
    metrics = client.get("/metrics").text
    for line in (
        'raypipe_requests_total{method="POST",route="/v1/ocr",status="200"} 1.0',
        'raypipe_requests_total{method="GET",route="other",status="404"} 1.0',
        "raypipe_pages_total 4.0",
        'raypipe_page_failures_total{code="image_damaged"} 1.0',
        'raypipe_problems_total{code="no_such_path"} 1.0',
        'raypipe_found_total{what="lines"} 3.0',
        'raypipe_stage_seconds_count{step="Some"} 4.0',
        'raypipe_queue_seconds_count{operator="Op"} 4.0',
        'raypipe_batch_pages_count{operator="Op"} 4.0',
    ):
        assert line in metrics
    log = capfd.readouterr().err
    first = json.loads(log.splitlines()[0])
    assert (first["pages"], first["documents"], first["bytes"], first["status"]) == (3, 1, len(TIFF), 200)
    assert "Dear" not in log + metrics and "private" not in log + metrics


@pytest.mark.parametrize("output_format", ["json", "ndjson"])
def test_the_log_counts_pages(client: TestClient, output_format: str, capfd: pytest.CaptureFixture[str]) -> None:
    files = [("a", ("one.tif", TIFF)), ("a", ("two.jpg", b"bad image_damaged"))]
    client.post(f"/v1/ocr?output_format={output_format}", files=files)
    line = json.loads(capfd.readouterr().err)
    size = len(TIFF) + len(b"bad image_damaged")
    assert [line[name] for name in ("bytes", "documents", "pages", "failed_pages")] == [size, 2, 4, 1]


class Stalling(Reader):
    async def read(self, row: Row, overlay: str) -> ReadPage:
        if row["pagenum"]:
            await asyncio.sleep(60)
        return await super().read(row, overlay)


def test_a_stream_that_is_cut_off_is_logged_with_its_problem(capfd: pytest.CaptureFixture[str]) -> None:
    """Its head, and so its status, was sent before; the log called it a success."""
    with serving(Stalling(), request_seconds=0.05) as client:
        pages = client.post("/v1/ocr?output_format=ndjson", content=TIFF).text.splitlines()
        assert json.loads(pages[-1])["code"] == "too_slow"
        line = json.loads(capfd.readouterr().err)
        assert (line["status"], line["problem"]) == (200, "too_slow")
        metrics = client.get("/metrics").text
        assert 'raypipe_problems_total{code="too_slow"} 1.0' in metrics
        until_head = re.search(r'raypipe_request_seconds_sum{route="/v1/ocr"} ([\d.]+)', metrics)
        assert until_head and float(until_head[1]) + 0.05 <= line["seconds"], "its pages came later"


def test_an_answer_whose_client_leaves_is_logged_as_cut_off(capfd: pytest.CaptureFixture[str]) -> None:
    async def leave() -> None:
        slow = Slow(create(Stalling(), ServerSettings()), path="/v1/ocr", query=b"output_format=ndjson")
        for chunk in (TIFF, b""):
            slow.chunks.put_nowait(chunk)
        while len(slow.sent) < 2:
            await asyncio.sleep(0.01)
        slow.answer.cancel()
        await asyncio.wait([slow.answer])

    asyncio.run(leave())
    line = json.loads(capfd.readouterr().err)
    assert (line["status"], line["problem"], line["pages"]) == (200, "cut_off", 1)


def test_health_checks_are_logged_only_if_asked_for_or_failing(tmp_path: Path) -> None:
    def logged(level: str) -> list[str]:
        file = tmp_path / level
        with serving(log_level=level, log_file=file) as client:
            for path in ("/healthz", "/readyz", "/ping", "/v1/models"):
                client.get(path)
            client.app.stop()  # type: ignore[attr-defined]
            client.get("/readyz")
        lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        return [f"{line['level']} {line['route']} {line['status']}" for line in lines]

    rest = ["INFO /v1/models 200", "INFO other 503"]
    assert logged("INFO") == rest
    assert logged("DEBUG") == [f"DEBUG {path} 200" for path in ("/healthz", "/readyz", "/ping")] + rest


def test_a_log_that_is_moved_away_begins_anew(tmp_path: Path) -> None:
    with serving(log_file=tmp_path / "log") as client:
        client.get("/v1/models")
        (tmp_path / "log").rename(tmp_path / "log.1")
        client.get("/v1/models")
    assert [len((tmp_path / name).read_text("utf-8").splitlines()) for name in ("log", "log.1")] == [1, 1]


def test_a_log_that_cannot_be_written_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone/log.* --log-file"), serving(log_file=tmp_path / "gone" / "log"):
        pass
