"""SaveImages: from encoded pictures to files, written by the worker; the row keeps the path."""

from __future__ import annotations

from pydantic import Field
from typing_extensions import override

from raypipe.columns import BYTES, OVERLAY, TEXT
from raypipe.errors import UNTIL_WRITABLE, Code, OutputError, PageError, reason_of
from raypipe.files.paths import join, write_file
from raypipe.files.retries import is_full, is_key_refused
from raypipe.keys import public
from raypipe.stages.base import Stage, Step, Worker
from raypipe.types import Row


class ImageSaver(Worker["SaveImages"]):
    """Writes each page's picture to a file.

    Raises:
        OutputError: The disk is full, or the bucket does not accept the key.
    """

    @override
    def process_page(self, row: Row) -> None:
        spec = self.spec
        page = f".{row['pagenum']}" if (row.get("total_pages") or 1) > 1 else ""
        path = join(spec.folder, f"{row['name']}{page}{spec.suffix}")
        try:
            write_file(path, row[spec.input_col])
        except OSError as error:
            if is_full(error) or is_key_refused(error):  # All other pages would fail as well.
                raise OutputError(f"{path} cannot be written: {reason_of(error)}.", UNTIL_WRITABLE) from error
            remedy = "Check the folder and its free space."
            raise PageError(Code.FILE_UNWRITABLE, f"{path}: {reason_of(error)}.", remedy) from error
        row[spec.output_col] = public(path)


class SaveImages(Stage):
    """Writes encoded pictures to a folder, one file per page, and replaces each with its file's path."""

    folder: str = Field(description="path or URI of the folder")
    input_col: str = Field("image_with_regions", description="encoded pictures; the column is dropped")
    output_col: str = Field("overlay", description="path of the picture")
    suffix: str = Field(".jpeg", description="suffix of the files")

    @override
    def steps(self) -> tuple[Step, ...]:
        return (
            Step(
                stage=self,
                worker=ImageSaver,
                reads={self.input_col: BYTES, "name": TEXT},
                writes={self.output_col: OVERLAY},
                drops=(self.input_col,),
            ),
        )
