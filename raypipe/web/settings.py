"""What a server allows: sizes, numbers, times and keys."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from raypipe.errors import ConfigError


class ServerSettings(BaseModel):
    """The limits of a server. How large a picture may be is a parameter of the pipeline's first stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_body_bytes: int = Field(50_000_000, ge=1, description="largest request body, in bytes; larger ones get a 413")
    max_files: int = Field(100, ge=1, description="most files in a multipart request; more get a 413")
    max_pages: int = Field(500, ge=1, description="most pages in a request; more get a 413")
    max_requests: int = Field(
        0, ge=0, description="most requests running or waiting; further ones get a 429; 0: 8 per page read at once"
    )
    pages_at_once: int = Field(4, ge=1, description="pages of one request that are read at once")
    body_seconds: float = Field(30, gt=0, description="seconds a request body may take to arrive before it gets a 408")
    request_seconds: float = Field(
        120, gt=0, description="seconds until the answer, or in NDJSON until its next page, before a 504"
    )
    retry_after_seconds: int = Field(2, ge=1, description="seconds that a 429 or 503 tells its client to wait")
    key_digests: tuple[str, ...] = Field((), description="SHA-256 of the accepted keys; none: no key is needed")


def read_keys(path: Path) -> tuple[str, ...]:
    """The SHA-256 digests of the keys in a file, one per line; empty lines and those that begin with # are skipped.

    Raises:
        ConfigError: The file cannot be read or holds no key.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}.", "Give --api-key-file a text file with one key per line."
        ) from error
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise ConfigError(f"{path} holds no key.", "Write one key per line.")
    return tuple(digest(key) for key in keys)


def digest(key: str) -> str:
    """SHA-256 of a key, in hexadecimal: what settings carry in place of the key."""
    return hashlib.sha256(key.encode()).hexdigest()
