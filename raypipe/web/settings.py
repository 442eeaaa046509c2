"""The settings of a server: sizes, numbers, times and keys."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from raypipe.errors import ConfigError, reason_of
from raypipe.stages.base import Parameters
from raypipe.web.targets import Allowed


class ServerSettings(Parameters):
    """The limits of a server. How large a picture may be is a parameter of the pipeline's first stage."""

    max_body_bytes: int = Field(50_000_000, ge=1, description="largest request body, in bytes; larger ones get a 413")
    max_uploads: int = Field(
        200, ge=1, description="most request bodies being received at once; further slow ones get a 429"
    )
    max_uploads_per_client: int = Field(50, ge=1, description="the same per key, or per address without keys")
    max_uploads_bytes: int = Field(
        1_000_000_000, ge=1, description="most bytes of all bodies being received; further ones get a 429"
    )
    min_upload_rate: int = Field(
        1000, ge=1, description="slowest rate of a body, in bytes per second, after its first 5 seconds"
    )
    max_files: int = Field(100, ge=1, description="most files in a multipart request; more get a 413")
    max_pages: int = Field(500, ge=1, description="most pages in a request; more get a 413")
    max_requests: int = Field(
        0, ge=0, description="most requests running or waiting; further ones get a 429; 0: 16 per page read at once"
    )
    max_requests_per_client: int = Field(
        0, ge=0, description="the same per key, or per address without keys; 0: no more than it leaves to others"
    )
    pages_per_minute: int = Field(
        0,
        ge=0,
        description="pages per minute that an ingress reads per key, or per address without keys, before a 429; "
        "0: no limit",
    )
    cors_origins: tuple[str, ...] = Field(
        (), description="origins, such as https://example.org, whose web pages may call this server; *: all"
    )
    host_names: tuple[str, ...] = Field(
        (),
        description="names, such as ocr.example.org, that clients without keys may call this server, besides IP "
        "addresses and localhost; if left out, any name, or on loopback no other",
    )
    pages_at_once: int = Field(4, ge=1, description="pages of one request that are read at once")
    body_seconds: float = Field(
        30,
        gt=0,
        description="seconds a request body may take to arrive before it gets a 408; without Ray, also seconds until a "
        "connection without a request is closed",
    )
    request_seconds: float = Field(
        120,
        gt=0,
        description="seconds until the answer, or in NDJSON until its next page, before a 504; an answer of which "
        "the client takes nothing for as long is cut off",
    )
    retry_after_seconds: int = Field(2, ge=1, description="seconds that a 429 or 503 tells its client to wait")
    log_file: Path | None = Field(
        None, description="file or socket that each node logs requests to; if left out, standard error"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="lowest level that is logged; successful health checks are DEBUG, other requests INFO"
    )
    trace_endpoint: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="collector, such as http://127.0.0.1:4318, that gets a trace of each request in OTLP over HTTP; "
        "needs the extra otel",
    )
    key_digests: tuple[str, ...] = Field((), description="SHA-256 of the accepted keys; none: no key is needed")

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        """Refuses what no browser calls itself, which would have no effect."""
        for origin in given:
            if origin not in ("*", "null") and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/A-Z\s]+", origin):
                raise ValueError(f"{origin!r} has no scheme, or a path or capitals")
        return given

    @field_validator("host_names")
    @classmethod
    def _are_names(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        """Refuses what no client asks for."""
        for name in given:
            if not re.fullmatch(r"[^/:\s]+", name):
                raise ValueError(f"{name!r} has a scheme, port or path")
        return given


class JobSettings(Parameters):
    """The settings of jobs: work that is too long for one request."""

    jobs: Path | None = Field(
        None, description="folder for jobs, shared by all ingresses; if left out, the server takes no jobs"
    )
    jobs_at_once: int = Field(2, ge=1, description="jobs that an ingress reads at once; keys take turns")
    max_jobs: int = Field(1000, ge=1, description="most jobs kept; further ones get a 429")
    max_jobs_bytes: int = Field(10_000_000_000, ge=1, description="most bytes of documents kept for jobs")
    max_job_pages: int = Field(5000, ge=1, description="most pages of a job; more get a 413")
    max_listeners: int = Field(
        100, ge=1, description="most streams of events and pages of jobs that an ingress sends at once, before a 429"
    )
    job_seconds: float = Field(86_400, gt=0, description="seconds after its end until a job is removed")

    webhooks: tuple[str, ...] = Field(
        (),
        description="prefixes, such as https://hooks.example.org/ocr/, of the addresses that jobs may ask to be "
        "notified at; if left out, jobs may name none",
    )
    webhook_networks: tuple[str, ...] = Field(
        (), description="networks that are not public, such as 10.1.0.0/16, in which these addresses may lie"
    )
    webhook_key_file: Path | None = Field(
        None, description="file with the key that signs these notifications: whsec_ and 24 to 64 bytes in base64"
    )

    @property
    def allowed(self) -> Allowed:
        """The addresses that jobs may name."""
        return Allowed(self.webhooks, self.webhook_networks)

    @model_validator(mode="after")
    def _webhooks_are_whole(self) -> Self:
        if bool(self.webhooks) != bool(self.webhook_key_file):
            raise ValueError("webhooks and webhook_key_file go together, since notifications are signed")
        if self.webhook_networks and not self.webhooks:
            raise ValueError("webhook_networks has no effect without webhooks")
        self.allowed.check()
        return self

    @model_validator(mode="after")
    def _needs_a_folder(self) -> Self:
        changed = [name for name, value in self if value != type(self).model_fields[name].default]
        if changed and self.jobs is None:
            raise ValueError(f"{', '.join(changed)} has no effect without jobs, their folder")
        if self.jobs and ":" in self.jobs.parts[0]:
            raise ValueError("jobs is a folder of a file system, not of a bucket")
        return self


def read_keys(path: Path) -> tuple[str, ...]:
    """The SHA-256 digests of the keys in a file, one per line; empty lines and those that begin with # are skipped.

    Raises:
        ConfigError: The file cannot be read or holds no key.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {reason_of(error)}.", "Give --api-key-file a text file with one key per line."
        ) from error
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise ConfigError(f"{path} holds no key.", "Write one key per line.")
    return tuple(digest(key) for key in keys)


def digest(key: str) -> str:
    """SHA-256 of a key, in hexadecimal: what settings carry in place of the key."""
    return hashlib.sha256(key.encode()).hexdigest()
