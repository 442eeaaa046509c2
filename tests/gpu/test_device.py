"""The device that was asked for is the device that runs."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import drawn
import pytest

import raypipe as rp
from raypipe import presets
from raypipe.engine import devices
from raypipe.engine.providers import Provider
from raypipe.zoo.manifest import Precision

NO_GPU = "there is no CUDA device here"


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.png"
    drawn.page(drawn.LETTER).save(path)
    return path


@pytest.mark.skipif(devices.gpu_available(), reason="there is a CUDA device here")
def test_a_gpu_that_is_not_there_is_an_error_not_a_cpu_run(letter: Path) -> None:
    with pytest.raises(rp.DeviceError, match="raypipe doctor"):
        list(presets.standard(use_gpu=True).run(letter))


@pytest.mark.skipif(devices.gpu_available(), reason="there is a CUDA device here")
def test_auto_runs_on_the_cpu_without_a_gpu(letter: Path) -> None:
    assert [page.text.split("\n") for page in presets.standard(use_gpu=None).run(letter)] == [drawn.LETTER]


@pytest.mark.gpu
@pytest.mark.skipif(not devices.gpu_available(), reason=NO_GPU)
@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize("provider", get_args(Provider))
def test_a_gpu_reads_what_the_cpu_reads(letter: Path, provider: Provider, precision: Precision) -> None:
    if provider == "tensorrt" and devices.tensorrt_trouble():
        pytest.skip(devices.tensorrt_trouble())
    pipeline = presets.standard(use_gpu=True, precision=precision, provider=provider)
    expected = [page.text for page in presets.standard(use_gpu=False).run(letter)]
    # In new memory, in memory that was kept, and as a recorded graph.
    assert [page.text for page in pipeline.run([letter] * 4, threads=1)] == 4 * expected


@pytest.mark.gpu
@pytest.mark.skipif(not devices.gpu_available(), reason=NO_GPU)
def test_actors_share_a_gpu_by_fractions(letter: Path) -> None:
    import ray

    ray.init(address="local", num_cpus=4, num_gpus=1, include_dashboard=False)
    try:
        half = rp.Pool(size=1, num_gpus=0.5)
        pipeline = presets.standard(use_gpu=True, detector_pool=half, recognizer_pool=half)
        assert pipeline.transform(rp.read(letter)).take_all()[0]["text"].split("\n") == drawn.LETTER
    finally:
        ray.shutdown()
