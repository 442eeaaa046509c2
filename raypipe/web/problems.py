"""Errors as a client sees them: problem details in JSON (RFC 9457), each with its own code."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from raypipe.errors import Failure
from raypipe.plurals import counted

MEDIA_TYPE = "application/problem+json"
WHERE_PATHS_ARE = "The page docs, below the address of this server, describes its paths."
"""No server knows what proxies in front of it put before its paths."""
NO_SUCH_PATH = 404, "no_such_path", f"There is nothing at this path. {WHERE_PATHS_ARE}"


class ProblemError(Exception):
    """A request that gets no result: a stable `code` for programs, and for people what went wrong and what to do."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, code, detail, headers)
        self.status, self.code, self.detail, self.headers = status, code, detail, dict(headers or {})

    def document(self, request_id: str) -> dict[str, Any]:
        """The members of the problem document."""
        return {
            "type": f"urn:raypipe:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }

    def response(self, request_id: str) -> JSONResponse:
        """The answer to the client."""
        return JSONResponse(self.document(request_id), self.status, self.headers, MEDIA_TYPE)


def try_again(
    status: int, code: str, what: str, seconds: int, headers: Mapping[str, str] | None = None
) -> ProblemError:
    """The problem of a request that may have a result after some seconds."""
    detail = f"{what} Try again in {counted(seconds, 'second')}."
    return ProblemError(status, code, detail, {**(headers or {}), "Retry-After": str(seconds)})


def of_page(exception: str) -> ProblemError:
    """The problem of a request whose only page failed, from that page's `exception`."""
    failure = Failure.parse(exception)
    return ProblemError(failure.http_status, failure.code, failure.message)
