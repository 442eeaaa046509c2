"""A collector that speaks OTLP gets one trace of a request: the caller above it, and the steps of its page below."""

from __future__ import annotations

import gzip
import io
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import drawn
import pytest
from http_servers import Quiet, serving
from server import start

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="OpenTelemetry's exporter is not installed")
service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def collector() -> Iterator[Any]:
    """A collector on a free port, with the spans that have come as `spans`."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            zipped = self.headers.get("Content-Encoding") == "gzip"
            sent = service.ExportTraceServiceRequest.FromString(gzip.decompress(body) if zipped else body)
            found.spans += [span for r in sent.resource_spans for scope in r.scope_spans for span in scope.spans]
            self.send_response(200)
            self.end_headers()

    found: Any = HTTPServer(("127.0.0.1", 0), Handler)
    found.spans = []
    with serving(found):
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_request_is_one_trace_with_the_steps_of_its_page(
    engine: str, collector: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")  # Milliseconds between two that it sends.
    server = start("--engine", engine, "--trace-endpoint", f"http://127.0.0.1:{collector.server_port}")
    drawn.page(drawn.LETTER).save(png := io.BytesIO(), "PNG")
    try:
        connection = server.connect()
        connection.request("POST", "/v1/ocr", png.getvalue(), {"traceparent": f"00-{TRACE}-{CALLER}-01"})
        assert connection.getresponse().status == 200
        deadline = time.monotonic() + 30
        while not any(span.parent_span_id.hex() == CALLER for span in collector.spans) and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        status = server.stop()
    assert status == 0
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    names = {span.span_id: span.name for span in collector.spans}
    above = {span.name: names.get(span.parent_span_id, span.parent_span_id.hex()) for span in collector.spans}
    operator = "BinaryToImage+ImageTextDetector+ImageToText"
    steps = dict.fromkeys(("ImageOpener", "TextDetector", "LineCropper", "TextReader"), operator)
    assert above == {
        "POST /v1/ocr": CALLER,
        "page": "POST /v1/ocr",
        "output": "POST /v1/ocr",
        operator: "page",
        **steps,
    }
