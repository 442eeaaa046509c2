"""Any dataset of Ray Data goes into a pipeline, several pipelines go into one dataset, and it goes on from there."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import drawn
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray
from adapters import SHARED
from cluster import workers
from packaging.version import Version
from PIL import Image
from pipelines import Copier, Killer

import raypipe as rp
from raypipe.errors import ConfigError, InputError

SMALL = rp.Pool(size=1, num_cpus=0.25)
READ = rp.Pipeline([Killer(pool=SMALL)])
SIZE = rp.Pipeline([rp.BinaryToImage(pool=SMALL)])
NAMES = [f"{n}.png" for n in range(6)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> Path:
    folder = tmp_path_factory.mktemp("data") / "pictures"
    folder.mkdir()
    for n, name in enumerate(NAMES):
        Image.new("RGB", (40 + n, 30), (255, n, 0)).save(folder / name)
    return folder


def names(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(Path(row["path"]).name for row in rows)


def sizes(rows: list[dict[str, Any]]) -> list[tuple[int, int]]:
    assert not [row["exception"] for row in rows if row["exception"]]
    return sorted((row["image"]["width"], row["image"]["height"]) for row in rows)


SIZES = [(40 + n, 30) for n in range(6)]


def of_bytes(folder: Path) -> Any:
    from ray import data

    return data.read_binary_files(str(folder), include_paths=True)


def of_pictures(folder: Path) -> Any:
    from ray import data

    return data.read_images(str(folder), include_paths=True)


def of_parquet(folder: Path) -> Any:
    from ray import data

    if Version(ray.__version__) < Version("2.60"):
        pytest.skip("this Ray leaves out a column of a Parquet file that is named path")
    table = pa.table({"path": NAMES, "bytes": [(folder / name).read_bytes() for name in NAMES], "box": [7] * 6})
    (folder.parent / "tables").mkdir()
    pq.write_table(table, folder.parent / "tables" / "pictures.parquet")
    return data.read_parquet(str(folder.parent / "tables"))


def of_items(folder: Path) -> Any:
    from ray import data

    return data.from_items([{"path": str(folder / name)} for name in NAMES])


@pytest.mark.parametrize(
    "of", [of_bytes, *(pytest.param(of, marks=pytest.mark.slow) for of in (of_pictures, of_parquet, of_items))]
)
def test_a_dataset_of_each_kind_is_read(of: Any, folder: Path) -> None:
    rows = SIZE.transform(of(folder)).take_all()
    assert names(rows) == NAMES and sizes(rows) == SIZES
    assert {(row["pagenum"], row["total_pages"]) for row in rows} == {(0, 1)}
    assert {row.get("box") for row in rows} == {7 if of is of_parquet else None}


@pytest.mark.slow
def test_arrays_of_pictures_are_read_like_their_files(pages: Path, ray_cluster: None) -> None:
    from ray import data

    (row,) = SHARED.transform(data.read_images(str(pages / "a_letter.png"), include_paths=True)).take_all()
    assert row["text"].split("\n") == drawn.LETTER


def test_a_dataset_goes_on(folder: Path, tmp_path: Path) -> None:
    dataset = READ.transform(of_items(folder)).map_batches(lambda batch: {**batch, "length": batch["text"]})
    kept = dataset.filter(lambda row: not row["path"].endswith("0.png"))
    both = kept.union(READ.transform(of_items(folder)).add_column("length", lambda batch: batch["text"]))
    both.write_parquet(str(tmp_path / "out"))
    rows = [row for file in (tmp_path / "out").iterdir() for row in pq.ParquetFile(file).read().to_pylist()]
    assert names(rows) == sorted([*NAMES, *NAMES[1:]])
    assert all(row["length"] == row["text"] for row in rows)


@pytest.mark.slow
def test_a_limit_and_a_filter_that_leaves_nothing(folder: Path) -> None:
    both = READ.transform(of_items(folder)).union(READ.transform(of_items(folder)))
    assert len(both.limit(3).take_all()) == 3
    assert len(READ.transform(of_items(folder).limit(2)).take_all()) == 2
    assert READ.transform(of_items(folder).filter(lambda row: False)).take_all() == []
    boxes = of_bytes(folder).add_column("box", lambda batch: [7] * len(batch))
    assert READ.transform(boxes.filter(lambda row: False)).take_all() == []


def test_pages_are_counted_in_the_column_that_is_read(ray_cluster: None) -> None:
    from ray import data

    file, page = io.BytesIO(), Image.new("L", (9, 9))
    page.save(file, "TIFF", save_all=True, append_images=[page])
    stages = [rp.BinaryToImage(input_col="data", pool=SMALL), Copier(input_col="note", output_col="copy", pool=SMALL)]
    dataset = data.from_items([{"path": "a", "data": file.getvalue(), "note": "b", "bytes": b"mine"}])
    rows = rp.Pipeline(stages).transform(dataset).take_all()
    assert sorted((row["pagenum"], row["exception"], row["copy"], row["bytes"]) for row in rows) == [
        (0, None, "b", b"mine"),
        (1, None, "b", b"mine"),
    ]


def test_pages_and_documents_in_one_dataset(folder: Path) -> None:
    from ray import data

    page = {"path": str(folder / NAMES[0]), "pagenum": 0}
    rows = SIZE.transform(data.from_items([page, {"path": str(folder / NAMES[1]), "pagenum": None}])).take_all()
    assert names(rows) == NAMES[:2] and [row["pagenum"] for row in rows] == [0, 0]


@pytest.mark.slow
def test_several_pipelines_in_one_dataset(folder: Path) -> None:
    dataset = of_bytes(folder)
    copy = Copier(input_col="text", output_col="copy")
    for pipeline in ([rp.BinaryToImage()], [Killer()], [copy]):  # Without pools of their own.
        dataset = rp.Pipeline(pipeline).transform(dataset)
    rows = dataset.take_all()
    assert names(rows) == NAMES and sizes(rows) == SIZES
    assert all(row["copy"] == row["text"] and row["text"].startswith("read ") for row in rows)


TWO_CPUS = """
import gc, ray, raypipe as rp
from pipelines import Killer
ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
dataset = ray.data.read_binary_files({folder!r}, include_paths=True, file_extensions=["png"])
for _ in range(3):
    dataset = rp.Pipeline([Killer()]).transform(dataset)
files = [ray.data.read_binary_files({folder!r}, include_paths=True) for _ in range(4)]
read = dataset.count()
del dataset
gc.collect()
others = [rp.Pipeline([Killer()]).transform(some) for some in files[:3]]
print("read", read, others[0].union(*others[1:]).count())
others.append(rp.Pipeline([Killer(pool=rp.Pool(size=1, num_cpus=0.5))]).transform(files[3]))
"""


@pytest.mark.slow
def test_three_pipelines_and_a_union_on_two_cpus(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWO_CPUS.format(folder=str(folder))], capture_output=True, text=True, timeout=120
    )
    assert "read 6 18" in done.stdout, done.stderr[-2000:]
    assert done.stderr.count("would wait forever") == 1


@pytest.mark.parametrize("of", ["read_binary_files", "read_images"])
def test_files_without_paths_are_refused_before_the_start(of: str, folder: Path) -> None:
    from ray import data

    with pytest.raises(ConfigError, match=r"no column `path`.*include_paths=True"):
        READ.transform(getattr(data, of)(str(folder), file_extensions=["png"]))


def test_items_that_are_no_rows_are_refused_before_the_start(ray_cluster: None) -> None:
    from ray import data

    with pytest.raises(ConfigError, match=r"but \['item'\]\. .*rename"):
        READ.transform(data.from_items(["a.png"]))


@pytest.mark.parametrize(
    ("item", "kind", "words"),
    [
        ({"path": None, "bytes": b"x"}, ConfigError, "A row of the dataset has no path"),
        pytest.param({"path": 7, "bytes": b"x"}, ConfigError, "column `path` holds int64", marks=pytest.mark.slow),
        ({"path": "a", "image": np.zeros((3, 3))}, InputError, "float64 (3, 3), which is not a picture"),
    ],
    ids=["no path", "number", "not a picture"],
)
def test_rows_that_are_no_documents_are_our_errors(item: Any, kind: Any, words: str, ray_cluster: None) -> None:
    import ray

    with pytest.raises(kind) as caught:
        READ.transform(ray.data.from_items([item])).take_all()
    assert words in str(caught.value)


@pytest.mark.slow
def test_a_dataset_that_failed_leaves_the_cluster_to_the_next(ray_cluster: None) -> None:
    """The other part of a union, too, and even if a notebook keeps the error with its frames."""
    rows = [{"path": f"/{n}.png", "pagenum": 0, "total_pages": 1} for n in range(8)]
    failing, other = (
        rp.Pipeline([Killer(mistake=mistake)]).transform(ray.data.from_items(rows)) for mistake in ("3.png", "none")
    )
    kept = list[BaseException]()
    for dataset in (failing, other.union(failing)):
        with pytest.raises(KeyError) as caught:
            dataset.take_all()
        kept.append(caught.value)
        deadline = time.monotonic() + 60
        while alive := workers("OperatorActor"):  # Ray may count their CPUs for a while after they have ended.
            assert time.monotonic() < deadline, alive
            time.sleep(0.1)


def test_a_dataset_stays_lazy(folder: Path) -> None:
    """Steps that cost something are not run to learn a dataset's columns."""
    called = folder.parent / "called"

    def costly(batch: Any) -> Any:
        called.touch()
        time.sleep(0.1)
        return batch

    READ.transform(READ.transform(of_bytes(folder).map_batches(costly)))
    assert not called.exists()
