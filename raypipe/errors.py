"""What can go wrong, with a code, an exit status, an HTTP status and a remedy for each kind.

`RaypipeError` and its children stop the job. `PageError` belongs to one page: a stage raises it, the worker's base
class writes it into that page's row, and the job goes on.
"""

from __future__ import annotations


class RaypipeError(Exception):
    """An error that stops the job and that its user can mend.

    Attributes:
        code: A stable name for programs.
        exit_status: What the command line exits with.
        http_status: What a server answers.
        remedy: What to do about it, one sentence.
    """

    code = "internal"
    exit_status = 1
    http_status = 500

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.remedy = remedy


class ConfigError(RaypipeError):
    """A pipeline, parameter or column that cannot work."""

    code = "config"
    exit_status = 2
    http_status = 400


class InputError(RaypipeError):
    """An input that names nothing to read."""

    code = "input"
    exit_status = 3
    http_status = 422


class ModelError(RaypipeError):
    """A model that is unknown, missing or damaged."""

    code = "model"
    exit_status = 4
    http_status = 503


class DeviceError(RaypipeError):
    """A GPU was asked for and cannot be used. There is no silent fall-back to the CPU."""

    code = "device"
    exit_status = 5
    http_status = 503


class ServerError(RaypipeError):
    """A server that gives no result, or cannot be reached."""

    code = "server"
    exit_status = 7
    http_status = 502


class PageError(Exception):
    """One page cannot be processed; its row says so and the job goes on.

    Attributes:
        code: A stable name, such as `image_truncated`.
        remedy: What to do about it, one sentence.
    """

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.code = code
        self.remedy = remedy
