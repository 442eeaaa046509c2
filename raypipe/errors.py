"""What can go wrong: each kind of error has a code, an exit status and a remedy.

`RaypipeError` and its subclasses stop the job. `PageError` belongs to one page: a stage raises it, the worker's base
class writes it as a `Failure` into that page's row, and the job continues. None of them shows a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum, StrEnum
from numbers import Integral, Real
from typing import Any

from pydantic import ValidationError

from raypipe.keys import public

COPY_AGAIN = "Copy it again from its source."
"""The remedy where a file is damaged."""
UNTIL_WRITABLE = "Free space there, or correct its permissions or credentials: the same command then goes on."
"""The remedy where nothing more can be written."""


class ExitStatus(IntEnum):
    """What the command line exits with."""

    DONE = 0
    INTERNAL = 1
    CONFIG = 2
    """Also click's status for wrong usage."""
    INPUT = 3
    MODEL = 4
    DEVICE = 5
    PAGES = 6
    """The job finished, but some of its pages failed."""
    SERVER = 7
    OUTPUT = 8
    """Rows or files could not be written."""
    ERRORS = 9
    """So many pages failed that the job was stopped."""


class Code(StrEnum):
    """Why a page failed, with the HTTP status of a request for that page alone: 422 if the picture is at fault."""

    http_status: int

    FILE_MISSING = "file_missing", 422
    FILE_UNWRITABLE = "file_unwritable", 422
    IMAGE_EMPTY = "image_empty", 422
    IMAGE_UNKNOWN = "image_unknown", 415
    IMAGE_TRUNCATED = "image_truncated", 422
    IMAGE_DAMAGED = "image_damaged", 422
    IMAGE_TOO_LARGE = "image_too_large", 413
    PAGE_MISSING = "page_missing", 422
    PAGE_FAILED = "page_failed", 422
    PAGE_TIMEOUT = "page_timeout", 504
    PDF_DAMAGED = "pdf_damaged", 422
    PDF_LOCKED = "pdf_locked", 422
    WORKER_DIED = "worker_died", 500

    def __new__(cls, code: str, http_status: int) -> Code:
        """A member whose value is its code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.http_status = http_status
        return member


@dataclass(frozen=True)
class Failure:
    """Why a page has no result: what its row's `exception` says.

    Attributes:
        stage: Where it failed.
        code: A `Code`, or one that a stage of another package defines.
        message: What went wrong and what to do, for people.
    """

    stage: str
    code: str
    message: str

    def __str__(self) -> str:
        return public(f"{self.stage} {self.code}: {self.message}")

    @classmethod
    def parse(cls, exception: str) -> Failure:
        """Parses a failure's text. Text of any other form is taken whole as the message."""
        parts = re.fullmatch(r"(\S+) (\w+): (.*)", exception, re.DOTALL)
        return cls(*parts.groups()) if parts else cls("", Code.PAGE_FAILED, exception)

    @property
    def kind(self) -> str:
        """Stage and code: what failures are counted by."""
        return f"{self.stage} {self.code}".strip()

    @property
    def http_status(self) -> int:
        """The HTTP status of a request for this page alone."""
        try:
            return Code(self.code).http_status  # type: ignore[call-arg]  # mypy takes this for making a member
        except ValueError:
            return Code.PAGE_FAILED.http_status


class RaypipeError(Exception):
    """An error that stops the job and that its user can fix.

    Attributes:
        code: A stable name for programs.
        exit_status: What the command line exits with.
        remedy: What to do about it, in one sentence.
    """

    code = "internal"
    exit_status = ExitStatus.INTERNAL

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(public(f"{message} {remedy}".strip()))
        self.remedy = public(remedy)


class ConfigError(RaypipeError):
    """A pipeline, parameter or column that cannot work."""

    code = "config"
    exit_status = ExitStatus.CONFIG


def reason_of(error: Exception) -> str:
    """Why something failed, as the end of a sentence: on one line, without a full stop; of wrong values the first."""
    text = str(error)
    if isinstance(error, ValidationError):
        wrong = error.errors()[0]
        text = ": ".join(filter(None, (".".join(map(str, wrong["loc"])), wrong["msg"])))
    return " ".join(text.split()).rstrip(".") or type(error).__name__


def nearest(name: object, names: Iterable[str]) -> str:
    """`Did you mean 'text'? `, to begin a remedy with, if one of the names is like this one; else nothing."""
    by_small_letters = {each.lower(): each for each in names}
    near = get_close_matches(str(name).lower(), by_small_letters, 1)
    return f"Did you mean {by_small_letters[near[0]]!r}? " if near else ""


def check_positive(whole: bool = True, **numbers: Any) -> None:
    """Checks numbers that a caller gave, by the names of their arguments.

    Raises:
        ConfigError: One is not a number, not above 0, or a fraction although it counts something `whole`.
    """
    kind: Any = Integral if whole else Real
    for name, number in numbers.items():
        if not isinstance(number, kind) or not number > 0:
            raise ConfigError(f"{name} is {number!r}.", f"Give a {'whole ' * whole}number above 0.")


class InputError(RaypipeError):
    """An input that names nothing to read."""

    code = "input"
    exit_status = ExitStatus.INPUT


class ModelError(RaypipeError):
    """A model that is unknown, missing or damaged."""

    code = "model"
    exit_status = ExitStatus.MODEL


class DeviceError(RaypipeError):
    """A GPU was asked for but cannot be used. Nothing falls back to the CPU silently."""

    code = "device"
    exit_status = ExitStatus.DEVICE


class OutputError(RaypipeError):
    """Rows or files that could not be written."""

    code = "output"
    exit_status = ExitStatus.OUTPUT


class TooManyErrorsError(RaypipeError):
    """So many pages failed that something other than their pictures must be wrong."""

    code = "too_many_errors"
    exit_status = ExitStatus.ERRORS


class ServerError(RaypipeError):
    """A server that gives no result, or cannot be reached."""

    code = "server"
    exit_status = ExitStatus.SERVER


class PageError(Exception):
    """One page cannot be processed; its row says so and the job continues.

    Attributes:
        code: A `Code`, or a stable name that the stage defines.
        remedy: What to do about it, in one sentence.
    """

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(public(f"{message} {remedy}"))
        self.code, self.remedy = code, public(remedy)
        self._message = public(message)

    def __reduce__(self) -> tuple[type[PageError], tuple[str, str, str]]:
        return type(self), (self.code, self._message, self.remedy)
