"""A pipeline: an ordered list of stages, declared once as data and run by any of the adapters in `run/`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w
from pydantic import ValidationError

from raypipe.errors import ConfigError
from raypipe.inputs.pages import Source, documents, named, pages
from raypipe.stages.base import Pool, Stage, Worker
from raypipe.stages.decode import BinaryToImage
from raypipe.stages.detect import ImageTextDetector
from raypipe.stages.draw import ImageDrawRegions
from raypipe.stages.recognize import ImageToText
from raypipe.stages.save import SaveImages
from raypipe.types import BYTES, INTEGER, NULLABLE_TEXT, TEXT, Column, Page

if TYPE_CHECKING:
    from ray.data import Dataset
    from ray.serve import Application

    from raypipe.run.online import Serving

STAGES: dict[str, type[Stage]] = {
    stage.__name__: stage for stage in (BinaryToImage, ImageTextDetector, ImageToText, ImageDrawRegions, SaveImages)
}
"""Stages by the name they have in files."""
ALIASES = {
    "ImageTextDetectorV2": "ImageTextDetector",
    "ImageTextDetectorCraft": "ImageTextDetector",
    "ImageToTextV2": "ImageToText",
    "ImageToTextV2Opt": "ImageToText",
    "ImageToTextOnnx": "ImageToText",
}
"""Visual NLP's other names of stages."""

INPUT_COLUMNS: dict[str, Column] = {
    "path": TEXT,
    "name": TEXT,
    "content": BYTES,
    "pagenum": INTEGER,
    "total_pages": INTEGER,
    "exception": NULLABLE_TEXT,
}
"""Columns that every page row has before the first stage."""


@dataclass(frozen=True)
class Step:
    """One worker of one stage."""

    stage: Stage
    worker: type[Worker[Any]]

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns that must be there."""
        return self.worker.reads(self.stage)

    @property
    def writes(self) -> dict[str, Column]:
        """Columns that it adds or replaces."""
        return self.worker.writes(self.stage)

    @property
    def drops(self) -> tuple[str, ...]:
        """Columns that it takes away."""
        return self.worker.drops(self.stage)


@dataclass(frozen=True)
class Operator:
    """Steps that run in the same process one after the other, and the actors they run in."""

    steps: tuple[Step, ...]
    pool: Pool | None

    @property
    def name(self) -> str:
        """The names of its stages."""
        return "+".join(dict.fromkeys(step.stage.name for step in self.steps))


class Pipeline:
    """An ordered list of stages.

    Raises:
        ConfigError: There is no stage, or one reads a column that none before it writes.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        if not stages:
            raise ConfigError("A pipeline needs a stage.", f"There are {', '.join(STAGES)}.")
        self.stages = tuple(stages)
        self.columns_between()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pipeline) and self.stages == other.stages

    def __hash__(self) -> int:
        return hash(self.stages)

    def __repr__(self) -> str:
        return f"Pipeline({list(self.stages)})"

    def steps(self) -> tuple[Step, ...]:
        """The workers of all stages, in order."""
        return tuple(Step(stage, worker) for stage in self.stages for worker in stage.workers)

    def operators(self) -> tuple[Operator, ...]:
        """The steps, grouped by the process they run in.

        A stage with a pool begins an operator. Its last worker is the one that needs the pool; those before it
        prepare the work and stay with the data they cut it from.
        """
        groups: list[list[Step]] = [[]]
        pools: list[Pool | None] = [None]
        for step in self.steps():
            placed = step.stage.pool if step.worker is step.stage.workers[-1] else None
            if placed and (pools[-1] or any(before.worker.holds_model for before in groups[-1])):
                groups.append([])
                pools.append(None)
            groups[-1].append(step)
            pools[-1] = pools[-1] or placed
        return tuple(Operator(tuple(steps), pool) for steps, pool in zip(groups, pools, strict=True))

    def columns_between(self) -> list[dict[str, Column]]:
        """The columns before the first operator, between operators, and after the last.

        Raises:
            ConfigError: A stage reads a column that is not there.
        """
        columns = dict(INPUT_COLUMNS)
        found = [dict(columns)]
        for operator in self.operators():
            for step in operator.steps:
                missing = [name for name in step.reads if name not in columns]
                if missing:
                    raise ConfigError(
                        f"{step.stage.name} reads the column {missing[0]!r}, which no stage before it writes.",
                        f"There are {', '.join(columns)}.",
                    )
                columns.update(step.writes)
                for name in step.drops:
                    columns.pop(name, None)
            found.append(dict(columns))
        return found

    def check(self) -> None:
        """Finds out whether this machine has the models and files that the stages load, before any process starts.

        Raises:
            ModelError: A model is unknown or not here.
            ConfigError: A file that a parameter names cannot be read.
        """
        for stage in self.stages:
            stage.check()

    def describe(self) -> str:
        """The operators with their pools, steps and columns in and out, and the parameters of each stage."""
        described = []
        for number, operator in enumerate(self.operators(), 1):
            pool = operator.pool.model_dump(exclude_none=True) if operator.pool else {}
            where = ", ".join(f"{name}={value:g}" for name, value in pool.items()) or "chosen for the cluster"
            described.append(f"operator {number}: {operator.name}  [pool: {where}]")
            described += [_describe(step) for step in operator.steps]
        described.append("parameters:")
        for stage in self.stages:
            values = ", ".join(f"{name}={value!r}" for name, value in stage.model_dump(exclude={"pool"}).items())
            described.append(f"  {stage.name}({values})")
        return "\n".join(described)

    def to_toml(self) -> str:
        """The pipeline as TOML: a `[[stage]]` each, with the parameters that differ from their defaults."""
        tables = [
            {"type": stage.name, **_storable(stage.model_dump(mode="json", exclude_defaults=True))}
            for stage in self.stages
        ]
        return tomli_w.dumps({"stage": tables})

    @classmethod
    def from_toml(cls, text: str) -> Pipeline:
        """A pipeline from what `to_toml` wrote.

        Raises:
            ConfigError: The text is not TOML, or names an unknown stage or parameter.
        """
        try:
            tables = tomllib.loads(text)["stage"]
            return cls([_stage(dict(table)) for table in tables])
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"The pipeline file cannot be read: {error}.", "It needs [[stage]] tables.") from error

    def run(
        self, sources: Source | Iterable[Source], *, batch_size: int = 4, threads: int | None = None
    ) -> Iterator[Page]:
        """Processes pages in this process, a few at a time, as the result is asked for.

        Args:
            sources: Files, folders, globs, URIs, encoded bytes, or a list of them.
            batch_size: Pages whose lines are read together.
            threads: CPU threads; all that the process may use if None.
        """
        from raypipe.run.local import run

        return run(self, sources, batch_size, threads)

    def transform(self, dataset: Dataset, *, batch_size: int = 4) -> Dataset:
        """Adds the pipeline to a Ray Data dataset: lazy and streaming.

        Args:
            dataset: Page rows of `raypipe.read`, or documents with `path` and `content` (or `bytes`).
            batch_size: Pages whose lines are read together.
        """
        from raypipe.run.batch import transform

        return transform(self, dataset, batch_size)

    def deployment(self, serving: Serving | None = None) -> Application:
        """The pipeline as a Ray Serve application, for `ray.serve.run`.

        Args:
            serving: Limits, batching and placement; see `raypipe.run.online.Serving`.
        """
        from raypipe.run.online import deployment

        return deployment(self, serving)


def _describe(step: Step) -> str:
    subject = (step.worker.__doc__ or "").splitlines()[0]
    columns = [("in: ", step.reads), ("out:", tuple(step.writes)), ("gone:", step.drops)]
    lines = [f"    {title} {', '.join(names)}" for title, names in columns if names]
    return "\n".join([f"  {step.stage.name}.{step.worker.__name__}: {subject}", *lines])


def _storable(values: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null: an empty string means it, and nothing inside a pool does."""
    pool = values.pop("pool", None)
    stored = {name: "" if value is None else value for name, value in values.items()}
    return stored if pool is None else {**stored, "pool": {k: v for k, v in pool.items() if v is not None}}


def _stage(table: dict[str, Any]) -> Stage:
    name = table.pop("type", None)
    name = ALIASES.get(name, name)
    if name not in STAGES:
        raise ConfigError(f"There is no stage {name!r}.", f"There are {', '.join(STAGES)}.")
    try:
        return STAGES[name].model_validate(table)
    except ValidationError as error:
        wrong = error.errors()[0]
        field = ".".join(str(part) for part in wrong["loc"])
        raise ConfigError(
            f"{name} has a wrong parameter, {field}: {wrong['msg']}.", f"It has {', '.join(STAGES[name].model_fields)}."
        ) from error


def load(path: Path) -> Pipeline:
    """A pipeline from a TOML file.

    Raises:
        ConfigError: The file is missing or wrong.
    """
    try:
        return Pipeline.from_toml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.", "Give --pipeline the path of a TOML file.") from error


def read(sources: Source | Iterable[Source]) -> Dataset:
    """Files, folders, globs or URIs as a Ray Data dataset of page rows, for `Pipeline.transform`.

    Only paths are listed here; the actors that detect text read the files.
    """
    from raypipe.run.batch import read as read_rows

    return read_rows(page for document in documents(sources) for page in pages(named(document)))
