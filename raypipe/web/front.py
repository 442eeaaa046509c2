"""Middleware in front of the router in Serve's proxies: it turns Serve's own errors into problems to be retried."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from raypipe.web.edge import OURS, REQUEST_ID, request_id_of
from raypipe.web.problems import NO_SUCH_PATH, ProblemError

RETRY_AFTER_SECONDS = 2
SERVES_OWN_PATHS = "/-/"
"""Serve's health check and list of routes."""
AGAIN = f"Try again in {RETRY_AFTER_SECONDS} seconds."
PROBLEMS = {
    404: (503, "not_serving", f"The server is starting or stopping. {AGAIN}"),
    429: (429, "overloaded", f"The server has more requests than it can hold. {AGAIN}"),
    500: (503, "ingress_died", f"The process that was to answer has died. {AGAIN}"),
    503: (503, "not_serving", f"There is no process to answer. {AGAIN}"),
}
"""The problem of each status that Serve answers with: status, code and detail."""


class Front:
    """ASGI middleware around Serve's router."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request; see ASGI."""
        if scope["type"] != "http" or scope["path"].startswith(SERVES_OWN_PATHS):
            await self._app(scope, receive, send)
            return
        headers = MutableHeaders(scope=scope)
        headers[REQUEST_ID] = request_id = request_id_of(headers)
        has_begun = is_replaced = False

        async def replace(status: int) -> None:
            further = {"Retry-After": str(RETRY_AFTER_SECONDS), REQUEST_ID: request_id}
            problem = ProblemError(*PROBLEMS[status], further)
            if not scope["path"].startswith("/"):  # That of `OPTIONS *`, which no application is given.
                problem = ProblemError(*NO_SUCH_PATH, {REQUEST_ID: request_id})
            await problem.response(request_id)(scope, receive, send)

        async def send_or_replace(message: Message) -> None:
            nonlocal has_begun, is_replaced
            if message["type"] == "http.response.start":
                is_ours = OURS in Headers(raw=message["headers"])
                has_begun, is_replaced = True, not is_ours and message["status"] in PROBLEMS
                if is_replaced:
                    await replace(message["status"])
            if not is_replaced:
                await send(message)

        await self._app(scope, receive, send_or_replace)
        if not has_begun:  # The process that was to answer has died.
            await replace(500)


def middlewares() -> list[Middleware]:
    """For Serve's `RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH`."""
    return [Middleware(Front)]
