"""The columns, and the records in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import get_type_hints

import pyarrow as pa

import raypipe as rp
from pages.stages import made
from pages.tables import code, table, text_of
from raypipe import types
from raypipe.columns import UNLESS_ASKED_FOR, Column, arrow_of
from raypipe.pipeline import Pipeline

INPUTS = {
    "path": "where the document came from",
    "name": "the last part of its path",
    "content": "the encoded file, where it was in memory; gone after BinaryToImage unless it keeps its input",
    "pagenum": "number of the page in its document, from 0",
    "total_pages": "pages of the document",
    "exception": "why the page failed: stage, code, message; null where it did not",
    "reading_seconds": "how long the stages took; pages that are read together share it alike; null if no stage ended",
}
USUAL = (rp.ImageTextDetector, rp.ImageToText, rp.ImageDrawRegions)
RECORDS = (types.Region, types.Line, types.Word, types.Alternative, types.PageMatrix, types.Character)


def columns() -> Iterator[str]:
    """Columns and the records in them."""
    drawn = Pipeline([rp.BinaryToImage(keep_input=True), *map(made, USUAL)])
    saved = Pipeline([*drawn.stages, rp.SaveImages(folder="out")])
    texts = {**_described(saved), **INPUTS}
    yield "# Columns\n\nThe columns of a pipeline with all of the usual stages, and what they are in Parquet.\n\n"
    found = {**drawn.graph.columns, **saved.graph.columns}
    yield table(("column", "type", "what"), [(code(name), _arrow(found[name]), texts.get(name, "")) for name in found])
    yield "\nCoordinates are pixels of the upright page at its full resolution.\n"
    for kind in RECORDS:
        yield f"\n## {kind.__name__}\n\n{text_of(kind)}\n\n"
        yield table(
            ("field", "type"),
            [(code(field.name), _plain(arrow_of(get_type_hints(kind)[field.name]))) for field in fields(kind)],
        )


def _described(pipeline: Pipeline) -> dict[str, str]:
    """What the parameters that name columns say of them: the stage that writes one knows it best."""
    found: dict[str, str] = {}
    for step in pipeline.graph.steps:
        for name, value in step.stage:
            if name.endswith("_col") and value in step.writes:
                found[value] = type(step.stage).model_fields[name].description or ""
    return found


def _arrow(column: Column) -> str:
    return "picture: `origin`, `height`, `width`, ..." if column.role == "image" else _plain(column.arrow)


def _plain(arrow: pa.DataType) -> str:
    """An Arrow type, records by their name."""
    for kind in RECORDS:
        if is_dataclass(kind) and arrow in (arrow_of(kind), arrow_of(kind, UNLESS_ASKED_FOR)):
            return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return f"list of {_plain(arrow.value_type)}" if pa.types.is_list(arrow) else code(arrow)
