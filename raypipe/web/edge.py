"""What every request passes through: its id, its key, the headers of its answer, its log line and its metrics."""

from __future__ import annotations

import hmac
import logging
import re
import time
from contextlib import nullcontext
from http import HTTPMethod
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from raypipe.web import sites
from raypipe.web.answers import FAILED_PAGES
from raypipe.web.bodies import CLOSE
from raypipe.web.leaving import closes, while_sending
from raypipe.web.pages import STATIC
from raypipe.web.problems import ProblemError, try_again
from raypipe.web.settings import ServerSettings, digest
from raypipe.web.telemetry import Telemetry

PUBLIC_PATHS = frozenset(("", "/", "/docs", "/openapi.json", "/ping", "/healthz", "/readyz"))
"""Paths that need no key, besides the static files: they expose no data."""
HEALTH_PATHS = frozenset(("/ping", "/healthz", "/readyz"))
MOST_HEADER_BYTES = 32_768
REQUEST_ID = "X-Request-ID"
OTHER = "other"
"""What unknown paths and methods are called in the log and the metrics."""
CUT_OFF = "cut_off"
"""The problem of an answer that was not sent to its end, for the log and the metrics."""
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
OURS = "X-Content-Type-Options"
"""A header that all answers of the application have, and Serve's own do not."""


class Edge:
    """ASGI middleware around the whole application; `under_way` is the number of requests that are being answered.

    Args:
        tells_id: Whether answers get the header with the request's id; Serve's proxies add it themselves.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings, telemetry: Telemetry, tells_id: bool) -> None:
        self._app, self.settings, self._telemetry, self._tells_id = app, settings, telemetry, tells_id
        self._shared = _with_origins(self._answer, settings)
        self._keys, self._stops, self.under_way = settings.key_digests, False, 0
        self.log = telemetry.log

    def stop(self) -> None:
        """Refuses all further requests; those that are under way are finished."""
        self._stops = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request; see ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = scope.setdefault("state", {})["request_id"] = request_id_of(headers)
        key = scope["state"]["key"] = self._key_of(headers.get("authorization", ""))
        # Below the path at which the application is, as Serve's `route_prefix` names it.
        path = scope["state"]["path"] = scope["path"].removeprefix(scope.get("root_path", ""))
        scope["state"]["client"] = key or (scope.get("client") or ("",))[0]
        scope["state"]["is_stopping"] = lambda: self._stops
        begun, until_head, status, is_whole, method = time.perf_counter(), None, 499, True, scope["method"]
        # HEAD is answered like GET but without a body, and ranges are ignored. The server's own scope stays unchanged.
        passed_on = [(name, value) for name, value in scope["headers"] if name != b"range"]
        scope = {**scope, "method": "GET" if method == "HEAD" else method, "headers": passed_on}

        if closes(scope):
            receive, send = while_sending(receive, send, self.settings.body_seconds)

        async def send_with_headers(message: Message) -> None:
            nonlocal until_head, status, is_whole
            if message["type"] == "http.response.start":
                until_head, status = time.perf_counter() - begun, message["status"]
                MutableHeaders(scope=message).update(self._headers(request_id))
            elif method == "HEAD":
                message = {**message, "body": b""}
            await send(message)
            is_whole = message["type"] == "http.response.body" and not message.get("more_body", False)

        self.under_way += 1
        with nullcontext() if path in HEALTH_PATHS else self._telemetry.traces.request(headers):
            try:
                await self._shared(scope, receive, send_with_headers)
            finally:
                self.under_way -= 1
                if not is_whole:  # Its client has left, or does not take it.
                    scope["state"].setdefault("problem", CUT_OFF)
                self._note(scope, method, status, until_head, time.perf_counter() - begun)

    def malformed(self) -> Response:
        """The answer to a request that is not HTTP and therefore has no scope."""
        request_id, detail = uuid4().hex, "This is not an HTTP request. Let an HTTP library make it."
        problem = ProblemError(400, "request_malformed", detail, CLOSE)
        self._telemetry.problem(problem.code)
        fields = {"request_id": request_id, "status": problem.status}
        self.log.info("malformed request", extra={"fields": fields})
        response = problem.response(request_id)
        response.headers.update(self._headers(request_id))
        return response

    def _headers(self, request_id: str) -> dict[str, str]:
        return {**SECURITY_HEADERS, **({REQUEST_ID: request_id} if self._tells_id else {})}

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._refusal(scope, Headers(scope=scope))
        if problem:
            scope["state"]["problem"] = problem.code
            await problem.response(scope["state"]["request_id"])(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> ProblemError | None:
        """Why a request is refused unread; None if it is not."""
        if sum(len(name) + len(value) for name, value in headers.raw) > MOST_HEADER_BYTES:
            detail = f"The headers are over {MOST_HEADER_BYTES:,} bytes. Send fewer, or shorter ones."
            return ProblemError(431, "headers_too_large", detail)
        if not self._keys and (problem := sites.refusal(scope["method"], headers, self.settings)):
            return problem
        path = scope["state"]["path"]
        if self._stops and path != "/healthz":
            return try_again(503, "stopping", "The server is stopping.", self.settings.retry_after_seconds)
        is_public = path in PUBLIC_PATHS and scope["method"] == "GET" or _is_static(path)
        if self._keys and not is_public and not scope["state"]["key"]:
            challenge = {"WWW-Authenticate": "Bearer"}
            return ProblemError(401, "unauthorized", "Send the header Authorization: Bearer KEY.", challenge)
        return None

    def _key_of(self, authorization: str) -> str:
        """The digest of the valid key that a request presents; empty if it presents none."""
        scheme, _, key = authorization.partition(" ")
        if scheme == "AWS4-HMAC-SHA256":  # boto3's signature: the access key's id is the key; the secret is not used.
            scheme, key = "bearer", key.partition("Credential=")[2].partition("/")[0]
        # Every key is compared, so that the time taken reveals nothing about them.
        # Headers are decoded as Latin-1, as they should be; most clients send UTF-8.
        shown = [digest(key.strip()), digest(key.strip().encode("latin-1").decode("utf-8", "replace"))]
        matches = [known for known in self._keys for each in shown if hmac.compare_digest(each, known)]
        return matches[0] if matches and scheme.lower() == "bearer" else ""

    def _note(self, scope: Scope, method: str, status: int, until_head: float | None, seconds: float) -> None:
        if method not in HTTPMethod.__members__:  # Each name would be kept as a series of metrics of its own.
            method = OTHER
        path = scope["state"]["path"]
        route = STATIC if _is_static(path) else getattr(scope.get("route"), "path", OTHER)
        self._telemetry.answered(route, method, status, seconds if until_head is None else until_head)
        self._telemetry.traces.answered(route, method, status, scope["state"]["request_id"])
        fields = {
            "request_id": scope["state"]["request_id"],
            "method": method,
            "route": route,
            "status": status,
            "seconds": round(seconds, 4),
            **scope["state"].get("log", {}),
        }
        if problem := scope["state"].get("problem"):
            self._telemetry.problem(problem)
            fields["problem"] = problem
        is_check = path in HEALTH_PATHS and status == 200
        self.log.log(logging.DEBUG if is_check else logging.INFO, "request", extra={"fields": fields})


def _with_origins(app: ASGIApp, settings: ServerSettings) -> ASGIApp:
    """An application that tells browsers which other sites may use it; their preflight requests need no key."""
    if not settings.cors_origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=settings.cors_origins,
        allow_methods=("GET", "POST", "DELETE"),
        allow_headers=("Authorization", "Content-Type", "Content-Disposition", "Last-Event-ID", REQUEST_ID),
        expose_headers=(REQUEST_ID, FAILED_PAGES, "Retry-After", "Location"),
    )


def request_id_of(headers: Headers) -> str:
    """The id that Serve or the client gave the request, if it consists of visible characters, else a new one."""
    proposed = headers.get(REQUEST_ID, "")
    return proposed if re.fullmatch(r"[\x21-\x7e]{1,128}", proposed) else uuid4().hex


def _is_static(path: str) -> bool:
    return path.startswith(f"{STATIC}/")
