"""Requests that a page of another site has a browser send to a server without keys, which cannot tell them by a key.

Such a page may send to any address, though it reads no answer; and it reads all if its own name is made to lead to this
machine (DNS rebinding). Browsers say in headers for whom they ask, which pages cannot change.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers

from raypipe.hosts import is_ip, is_loopback
from raypipe.web.problems import ProblemError
from raypipe.web.settings import ServerSettings

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


def refusal(method: str, headers: Headers, settings: ServerSettings) -> ProblemError | None:
    """Why a server without keys refuses a request; None if it does not."""
    host = headers.get("host", "")  # Browsers always send it.
    if host and settings.host_names and not _is_ours(_name(host), settings.host_names):
        detail = "This server has another name. Its operator can name further ones with --host-names."
        return ProblemError(421, "host_unknown", detail)
    if method not in SAFE_METHODS and _is_from_elsewhere(headers, host, settings.cors_origins):
        detail = (
            "A page of another site sent this. The operator of this server can name its origin with --cors-origins. If "
            "it is this server's own page behind a proxy, have that pass on the header Host, with the port."
        )
        return ProblemError(403, "cross_site", detail)
    return None


def _is_ours(name: str, names: tuple[str, ...]) -> bool:
    """Whether a name is a server's. IP addresses and those of loopback always are: no other site can have them."""
    return is_ip(name) or is_loopback(name) or name in (known.lower() for known in names)


def _is_from_elsewhere(headers: Headers, host: str, allowed: tuple[str, ...]) -> bool:
    """Whether a page of a site that is not allowed sent a request. What is no browser sends none of these headers."""
    origin = headers.get("origin", "")
    if not {origin, "*"}.isdisjoint(allowed):
        return False
    site = headers.get("sec-fetch-site", "")
    if site:
        return site not in ("same-origin", "none")
    # They leave it out for servers without TLS. A page cannot set what a proxy says that it was asked for.
    return bool(origin) and origin.partition("://")[2] not in (host, headers.get("x-forwarded-host"))


def _name(host: str) -> str:
    """The name in the header `Host`, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
