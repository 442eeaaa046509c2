"""Middleware in front of the router in Serve's proxies: it turns Serve's own errors into problems to be retried."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from raypipe.web.edge import OURS, REQUEST_ID, request_id_of
from raypipe.web.leaving import while_taken
from raypipe.web.problems import NO_SUCH_PATH, ProblemError, try_again
from raypipe.web.settings import ServerSettings

SERVES_OWN_PATHS = "/-/"
"""Serve's health check and list of routes."""
PROBLEMS = {
    404: (503, "not_serving", "The server is starting or stopping."),
    429: (429, "overloaded", "The server has more requests than it can hold."),
    500: (503, "ingress_died", "The process that was to answer has died."),
    503: (503, "not_serving", "There is no process to answer."),
}
"""The problem of each status that Serve answers with: status, code and detail."""


class Front:
    """ASGI middleware around Serve's router. Of the settings it has the defaults: a proxy serves any application."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request; see ASGI."""
        if scope["type"] != "http" or scope["path"].startswith(SERVES_OWN_PATHS):
            await self._app(scope, receive, send)
            return
        headers = MutableHeaders(scope=scope)
        headers[REQUEST_ID] = request_id = request_id_of(headers)
        has_begun = is_replaced = False
        receive, send = while_taken(receive, send, self._settings.request_seconds)

        async def replace(status: int, seconds: str | None = None) -> None:
            wait = int(seconds or self._settings.retry_after_seconds)
            problem = try_again(*PROBLEMS[status], wait, {REQUEST_ID: request_id})
            if not scope["path"].startswith("/"):  # That of `OPTIONS *`, which no application is given.
                problem = ProblemError(*NO_SUCH_PATH, {REQUEST_ID: request_id})
            await problem.response(request_id)(scope, receive, send)

        async def send_or_replace(message: Message) -> None:
            nonlocal has_begun, is_replaced
            if message["type"] == "http.response.start":
                given = Headers(raw=message["headers"])
                has_begun, is_replaced = True, OURS not in given and message["status"] in PROBLEMS
                if is_replaced:
                    await replace(message["status"], given.get("Retry-After"))  # Serve knows that of a 429.
            if not is_replaced:
                await send(message)

        await self._app(scope, receive, send_or_replace)
        if not has_begun:  # The process that was to answer has died.
            await replace(500)


def middlewares() -> list[Middleware]:
    """For Serve's `RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH`."""
    return [Middleware(Front, ServerSettings())]
