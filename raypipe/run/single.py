"""What `raypipe serve --engine local` does: the server in this process, without Ray."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from raypipe.machine import share_freed_memory, usable_cpus
from raypipe.run.pools import MOST_THREADS
from raypipe.run.ports import check_port
from raypipe.run.replicas import OperatorReplica
from raypipe.run.served import ServedPipeline, configs_of, path_of
from raypipe.run.settings import DRAIN_SECONDS
from raypipe.run.threads import Unawaited
from raypipe.stages.base import Pool
from raypipe.web.app import create
from raypipe.web.edge import Edge


def run(served: ServedPipeline, host: str, port: int, started: Callable[[], None]) -> None:
    """Serves a pipeline until SIGTERM or SIGINT, then finishes the accepted requests.

    Args:
        started: Called when pages can be read.

    Raises:
        ConfigError: The port is taken, a lexicon cannot be read, or a stage reads a column that no stage writes and no
            request brings with it.
        DeviceError: A GPU was asked for, but there is none.
        ModelError: A model is unknown or not on this machine.
    """
    share_freed_memory()
    check_port(host, port)
    served.graph.check()
    edge = application(served)
    # Libraries log to our log, but not uvicorn on requests, which the application logs with their ids.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.basicConfig(level=logging.WARNING, handlers=edge.log.handlers)
    Server(edge, host, port, started).run()


def application(served: ServedPipeline) -> Edge:
    """The application with models of its own, which have read a page.

    Raises:
        ConfigError, DeviceError, ModelError: See `run`.
    """
    served.check()
    cpus = usable_cpus()
    pools = [Pool(size=1, num_cpus=min(cpus, MOST_THREADS)) for _ in served.graph.operators]
    # As many pages at once as there are CPUs, however many threads each may take.
    configs = [replace(config, parallel=cpus) for config in configs_of(served, pools)]
    path = path_of(served, configs, pools)
    # A page for which nobody waits any longer holds up no end: its thread cannot be stopped.
    operators = [OperatorReplica(config, Unawaited(config.parallel)) for config in configs]
    reader = replace(path, operators=operators)
    return create(reader, served.serving.settings, jobs_for=served.jobs_for)


class Protocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]
    """uvicorn's HTTP, which answers malformed requests with a problem document.

    It closes connections whose client does not send the head of a request in time, or takes nothing of an answer.
    """

    _answered: Any = None
    """The request whose answer comes next. Others may have come after it on the same connection."""
    _awaited: asyncio.TimerHandle | None = None
    """Closes the connection if the head of the next request does not come."""
    _taking: asyncio.TimerHandle | None = None
    """Closes the connection if the client takes nothing of what is to be sent."""

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # So that it says if anything at all waits for the client.
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        super().data_received(data)
        self._await_head()

    def _await_head(self) -> None:
        is_coming = self.cycle is None or self.cycle.response_complete
        if is_coming and not self._awaited:
            self._awaited = self.loop.call_later(self.config.app.settings.body_seconds, self.transport.close)
        elif not is_coming and self._awaited:
            self._awaited.cancel()
            self._awaited = None

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        super().pause_writing()
        self._await_taking(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        super().resume_writing()
        if self._taking:
            self._taking.cancel()

    def _await_taking(self, left: int) -> None:
        def look() -> None:
            now_left = self.transport.get_write_buffer_size()
            if now_left < left:
                self._await_taking(now_left)
            else:
                self.transport.abort()

        self._taking = self.loop.call_later(self.config.app.settings.request_seconds, look)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """Lets the request that is being answered know, too: uvicorn tells only the last that came."""
        if self._answered:
            self._answered.disconnected = True
            self._answered.message_event.set()
        for timer in (self._awaited, self._taking):
            if timer:
                timer.cancel()
        super().connection_lost(exc)

    def send_400_response(self, _: str) -> None:
        """Answers and closes the connection, or only closes it if another request's answer would come next."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or (cycle.more_body and not cycle.response_started):
            answer = self.config.app.malformed()
            head = [b"HTTP/1.1 400 Bad Request", *(b": ".join(pair) for pair in answer.raw_headers), b"", b""]
            self.transport.write(b"\r\n".join(head) + answer.body)
        self.transport.close()


class Server(uvicorn.Server):
    """An HTTP server that, once stopped, finishes accepted requests and refuses others until it ends."""

    def __init__(self, application: Edge, host: str, port: int, started: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                host,
                port,
                http=Protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )
        self._application, self._started, self._deadline = application, started, 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to stop; see `uvicorn.Server`."""
        self._application.stop()
        self._deadline = self._deadline or time.monotonic() + DRAIN_SECONDS

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Begins to listen; see `uvicorn.Server`."""
        await super().startup()
        self._started()

    async def on_tick(self, counter: int) -> bool:
        """Whether to end now; see `uvicorn.Server`."""
        is_idle = not self._application.under_way or time.monotonic() > self._deadline
        return await super().on_tick(counter) or (bool(self._deadline) and is_idle)
