"""What several commands have in common."""

from __future__ import annotations

import click
from click.core import ParameterSource

from raypipe.errors import ConfigError
from raypipe.stages.base import Pool

DEVICES = {"auto": None, "cpu": False, "cuda": True}


class PoolSize(click.ParamType[Pool]):
    """`N`, or `MIN:MAX`."""

    name = "N|MIN:MAX"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Pool:
        """The pool that the text means."""
        parts = str(value).split(":")
        if len(parts) > 2 or not all(part.isdecimal() and int(part) for part in parts):
            self.fail(f"{value!r} is neither a number nor MIN:MAX", param, ctx)
        if len(parts) == 1:
            return Pool(size=int(parts[0]))
        if int(parts[0]) > int(parts[1]):
            self.fail(f"{value!r} has a MIN above its MAX", param, ctx)
        return Pool(min_size=int(parts[0]), max_size=int(parts[1]))


def alone(option: str, given: object, *others: str) -> None:
    """Refuses what an option would leave without effect.

    Raises:
        ConfigError: The option is given, and one of the other parameters too.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if given and parameter.name in others and source is ParameterSource.COMMANDLINE:
            raise ConfigError(f"{parameter.opts[0]} does not go with {option}.", "Leave out one of them.")
