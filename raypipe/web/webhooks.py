"""Messages that a server sends to addresses of its clients, signed and in the form of Standard Webhooks.

Specification: https://github.com/standard-webhooks/standard-webhooks, whose libraries check them in many languages.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from raypipe.errors import ConfigError, reason_of
from raypipe.web.targets import Allowed, Target

KEY_BYTES = range(24, 65)
KEY_PREFIX = "whsec_"
SILENT_SECONDS, MOST_SECONDS = 10.0, 20.0
"""How long a receiver may be silent, and how long a message may take as a whole."""
GONE = 410
"""The status of a receiver that wants no more messages."""


class GoneError(Exception):
    """A receiver wants no more messages."""


@dataclass(frozen=True)
class Webhooks:
    """Sends messages, each signed with all keys: there are several while keys are changed."""

    allowed: Allowed
    keys: tuple[bytes, ...] = field(repr=False)

    def send(self, url: str, number: str, body: bytes) -> None:
        """Sends a message.

        Args:
            number: The id of the message, which stays the same if it is sent again.

        Raises:
            ValueError: The address is not allowed.
            GoneError: The receiver wants no more.
            OSError: The receiver did not accept it.
        """
        target = self.allowed.find(url)
        now = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "raypipe",
            "webhook-id": number,
            "webhook-timestamp": str(now),
            "webhook-signature": self.signature(number, now, body),
        }
        with _connected(target, self.allowed.addresses_of(target)) as connection:
            try:
                place = f"{target.path}?{target.query}" if target.query else target.path
                connection.request("POST", place, body, headers)
                status = connection.getresponse().status
            except HTTPException as error:  # It quotes what came, which is not for clients, and may be long.
                raise OSError("the answer is not HTTP, ends early, or took too long") from error
        if status == GONE:
            raise GoneError("the answer was 410 Gone")
        if not 200 <= status < 300:
            also = ", and redirections are not followed" if 300 <= status < 400 else ""
            raise OSError(f"the answer was {status}{also}")

    def signature(self, number: str, seconds: int, body: bytes) -> str:
        """The signatures of a message, HMAC-SHA256 over its number, its time and its body."""
        signed = f"{number}.{seconds}.".encode() + body
        digests = (hmac.digest(key, signed, "sha256") for key in self.keys)
        return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


@contextmanager
def _connected(target: Target, addresses: list[str]) -> Iterator[HTTPConnection]:
    """A connection to one of the addresses of a target, which is cut if a message takes too long."""
    is_secure = target.scheme == "https"
    connection = (HTTPSConnection if is_secure else HTTPConnection)(target.host, target.port)
    connection.auto_open = 0  # It would look the host up again.
    connection.sock = _open(addresses, target.port)
    cutter = threading.Timer(MOST_SECONDS, lambda: _cut(connection.sock))
    cutter.daemon = True
    cutter.start()
    try:
        if is_secure:
            context, plain = ssl.create_default_context(), connection.sock
            secure = context.wrap_socket(plain, server_hostname=target.host, do_handshake_on_connect=False)
            connection.sock = secure
            secure.do_handshake()
        yield connection
    finally:
        cutter.cancel()
        connection.close()


def _open(addresses: list[str], port: int) -> socket.socket:
    for address in addresses[:-1]:
        with suppress(OSError):
            return socket.create_connection((address, port), SILENT_SECONDS)
    return socket.create_connection((addresses[-1], port), SILENT_SECONDS)


def _cut(opened: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(opened, socket.SHUT_RDWR)  # SSLSocket's own would also disturb the thread that reads.


def read_signing_keys(path: Path) -> tuple[bytes, ...]:
    """The keys in a file, one per line: `whsec_` and the base64 of 24 to 64 bytes.

    Raises:
        ConfigError: The file cannot be read, or holds something else.
    """
    remedy = 'Write one with `echo "whsec_$(openssl rand -base64 32)"`, and give it to the receivers.'
    try:
        lines = path.read_text(encoding="ascii").split()
        keys = tuple(base64.b64decode(line.removeprefix(KEY_PREFIX), validate=True) for line in lines)
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise ConfigError(f"{path} holds no webhook keys: {reason_of(error)}.", remedy) from error
    if not keys or any(len(key) not in KEY_BYTES for key in keys):
        raise ConfigError(f"{path} holds no key, or one that does not have 24 to 64 bytes.", remedy)
    return keys
