"""An actor with a GPU reads several pages at once, as one process reads each alone. Ray only believes in the GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from drawn import page

import raypipe as rp
from raypipe.run.batch import transform

POOL = rp.Pool(size=1, num_gpus=1, num_cpus=3)
DETECT = rp.ImageTextDetector(width=320, use_gpu=False, pool=POOL)


@pytest.fixture
def cluster() -> Iterator[None]:
    if ray.is_initialized():
        pytest.skip("another cluster runs")
    ray.init(address="local", num_cpus=4, num_gpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.slow
def test_pages_that_a_gpu_actor_reads_at_once_come_in_order(cluster: None, tmp_path: Path) -> None:
    for n in range(14):
        page(["a line of it"] * (n % 4), (300, 300)).save(tmp_path / f"{n:02}.png")
    (tmp_path / "07.png").write_bytes(b"no picture")
    pipeline = rp.Pipeline([rp.BinaryToImage(), DETECT])
    alone = list(pipeline.run(tmp_path, threads=1))
    rows = sorted(transform(pipeline.graph, rp.read(tmp_path), 2).take_all(), key=lambda row: row["path"])
    assert [len(row["text_regions"]) for row in rows] == [len(found.regions) for found in alone]
    assert [bool(row["exception"]) for row in rows] == [n == 7 for n in range(14)]
