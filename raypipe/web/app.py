"""The HTTP application: its routes, and how errors become answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount

from raypipe.web import corrected, job_routes, jobs, pages, routes, service, textract
from raypipe.web.bodies import Bodies
from raypipe.web.edge import Edge
from raypipe.web.examples import with_examples
from raypipe.web.fairness import FairQueue
from raypipe.web.limits import Admission, Quota
from raypipe.web.options import describe, each_once
from raypipe.web.problems import NO_SUCH_PATH, WHERE_PATHS_ARE, ProblemError
from raypipe.web.reading import Reader
from raypipe.web.samples import with_samples
from raypipe.web.schema import completed
from raypipe.web.settings import ServerSettings
from raypipe.web.telemetry import Telemetry

REQUESTS_PER_PAGE_AT_ONCE = 16
"""Default limit of requests, for each page that is read concurrently."""


class Application(FastAPI):
    """FastAPI whose OpenAPI document describes problems too, and has examples and samples."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if not self.openapi_schema:  # FastAPI keeps it there.
            with_samples(with_examples(completed(super().openapi())))
        return super().openapi()


def create(
    reader: Reader, settings: ServerSettings, tells_id: bool = True, jobs_for: jobs.JobsFactory | None = None
) -> Edge:
    """The application around a reader, ready for any ASGI server.

    Args:
        tells_id: Whether it adds the header `X-Request-ID` to answers; Serve's proxies do so themselves.
        jobs_for: Makes the jobs; None: the server takes none.
    """
    places = settings.max_requests or REQUESTS_PER_PAGE_AT_ONCE * reader.at_once
    ocr = service.Service(
        reader,
        settings,
        Admission(places, settings.max_requests_per_client, settings.retry_after_seconds),
        Quota(settings.pages_per_minute),
        Bodies(settings),
        FairQueue(reader.room),
        Telemetry(settings),
    )
    app = Application(
        title="raypipe",
        version=version("raypipe"),
        description="Text from pictures of handwriting and print, with positions and confidences.",
        servers=[{"url": "."}],  # Where the document itself is, whatever proxies call that place.
        root_path_in_servers=False,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # Redirections would go to the host that the client names.
        lifespan=_lifespan,
    )
    manager = jobs_for(ocr) if jobs_for else None
    app.state.service, app.state.jobs = ocr, manager
    app.state.listeners = Admission(manager.max_listeners if manager else 0, 0, settings.retry_after_seconds)
    key = HTTPBearer(auto_error=False, scheme_name="key", description="a key of this server")  # `Edge` checks it.
    needs = [Depends(each_once), *([Depends(key)] if settings.key_digests else [])]
    for router in (routes.router, corrected.router, job_routes.router, textract.router):
        app.include_router(router, dependencies=needs)
    app.include_router(routes.health)
    app.include_router(pages.router)
    app.mount(pages.STATIC, pages.files)
    _answer_errors(app, ocr.telemetry)
    return Edge(app, settings, ocr.telemetry, tells_id)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Reads jobs while the application runs."""
    manager: jobs.Jobs | None = app.state.jobs
    if manager:
        await asyncio.to_thread(manager.start, asyncio.get_running_loop())
    yield
    if manager:
        await asyncio.to_thread(manager.stop)


def _answer_errors(app: FastAPI, telemetry: Telemetry) -> None:
    def answer(request: Request, problem: ProblemError) -> Response:
        request.state.problem = problem.code
        return problem.response(request.state.request_id)

    @app.exception_handler(ProblemError)
    async def own(request: Request, error: ProblemError) -> Response:
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return answer(request, ProblemError(422, "option_invalid", describe(list(error.errors()))))

    @app.exception_handler(HTTPException)
    async def unroutable(request: Request, error: HTTPException) -> Response:
        if not request.state.path:
            return _with_slash(request)
        if error.status_code == 404:
            return answer(request, ProblemError(*NO_SUCH_PATH))
        if error.status_code != 405:
            return answer(request, ProblemError(error.status_code, "http", str(error.detail), error.headers))
        takes = _methods(request)
        detail = f"This path takes {takes}. {WHERE_PATHS_ARE}"
        return answer(request, ProblemError(405, "wrong_method", detail, {"Allow": takes}))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        fields: dict[str, Any] = {"request_id": request.state.request_id}
        telemetry.log.error("unexpected error", exc_info=error, extra={"fields": fields})
        return answer(
            request, ProblemError(500, "internal", "Something unexpected went wrong. The server's log says what.")
        )


def _with_slash(request: Request) -> Response:
    """Leads from the path at which the application is, such as `/ocr`, to its page at `/ocr/`.

    The place is relative: only the client knows the host, and what proxies have put before the path.
    """
    here = request.scope["root_path"].rpartition("/")[2]
    return Response(status_code=308, headers={"Location": f"{quote(here)}/"})


def _methods(request: Request) -> str:
    """The methods of a path, which several routes may share. HEAD is answered wherever GET is."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]  # That of files, which takes GET.
    taken = [
        method
        for method in ("DELETE", "GET", "POST")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ", ".join(taken or ["GET"]).replace("GET", "GET, HEAD")
