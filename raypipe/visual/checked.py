"""Arguments that are checked against their annotations, as Python itself does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
            wrong, what = error.errors()[0], _named(function, args)
            why = f"{what} cannot take {shortened(wrong['input'])}: {wrong['msg']}."
            raise ConfigError(why, f"help({what}) says what it takes.") from error

    return called


def _named(function: Callable[..., object], args: Sequence[object]) -> str:
    """The name of a function as its caller knows it: a method may be that of a base class."""
    if "." not in function.__qualname__ or not args:
        return function.__qualname__
    owner = args[0] if isinstance(args[0], type) else type(args[0])
    return f"{owner.__name__}.{function.__name__}"
