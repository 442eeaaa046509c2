"""Arguments that are checked against their annotations, as Python itself does not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from reprlib import repr as shortened
from typing import ParamSpec, TypeVar

from pydantic import ConfigDict, ValidationError, validate_call

from raypipe.errors import ConfigError

P = ParamSpec("P")
R = TypeVar("R")
CONFIG = ConfigDict(arbitrary_types_allowed=True, strict=True)


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """A function that refuses arguments of other types than its annotations with a `ConfigError`."""

    @cache  # When it is first called: importing builds no validators.
    def validated() -> Callable[P, R]:
        return validate_call(config=CONFIG)(function)

    @wraps(function)
    def called(*args: P.args, **named: P.kwargs) -> R:
        try:
            return validated()(*args, **named)
        except ValidationError as error:
            wrong, what = error.errors()[0], function.__qualname__
            why = f"{what} cannot take {shortened(wrong['input'])}: {wrong['msg']}."
            raise ConfigError(why, f"help({what}) says what it takes.") from error

    return called
