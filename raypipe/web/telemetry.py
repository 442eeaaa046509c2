"""Prometheus metrics and structured logs of a server. Neither contains pictures, text or file names."""

from __future__ import annotations

import json
import logging
import platform
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from logging.handlers import DatagramHandler, WatchedFileHandler
from pathlib import Path
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from raypipe.errors import ConfigError, reason_of
from raypipe.metrics import FAILED, FOUND, READ, STEPS, Visit
from raypipe.web.settings import ServerSettings
from raypipe.web.traces import traces_to

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
PAGES = (1, 2, 4, 8, 16, 32, 64)


class Telemetry:
    """The metrics and the log of one ingress.

    Attributes:
        knows_loads: Whether it knows how long the models took to load.
        log: Takes `extra={"fields": ...}`.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, settings: ServerSettings) -> None:
        self.knows_loads = False
        self.log = _logger(settings)
        self.traces = traces_to(settings.trace_endpoint)
        disable_created_metrics()  # type: ignore[no-untyped-call]  # Nobody needs the age of a counter.
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        build = Gauge("raypipe_build_info", "1, with versions.", ("version", "python"), registry=registry)
        build.labels(version("raypipe"), platform.python_version()).set(1)
        self._requests = Counter(
            "raypipe_requests", "Requests answered.", ("route", "method", "status"), registry=registry
        )
        self._seconds = Histogram(
            "raypipe_request_seconds", "Until the answer's head.", ("route",), registry=registry, buckets=SECONDS
        )
        self._pages = Counter(READ, "Pages read.", registry=registry)
        self._problems = Counter("raypipe_problems", "Requests without a result.", ("code",), registry=registry)
        self._failures = Counter(FAILED, "Pages that failed.", ("code",), registry=registry)
        self._counts = Counter(FOUND, "Regions and lines found.", ("what",), registry=registry)
        self._stages = Histogram(STEPS, "A page's share of a step.", ("step",), registry=registry, buckets=SECONDS)
        self._queue = Histogram(
            "raypipe_queue_seconds", "Waiting for a replica.", ("operator",), registry=registry, buckets=SECONDS
        )
        self._batches = Histogram(
            "raypipe_batch_pages", "Pages of a batch.", ("operator",), registry=registry, buckets=PAGES
        )
        self._loads = Gauge("raypipe_model_load_seconds", "Loading the models.", ("operator",), registry=registry)
        self._taken = Gauge("raypipe_requests_in_progress", "Requests accepted, not answered.", registry=registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts a request, with the seconds until its answer's head."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def problem(self, code: str) -> None:
        """Counts a request without a result."""
        self._problems.labels(code).inc()

    def page(self, visits: Iterable[Visit], failure: str | None) -> None:
        """Counts a page; `failure` is the code of its exception, if it has one."""
        self._pages.inc()
        if failure:
            self._failures.labels(failure).inc()
        for visit in visits:
            self._queue.labels(visit.operator).observe(visit.queue_seconds)
            self._batches.labels(visit.operator).observe(visit.batch_pages)
            for step, seconds in visit.seconds.items():
                self._stages.labels(step).observe(seconds)
            for what, count in visit.counts.items():
                self._counts.labels(what).inc(count)

    def loaded(self, seconds: dict[str, float]) -> None:
        """Records how long models took to load."""
        self.knows_loads = True
        for operator, value in seconds.items():
            self._loads.labels(operator).set(value)

    def render(self, taken: int) -> bytes:
        """All metrics in Prometheus' text format."""
        self._taken.set(taken)
        return generate_latest(self._registry)


def _logger(settings: ServerSettings) -> logging.Logger:
    """A logger that writes one JSON object per line, independent of all other loggers in the process."""
    log = logging.Logger("raypipe.requests", settings.log_level)
    handler = _handler(settings.log_file)
    handler.setFormatter(JsonLines())
    log.addHandler(handler)
    return log


def _handler(path: Path | None) -> logging.Handler:
    if path is None:
        return StandardError()
    if path.is_socket():
        return DatagramLines(str(path), None)
    try:
        return WatchedFileHandler(path, encoding="utf-8")  # The file may be moved away (log rotation).
    except OSError as error:
        raise ConfigError(f"The log cannot be written: {reason_of(error)}.", "Choose another --log-file.") from error


class StandardError(logging.Handler):
    """Writes to what `sys.stderr` is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """See `Handler.emit`."""
        print(self.format(record), file=sys.stderr, flush=True)  # noqa: T201


class DatagramLines(DatagramHandler):
    """Sends each line, unchanged, to a socket of this machine."""

    def makePickle(self, record: logging.LogRecord) -> bytes:  # noqa: N802
        """See `SocketHandler.makePickle`."""
        return self.format(record).encode()


class JsonLines(logging.Formatter):
    """A record as one JSON object: time, level, message and the fields given as `extra={"fields": ...}`."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        fields: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)
