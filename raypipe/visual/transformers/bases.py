"""What stages over frames have in common."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, ClassVar, Self

from typing_extensions import override

from raypipe.errors import ConfigError
from raypipe.plurals import counted
from raypipe.stages.base import ModelStage, Stage
from raypipe.visual import models
from raypipe.visual.checked import checked
from raypipe.visual.frame import Frame
from raypipe.visual.parameters import Parameter, Parameters
from raypipe.visual.saving import Savable

NAMES = str | Sequence[str]
"""The type of parameters that name columns."""
GPU = Parameter(field="use_gpu", note="True: CUDA or an error; False: CPU; None: CUDA if there is a GPU")


class Transformer(Parameters, Savable):
    """A stage that adds columns to a frame."""

    shows_total_pages: ClassVar[bool] = False
    """Whether frames show how many pages the document has."""

    def transform(self, frame: Frame) -> Frame:
        """The frame with what the stage adds; nothing is computed yet.

        Raises:
            ConfigError: The frame lacks a column that the stage reads.
        """
        return transformed([self], frame)

    def stages(self) -> list[Stage]:
        """The raypipe stages that do its work."""
        return [self.stage()]

    def hidden(self) -> list[str]:
        """Columns that it adds and Visual NLP does not have: a frame holds them but does not show them."""
        return []

    @override
    def _parts(self) -> list[Parameters]:
        return [self]

    @classmethod
    @override
    def _known(cls) -> dict[str, type[Parameters]]:
        return {cls.__name__: cls}

    @classmethod
    @override
    def _of(cls, parts: list[Any]) -> Self:
        if len(parts) != 1:
            raise ConfigError(f"The folder holds {counted(len(parts), 'stage')}.", "Use PipelineModel.load(path).")
        only: Self = parts[0]
        return only


class FrameTransformer(Transformer):
    """A stage that works on the whole frame: it may add or remove rows."""

    def on_frame(self, frame: Frame) -> Frame:
        """The frame with what the stage adds."""
        raise NotImplementedError


def transformed(transformers: Sequence[Transformer], frame: Frame) -> Frame:
    """A frame after several stages; consecutive stages form one pipeline.

    Raises:
        ConfigError: The frame lacks a column that one of them reads.
    """
    if not isinstance(frame, Frame):
        raise ConfigError(f"{frame!r} is not a frame.", "Give what start().read or session.createDataFrame returns.")
    for whole, group in groupby(transformers, lambda each: isinstance(each, FrameTransformer)):
        members = list(group)
        if whole:
            for each in members:
                frame = each.on_frame(frame)
            continue
        shows_pages = any(each.shows_total_pages for each in members)
        hidden = {"name", "reading_seconds", *(name for each in members for name in each.hidden())} | (
            set() if shows_pages or "total_pages" in frame.columns else {"total_pages"}
        )
        frame = frame.through([stage for each in members for stage in each.stages()], hidden)
    return frame


class ModelTransformer(Transformer):
    """A stage with a model."""

    @classmethod
    @checked
    def pretrained(cls, name: str | None = None, lang: str = "en", remote_loc: str | None = None) -> Self:
        """The stage with a model that is on this machine, by Visual NLP's name or raypipe's; None: the stage's own.

        It must read the language. Nothing is downloaded, as `raypipe models pull NAME` does: `remote_loc` is not
        needed.

        Raises:
            ModelError: The model is not on this machine, and no substitute is allowed.
        """
        spec = cls.spec
        assert spec and issubclass(spec, ModelStage)
        usual = str(spec.model_fields["model"].default)
        language = {"language": lang} if "language" in spec.model_fields else {}
        return cls(model=models.local(name or usual, spec.task, lang, usual), **language)
