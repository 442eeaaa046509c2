"""Files behind web addresses, fetched as a whole: only for sources that the user of this machine names."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from http.client import HTTPException
from urllib.parse import unquote_to_bytes, urlsplit

from raypipe.files.sizes import MOST_BYTES, TooLargeError

SCHEMES = ("http://", "https://")
SECONDS = 60.0
"""How long a server may be silent."""
PART = 1024 * 1024
PASSING = (408, 425, 429, 500, 502, 503, 504)


def is_address(uri: str) -> bool:
    """Whether a source is a web address."""
    return uri.lower().startswith(SCHEMES)


def fetch(url: str, most: int | None = None) -> bytes:
    """The bytes behind an address, of which `most` are accepted; None: `MOST_BYTES`.

    It may redirect to other addresses, all of them HTTP or HTTPS.

    Raises:
        ConnectionError: The server cannot be reached or is busy, which may be temporary.
        OSError: It has no such file, or a larger one.
    """
    limit = MOST_BYTES if most is None else most
    request = _request(url)
    try:
        with _opener().open(request, timeout=SECONDS) as answer:
            parts, size = list[bytes](), 0
            while part := answer.read(PART):
                parts.append(part)
                size += len(part)
                if size > limit:
                    raise TooLargeError(f"it has more than {limit:,} bytes")
            return b"".join(parts)
    except urllib.error.HTTPError as error:
        if error.code in PASSING:
            raise ConnectionError(f"the server answered {error.code} {error.reason}") from error
        raise FileNotFoundError(f"the server answered {error.code} {error.reason}") from error
    except (urllib.error.URLError, HTTPException) as error:
        raise ConnectionError(f"{getattr(error, 'reason', error)}") from error


def _request(url: str) -> urllib.request.Request:
    """The request for an address; its user and password go to its own server only, not to those it redirects to."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host).geturl(), headers={"User-Agent": "raypipe"})
    if user:
        secret = base64.b64encode(unquote_to_bytes(user)).decode()
        request.add_unredirected_header("Authorization", f"Basic {secret}")
    return request


def _opener() -> urllib.request.OpenerDirector:
    """An opener that follows redirections, but not to files on this machine."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener
