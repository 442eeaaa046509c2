"""Traces of requests in OpenTelemetry: a span for the request, and below it for each page, its steps and the answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from raypipe.errors import ConfigError, reason_of
from raypipe.metrics import Visit


class NoTraces:
    """Leaves no traces."""

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[None]:
        """Traces a request, as a part of the trace that its `traceparent` names."""
        yield

    def answered(self, route: str, method: str, status: int, request_id: str) -> None:
        """Adds the answer's status to the trace of the request."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Traces a step of the request."""
        yield

    def page(self, number: int, visits: Sequence[Visit]) -> None:
        """Traces a page that has just been read.

        Args:
            number: Its number in its document, from 1.
            visits: What it cost at each operator. The start of a step follows from how long it and later ones took.
        """


class Traces(NoTraces):
    """Sends traces to a collector, through a provider that only this ingress uses."""

    def __init__(self, exporter: Any) -> None:
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.provider = TracerProvider(resource=Resource.create({"service.name": "raypipe"}))
        self.provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer, self._trace = self.provider.get_tracer("raypipe"), trace
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[None]:
        """See `NoTraces.request`."""
        parent = self._propagator.extract(headers)
        with self._tracer.start_as_current_span("request", parent, self._trace.SpanKind.SERVER):
            yield

    def answered(self, route: str, method: str, status: int, request_id: str) -> None:
        """See `NoTraces.answered`."""
        span = self._trace.get_current_span()
        span.update_name(f"{method} {route}")
        names = ("http.request.method", "http.route", "http.response.status_code", "raypipe.request_id")
        span.set_attributes(dict(zip(names, (method, route, status, request_id), strict=True)))
        if status >= 500:
            span.set_status(self._trace.StatusCode.ERROR)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """See `NoTraces.step`."""
        with self._tracer.start_as_current_span(name):
            yield

    def page(self, number: int, visits: Sequence[Visit]) -> None:
        """See `NoTraces.page`."""
        if not self._trace.get_current_span().is_recording():  # It is a page of a job, not of a request.
            return
        spent = sum(visit.queue_seconds + sum(_workers(visit).values()) for visit in visits)
        now = time.time_ns() - round(spent * 1e9)
        page = self._tracer.start_span("page", start_time=now, attributes={"raypipe.page": number})
        for visit in visits:
            begun, inside = now, self._trace.set_span_in_context(page)
            facts = {"raypipe.batch_pages": visit.batch_pages, "raypipe.queue_seconds": visit.queue_seconds}
            facts |= {
                f"raypipe.{name}_seconds": value for name, value in visit.seconds.items() if not name[0].isupper()
            }
            operator = self._tracer.start_span(visit.operator, inside, start_time=begun, attributes=facts)
            now += round(visit.queue_seconds * 1e9)
            for name, seconds in _workers(visit).items():
                step = self._tracer.start_span(name, self._trace.set_span_in_context(operator), start_time=now)
                now += round(seconds * 1e9)
                step.end(now)
            operator.end(now)
        page.end(now)


def _workers(visit: Visit) -> dict[str, float]:
    """The seconds of an operator's workers, which run one after the other; other names are parts of these."""
    return {name: seconds for name, seconds in visit.seconds.items() if name[0].isupper()}


def traces_to(endpoint: str) -> NoTraces:
    """Traces for a collector that speaks OTLP over HTTP; none without one.

    Raises:
        ConfigError: OpenTelemetry is not installed.
    """
    if not endpoint:
        return NoTraces()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return Traces(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces"))
    except ImportError as error:
        remedy = "Leave out trace_endpoint, or install it where the server runs: pip install 'raypipe[otel]'."
        raise ConfigError(f"Traces need OpenTelemetry, which is not installed: {reason_of(error)}.", remedy) from error
