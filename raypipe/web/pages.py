"""The page for people at `/`, and the description of the API at `/docs`: static files, nothing from outside."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

router = APIRouter(include_in_schema=False)
FOLDER = Path(__file__).parent / "static"
HEADERS = {"Cache-Control": "no-cache"}


@router.get("/")
async def page() -> Response:
    """The page."""
    return FileResponse(FOLDER / "index.html", headers=HEADERS)


@router.get("/docs")
async def docs() -> Response:
    """The description of the API."""
    return FileResponse(FOLDER / "docs.html", headers=HEADERS)


@router.get("/static/page.css")
async def style() -> Response:
    """Colours and layout of both."""
    return FileResponse(FOLDER / "page.css", headers=HEADERS)


@router.get("/static/page.js")
async def script() -> Response:
    """What the page does."""
    return FileResponse(FOLDER / "page.js", headers=HEADERS)


@router.get("/static/docs.js")
async def docs_script() -> Response:
    """What the description does."""
    return FileResponse(FOLDER / "docs.js", headers=HEADERS)
