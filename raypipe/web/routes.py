"""The paths of the API."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from raypipe.web.answers import FAILED_PAGES
from raypipe.web.options import Options
from raypipe.web.schema import CONTENT, PROBLEM, PROBLEMS, UPLOAD, UPLOAD_WITH_OPTIONS, InvocationsAnswer, OcrAnswer
from raypipe.web.service import Service

router = APIRouter(responses=PROBLEM)
health = APIRouter(responses=PROBLEM)
"""The paths that need no key."""

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": OcrAnswer,
        "description": "the pages",
        "headers": {
            FAILED_PAGES: {
                "schema": {"type": "string"},
                "description": "positions, from 1, of the failed pages in this answer, such as 2,3; not in NDJSON; "
                "json answers say why",
            }
        },
        "content": CONTENT,
    }
}


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


@router.post("/v1/ocr", responses={**ANSWERS, **PROBLEMS}, openapi_extra=UPLOAD_WITH_OPTIONS, response_class=Response)
async def ocr(request: Request, options: Annotated[Options, Query()]) -> Response:
    """Reads images and PDFs: raw bytes, one or more files of a multipart form, or JSON with a file in base64.

    Fields of the form, and further members of the JSON, may be options.
    """
    return await _service(request).ocr(request, options)


@router.post("/invocations", responses={200: {"model": InvocationsAnswer}, **PROBLEMS}, openapi_extra=UPLOAD)
async def invocations(request: Request) -> Response:
    """Reads an image or PDF and answers as Visual NLP's SageMaker product does."""
    return JSONResponse(await _service(request).invocations(request))


@health.get("/ping")
async def ping(request: Request) -> Response:
    """SageMaker's health check: 200 once the models are loaded, 503 until then."""
    return await readyz(request)


@health.get("/healthz")
async def healthz() -> Response:
    """Whether this process answers."""
    return JSONResponse({"status": "alive"})


@health.get("/readyz", responses={503: PROBLEMS[503]})
async def readyz(request: Request) -> Response:
    """Whether the models are loaded and pages can be read."""
    await _service(request).check_ready()
    return JSONResponse({"status": "ready"})


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Counters and histograms for Prometheus."""
    service = _service(request)
    return Response(await service.metrics(), media_type=service.telemetry.content_type)


@router.get("/v1/models")
async def models(request: Request) -> Response:
    """The models of this server."""
    return JSONResponse({"models": _service(request).reader.models})
