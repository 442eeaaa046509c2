"""A pipeline as data: its steps, the operators they run in, and the columns between them.

`Pipeline` stands above the adapters in `run/`, and this module below them: an adapter loops over the operators of a
graph and knows no stage by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import NoneType
from typing import get_args

from raypipe.columns import BYTES, FLOAT, INTEGER, NULLABLE_TEXT, TEXT, Column, fits, given, roles_of
from raypipe.errors import ConfigError, nearest
from raypipe.inputs.pages import STANDARD, Where
from raypipe.stages.base import ModelStage, Pool, Stage, Step
from raypipe.types import Roles, Row

INPUT_COLUMNS: Mapping[str, Column] = {
    name: replace(column, role=name)
    for name, column in {
        "path": TEXT,
        "name": TEXT,
        "content": BYTES,
        "pagenum": INTEGER,
        "total_pages": INTEGER,
        "exception": NULLABLE_TEXT,
        "reading_seconds": FLOAT,
    }.items()
}
"""Columns that no stage writes: those that every page row has before the first stage, and how long reading it took."""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Steps that run one after the other in the same process.

    Attributes:
        steps: What it runs.
        pool: The actors it runs in; None: the adapter chooses them.
        before, after: The columns of rows that come in and go out.
    """

    steps: tuple[Step, ...]
    pool: Pool | None
    before: Mapping[str, Column]
    after: Mapping[str, Column]

    @property
    def name(self) -> str:
        """The names of its stages."""
        return "+".join(dict.fromkeys(step.stage.name for step in self.steps))

    @property
    def where(self) -> Where:
        """The columns of its input with documents, whose pages are counted."""
        return next((step.opens for step in self.steps if step.opens), STANDARD)


@dataclass(frozen=True, kw_only=True)
class Graph:
    """What an adapter runs.

    Attributes:
        operators: In order; never empty.
        needs: Columns that the input must have besides `INPUT_COLUMNS`: a stage reads them, and no stage before it
            writes them.
    """

    operators: tuple[Operator, ...]
    needs: Mapping[str, Column]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of all operators."""
        return tuple(step for operator in self.operators for step in operator.steps)

    @property
    def columns(self) -> Mapping[str, Column]:
        """The columns of finished rows."""
        return self.operators[-1].after

    @property
    def roles(self) -> Roles:
        """The roles of the columns of finished rows."""
        return roles_of(self.columns)

    @property
    def where(self) -> Where:
        """The columns of its input with documents, whose pages are counted."""
        return self.operators[0].where

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages, each once."""
        return tuple(dict.fromkeys(step.stage for step in self.steps))

    @property
    def model_stages(self) -> tuple[ModelStage, ...]:
        """The stages that run a model."""
        return tuple(stage for stage in self.stages if isinstance(stage, ModelStage))

    def check_input(self, names: Iterable[str], source: str) -> None:
        """Checks that an input has the columns that no stage writes.

        Args:
            source: What the input is, for the message.

        Raises:
            ConfigError: One is missing.
        """
        missing = self.needs.keys() - set(names)
        if not missing:
            return
        column = min(missing)
        reader = next(step.stage for step in self.steps if column in step.reads)
        parameter = next((name for name, value in reader if value == column), "its parameters")
        optional = getattr(type(reader).model_fields.get(parameter), "annotation", None)
        none = ", set it to None" if NoneType in get_args(optional) else ""
        raise ConfigError(
            f"{reader.name} reads the column {column!r}, which no stage before it writes and {source} does not have.",
            f"{nearest(column, self.columns.keys() - missing)}Correct {parameter}{none}, put a stage before it that "
            "writes the column, or give an input that has it.",
        )

    def read_input(self, row: Row) -> Row:
        """A row of an input, with its own columns as stages see them.

        Raises:
            ConfigError: A column is missing or does not fit the stage that reads it.
        """
        self.check_input(row, row["path"])
        return {**row, **{name: column.decode(row[name]) for name, column in self.needs.items()}}

    def check(self) -> None:
        """Checks that this machine has the models and files that the stages load, before any process starts.

        Raises:
            ModelError: A model is unknown or not on this machine.
            ConfigError: A file that a parameter names cannot be read.
        """
        for stage in self.stages:
            stage.check()


def graph_of(stages: Sequence[Stage]) -> Graph:
    """The graph of a pipeline's stages.

    Raises:
        ConfigError: There is no stage; one reads a column that an earlier one drops, or that has another type; or one
            writes a column twice, one that it drops, or one that tells pages apart.
    """
    groups = _grouped(stages)
    needs = _needs(step for steps, _ in groups for step in steps)
    columns = {**INPUT_COLUMNS, **needs}
    operators = []
    for steps, pool in groups:
        before = dict(columns)
        for step in steps:
            _check_columns(step, columns)
            columns |= {name: column.in_place_of(columns.get(name)) for name, column in step.writes.items()}
            for name in step.drops:
                columns.pop(name, None)
        operators.append(Operator(steps=steps, pool=pool, before=before, after=dict(columns)))
    return Graph(operators=tuple(operators), needs=needs)


def _grouped(stages: Sequence[Stage]) -> list[tuple[tuple[Step, ...], Pool | None]]:
    """The steps, grouped by the process they run in, with its pool.

    A stage with a pool begins a group. Its last step is the one that needs the pool; those before it prepare the work
    and stay with the data that they cut.
    """
    groups: list[list[Step]] = [[]]
    pools: list[Pool | None] = [None]
    for stage in stages:
        steps = stage.steps()
        for step in steps:
            placed = stage.pool if step is steps[-1] else None
            if placed and (pools[-1] or any(before.holds_model for before in groups[-1])):
                groups.append([])
                pools.append(None)
            groups[-1].append(step)
            pools[-1] = pools[-1] or placed
    return [(tuple(steps), pool) for steps, pool in zip(groups, pools, strict=True)]


def _needs(steps: Iterable[Step]) -> dict[str, Column]:
    """Columns that are read and that no earlier step has written or dropped: they must come with the input."""
    known, needs = set(INPUT_COLUMNS), dict[str, Column]()
    for step in steps:
        needs |= {name: given(name, column) for name, column in step.reads.items() if name not in known}
        known |= {*step.reads, *step.writes, *step.drops}
    return needs


def _check_columns(step: Step, columns: Mapping[str, Column]) -> None:
    named = [value for name, value in step.stage if name.endswith("_col") and value not in step.reads]
    for name in step.writes:
        if not name or name in (INPUT_COLUMNS.keys() - {"content"}) | {*step.drops} or named.count(name) > 1:
            raise ConfigError(
                f"{step.stage.name} cannot write the column {name!r}.", "Give each of its results a column of its own."
            )
    for name, column in step.reads.items():
        if name not in columns:
            raise ConfigError(
                f"{step.stage.name} reads the column {name!r}, which a stage before it drops.",
                f"It can read {', '.join(columns)}. Some stages keep their input with keep_input=True.",
            )
        if not fits(columns[name].arrow, column.arrow):
            raise ConfigError(
                f"{step.stage.name} reads the column {name!r} as {column.arrow}, but it holds {columns[name].arrow}.",
                "Give the stage another column.",
            )
