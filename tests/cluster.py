"""One Ray cluster for all tests that need it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

BUCKET_KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What the buckets on loopback take; workers have it from the start."""


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """A cluster on this machine with three logical CPUs: two for actors, one for what reads and writes."""
    import ray

    # Workers import the stages that tests declare.
    paths = [str(Path(__file__).parent / "fault"), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    os.environ.update(BUCKET_KEYS)
    ray.init(
        address="local",
        num_cpus=3,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=200_000_000,
    )
    yield
    ray.shutdown()


def workers(name: str) -> list[psutil.Process]:
    """The processes that work for a cluster of this process, on what has this name: a function or an actor's class."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # It has ended since.
            if name in " ".join(process.cmdline()):
                found.append(process)
    return found
