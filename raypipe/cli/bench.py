"""`raypipe bench`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import click

from raypipe.bench import plot, report
from raypipe.bench.report import Measured, Report
from raypipe.bench.rounds import in_turn
from raypipe.bench.setting import BESIDE, ENGINES, Round, Setting
from raypipe.cli.options import alone, chosen_pipeline, pipeline_options, pool_options, threads_option
from raypipe.cli.paths import LocalPath
from raypipe.cli.repeatable import Repeatable
from raypipe.cli.table import print_table
from raypipe.errors import ConfigError, reason_of
from raypipe.machine import usable_cpus
from raypipe.pipeline import BATCH_SIZE
from raypipe.plurals import counted

CONCERNED = {
    "batch_size": {"local", "ray"},
    "threads": {"local"},
    "connections": {"serve"},
    "detectors": {"ray", "serve"},
    "recognizers": {"ray", "serve"},
}
"""Parameters that concern some engines only."""
VARIED = frozenset(("preset", "detector", "recognizer", "language", "device", "precision", "provider", *CONCERNED))
"""Parameters of which several values can be measured."""


@click.command(epilog="Example: raypipe bench letters/ --engine local --engine ray")
@click.argument("sources", nargs=-1, required=True)
@click.option("--engine", "engines", cls=Repeatable, type=click.Choice(ENGINES), default=["local"], show_default=True,
              help="Engine to measure (repeatable): one process, Ray, or a server started for it.")  # fmt: skip
@pipeline_options
@pool_options
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Measured rounds.")
@click.option("--batch-size", default=BATCH_SIZE, show_default=True, type=click.IntRange(1),
              help="Pages read together; `serve` does not use it.")  # fmt: skip
@threads_option
@click.option("--connections", type=click.IntRange(1), help="Concurrent requests to `serve`; default: twice the CPUs.")
@click.option("--vary", "varied", multiple=True, metavar="OPTION=VALUE,VALUE",
              help="Measure each value of an option, such as preset=standard,fast (repeatable).")  # fmt: skip
@click.option("--beside", "others", multiple=True, metavar="NAME=COMMAND",
              help="Another program to measure on the same files (repeatable).")  # fmt: skip
@click.option("--json", "json_file", type=LocalPath(), help="Also write the report to this file.")
@click.option("--plot", "svg_file", type=LocalPath(), help="Also draw the report as this SVG file.")
@click.option("--compare", type=LocalPath(), help="Earlier report (from --json) to compare with.")
def bench(
    sources: tuple[str, ...],
    engines: tuple[str, ...],
    rounds: int,
    varied: tuple[str, ...],
    others: tuple[str, ...],
    json_file: Path | None,
    svg_file: Path | None,
    compare: Path | None,
    **given: Any,
) -> None:
    """Measures how fast your pages are read on this machine, and where the time goes.

    The engines take turns at reading all pages, after a warm-up round each; what they read is discarded. Give a few
    dozen pages: short rounds say little.
    """
    for name, some in CONCERNED.items():
        alone(f"--engine without {' or '.join(sorted(some))}", not some.intersection(engines), name)
    earlier = report.load(compare) if compare else None
    for path in filter(None, (json_file, svg_file)):
        _check_folder(path)
    settings: dict[Setting, str] = {}
    for engine, values in product(engines, list(_combinations(varied, engines))):
        texts = [f"{name}={text}" for name, (text, _) in values.items() if _concerns(name, engine)]
        setting = _setting(engine, given | {name: value for name, (_, value) in values.items()})
        settings.setdefault(setting, " ".join([engine, *texts]))
    settings |= dict(map(_other, others))
    measured = in_turn(
        list(settings), sources, rounds, lambda number, setting, done: _tell(number, settings[setting], done)
    )
    named = zip(settings.items(), measured, strict=True)
    now = Report.of([Measured.of(name, setting, rounds_of_it) for (setting, name), rounds_of_it in named])
    pages, cpus = counted(now.measured[0].pages, "page"), counted(now.cpus, "CPU")
    click.echo(f"{pages}, {counted(rounds, 'round')}, {cpus}: {now.cpu}")
    print_table(*report.speeds(now, earlier))
    click.echo()
    print_table(*report.shares(now, earlier))
    _write(json_file, now.to_json())
    _write(svg_file, plot.svg(now))


def _setting(engine: str, values: dict[str, Any]) -> Setting:
    """An engine's setting, from the values of the options that concern it."""
    values = {name: value for name, value in values.items() if _concerns(name, engine)}
    return Setting(
        engine=engine,
        toml=chosen_pipeline(**values).to_toml(),
        batch_size=values.get("batch_size", BATCH_SIZE),
        threads=values.get("threads"),
        connections=values.get("connections") or (2 * usable_cpus() if engine == "serve" else 1),
    )


def _other(text: str) -> tuple[Setting, str]:
    """A program that reads beside the engines, and its name."""
    name, _, command = text.partition("=")
    if not (name and command):
        raise click.BadParameter(f"{text!r} is not NAME=COMMAND", param_hint="--beside")
    return Setting(engine=BESIDE, toml=command, batch_size=BATCH_SIZE), name


def _concerns(name: str, engine: str) -> bool:
    return engine in CONCERNED.get(name, ENGINES)


def _combinations(varied: tuple[str, ...], engines: tuple[str, ...]) -> Iterator[dict[str, tuple[str, Any]]]:
    """All combinations of the varied values, by the parameters' names; each value as given and as parsed.

    Raises:
        click.BadParameter: There is no such option, it concerns none of the engines, or cannot have such a value.
    """
    context = click.get_current_context()
    known = {option.opts[0].removeprefix("--"): option for option in context.command.params if option.name in VARIED}
    values: dict[str, list[tuple[str, Any]]] = {}
    for text in varied:
        name, _, listed = text.partition("=")
        if name not in known:
            raise click.BadParameter(f"{text!r} does not begin with one of {', '.join(known)}", param_hint="--vary")
        option = known[name]
        if not any(_concerns(str(option.name), engine) for engine in engines):
            raise click.BadParameter(f"{name} has no effect on {', '.join(engines)}", param_hint="--vary")
        parsed = [(one, option.type.convert(one, option, context)) for one in listed.split(",")]
        values.setdefault(str(option.name), []).extend(parsed)
    for combination in product(*values.values()):
        yield dict(zip(values, combination, strict=True))


def _tell(number: int, name: str, done: Round) -> None:
    what = f"round {number}" if number else "warm-up"
    click.echo(f"{what}, {name}: {done.pages / done.seconds:.2f} pages/s", err=True)


def _check_folder(path: Path) -> None:
    """Makes sure, before anything is measured, that a file has a folder that can be written."""
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(f"{path} cannot be written: {path.parent} is not a writable folder.", "Choose another file.")


def _write(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {reason_of(error)}.", "Choose another file.") from error
