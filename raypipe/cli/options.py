"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import click
from click.core import ParameterSource

from raypipe import presets
from raypipe.cli.paths import LocalPath
from raypipe.cli.repeatable import Repeatable
from raypipe.engine.providers import Provider
from raypipe.errors import ConfigError, PageError, nearest
from raypipe.files.paths import read_file
from raypipe.images.passwords import Passwords, add_passwords
from raypipe.job.folder import OutputFolder
from raypipe.outputs.formats import FORMATS
from raypipe.pipeline import BATCH_SIZE, Pipeline, load
from raypipe.stages.base import Pool
from raypipe.stages.draw import ImageFormat
from raypipe.stages.recognize import MOST_ALTERNATIVES
from raypipe.stages.text_layer import Use
from raypipe.zoo.manifest import Precision

F = TypeVar("F", bound=Callable[..., Any])
address_option = click.option(
    "--address", envvar="RAY_ADDRESS", help="Ray cluster to join; default: one is started here."
)
threads_option = click.option(
    "--threads", type=click.IntRange(1), help="CPU threads of the local engine; default: all CPUs."
)
DEVICES = {"auto": None, "cpu": False, "cuda": True}


def pool(text: str) -> Pool:
    """Parses `N` or `MIN:MAX`."""
    parts = text.split(":")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) for part in parts):
        raise click.BadParameter(f"{text!r} is neither a number above 0 nor MIN:MAX")
    if len(parts) == 1:
        return Pool(size=int(parts[0]))
    if int(parts[0]) > int(parts[1]):
        raise click.BadParameter(f"{text!r} has a MIN above its MAX")
    return Pool(min_size=int(parts[0]), max_size=int(parts[1]))


class Share(click.ParamType):  # type: ignore[type-arg] # Generic from click 8.4 on.
    """A share such as `5%` or `0.05`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share, from 0 to 1."""
        try:
            share = float(str(value).removesuffix("%")) / (100 if str(value).endswith("%") else 1)
        except ValueError:
            share = -1
        if not 0 <= share <= 1:
            self.fail(f"{value!r} is not a share such as 5% or 0.05.", param, ctx)
        return share


class FormatName(click.ParamType):  # type: ignore[type-arg] # Generic from click 8.4 on.
    """The name of an output format. Formats of other packages are looked for when the command is given."""

    name = "format"

    @property
    def choices(self) -> tuple[str, ...]:
        """All names."""
        return tuple(FORMATS)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """The names, as the help shows them."""
        return f"[{'|'.join(self.choices)}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name itself."""
        if value not in self.choices:
            near = nearest(str(value), self.choices).rstrip()
            self.fail(f"{value!r} is not one of {', '.join(self.choices)}. {near}".rstrip(), param, ctx)
        return str(value)


def pipeline_options(command: F) -> F:
    """Adds the options that choose the pipeline; `chosen_pipeline` takes their values."""
    return _with(
        _reading_options(command),
        click.option("--pipeline", "file", type=LocalPath(),
                     help="TOML file that declares the pipeline."),
        click.option("--preset", type=click.Choice(list(presets.PRESETS)), default=presets.STANDARD, show_default=True,
                     help="Ready-made pipeline; fast takes about half of the time and makes more errors."),
        click.option("--detector", default=presets.DETECTOR, show_default=True, help="Detection model."),
        click.option("--recognizer", default=presets.RECOGNIZER, show_default=True, help="Recognition model."),
        click.option("--lang", "language", default=presets.LANGUAGE, show_default=True,
                     help="Language whose words guide the reading, of 23; auto: that of each page; latin: several."),
        click.option("--device", type=click.Choice(list(DEVICES)), default="auto", show_default=True,
                     help="Where models run."),
        click.option("--provider", type=click.Choice(get_args(Provider)), default="cuda", show_default=True,
                     help="ONNX Runtime provider that runs the models on a GPU, with --device cuda."),
        click.option("--precision", type=click.Choice(["auto", *get_args(Precision)]), default="auto",
                     show_default=True,
                     help="Number format that the models compute in; auto: the fastest one here that a model has."),
    )  # fmt: skip


def _reading_options(command: F) -> F:
    """Adds the options of the pipeline that do not concern models."""
    return _with(
        command,
        click.option("--text-layer", type=click.Choice(get_args(Use)), default="ocr", show_default=True,
                     help="Text that a PDF already holds: ignore it, use it where it is reliable, or compare it with "
                     "what is read."),
        click.option("--double-pages", is_flag=True,
                     help="If a picture shows two pages, such as an open book, read the left one first."),
        click.option("--alternatives", type=click.IntRange(1, MOST_ALTERNATIVES), metavar="N",
                     help="Give up to N other readings of each word, in JSON, Parquet and the server's page."),
    )  # fmt: skip


def passwords_option(command: F) -> F:
    """Adds the option that tells this process the passwords of PDFs; no command sees its value."""
    return _with(
        command,
        click.option("--passwords", envvar="RAYPIPE_PASSWORDS", metavar="FILE", expose_value=False,
                     callback=_add_passwords,
                     help="File of passwords to try on locked PDFs, one per line."),
    )  # fmt: skip


def _add_passwords(context: click.Context, parameter: click.Parameter, path: str | None) -> None:
    if not path:
        return
    try:
        lines = read_file(path).decode("utf-8-sig").splitlines()
    except (PageError, UnicodeDecodeError) as error:
        reason = error if isinstance(error, PageError) else f"{path} is not UTF-8 text."
        raise ConfigError(f"The file of passwords cannot be read: {reason}", "Give one password per line.") from None
    add_passwords(Passwords(of_any=tuple(filter(None, lines))))


def job_options(command: F) -> F:
    """Adds the options that say what a job writes, and how many pages it reads together."""
    return _with(
        command,
        click.option("--format", "formats", cls=Repeatable, type=FormatName(), default=["text"], show_default=True,
                     help="Also write one file per document in this format (repeatable)."),
        click.option("--overlay", type=click.Choice([*get_args(ImageFormat), "none"]), default="jpeg",
                     show_default=True,
                     help="Draw regions and text over each page; none by default if a pipeline has no regions."),
        click.option("--batch-size", default=BATCH_SIZE, show_default=True, type=click.IntRange(1),
                     help="Pages read together."),
    )  # fmt: skip


def overlay_for(pipeline: Pipeline, overlay: str) -> str:
    """The format of overlays: as given, but by default `none` where a pipeline finds no regions or keeps no picture."""
    is_given = click.get_current_context().get_parameter_source("overlay") is ParameterSource.COMMANDLINE
    return overlay if is_given or overlay in pipeline.drawings() else "none"


def with_overlays(pipeline: Pipeline, folder: OutputFolder, overlay: str) -> Pipeline:
    """A pipeline that also draws overlays of this format, or `none`, into a folder."""
    return pipeline if overlay == "none" else presets.with_overlays(pipeline, folder.overlays, overlay)


def pool_options(command: F) -> F:
    """Adds the options that set how many processes on Ray hold each model; `chosen_pipeline` takes their values too."""
    return _with(
        command,
        click.option("--detectors", type=pool, metavar="N|MIN:MAX", help="Dedicated detector processes on Ray."),
        click.option("--recognizers", type=pool, metavar="N|MIN:MAX", help="Dedicated recognizer processes on Ray."),
    )


PARAMETERS = ("detector", "recognizer", "language", "text_layer", "double_pages", "alternatives", "provider")
"""Options that are parameters of `presets.standard`, with the same names and values."""
TRANSLATED = ("preset", "device", "precision", "detectors", "recognizers")
"""Options of the pipeline whose names or values differ from those of the parameters."""


def chosen_pipeline(
    file: Path | None,
    preset: str,
    device: str,
    precision: str,
    detectors: Pool | None = None,
    recognizers: Pool | None = None,
    **others: Any,
) -> Pipeline:
    """The pipeline that the options choose; those that are not about it are ignored.

    Raises:
        ConfigError: The file is missing or invalid, or would leave another given option without effect.
    """
    alone("--pipeline", file, *PARAMETERS, *TRANSLATED)
    if file:
        return load(file)
    parameters = {name: others[name] for name in PARAMETERS}
    if preset != presets.STANDARD:
        alone("--preset", preset, "detector", "recognizer")
        parameters |= presets.PRESETS[preset]._asdict()
    return presets.standard(
        **parameters,
        use_gpu=DEVICES[device],
        detector_pool=detectors,
        recognizer_pool=recognizers,
        precision=cast(Precision | None, None if precision == "auto" else precision),
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
