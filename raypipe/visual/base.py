"""LightPipeline: a pipeline in this process, loaded once, for one document at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from raypipe.graph import Graph
from raypipe.inputs.pages import STANDARD, Source, documents, page_rows
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics
from raypipe.run.local import processor
from raypipe.types import USUAL, PageRecord, Row
from raypipe.visual.checked import checked
from raypipe.visual.ml import PipelineModel
from raypipe.visual.paths import place
from raypipe.visual.regions import from_base64
from raypipe.visual.transformers import (
    Base64ToBinary,
    Base64ToImage,
    BinaryToImage,
    ImageSplitRegions,
    ImageToText,
)
from raypipe.visual.transformers.bases import Transformer


@dataclass(frozen=True)
class Annotation:
    """A text: Spark NLP's Annotation."""

    annotator_type: str
    begin: int
    end: int
    result: str
    metadata: dict[str, Any]
    embeddings: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class ImageOutput:
    """Where a picture came from, and why it could not be opened."""

    path: str
    exception: str | None


@dataclass(frozen=True)
class PositionsOutput:
    """The characters of a page with their places."""

    mappings: list[dict[str, Any]]


@dataclass(frozen=True)
class LightPipelineException:
    """Why a page has no text; empty if nothing went wrong."""

    message: list[str]


class LightPipeline:
    """A pipeline for one document at a time, whose models are loaded once, in this process.

    Args:
        model: The pipeline. A first stage that decodes base 64 belongs to `fromString`, which does it itself.

    Raises:
        ConfigError: A stage but `ImageSplitRegions` adds or removes rows.
        ModelError: A model is not on this machine.
    """

    @checked
    def __init__(self, model: PipelineModel) -> None:
        self.pipelineModel = model
        self._most = 100 if any(isinstance(stage, ImageToText) for stage in model.stages) else 1
        self._parts: list[Callable[[list[Row]], list[Row]]] = []
        self._roles, self._where = USUAL, STANDARD
        for splits, group in groupby(_without_base64(model.stages), lambda each: isinstance(each, ImageSplitRegions)):
            stages = list(group)
            if splits:
                self._parts += [stage.on_rows for stage in stages]
            else:
                graph = PipelineModel(stages).pipeline.graph
                self._where = self._where if self._parts else graph.where
                self._parts.append(partial(_through, graph, processor(graph, usable_cpus(), Metrics())))
                self._roles = graph.roles

    def fromLocalPath(self, path: str) -> list[dict[str, Any]]:  # noqa: N802 - Visual NLP's names
        """The pages of a file, or of the files in a folder.

        Returns:
            For each page `pagenum`, `exception`, and under the names of their columns the picture, the text and its
            positions.

        Raises:
            InputError: There is nothing.
        """
        return self._read(place(path))

    def fromString(self, text: str) -> list[dict[str, Any]]:  # noqa: N802
        """The pages of a file in base 64; see `fromLocalPath`.

        Raises:
            InputError: The text is not base 64.
        """
        return self._read({"path": "base64_in_memory", self._where.content: from_base64(text, "The text")})

    @checked
    def fromBinary(self, content: bytes | bytearray | memoryview) -> list[dict[str, Any]]:  # noqa: N802
        """The pages of a file in memory; see `fromLocalPath`."""
        return self._read({"path": "memory", self._where.content: bytes(content)})

    def __reduce__(self) -> tuple[type[LightPipeline], tuple[PipelineModel]]:
        # What is loaded cannot be pickled: another process loads it anew.
        return type(self), (self.pipelineModel,)

    def __getattr__(self, name: str) -> Any:
        """Says what reads a document.

        Raises:
            AttributeError: There is no such attribute.
        """
        raise AttributeError(no_such(self, name))

    def _read(self, source: Source) -> list[dict[str, Any]]:
        rows = list(page_rows(documents(source, self._where), self._where))
        for part in self._parts:
            rows = part(rows)
        return [self._page(row) for row in rows]

    def _page(self, row: Row) -> dict[str, Any]:
        page = PageRecord(row, self._roles)
        message = page.exception or ""
        columns = self._roles.columns
        result = {
            "pagenum": page.pagenum,
            columns.get("image", "image"): ImageOutput(page.path, message or None),
            "exception": LightPipelineException([f"ocr_pipeline_exception::{message}"]),
        }
        if "text" in columns:
            confidence = None if page.confidence is None else page.confidence * self._most
            metadata = {"confidence": confidence, "exception": message, "sourcePath": page.path}
            result[columns["text"]] = Annotation("image_to_text", 0, len(page.text) - 1, page.text, metadata)
        if "positions" in columns:
            matrices = row.get(columns["positions"]) or []
            result[columns["positions"]] = PositionsOutput(
                [asdict(each) for matrix in matrices for each in matrix.mapping]
            )
        return result


def no_such(pipeline: object, name: str) -> str:
    """Why a pipeline for one document at a time lacks something."""
    reads = "fromLocalPath(path), fromBinary(bytes) or fromString(base64) reads a document"
    return f"{type(pipeline).__name__} has no {name}: {reads}; a PipelineModel's transform, a frame."


def _through(graph: Graph, process: Callable[[list[Row]], list[Row]], rows: list[Row]) -> list[Row]:
    return process([graph.read_input(row) for row in rows])


def _without_base64(stages: list[Transformer]) -> list[Transformer]:
    match stages:
        case [Base64ToImage() as first, *others]:
            return [BinaryToImage(outputCol=first.getOrDefault("outputCol")), *others]
        case [Base64ToBinary(), *others]:
            return others
    return stages
