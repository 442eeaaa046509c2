"""SaveImages: encoded pictures of rows to files, where the worker runs; the row keeps the path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from raypipe.errors import Code, PageError
from raypipe.files import write_file
from raypipe.stages.base import Stage, Worker
from raypipe.types import NULLABLE_TEXT, Column, Row


class ImageSaver(Worker["SaveImages"]):
    """Writes each page's picture to a file."""

    @staticmethod
    def reads(spec: SaveImages) -> tuple[str, ...]:
        """See `Worker.reads`."""
        return (spec.input_col, "name")

    @staticmethod
    def writes(spec: SaveImages) -> dict[str, Column]:
        """See `Worker.writes`."""
        return {spec.output_col: NULLABLE_TEXT}

    @staticmethod
    def drops(spec: SaveImages) -> tuple[str, ...]:
        """See `Worker.drops`."""
        return (spec.input_col,)

    def process(self, rows: Sequence[Row]) -> None:
        """See `Worker.process`."""
        spec = self.spec
        for row in rows:
            page = f".{row['pagenum']}" if (row.get("total_pages") or 1) > 1 else ""
            path = f"{spec.folder.rstrip('/')}/{row['name']}{page}{spec.suffix}"
            with self.guard(row):
                try:
                    write_file(path, row[spec.input_col])
                except OSError as error:
                    raise PageError(
                        Code.FILE_UNWRITABLE, f"{path}: {error}.", "Check the folder and its space."
                    ) from error
                row[spec.output_col] = path


class SaveImages(Stage):
    """Writes encoded pictures to a folder, a file a page, and puts the file's path in their place."""

    workers: ClassVar = (ImageSaver,)

    folder: str = Field(description="path or URI of the folder")
    input_col: str = Field("image_with_regions", description="encoded pictures; the column is dropped")
    output_col: str = Field("overlay", description="path of the picture")
    suffix: str = Field(".jpeg", description="suffix of the files")
