"""Sequences of stages: what pyspark.ml calls PipelineModel and Pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

from typing_extensions import override

from raypipe.errors import ConfigError
from raypipe.pipeline import Pipeline as Declared
from raypipe.visual import transformers
from raypipe.visual.absent import ABSENT
from raypipe.visual.frame import Frame
from raypipe.visual.saving import Savable
from raypipe.visual.transformers.bases import FrameTransformer, Transformer, transformed

STAGES: dict[str, type[Transformer]] = {
    name: getattr(transformers, name) for name in transformers.__all__ if name not in ABSENT
}
"""The stages by name."""


class PipelineModel(Savable):
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

    @override
    def _parts(self) -> list[Transformer]:
        return self.stages

    @classmethod
    @override
    def _known(cls) -> dict[str, type[Transformer]]:
        return STAGES

    @classmethod
    @override
    def _of(cls, parts: list[Any]) -> Self:
        return cls(parts)


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
