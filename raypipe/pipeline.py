"""A pipeline: an ordered list of stages, declared once, stored as TOML, and run by any of the adapters in `run/`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import tomli_w

from raypipe.errors import ConfigError, ModelError, check_positive, reason_of
from raypipe.graph import Operator, graph_of
from raypipe.inputs.pages import Source, documents, page_rows
from raypipe.outputs.page import Page
from raypipe.run.settings import Serving
from raypipe.stages import registry
from raypipe.stages.base import ModelStage, Stage, Step
from raypipe.stages.draw import CLEAN, Drawing, ImageDrawRegions

if TYPE_CHECKING:
    from ray.data import Dataset
    from ray.serve import Application

    from raypipe.web.jobs import JobsFactory

BATCH_SIZE = 4
"""Default number of pages whose lines are read together."""
TABLES = "A pipeline file is TOML with [[stage]] tables and nothing else."


class Pipeline:
    """An ordered list of stages.

    It may begin in the middle: columns of its input are read like those of an earlier stage.

    Attributes:
        stages: As given.
        graph: Its operators and the columns between them: what the adapters run.

    Raises:
        ConfigError: There is no stage, or one reads a column that an earlier one drops or that has another type.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        if isinstance(stages, Stage) or not isinstance(stages, Iterable):
            raise ConfigError(
                f"A pipeline is a list of stages, not {type(stages).__name__}.",
                "Give Pipeline([BinaryToImage(), ...]).",
            )
        self.stages = tuple(stages)
        wrong = [stage for stage in self.stages if not isinstance(stage, Stage)]
        if wrong or not self.stages:
            what = f"{wrong[0]!r} is not a stage" if wrong else "A pipeline needs stages"
            remedy = f"Use {', '.join(f'{name}()' for name in registry.STAGES)}."
            if wrong and type(wrong[0]).__module__.startswith("raypipe.visual."):  # It may have the same name.
                remedy = "Stages of raypipe.visual go into PipelineModel([...]), whose `pipeline` is a Pipeline."
            raise ConfigError(f"{what}.", remedy)
        self.graph = graph_of(self.stages)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pipeline) and self.stages == other.stages

    def __hash__(self) -> int:
        return hash(self.stages)

    def __reduce__(self) -> tuple[type[Pipeline], tuple[tuple[Stage, ...]]]:
        # Its graph holds functions without a name, which cannot be pickled: another process makes it anew.
        return type(self), (self.stages,)

    def __repr__(self) -> str:
        return f"Pipeline({list(self.stages)})"

    def describe(self) -> str:
        """The operators with their pools, steps and columns in and out, and the parameters of each stage."""
        lines = []
        for number, operator in enumerate(self.graph.operators, 1):
            pool = operator.pool.model_dump(exclude_none=True) if operator.pool else {}
            where = ", ".join(f"{name}={value:g}" for name, value in pool.items()) or "chosen for the cluster"
            lines.append(f"operator {number}: {operator.name}  [pool: {where}]")
            lines += [_describe(step) for step in operator.steps]
        if self.graph.needs:
            lines.append(f"from the input: {', '.join(self.graph.needs)}")
        lines.append("parameters:")
        for stage in self.stages:
            values = ", ".join(f"{name}={value!r}" for name, value in stage.model_dump(exclude={"pool"}).items())
            lines.append(f"  {stage.name}({values})")
        lines += [f"{stage.name} runs here: {_running(stage)}" for stage in self.graph.model_stages]
        return "\n".join(lines)

    def to_toml(self) -> str:
        """The pipeline as TOML: one `[[stage]]` per stage, with the parameters that differ from their defaults."""
        tables = [
            {"type": registry.name_of(type(stage)), **_storable(stage.model_dump(mode="json", exclude_defaults=True))}
            for stage in self.stages
        ]
        return tomli_w.dumps({"stage": tables})

    @classmethod
    def from_toml(cls, text: str) -> Pipeline:
        """A pipeline from the output of `to_toml`.

        Raises:
            ConfigError: The text is not TOML, or names an unknown stage or parameter.
        """
        try:
            tables = tomllib.loads(text)
        except (AttributeError, TypeError, ValueError) as error:
            raise ConfigError(f"The pipeline file cannot be read: {reason_of(error)}.", TABLES) from error
        stages = tables.pop("stage", None)
        if tables or not isinstance(stages, list) or not all(isinstance(table, dict) for table in stages):
            raise ConfigError(f"The pipeline file has {', '.join(tables) or 'no [[stage]]'}.", TABLES)
        if not all("type" in table for table in stages):
            raise ConfigError("A [[stage]] of the pipeline file has no type.", 'Name a stage: type = "BinaryToImage".')
        return cls([registry.find(str(table.pop("type")))(**table) for table in stages])

    def run(
        self,
        sources: Source | Iterable[Source],
        *,
        batch_size: int = BATCH_SIZE,
        threads: int | None = None,
        page_seconds: float | None = None,
    ) -> Iterator[Page]:
        """Reads pages in this process, a few at a time, as results are asked for.

        Args:
            sources: Files, folders, globs, URIs, encoded bytes, arrays uint8 (h, w) or (h, w, 3) in the order red,
                green, blue, Pillow pictures, rows with a `path` or `content` and further columns, or a list of them.
            batch_size: Pages whose lines are read together.
            threads: CPU threads; None: all that the process may use.
            page_seconds: Seconds after which a page fails; None: never. Its thread cannot be ended and goes on.

        Raises:
            InputError: A source names nothing or is not a source; raised at once for the first.
            ConfigError: A number is not above 0, or a stage reads a column that no earlier one writes and the input
                does not have.
            ModelError: A model is not on this machine.
            DeviceError: A GPU was asked for but cannot be used.
        """
        from raypipe.run.local import run

        check_positive(batch_size=batch_size, threads=1 if threads is None else threads)
        check_positive(whole=False, page_seconds=1 if page_seconds is None else page_seconds)
        return run(self.graph, sources, batch_size, threads, page_seconds=page_seconds)

    def transform(
        self, dataset: Dataset, *, batch_size: int = BATCH_SIZE, page_seconds: float | None = None
    ) -> Dataset:
        """Adds the pipeline to a Ray Data dataset: lazy and streaming.

        Its actors leave room on the cluster for further pipelines and steps of the same dataset.

        Args:
            dataset: Page rows of `raypipe.read`, or documents with a `path` and, unless they are to be read from it,
                `content`, or what `ray.data.read_binary_files` and `read_images` give with include_paths=True:
                `bytes`, or arrays in `image`. Further columns pass through.
            batch_size: Pages whose lines are read together.
            page_seconds: Seconds after which a page fails and its process is ended; None: never.

        Raises:
            ConfigError: It is not a dataset, it lacks a column, or its pools need more CPUs than the cluster has.
            DeviceError: They need more GPUs than it has.
            RaypipeError: Later, when the dataset is read, if an actor cannot go on; it is also one of Ray's errors.
        """
        from raypipe.run.batch import transform

        check_positive(batch_size=batch_size)
        check_positive(whole=False, page_seconds=1 if page_seconds is None else page_seconds)
        extended = transform(self.graph, dataset, batch_size, shared=True, page_seconds=page_seconds)
        # Otherwise Ray raises an error of its own, which does not say what went wrong.
        extended.context.raise_original_map_exception = True
        return extended

    def deployment(
        self, serving: Serving | Mapping[str, Any] | None = None, jobs_for: JobsFactory | None = None
    ) -> Application:
        """The pipeline as a Ray Serve application, for `ray.serve.run`.

        Args:
            serving: Limits, batching and placement: a `raypipe.run.settings.Serving`, or its values by name.
            jobs_for: Makes the jobs, a `raypipe.web_jobs.manager.JobManagerFactory`; None: the server takes none.

        Raises:
            ConfigError: `serving` is neither, or one of its values is wrong.
        """
        if not isinstance(serving, Serving | Mapping | None):
            raise ConfigError(f"{serving!r} does not say how to serve.", "Give a Serving, or its values by name.")
        how = serving if isinstance(serving, Serving) else Serving(**(serving or {}))
        from raypipe.run.online import deployment
        from raypipe.run.served import ServedPipeline

        return deployment(ServedPipeline(self.graph, self.drawings(), how, jobs_for))

    def with_drawing(self, name: str) -> Pipeline:
        """The pipeline, extended to make a `Drawing` of each page, by its name."""
        roles, clean = self.graph.roles.columns, name == CLEAN
        drawing = ImageDrawRegions(
            input_col=roles.get("image", "image"),
            input_regions_col=roles.get("regions", "text_regions"),
            lines_col=roles.get("lines", "lines"),
            rect_color="green",
            rotated=True,
            line_width=0 if clean else 2,
            draw_text="lines" in roles and not clean,
            max_side=3600 if clean else 1600,  # A4 at 300 dots per inch, to zoom into.
            image_format="jpeg" if clean else name,
        )
        return Pipeline([*self.stages, drawing])

    def drawings(self) -> dict[str, Operator]:
        """The operators that make each `Drawing`, by its name.

        Empty if pages keep no picture or have no regions.
        """
        known, columns = len(self.graph.steps), self.graph.columns
        try:
            drawn = {name: self.with_drawing(name).graph for name in get_args(Drawing)}
        except ConfigError:
            return {}
        return {
            name: Operator(steps=graph.steps[known:], pool=None, before=columns, after=graph.columns)
            for name, graph in drawn.items()
            if not graph.needs.keys() - self.graph.needs
        }


def _running(stage: ModelStage) -> str:
    try:
        model = stage.running
    except ModelError as error:
        return str(error)
    return f"{model.path.name} ({model.precision})"


def _describe(step: Step) -> str:
    subject = (step.worker.__doc__ or "").splitlines()[0]
    columns = [("in: ", step.reads), ("out:", tuple(step.writes)), ("gone:", step.drops)]
    lines = [f"    {title} {', '.join(names)}" for title, names in columns if names]
    return "\n".join([f"  {step.stage.name}.{step.worker.__name__}: {subject}", *lines])


def _storable(values: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null: an empty string stands for it, and inside a pool it is left out."""
    pool = values.pop("pool", None)
    stored = {name: "" if value is None else value for name, value in values.items()}
    return stored if pool is None else {**stored, "pool": {k: v for k, v in pool.items() if v is not None}}


def load(path: Path) -> Pipeline:
    """A pipeline from a TOML file.

    Raises:
        ConfigError: The file is missing or wrong.
    """
    try:
        return Pipeline.from_toml(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        remedy = "Give --pipeline the path of a TOML file, in UTF-8."
        raise ConfigError(f"{path} cannot be read: {reason_of(error)}.", remedy) from error


def read(sources: Source | Iterable[Source]) -> Dataset:
    """Files, folders, globs or URIs as a Ray Data dataset of page rows, for `Pipeline.transform`.

    Only paths are listed here; the actors of the pipeline read the files.

    Raises:
        InputError: A source names nothing or is not a source.
    """
    from raypipe.run.batch import read as read_rows

    return read_rows(page_rows(documents(sources)), BATCH_SIZE)
