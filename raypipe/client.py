"""A client of `raypipe serve`: a server reads the pages, which come back as from `Pipeline.run`."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import random
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial, update_wrapper
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar
from urllib.parse import quote, unquote, urlencode, urlsplit

from raypipe.columns import LINES
from raypipe.errors import ConfigError, InputError, ServerError, check_positive
from raypipe.hosts import is_loopback
from raypipe.images.pdf import unlocked
from raypipe.outputs.json import JsonPage
from raypipe.outputs.page import Page

P = ParamSpec("P")
T = TypeVar("T")

TRIES, TIMEOUT = 4, 150.0
"""How often a request is sent, and how many seconds the server may be silent, unless told otherwise."""

RETRYABLE = frozenset((408, 429, 500, 502, 503))
"""Statuses after which another try may succeed. Reading a page changes nothing, so a request can be repeated; one that
took too long (504) would take as long again."""
ADDRESS_REMEDY = "Check the address, and that `raypipe serve` runs there."
TRUST_REMEDY = "If the certificate is your own, let SSL_CERT_FILE, in the environment, name the file of its authority."


class Client:
    """Reads pages through a server.

    Args:
        url: Address of the server, such as `http://127.0.0.1:8000`; it may have a path, and the user and password
            that a proxy in front of the server requires.
        key: API key, if the server requires one.
        tries: How often a request is sent before its error is raised.
        timeout: Seconds that the server may be silent before its answer, or while it sends it.

    Raises:
        ConfigError: The URL is not an http or https URL or has a query, the key does not fit into a header, there are
            both a key and a user, or a number is not above 0.
    """

    def __init__(self, url: str, key: str | None = None, *, tries: int = TRIES, timeout: float = TIMEOUT) -> None:
        check_positive(tries=tries)
        check_positive(whole=False, timeout=timeout)
        if not isinstance(url, str) or not _is_http(url):
            raise ConfigError(f"{url!r} is not an http or https URL.", "Give the address that `raypipe serve` prints.")
        if key and not key.isprintable():
            raise ConfigError(
                "The key has characters that an HTTP header cannot carry.", "Give one line of visible characters."
            )
        parts = urlsplit(url)
        user, _, host = parts.netloc.rpartition("@")
        if key and user:
            raise ConfigError("The server gets a key or a user, not both.", "Leave out one of them.")
        self._url = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
        self._tries, self._timeout = tries, timeout
        # A proxy cannot reach this machine's loopback address.
        proxies = [urllib.request.ProxyHandler({})] if is_loopback(parts.hostname or "") else []
        self._opener = urllib.request.build_opener(_NoRedirections, *proxies)
        self._headers = _authorization(key, unquote(user))

    def read(
        self,
        source: str | Path | bytes | bytearray | memoryview,
        *,
        pages: str | None = None,
        overlay: str = "none",
        passwords: Iterable[str] = (),
    ) -> list[Page]:
        """Reads the pages of a document.

        A page has the columns `path`, `name`, `pagenum`, `total_pages`, `width`, `height`, `turned`, `language`,
        `text`, `lines`, `confidence`, `image_with_regions` and `exception`. The picture itself (`image`) and the
        detected regions (`text_regions`, so that `Page.regions` is empty) stay with the server; each line and word has
        its box.

        Args:
            source: A file, or encoded bytes.
            pages: Which pages, counted from 1, such as `1-3,7`; None: all.
            overlay: `jpeg` or `png`: `image_with_regions` is a picture as from `ImageDrawRegions`; `clean`: the page as
                a JPEG; otherwise None.
            passwords: What may open a locked PDF, which is opened here: no password is sent.

        Raises:
            InputError: The file cannot be read.
            ServerError: The server gives no result, cannot be reached, or is not raypipe.
        """
        content = unlocked(_bytes_of(source), passwords)
        name = Path(source).name if isinstance(source, str | os.PathLike) else "upload"
        query = {"output_format": "json", "overlay": overlay, **({"pages": pages} if pages else {})}
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        }
        answer = self._request("POST", f"/v1/ocr?{urlencode(query)}", content, headers)
        try:
            path = str(source) if isinstance(source, str | os.PathLike) else name
            return [_page(page, path) for page in answer["pages"]]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._foreign() from error

    def models(self) -> list[dict[str, str]]:
        """The models of the server.

        Raises:
            ServerError: It cannot be reached.
        """
        answer = self._request("GET", "/v1/models", None, {})
        try:
            return list(answer["models"])
        except (KeyError, TypeError) as error:
            raise self._foreign() from error

    def _request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        request = urllib.request.Request(self._url + path, body, {**self._headers, **headers}, method=method)
        for attempt in range(1, self._tries + 1):
            try:
                with self._opener.open(request, timeout=self._timeout) as response:
                    return self._parsed(response.read())
            except urllib.error.HTTPError as error:
                if error.code not in RETRYABLE or attempt == self._tries:
                    raise ServerError(*_problem(error)) from error
                wait = min(_seconds(error.headers.get("Retry-After") or ""), self._timeout)
            except (OSError, http.client.HTTPException) as error:  # Or the answer was cut off, or is not HTTP.
                reason = getattr(error, "reason", error)
                is_untrusted = isinstance(reason, ssl.SSLCertVerificationError)
                if is_untrusted or attempt == self._tries:
                    message = f"{self._url} cannot be reached: {str(reason) or type(error).__name__}."
                    raise ServerError(message, TRUST_REMEDY if is_untrusted else ADDRESS_REMEDY) from error
                wait = 0
            # Clients that were refused together should not come back together.
            time.sleep(wait + random.uniform(0.5, 1) * 0.5 * 2**attempt)
        raise AssertionError("tries is at least 1")

    def _parsed(self, answer: bytes) -> Any:
        try:
            return json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise self._foreign() from error

    def _foreign(self) -> ServerError:
        return ServerError(f"{self._url} does not answer as `raypipe serve` does.", ADDRESS_REMEDY)


class _NoRedirections(urllib.request.HTTPRedirectHandler):
    """Makes errors of redirections: urllib would send the key wherever they lead, and a GET without the document."""

    def redirect_request(self, *_: Any) -> None:
        """See `HTTPRedirectHandler.redirect_request`."""


def _in_thread(
    ask: Callable[Concatenate[Client, P], T],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """A method of `Client` as one of `AsyncClient`, with the same arguments and documentation."""

    async def asked(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        work = partial(ask, self._client, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    update_wrapper(asked, ask)
    return asked


class AsyncClient:
    """`Client` for asyncio: reads pages through a server, a few documents at once.

    Use it with `async with`, or `close` it.

    Args:
        url, key, tries, timeout: See `Client`.
        at_once: How many requests are under way at once; others wait.

    Raises:
        ConfigError: See `Client`; or `at_once` is not above 0.
    """

    def __init__(
        self, url: str, key: str | None = None, *, tries: int = TRIES, timeout: float = TIMEOUT, at_once: int = 8
    ) -> None:
        check_positive(at_once=at_once)
        self._client = Client(url, key, tries=tries, timeout=timeout)
        self._threads = ThreadPoolExecutor(at_once, "raypipe-client")

    read = _in_thread(Client.read)
    models = _in_thread(Client.models)

    def close(self) -> None:
        """Begins no further request; those that are under way end in threads of their own."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


def _bytes_of(source: str | Path | bytes | bytearray | memoryview) -> bytes:
    remedy = "Give the path of a file, or its bytes."
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if not isinstance(source, str | os.PathLike):
        raise InputError(f"A client sends files, not a {type(source).__name__}.", remedy)
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise InputError(f"{str(source)!r} cannot be read: {error}.", remedy) from error


def _authorization(key: str | None, user: str) -> dict[str, str]:
    """The header for a key, or for a user with a password after a colon; none without."""
    if user:
        return {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
    # Sent as UTF-8: urllib encodes headers as Latin-1, which restores these bytes.
    return {"Authorization": f"Bearer {key.encode().decode('latin-1')}"} if key else {}


def _seconds(retry_after: str) -> float:
    """How long to wait by a `Retry-After`, which is a number of seconds or a date; 0 if it is neither."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):  # Or a date that does not say in which zone.
        return 0.0


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_base = not (parts.query or parts.fragment or " " in url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and is_base
    except ValueError:  # An invalid port or IPv6 address.
        return False


def _problem(error: urllib.error.HTTPError) -> tuple[str, str]:
    """What the server says about an error, and what to do."""
    if 300 <= error.code < 400:
        place = error.headers.get("Location", "nowhere")
        return f"The server redirects to {place}, which is not followed.", "Give the address of that server."
    try:
        problem = json.load(error)
        return f"The server answered {problem['code']}: {problem['detail']}", ""
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        return f"The server answered {error.code} {error.reason}.", "Look at the server's log."


def _page(answer: Mapping[str, Any], path: str) -> Page:
    """A page of the server's JSON, with its further columns."""
    page = {"confidence": None, **answer}
    page["language"] = page.pop("lang", None)
    overlay, confidence = page.pop("overlay", ""), page["confidence"]  # A `data:` URL in base64.
    page.pop("failure", None)  # `exception` says the same.
    if missing := {field.name for field in fields(JsonPage)} - {"failure", "lang", *page}:
        raise KeyError(*missing)
    row = {
        **page,
        "path": path,
        "lines": LINES.decode(page["lines"]),
        "confidence": [] if confidence is None else [confidence],
        "image_with_regions": base64.b64decode(overlay.partition(",")[2]) if overlay else None,
    }
    return Page(row)
