"""What a job will take: measured on a sample of its pages, and extrapolated to all pages and to a cluster."""

from __future__ import annotations

import math
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from raypipe.errors import ConfigError, DeviceError
from raypipe.graph import Graph
from raypipe.job.engine import RAY_GAIN, RAY_SECONDS, RAY_START_SECONDS
from raypipe.job.folder import OutputFolder
from raypipe.job.local import LocalEngine
from raypipe.job.progress import Progress
from raypipe.job.sample import Sample
from raypipe.job.writer import Writer
from raypipe.machine import private_bytes, usable_cpus
from raypipe.metrics import Metrics
from raypipe.pipeline import Pipeline
from raypipe.run.pools import READ_AND_WRITE_CPUS
from raypipe.types import Row

GROUPS = 10
"""The sample's pages are measured in this many groups, whose differences say how certain the mean is."""
T_95 = 2.262
"""Student's t for 95 % and `GROUPS` - 1 degrees of freedom."""


@dataclass(frozen=True)
class Cluster:
    """Equal nodes.

    Attributes:
        each: CPUs or GPUs of each.
        gpu: Which of the two.
    """

    nodes: int
    each: int
    gpu: bool

    @classmethod
    def parse(cls, text: str) -> Cluster:
        """Parses `8x4gpu` or `10x16cpu`; anything else is a `ConfigError`."""
        parts = re.fullmatch(r"(\d+)x(\d+)(gpu|cpu)", text.lower())
        if not parts or not int(parts[1]) or not int(parts[2]):
            raise ConfigError(f"{text!r} is not a cluster.", "Give nodes and what each has: 8x4gpu, or 10x16cpu.")
        return cls(int(parts[1]), int(parts[2]), parts[3] == "gpu")

    @property
    def actors(self) -> int:
        """Processes that read: one per GPU, or one per CPU except for those that read and write files."""
        count = self.nodes * self.each
        return count if self.gpu else max(1, count - int(READ_AND_WRITE_CPUS))


@dataclass(frozen=True)
class Measurement:
    """What the pages of a sample took on this machine.

    Attributes:
        seconds: Time of one CPU or GPU per page.
        doubt: How far that may be off, as a share of it, with 95 % confidence.
        memory: Bytes of the process that read them.
        output: Bytes per page in the output folder, for each folder in it.
        failed: The share of pages that failed.
        busy: The share of the CPUs' time in which this process computed; None: a GPU read the pages.
        start: Seconds before the first page was begun, in which models were loaded.
    """

    seconds: float
    doubt: float
    memory: int
    output: dict[str, float]
    failed: float
    busy: float | None
    start: float


@dataclass(frozen=True)
class Forecast:
    """What a job will take.

    Attributes:
        documents, pages: How many there are; the pages are an estimate.
        sampled: Pages that were measured.
        actors: Processes that read.
        hours: From its start to its end, in which Ray is started if the job runs on a cluster.
        hours_joined: The same where Ray runs already, as with `--address`; None: the job runs in one process.
        doubt: How far pages and hours may be off, as a share, with 95 % confidence.
        memory: Bytes of all these processes.
        output: Bytes in the output folder.
        failed: Pages that may fail.
        busy: See `Measurement`.
        money: What it costs; None: the price of a node is unknown.
    """

    documents: int
    pages: int
    sampled: int
    actors: int
    hours: float
    hours_joined: float | None
    doubt: float
    memory: int
    output: int
    failed: int
    busy: float | None
    money: float | None


class Mark(NamedTuple):
    """The clock and the CPU seconds of this process when a number of pages was finished."""

    clock: float
    cpu: float
    pages: int

    @classmethod
    def now(cls, pages: int) -> Mark:
        """The mark of this moment."""
        return cls(time.monotonic(), time.process_time(), pages)


class TimedEngine(LocalEngine):
    """Reads documents in this process, and notes when pages are finished.

    Attributes:
        marks: One for each batch of finished pages.
    """

    def __init__(self, graph: Graph, writer: Writer, batch_size: int) -> None:
        super().__init__(graph, writer, batch_size)
        self.marks: list[Mark] = []

    def finished(self, documents: pa.Table, progress: Progress, metrics: Metrics) -> Generator[list[Row], None, None]:
        """See `LocalEngine.finished`."""
        pages = 0
        with closing(super().finished(documents, progress, metrics)) as batches:
            for batch in batches:
                pages += len(batch)
                self.marks.append(Mark.now(pages))
                yield batch


def measure(
    sample: Sample, pipeline_for: Callable[[OutputFolder], Pipeline], formats: Sequence[str], batch_size: int,
    progress: Progress,
) -> Measurement:  # fmt: skip
    """Reads the pages of a sample in this process, with all its CPUs or a GPU, into a folder that is then removed.

    Args:
        pipeline_for: Makes the pipeline that reads them and writes overlays to a folder.

    Raises:
        ConfigError: There are too few batches.
    """
    begin = Mark.now(0)
    with tempfile.TemporaryDirectory() as place:
        folder = OutputFolder(place)
        pipeline = pipeline_for(folder)
        engine = TimedEngine(pipeline.graph, Writer(folder, pipeline.graph.columns, tuple(formats)), batch_size)
        progress.update(due=len(sample.documents), doing="reading", listing=False)
        engine.read(0, sample.documents, progress)
        output = dict(_sizes(Path(place)))
    times = _groups(engine.marks)
    first, last = engine.marks[0], engine.marks[-1]
    at_once = 1 if _on_gpu(pipeline) else usable_cpus()
    seconds = statistics.mean(times) * at_once
    return Measurement(
        seconds=seconds,
        doubt=_doubt(times),
        busy=None if _on_gpu(pipeline) else (last.cpu - first.cpu) / (last.clock - first.clock) / at_once,
        start=max(0.0, first.clock - begin.clock - seconds),
        memory=private_bytes() or 0,
        # Only documents that are read completely have files.
        output={name: size / (sample.whole if name in formats else sample.pages) for name, size in output.items()},
        failed=progress.failed / sample.pages,
    )


def _sizes(place: Path) -> Iterator[tuple[str, int]]:
    """The bytes of each folder."""
    for folder in place.iterdir():
        if folder.is_dir():
            yield folder.name, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _groups(marks: Sequence[Mark]) -> list[float]:
    """Seconds between pages in each of `GROUPS` groups, which begin when the first pages are read.

    Raises:
        ConfigError: There are fewer than two, since many pages are read together.
    """
    edges = [marks[round(n * (len(marks) - 1) / GROUPS)] for n in range(GROUPS + 1)]
    times = [
        (after.clock - before.clock) / (after.pages - before.pages)
        for before, after in pairwise(edges)
        if after.pages > before.pages
    ]
    if len(times) < 2:
        raise ConfigError("Too many pages are read together to measure them.", "Lower --batch-size, or raise --sample.")
    return times


def _doubt(times: Sequence[float]) -> float:
    """Half of the 95 % interval of the mean of the groups' times, as a share of it."""
    return T_95 * statistics.stdev(times) / math.sqrt(len(times)) / statistics.mean(times)


def _on_gpu(pipeline: Pipeline) -> bool:
    return any(stage.on_gpu for stage in pipeline.graph.model_stages)


def check(pipeline: Pipeline, cluster: Cluster | None) -> None:
    """Makes sure that what this machine measures holds for a cluster.

    Raises:
        ConfigError: The pipeline has pools, or the cluster has no GPUs and this machine would use its own.
        DeviceError: The cluster has GPUs and this machine has none that the pipeline uses.
    """
    if any(operator.pool for operator in pipeline.graph.operators):
        raise ConfigError("The pipeline has pools, each with a speed of its own.", "Leave the pools out.")
    if cluster and cluster.gpu and not _on_gpu(pipeline):
        raise DeviceError("Pages on a GPU cannot be measured here.", "Run this on a machine with such a GPU.")
    if cluster and not cluster.gpu and _on_gpu(pipeline):
        raise ConfigError("Pages would be measured on this machine's GPU.", "Add --device cpu.")


def forecast(sample: Sample, measured: Measurement, cluster: Cluster | None, price: float | None) -> Forecast:
    """Extrapolates a measured sample to all pages.

    Args:
        cluster: Where the job is to run; None: in one process on this machine, with its GPU or all its CPUs.
        price: What a node costs per hour.
    """
    on_gpu = measured.busy is None
    actors = cluster.actors if cluster else 1 if on_gpu else usable_cpus()
    seconds = sample.total * measured.seconds / actors
    if cluster:
        seconds = seconds / (1 if cluster.gpu else RAY_GAIN) + RAY_SECONDS
    seconds += measured.start
    nodes = cluster.nodes if cluster else 1
    return Forecast(
        documents=sample.listed,
        pages=round(sample.total),
        sampled=sample.pages,
        actors=actors,
        hours=seconds / 3600,
        hours_joined=(seconds - RAY_START_SECONDS) / 3600 if cluster else None,
        doubt=math.hypot(sample.doubt, measured.doubt),
        memory=measured.memory * (actors if cluster else 1),
        output=round(sample.total * sum(measured.output.values())),
        failed=round(sample.total * measured.failed),
        busy=measured.busy,
        money=None if price is None else price * nodes * seconds / 3600,
    )
