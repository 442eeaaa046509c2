"""What a job will take: measured on a sample of its pages, and drawn out to all of them and to a cluster."""

from __future__ import annotations

import math
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from raypipe.errors import ConfigError, DeviceError, InputError
from raypipe.images.kinds import is_one_page
from raypipe.inputs.listing import Found
from raypipe.job.engine import RAY_GAIN, RAY_SECONDS
from raypipe.job.folder import OutputFolder
from raypipe.job.local import LocalEngine
from raypipe.job.names import Naming
from raypipe.job.progress import Progress
from raypipe.job.writer import Writer
from raypipe.machine import private_bytes, usable_cpus
from raypipe.pipeline import Pipeline
from raypipe.run.local import numbered
from raypipe.run.pools import READ_AND_WRITE_CPUS

GROUPS = 10
"""The sample's pages are measured in so many groups, whose differences say how sure the mean is."""
T_95 = 2.262
"""Student's t for 95 % and `GROUPS` - 1 degrees of freedom."""
FEWEST = 2 * GROUPS


@dataclass(frozen=True)
class Cluster:
    """Equal nodes.

    Attributes:
        nodes: How many.
        each: CPUs or GPUs of each.
        gpu: Which of the two.
    """

    nodes: int
    each: int
    gpu: bool

    @classmethod
    def parse(cls, text: str) -> Cluster:
        """Parses `8x4gpu` or `10x16cpu`.

        Raises:
            ConfigError: It is neither.
        """
        parts = re.fullmatch(r"(\d+)x(\d+)(gpu|cpu)", text.lower())
        if not parts or not int(parts[1]) or not int(parts[2]):
            raise ConfigError(f"{text!r} is no cluster.", "Say nodes and what each has: 8x4gpu, or 10x16cpu.")
        return cls(int(parts[1]), int(parts[2]), parts[3] == "gpu")

    @property
    def actors(self) -> int:
        """Processes that read: one a GPU, or one a CPU but for those that read and write files."""
        count = self.nodes * self.each
        return count if self.gpu else max(1, count - int(READ_AND_WRITE_CPUS))


@dataclass(frozen=True)
class Sample:
    """Pages that stand for all.

    Attributes:
        listed: Documents of the sources.
        documents: Those of the sample: `path`, `name`, `size`, and `done`: the numbers of pages that are not in it.
        pages: How many pages it has.
        whole: How many of these belong to documents that it has whole.
        pages_per_document: Their mean number over all documents that were opened.
        doubt: How far that may be off, as a share of it, with 95 % confidence.
    """

    listed: int
    documents: pa.Table
    pages: int
    whole: int
    pages_per_document: float
    doubt: float


@dataclass(frozen=True)
class Measured:
    """What the pages of a sample took on this machine.

    Attributes:
        seconds: Of one CPU or GPU for a page.
        doubt: How far that may be off, as a share of it, with 95 % confidence.
        memory: Bytes of the process that read them.
        output: Bytes of a page in the output folder, by the folders in it.
        failed: The share of pages that failed.
    """

    seconds: float
    doubt: float
    memory: int
    output: dict[str, float]
    failed: float


@dataclass(frozen=True)
class Forecast:
    """What a job will take.

    Attributes:
        documents, pages: How many there are; the pages are an estimate.
        sampled: Pages that were measured.
        actors: Processes that read.
        hours: From its start to its end.
        doubt: How far pages and hours may be off, as a share, with 95 % confidence.
        memory: Bytes of all these processes.
        output: Bytes in the output folder.
        failed: Pages that may fail.
        money: What it costs; None: nobody said what a node costs.
    """

    documents: int
    pages: int
    sampled: int
    actors: int
    hours: float
    doubt: float
    memory: int
    output: int
    failed: int
    money: float | None


def draw(found: Iterable[Found], sources: Sequence[str], most: int, told: Callable[[int], None]) -> Sample:
    """Draws documents at random, all with the same chance, and of their pages as many as are to be measured.

    Args:
        found: The documents of the sources.
        sources: The sources, after which documents are named.
        most: Pages.
        told: Is told how many documents are listed, every now and then.

    Raises:
        InputError: There are too few pages.
    """
    chance, listed, drawn = random.Random(0), 0, list[Found]()
    for listed, each in enumerate(found, 1):
        place = len(drawn) if len(drawn) < most else chance.randrange(listed)
        if place < most:
            drawn[place : place + 1] = [each]
        if listed % 10_000 == 0:
            told(listed)
    chance.shuffle(drawn)
    naming = Naming(sources)
    rows = [{"path": each.path, "name": naming.of(each), "size": each.size} for each in drawn]
    counts = _page_counts([row for row in rows if not is_one_page(str(row["path"]))])
    pages = [(n, page) for n, row in enumerate(rows) for page in range(counts.get(str(row["path"]), 1))]
    if len(pages) < FEWEST:
        raise InputError(f"The sources have {len(pages)} pages, too few to measure.", "Run the job at once.")
    left_out: list[list[int]] = [[] for _ in rows]
    for n, page in chance.sample(pages, max(0, len(pages) - most)):
        left_out[n].append(page)
    numbers = [float(counts.get(str(row["path"]), 1)) for row in rows]
    return Sample(
        listed=listed,
        documents=pa.Table.from_pylist(rows).append_column("done", pa.array(left_out, pa.list_(pa.int32()))),
        pages=min(most, len(pages)),
        whole=int(sum(number for number, left in zip(numbers, left_out, strict=True) if not left)),
        pages_per_document=statistics.mean(numbers),
        doubt=_doubt(numbers) if listed > len(rows) else 0.0,
    )


def _page_counts(rows: list[dict[str, object]]) -> dict[str, int]:
    return {str(row["path"]): len(pages) for row, pages in zip(rows, numbered(rows, None), strict=True)}


def _doubt(values: Sequence[float]) -> float:
    """Half of the 95 % interval of a mean, as a share of it."""
    if len(values) < 2:
        return 0.0
    t = T_95 if len(values) == GROUPS else 1.96
    return t * statistics.stdev(values) / math.sqrt(len(values)) / statistics.mean(values)


def measure(
    sample: Sample, pipeline_for: Callable[[OutputFolder], Pipeline], formats: Sequence[str], batch_size: int,
    progress: Progress,
) -> Measured:  # fmt: skip
    """Reads the pages of a sample in this process, with all its CPUs or a GPU, into a folder that is then removed.

    Args:
        sample: The pages.
        pipeline_for: What reads them, and writes overlays to a folder.
        formats: Names of output formats.
        batch_size: Pages read together.
        progress: Is told how far it is.
    """
    ends, tell = list[tuple[float, int]](), progress.changed

    def noted(now: Progress) -> None:
        ends.append((time.monotonic(), now.finished))
        tell(now)

    progress.changed = noted
    with tempfile.TemporaryDirectory() as place:
        folder = OutputFolder(place)
        pipeline = pipeline_for(folder)
        engine = LocalEngine(pipeline.graph, Writer(folder, pipeline.graph.columns, tuple(formats)), batch_size)
        progress.update(due=len(sample.documents), doing="reading", listing=False)
        engine.read(0, sample.documents, progress)
        output = dict(_sizes(Path(place)))
    times = _groups(ends)
    return Measured(
        seconds=statistics.mean(times) * (1 if _on_gpu(pipeline) else usable_cpus()),
        doubt=_doubt(times),
        memory=private_bytes() or 0,
        # Only documents that are read whole have files.
        output={name: size / (sample.whole if name in formats else sample.pages) for name, size in output.items()},
        failed=progress.failed / sample.pages,
    )


def _sizes(place: Path) -> Iterator[tuple[str, int]]:
    """The bytes of each folder."""
    for folder in place.iterdir():
        if folder.is_dir():
            yield folder.name, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _groups(ends: list[tuple[float, int]]) -> list[float]:
    """Seconds between pages in each of `GROUPS` groups, which begin when the first pages are read."""
    ends = [each for n, each in enumerate(ends) if each[1] and (n == 0 or each[1] > ends[n - 1][1])]
    marks = [ends[round(n * (len(ends) - 1) / GROUPS)] for n in range(GROUPS + 1)]
    return [
        (later - sooner) / (after - before)
        for (sooner, before), (later, after) in zip(marks, marks[1:], strict=False)
        if after > before
    ]


def _on_gpu(pipeline: Pipeline) -> bool:
    return any(stage.on_gpu for stage in pipeline.graph.model_stages)


def check(pipeline: Pipeline, cluster: Cluster | None) -> None:
    """Makes sure that what this machine measures says something about a cluster.

    Raises:
        ConfigError: The pipeline has pools, or the cluster has no GPUs and this machine would use its own.
        DeviceError: The cluster has GPUs and this machine has none that the pipeline uses.
    """
    if any(operator.pool for operator in pipeline.graph.operators):
        raise ConfigError("The pipeline has pools, of which each has a speed of its own.", "Leave the pools out.")
    if cluster and cluster.gpu and not _on_gpu(pipeline):
        raise DeviceError("Pages on a GPU cannot be measured here.", "Run this on a machine with a GPU like those.")
    if cluster and not cluster.gpu and _on_gpu(pipeline):
        raise ConfigError("Pages would be measured on this machine's GPU.", "Add --device cpu.")


def forecast(sample: Sample, measured: Measured, cluster: Cluster | None, price: float | None) -> Forecast:
    """Draws a measured sample out to all pages.

    Args:
        sample: The sample.
        measured: What it took.
        cluster: Where the job is to run; None: in one process on this machine, with all its CPUs.
        price: What a node costs an hour.
    """
    pages = sample.listed * sample.pages_per_document
    actors = cluster.actors if cluster else usable_cpus()
    seconds = pages * measured.seconds / actors
    if cluster:
        seconds = seconds / (1 if cluster.gpu else RAY_GAIN) + RAY_SECONDS
    nodes = cluster.nodes if cluster else 1
    return Forecast(
        documents=sample.listed,
        pages=round(pages),
        sampled=sample.pages,
        actors=actors,
        hours=seconds / 3600,
        doubt=math.hypot(sample.doubt, measured.doubt),
        memory=measured.memory * (actors if cluster else 1),
        output=round(pages * sum(measured.output.values())),
        failed=round(pages * measured.failed),
        money=None if price is None else price * nodes * seconds / 3600,
    )
