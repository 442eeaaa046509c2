"""What every request passes through: its id, its key, the headers of its answer, its log line and its metrics."""

from __future__ import annotations

import hmac
import re
import time
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from raypipe.web.pages import STATIC
from raypipe.web.problems import ProblemError
from raypipe.web.settings import digest
from raypipe.web.telemetry import Telemetry, logger

PUBLIC_PATHS = frozenset(("/", "/docs", "/openapi.json", "/ping", "/healthz", "/readyz"))
"""Paths that need no key, besides the static files: they expose no data."""
MOST_HEADER_BYTES = 32_768
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Edge:
    """ASGI middleware around the whole application.

    Args:
        app: The application.
        key_digests: SHA-256 of the accepted keys; empty: no key is needed.
        telemetry: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, key_digests: tuple[str, ...], telemetry: Telemetry) -> None:
        self._app, self._keys, self._telemetry = app, key_digests, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request; see ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = scope.setdefault("state", {})["request_id"] = _request_id(headers.get("x-request-id", ""))
        begun, status, method = time.perf_counter(), 499, scope["method"]
        if method == "HEAD":  # HEAD is answered like GET, without the body.
            scope["method"] = "GET"

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            elif method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            problem = self._refusal(scope, headers)
            if problem:
                self._telemetry.problem(problem.code)
                await problem.response(request_id)(scope, receive, send_with_headers)
            else:
                await self._app(scope, receive, send_with_headers)
        finally:
            self._note(scope, method, status, time.perf_counter() - begun)

    def _refusal(self, scope: Scope, headers: Headers) -> ProblemError | None:
        """Why a request is refused unread; None if it is not."""
        if sum(len(name) + len(value) for name, value in headers.raw) > MOST_HEADER_BYTES:
            return ProblemError(431, "headers_too_large", f"The headers are over {MOST_HEADER_BYTES:,} bytes.")
        needs_key = self._keys and scope["path"] not in PUBLIC_PATHS and not _is_static(scope["path"])
        if needs_key and not self._allowed(headers.get("authorization", "")):
            challenge = {"WWW-Authenticate": "Bearer"}
            return ProblemError(401, "unauthorized", "Send the header Authorization: Bearer KEY.", challenge)
        return None

    def _allowed(self, authorization: str) -> bool:
        scheme, _, key = authorization.partition(" ")
        shown = digest(key.strip())
        # Every key is compared, so that the time taken reveals nothing about them.
        matches = [hmac.compare_digest(shown, known) for known in self._keys]
        return scheme.lower() == "bearer" and any(matches)

    def _note(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = STATIC if _is_static(scope["path"]) else getattr(scope.get("route"), "path", "other")
        self._telemetry.answered(route, method, status, seconds)
        fields = {
            "request_id": scope["state"]["request_id"],
            "method": method,
            "route": route,
            "status": status,
            "seconds": round(seconds, 4),
            **scope["state"].get("log", {}),
        }
        logger().info("request", extra={"fields": fields})


def _request_id(proposed: str) -> str:
    """The id that Serve or the client gave the request, if it is harmless, or else a new one."""
    return proposed if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", proposed) else uuid4().hex


def _is_static(path: str) -> bool:
    return path.startswith(f"{STATIC}/")
