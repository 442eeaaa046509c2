"""Frames to files: `frame.write.parquet(folder)`. On Ray, the workers write what they made."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from raypipe.errors import ConfigError, OutputError
from raypipe.visual.checked import checked
from raypipe.visual.paths import place
from raypipe.visual.tables import RayTables, Tables

MODES = ("error", "errorifexists", "overwrite")
ELSEWHERE = {
    "binaryFormat": "for row in frame.toLocalIterator(): to_pil_image(row.image).save(file)",
    "csv": "frame.select(...).toPandas().to_csv(file)",
    "image": "for row in frame.toLocalIterator(): to_pil_image(row.image).save(file)",
    "json": 'frame.select(...).toPandas().to_json(file, orient="records", lines=True)',
    "option": "write.parquet(folder), which has no options, or toPandas().to_csv(file, ...)",
    "options": "write.parquet(folder), which has no options, or toPandas().to_csv(file, ...)",
    "saveAsTable": "write.parquet(folder)",
    "text": "for row in frame.toLocalIterator(): Path(file).write_text(row.text)",
}
"""Spark's other ways to write a frame, and what to use instead."""
ROWS_PER_GROUP = 64
"""Rows per row group: few, since pictures come with their pixels."""


@dataclass(frozen=True)
class Writer:
    """Writes the rows of a frame; an existing folder may be replaced."""

    tables: Tables
    replaces: bool = False

    def __getattr__(self, name: str) -> Any:
        """Says how frames are written.

        Raises:
            AttributeError: There is no such attribute.
        """
        way = ELSEWHERE.get(name, "write.parquet(folder) or toPandas()")
        raise AttributeError(f"Frames are not written by {name}: {way} does it.")

    def mode(self, name: str) -> Writer:
        """What to do if the folder exists: `error` or `overwrite`.

        Raises:
            ConfigError: It is none of these.
        """
        if name not in MODES:
            remedy = f"Use one of {', '.join(MODES)}; to add rows, write another folder: read.parquet takes several."
            raise ConfigError(f"There is no write mode {name!r}.", remedy)
        return replace(self, replaces=name == "overwrite")

    @checked
    def parquet(self, path: str | Path) -> None:
        """Writes a folder of Parquet files; on Ray, one that all nodes reach, or a URI.

        Raises:
            OutputError: The folder exists already, cannot be written, or is a URI and the engine is not Ray.
        """
        folder = place(path)
        if isinstance(self.tables, RayTables):
            from raypipe.run.datasets import write_parquet

            write_parquet(self.tables.dataset, folder, replaces=self.replaces)
        elif "://" in folder:
            raise OutputError(f"{path} is a URI, which only Ray writes.", 'Give a folder, or use start(engine="ray").')
        else:
            self._write(Path(folder))

    def _write(self, folder: Path) -> None:
        """Writes a folder with one file, whole or not at all."""
        if folder.exists() and not self.replaces:
            raise OutputError(f"{folder} already exists.", 'Choose another folder, or write.mode("overwrite").')
        temporary = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            temporary.mkdir(parents=True)
            with pq.ParquetWriter(temporary / "part-00000.parquet", self.tables.schema) as file:
                for table in self.tables:
                    file.write_table(table, ROWS_PER_GROUP)
            if folder.exists():
                shutil.rmtree(folder)
            temporary.rename(folder)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written: {error}.", "Check its place and the free space.") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def format(self, name: str) -> Writer:
        """The format of the files.

        Raises:
            ConfigError: It is not `parquet`.
        """
        if name != "parquet":
            remedy = ELSEWHERE.get(name, "`raypipe run` writes documents, and Ray has frame.dataset.write_*")
            raise ConfigError(f"Frames are not written as {name!r}.", f"Use parquet, or {remedy}.")
        return self

    def save(self, path: str | Path) -> None:
        """The same as `parquet`."""
        self.parquet(path)
