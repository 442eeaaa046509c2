"""Measurements as data, as a table, and compared with an earlier report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from statistics import median

from pydantic import BaseModel, ConfigDict, ValidationError

from raypipe.bench.setting import BESIDE, Round, Setting
from raypipe.bench.steps import REST, steps
from raypipe.errors import ConfigError, reason_of
from raypipe.machine import cpu_name, usable_cpus
from raypipe.pipeline import Pipeline


class Measured(BaseModel):
    """A setting's rounds.

    Attributes:
        pages_per_second: For each round.
        cpu_seconds: CPU time per page of the processes that read, median; None: unknown.
        steps: Milliseconds per page in each step, medians.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    pages: int
    pages_per_second: tuple[float, ...]
    cpu_seconds: float | None
    steps: dict[str, float]

    @property
    def middle(self) -> float:
        """The median of its pages per second."""
        return median(self.pages_per_second)

    @classmethod
    def of(cls, name: str, setting: Setting, rounds: Sequence[Round]) -> Measured:
        """From rounds of the same pages."""
        pipeline = None if setting.engine == BESIDE else Pipeline.from_toml(setting.toml)
        found = [
            {
                step: 1000 * value / each.pages
                for step, value in steps(pipeline, each.sums, setting.workers, each.seconds).items()
            }
            for each in rounds
        ]
        cpu = [each.cpu_seconds / each.pages for each in rounds if each.cpu_seconds is not None]
        return cls(
            name=name,
            pages=rounds[0].pages,
            pages_per_second=tuple(each.pages / each.seconds for each in rounds),
            cpu_seconds=median(cpu) if cpu else None,
            steps={step: median(each.get(step, 0.0) for each in found) for step in _names(found)},
        )


class Report(BaseModel):
    """All settings of one run, and the machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu: str
    cpus: int
    raypipe: str
    measured: tuple[Measured, ...]

    @classmethod
    def of(cls, measured: Sequence[Measured]) -> Report:
        """A report of this machine."""
        return cls(cpu=cpu_name(), cpus=usable_cpus(), raypipe=version("raypipe"), measured=tuple(measured))

    def to_json(self) -> str:
        """The report as JSON, which `load` reads."""
        return self.model_dump_json(indent=1) + "\n"


def load(path: Path) -> Report:
    """An earlier report.

    Raises:
        ConfigError: The file is missing, or is not a report.
    """
    try:
        return Report.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise ConfigError(
            f"{path} is not a report of `raypipe bench`: {reason_of(error)}.", "Write one with --json."
        ) from error


def speeds(report: Report, earlier: Report | None = None) -> Iterator[tuple[str, ...]]:
    """Rows of the table of speeds, the first of which has the titles."""
    yield "", "pages/s", "lowest", "highest", "CPU s/page", *(["earlier", "change"] if earlier else [])
    before = {each.name: each.middle for each in earlier.measured} if earlier else {}
    for each in report.measured:
        cpu = "-" if each.cpu_seconds is None else f"{each.cpu_seconds:.3f}"
        values = each.middle, min(each.pages_per_second), max(each.pages_per_second)
        row = [each.name, *(f"{value:.2f}" for value in values), cpu]
        if earlier:
            known = before.get(each.name)
            row += [f"{known:.2f}", f"{each.middle / known - 1:+.0%}"] if known else ["-", "-"]
        yield tuple(row)


def shares(report: Report, earlier: Report | None = None) -> Iterator[tuple[str, ...]]:
    """Rows of the table of steps: milliseconds of a page and their share, of each setting."""
    before = {each.name: each.steps for each in earlier.measured} if earlier else {}
    titles = ([each.name, "share", *(["earlier"] if each.name in before else [])] for each in report.measured)
    yield "a page's time, ms", *chain.from_iterable(titles)
    for step in step_names(report):
        row = [step]
        for each in report.measured:
            value = each.steps.get(step, 0.0)
            row += [f"{value:.1f}", f"{value / sum(each.steps.values()):.1%}"]
            row += [f"{before[each.name].get(step, 0.0):.1f}"] if each.name in before else []
        yield tuple(row)


def step_names(report: Report) -> list[str]:
    """The steps of all its settings."""
    return _names(each.steps for each in report.measured)


def _names(some: Iterable[Iterable[str]]) -> list[str]:
    """All steps of some settings, in the order in which a page goes through them; `REST` comes last."""
    found = dict.fromkeys(name for names in some for name in names)
    return sorted(found, key=lambda name: name == REST)
