"""Pipelines and pages for all adapters, what this process reads on them, and when two readings are the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import drawn
import pytest

import raypipe as rp
from raypipe import presets
from raypipe.rows import to_table

LocalRows = Callable[[rp.Pipeline, Path], list[dict[str, Any]]]

SHARED = presets.standard()
POOLS = presets.standard(detector_pool=rp.Pool(size=1), recognizer_pool=rp.Pool(min_size=1, max_size=2))
GROUPED_CRAFT = rp.Pipeline(
    [
        rp.BinaryToImage(image_type="TYPE_BYTE_GRAY"),
        rp.ImageTextDetectorV2(model="image_text_detector_v2_opt", width=640),
        rp.ImageToTextV2Opt(group_images=False, line_tolerance=0, output_format="text_with_positions"),
        rp.ImageDrawRegions(rect_color="red"),
    ]
)


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn.twelve_pages(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="session")
def few_pages(pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six of them: a letter, a corrupt one, two columns and the TIFF."""
    folder = tmp_path_factory.mktemp("few")
    for name in ("a_letter.png", "f_corrupt.jpg", "i_columns.png", "j_minutes.tif"):
        shutil.copy(pages / name, folder)
    return folder


@pytest.fixture(scope="session")
def local_rows() -> LocalRows:
    """The rows of a pipeline in this process, where pools mean nothing; each is read once."""

    @cache
    def read(pipeline: rp.Pipeline, folder: Path) -> list[dict[str, Any]]:
        found = [dict(page) for page in pipeline.run(folder)]
        return to_table(found, pipeline.graph.columns).to_pylist()

    return lambda pipeline, folder: read(
        rp.Pipeline([stage.model_copy(update={"pool": None}) for stage in pipeline.stages]), folder
    )


def read_locally(pipeline: rp.Pipeline, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [dict(page) for page in pipeline.run(rows)]


def read_on_ray(pipeline: rp.Pipeline, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    import ray

    places = {row["path"]: place for place, row in enumerate(rows)}
    found = pipeline.transform(ray.data.from_items(rows)).take_all()
    return sorted(found, key=lambda row: places[row["path"]])


def read_online(pipeline: rp.Pipeline, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from ray import serve

    from raypipe.run.settings import Serving

    given = tuple(name for name in rows[0] if name in pipeline.graph.needs)
    handle = serve.run(pipeline.deployment(Serving(input_columns=given)), _local_testing_mode=True)
    pages = [{"content": None, "pagenum": 0, "total_pages": 1, "exception": None, **row} for row in rows]
    return [handle.read.remote(page).result() for page in pages]


EACH_ENGINE_RAY_LATER = pytest.mark.parametrize("engine", ["local", pytest.param("ray", marks=pytest.mark.slow)])
"""For tests that take an `engine`, of which the one on Ray is among those that take long."""
EACH_ADAPTER = pytest.mark.parametrize("read", [read_locally, read_on_ray, read_online])
"""For tests that take a `read`, and a `ray_cluster` for the one on Ray."""
EACH_ADAPTER_RAY_LATER = pytest.mark.parametrize(
    "read", [read_locally, pytest.param(read_on_ray, marks=pytest.mark.slow), read_online]
)
"""The same, of which the one on Ray is among the tests that take long."""


def assert_equal_rows(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        assert (our.get("reading_seconds") is None) == (their.get("reading_seconds") is None)
        assert_equal({**our, "reading_seconds": 0}, {**their, "reading_seconds": 0}, our["path"])


def assert_equal(ours: Any, theirs: Any, where: str) -> None:
    """Equality, but for the last digits of floats: other thread counts add in another order."""
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for key in ours:
            assert_equal(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), where
        for n, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_equal(*pair, f"{where}[{n}]")
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=0.02), where
    else:
        assert ours == theirs, where
