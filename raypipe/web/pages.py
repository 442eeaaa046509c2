"""The web page at `/` and the description of the API at `/docs`: static files that load nothing from other hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)
STATIC = "/static"
"""Where the pages' files are."""


class _Files(StaticFiles):
    """Files that a browser revalidates every time, and downloads again only if they have changed."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """See `StaticFiles.file_response`."""
        response = super().file_response(*args, **kwargs)
        response.headers.update({"Cache-Control": "no-cache", "Accept-Ranges": "none"})  # `Edge` ignores ranges.
        return response


files = _Files(directory=Path(__file__).parent / "static")


@router.get("/")
async def page(request: Request) -> Response:
    """The page."""
    return await files.get_response("index.html", request.scope)


@router.get("/docs")
async def docs(request: Request) -> Response:
    """The description of the API."""
    return await files.get_response("docs.html", request.scope)
