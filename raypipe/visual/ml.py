"""Sequences of stages: what pyspark.ml calls PipelineModel and Pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Self

from raypipe.errors import ConfigError, PageError
from raypipe.files.paths import exists, join, read_file, write_file
from raypipe.pipeline import Pipeline as Declared
from raypipe.visual import enums, transformers
from raypipe.visual.absent import ABSENT
from raypipe.visual.checked import checked
from raypipe.visual.frame import Frame
from raypipe.visual.transformers.bases import FrameTransformer, Transformer, transformed

FILE = "pipeline.json"
STAGES: dict[str, type[Transformer]] = {
    name: getattr(transformers, name) for name in transformers.__all__ if name not in ABSENT
}
"""The stages by name."""


class PipelineModel:
    """A sequence of stages. They may be changed later: their parameters count when the pipeline is used.

    Another pipeline among them stands for its own stages.
    """

    def __init__(self, stages: Sequence[Transformer | PipelineModel]) -> None:
        self.stages: list[Transformer] = []
        for each in stages if isinstance(stages, Iterable) else [stages]:
            self.stages += each.stages if isinstance(each, PipelineModel) else [each]
        for stage in self.stages:
            if not isinstance(stage, Transformer):
                raise ConfigError(
                    f"{stage!r} is not a stage of raypipe.visual.",
                    f"It has {', '.join(sorted(STAGES))}; stages of raypipe's own go into raypipe.Pipeline.",
                )

    def transform(self, frame: Frame) -> Frame:
        """The frame with what the stages add; nothing is computed until rows are requested.

        Raises:
            ConfigError: The frame lacks a column that a stage reads.
        """
        return transformed(self.stages, frame)

    def fit(self, frame: Frame | None = None) -> PipelineModel:
        """This pipeline: nothing is trained here."""
        return self

    @property
    def pipeline(self) -> Declared:
        """The same stages as a `raypipe.Pipeline`: for `run`, Ray Data, servers and files.

        Raises:
            ConfigError: A stage adds or removes rows, which a pipeline does not.
        """
        for stage in self.stages:
            if isinstance(stage, FrameTransformer):
                raise ConfigError(f"{type(stage).__name__} changes the number of rows.", "Use it on a frame.")
        return Declared([each for stage in self.stages for each in stage.stages()])

    def save(self, path: str | Path) -> None:
        """Writes the stages and their parameters to a folder, by its path or URI.

        Raises:
            ConfigError: The folder exists already.
        """
        self.write().save(path)

    def write(self) -> Saver:
        """A saver that can replace what exists: `write().overwrite().save(path)`."""
        return Saver(self)

    @classmethod
    @checked
    def load(cls, path: str | Path) -> Self:
        """A pipeline from its folder, by its path or URI.

        Raises:
            ConfigError: The folder does not hold a pipeline, or one with a stage or parameter that is not known.
        """
        file = join(str(path), FILE)
        if not exists(file):
            raise ConfigError(f"{path} holds no pipeline.", "Give a folder that save(path) wrote here.")
        try:
            tables = json.loads(read_file(file))["stages"]
            return cls([_stage(table["type"], table["values"]) for table in tables])
        except (PageError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{file} cannot be read: {error}.", "Give a folder that save(path) wrote.") from error


class Pipeline(PipelineModel):
    """A sequence of stages before `fit`, which has nothing to do."""

    def __init__(self, stages: Sequence[Transformer | PipelineModel] = ()) -> None:
        super().__init__(stages)

    def getStages(self) -> list[Transformer]:  # noqa: N802 - pyspark's names
        """The stages."""
        return self.stages

    def setStages(self, stages: Sequence[Transformer | PipelineModel]) -> Self:  # noqa: N802
        """Sets the stages."""
        self.stages = PipelineModel(stages).stages
        return self

    def fit(self, frame: Frame | None = None) -> PipelineModel:
        """The pipeline, ready: nothing is trained here."""
        return PipelineModel(self.stages)


class Saver:
    """Writes a pipeline to a folder, and may replace another one there."""

    def __init__(self, model: PipelineModel) -> None:
        self._model, self._replaces = model, False

    def overwrite(self) -> Saver:
        """Lets `save` replace what exists."""
        self._replaces = True
        return self

    @checked
    def save(self, path: str | Path) -> None:
        """Writes the folder.

        Raises:
            ConfigError: It exists already and is not to be replaced.
        """
        file = join(str(path), FILE)
        if exists(file) and not self._replaces:
            raise ConfigError(f"{path} already holds a pipeline.", "Use write().overwrite().save(path).")
        stages = [{"type": type(stage).__name__, "values": _enum(stage._values)} for stage in self._model.stages]
        write_file(file, json.dumps({"stages": stages}, indent=2).encode())


def _enum(value: Any) -> Any:
    """A value in which members of enumerations are replaced by the names of both."""
    if isinstance(value, Enum):
        return {"enum": type(value).__name__, "name": value.name}
    return {name: _enum(each) for name, each in value.items()} if isinstance(value, dict) else value


def _stage(name: str, values: dict[str, Any]) -> Transformer:
    if name not in STAGES:
        raise ConfigError(f"There is no stage {name!r}.", f"Use {', '.join(sorted(STAGES))}.")
    return STAGES[name](**{parameter: _value(value) for parameter, value in values.items()})


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"enum", "name"}:
            return getattr(enums, value["enum"])[value["name"]]
        return {name: _value(each) for name, each in value.items()}
    return value
