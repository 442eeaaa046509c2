"""A round: all pages once, in a process of its own, by one of the engines."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from raypipe.bench import beside, online
from raypipe.bench.setting import BESIDE, Round, Setting
from raypipe.errors import ConfigError
from raypipe.inputs.listing import listed
from raypipe.job import loop, plan
from raypipe.job.engine import Engine
from raypipe.job.local import LocalEngine
from raypipe.job.plan import Job
from raypipe.job.progress import Progress
from raypipe.job.ray import RayEngine
from raypipe.pipeline import Pipeline
from raypipe.plurals import counted


def in_turn(
    settings: Sequence[Setting], sources: Sequence[str], rounds: int, on_round: Callable[[int, Setting, Round], None]
) -> list[list[Round]]:
    """Rounds of each setting in turn, forwards and backwards, so that slow and fast periods of the machine affect all.

    The first round of each is a warm-up and does not count.

    Args:
        sources: What is read: files, folders and globs.
        on_round: Called after each round, with its number from 0.

    Raises:
        InputError: A source names nothing.
        ConfigError: A page failed.
    """
    paths = [each.path for source in sources for each in listed(source, None)]
    found: list[list[Round]] = [[] for _ in settings]
    for number in range(rounds + 1):
        order = list(enumerate(settings))
        for place, setting in order[::-1] if number % 2 else order:
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                done = process.submit(one, setting, paths).result()
            on_round(number, setting, done)
            if number:
                found[place].append(done)
    return found


def one(setting: Setting, paths: list[str]) -> Round:
    """A round over files, in this process.

    Raises:
        ConfigError: A page failed: reading it took less time than it should.
    """
    if setting.engine == BESIDE:
        return beside.read(setting.toml, paths)
    with tempfile.TemporaryDirectory() as folder:
        if setting.engine == "serve":
            return online.read(setting, paths, folder)
        pipeline = Pipeline.from_toml(setting.toml)
        job = plan.prepare(pipeline, paths, os.path.join(folder, "out"), ("text",))  # noqa: PTH118 - a place
        summary = loop.run(job, lambda *_: _engine(setting, pipeline, job), Progress())
    if failed := summary.outcome.failed.total():
        raise ConfigError(
            f"{failed:,} of {counted(summary.pages, 'page')} cannot be read, so the measured speed would mean nothing.",
            "Leave them out; `raypipe run` says which they are.",
        )
    sums = dict(summary.sums)
    cpu_seconds = sums.pop("cpu_seconds", None)
    return Round(pages=summary.pages, seconds=summary.processing_seconds, cpu_seconds=cpu_seconds, sums=sums)


def _engine(setting: Setting, pipeline: Pipeline, job: Job) -> Engine:
    if setting.engine == "local":
        return LocalEngine(pipeline.graph, job.writer, setting.batch_size, setting.threads)
    return RayEngine(pipeline.graph, job.writer, setting.batch_size)
