"""Jobs for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import raypipe as rp
from raypipe.job import loop, plan
from raypipe.job.engine import Engine
from raypipe.job.folder import OutputFolder
from raypipe.job.local import LocalEngine
from raypipe.job.loop import Summary
from raypipe.job.progress import FailureLimits, Progress
from raypipe.job.ray import RayEngine
from raypipe.job.results import Results
from raypipe.pipeline import Pipeline
from raypipe.types import PageRecord

PIPELINE = Pipeline([rp.BinaryToImage()])


def run(
    sources: Any,
    output: Path | str,
    pipeline: Pipeline = PIPELINE,
    changed: Callable[[Progress], None] = lambda progress: None,
    limits: FailureLimits | None = None,
    engine: str = "local",
    page_seconds: float | None = None,
    **options: Any,
) -> Summary:
    """Runs a job: on one thread, one page at a time, or on Ray."""
    sources = sources if isinstance(sources, list) else [sources]
    job = plan.prepare(pipeline, sources, output, **options)

    def engine_for(*_: object) -> Engine:
        if engine == "local":
            return LocalEngine(pipeline.graph, job.writer, 1, 1, page_seconds)
        return RayEngine(pipeline.graph, job.writer, 2, page_seconds=page_seconds)

    return loop.run(job, engine_for, Progress(changed, limits or FailureLimits()))


def run_and_stop(after: int, *args: Any, **options: Any) -> None:
    """Runs a job as `run` does, and stops it as Ctrl-C does when so many pages are finished."""

    def stop(now: Progress) -> None:
        if now.finished == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(*args, changed=stop, **options)


def pages(output: Path | str, pipeline: Pipeline = PIPELINE) -> list[PageRecord]:
    """All pages in an output folder, by document and number."""
    found = Results(OutputFolder(output)).pages(pipeline.graph.columns)
    return sorted(found, key=lambda page: (page.path, page.pagenum))


def tiff(path: Path, *greys: int) -> None:
    """Writes a document with a page of each grey."""
    first, *rest = [Image.new("L", (40, 30), grey) for grey in greys]
    first.save(path, save_all=True, append_images=rest)


def names(output: Path) -> list[tuple[str, int]]:
    """The names and numbers of all pages in an output folder."""
    return [(page.name, page.pagenum) for page in pages(output)]


def files(output: Path) -> set[str]:
    """The names of the files of results."""
    return {path.name for path in (output / "results").iterdir()}
