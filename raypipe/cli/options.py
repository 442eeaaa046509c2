"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from raypipe import presets
from raypipe.errors import ConfigError
from raypipe.pipeline import Pipeline, load
from raypipe.stages.base import Pool

F = TypeVar("F", bound=Callable[..., Any])
DEVICES = {"auto": None, "cpu": False, "cuda": True}


def pool(text: str) -> Pool:
    """Parses `N` or `MIN:MAX`."""
    parts = text.split(":")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) for part in parts):
        raise click.BadParameter(f"{text!r} is neither a number nor MIN:MAX")
    if len(parts) == 1:
        return Pool(size=int(parts[0]))
    if int(parts[0]) > int(parts[1]):
        raise click.BadParameter(f"{text!r} has a MIN above its MAX")
    return Pool(min_size=int(parts[0]), max_size=int(parts[1]))


def pipeline_options(command: F) -> F:
    """Adds the options that choose the pipeline; `chosen_pipeline` takes their values."""
    return _with(
        command,
        click.option(
            "--pipeline", "file", type=click.Path(path_type=Path), help="TOML file that declares the pipeline."
        ),
        click.option("--detector", default=presets.DETECTOR, show_default=True, help="Detection model."),
        click.option("--recognizer", default=presets.RECOGNIZER, show_default=True, help="Recognition model."),
        click.option(
            "--device", type=click.Choice(list(DEVICES)), default="auto", show_default=True, help="Where models run."
        ),
    )


def pool_options(command: F) -> F:
    """Adds the options that set how many processes on Ray hold each model; `chosen_pipeline` takes their values too."""
    return _with(
        command,
        click.option("--detectors", type=pool, metavar="N|MIN:MAX", help="Dedicated detector processes on Ray."),
        click.option("--recognizers", type=pool, metavar="N|MIN:MAX", help="Dedicated recognizer processes on Ray."),
    )


def chosen_pipeline(
    file: Path | None,
    detector: str,
    recognizer: str,
    device: str,
    detectors: Pool | None = None,
    recognizers: Pool | None = None,
    **_: object,
) -> Pipeline:
    """The pipeline that the options choose; other options are ignored.

    Raises:
        ConfigError: The file is missing or invalid, or would leave another given option without effect.
    """
    alone("--pipeline", file, "detector", "recognizer", "device", "detectors", "recognizers")
    if file:
        return load(file)
    return presets.standard(
        detector, recognizer, use_gpu=DEVICES[device], detector_pool=detectors, recognizer_pool=recognizers
    )


def alone(option: str, given: object, *others: str) -> None:
    """Refuses parameters that an option would leave without effect.

    Raises:
        ConfigError: The option is given together with one of the other parameters.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if given and parameter.name in others and source is ParameterSource.COMMANDLINE:
            raise ConfigError(f"{parameter.opts[0]} cannot be combined with {option}.", "Leave one of them out.")


def _with(command: F, *options: Callable[[F], F]) -> F:
    """The command with options, which its help lists in this order."""
    for option in reversed(options):
        command = option(command)
    return command
