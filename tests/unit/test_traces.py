"""Traces of requests: one each, with its pages and their steps, in the trace of who asks."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from asking import PICTURE, TIFF, VISIT, Reader
from starlette.testclient import TestClient

from raypipe.errors import ConfigError
from raypipe.web import telemetry
from raypipe.web.app import create
from raypipe.web.settings import ServerSettings
from raypipe.web.traces import Traces, traces_to

sdk = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Any:
    exporter = sdk.InMemorySpanExporter()
    made = Traces(exporter)
    monkeypatch.setattr(telemetry, "traces_to", lambda _: made)
    exporter.collected = lambda: made.provider.force_flush() and exporter.get_finished_spans()
    return exporter


def test_a_request_is_one_trace_with_its_pages_and_their_steps(collector: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VISIT.seconds, "decode", 0.07)
    with TestClient(create(Reader(), ServerSettings())) as client:
        asked = {"traceparent": CALLER, "X-Request-ID": "mine"}
        assert client.post("/v1/ocr", content=TIFF, headers=asked).status_code == 200
        assert client.get("/healthz").status_code == 200
    spans = {span.name: span for span in collector.collected()}
    assert {span.context.trace_id for span in collector.collected()} == {0x4BF92F3577B34DA6A3CE929D0E0E4736}
    request, step, operator = spans["POST /v1/ocr"], spans["Some"], spans["Op"]
    assert request.parent.span_id == 0x00F067AA0BA902B7
    assert request.attributes["http.response.status_code"] == 200 and request.attributes["raypipe.request_id"] == "mine"
    by_id = {span.context.span_id: span.name for span in collector.collected()}
    below = [by_id[span.parent.span_id] for span in (step, operator, spans["page"], spans["output"])]
    assert below == ["Op", "page", "POST /v1/ocr", "POST /v1/ocr"]
    assert sum(span.name == "page" for span in collector.collected()) == 3
    assert "decode" not in spans and operator.attributes["raypipe.decode_seconds"] == 0.07, "a part of a step"
    assert operator.end_time - operator.start_time >= 120_000_000, "with what it waited for its turn"
    assert step.end_time - step.start_time == 100_000_000 and step.end_time == operator.end_time


def test_each_request_without_a_caller_is_a_trace_of_its_own(collector: Any) -> None:
    with TestClient(create(Reader(), ServerSettings()), raise_server_exceptions=False) as client:
        for content in (PICTURE, PICTURE, b"bug"):
            client.post("/v1/ocr", content=content, headers={"traceparent": "nonsense"})
    requests = [span for span in collector.collected() if span.name == "POST /v1/ocr"]
    assert len({span.context.trace_id for span in requests}) == len(requests) == 3
    assert [span.status.status_code.name for span in requests] == ["UNSET", "UNSET", "ERROR"]


def test_traces_without_opentelemetry_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigError, match=r"raypipe\[otel\]"):
        traces_to("http://127.0.0.1:4318")
