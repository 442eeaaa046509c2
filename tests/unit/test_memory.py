from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from making import a_region
from PIL import Image as PillowImage

import raypipe as rp
from raypipe.errors import ConfigError, InputError
from raypipe.inputs.memory import document

RED = np.zeros((20, 30, 3), np.uint8)
RED[:, :, 0] = 200


def opened(content: bytes) -> np.ndarray:
    return np.asarray(PillowImage.open(io.BytesIO(content)))


@pytest.mark.parametrize("picture", [RED, RED[:, :, 0], np.dstack([RED, np.full((20, 30), 255, np.uint8)])])
def test_an_array_becomes_a_file_of_the_same_pixels(picture: np.ndarray) -> None:
    for source in (picture, PillowImage.fromarray(picture)):
        assert (opened(document(source, 3)["content"]) == picture).all()
    assert document(picture, 3)["path"] == "array-3"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F", "I"])
def test_pillow_pictures_of_any_mode_are_read(mode: str) -> None:
    assert document(PillowImage.new(mode, (4, 3)), 0)["content"].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("picture", "shades"),
    [
        (PillowImage.fromarray(np.array([[0, 30_000, 60_000]], np.int32)), (0, 127, 255)),
        (PillowImage.fromarray(np.array([[0, 0.5, 1]], np.float32)), (0, 127, 255)),
        (PillowImage.fromarray(np.array([[[0, 0], [0, 255]]], np.uint8), "LA").convert("La"), (255, 0)),
        (PillowImage.fromarray(np.array([[[0] * 4, [0, 0, 0, 255]]], np.uint8)).convert("RGBa"), (255, 0)),
        (PillowImage.frombytes("LAB", (2, 1), bytes((255, 128, 128) * 2)), (255, 255)),
    ],
)
def test_shades_and_transparency_are_those_of_files(picture: PillowImage.Image, shades: tuple[int, ...]) -> None:
    found = opened(document(picture, 0)["content"])
    assert np.abs(found[0, :, 0].astype(int) - shades).max() <= 1


def test_a_pillow_picture_that_cannot_be_read_is_named(tmp_path: Path, page_png: bytes) -> None:
    (tmp_path / "cut.png").write_bytes(page_png[: len(page_png) // 2])
    closed = PillowImage.open(io.BytesIO(page_png))
    closed.close()
    for picture, name in ((PillowImage.open(tmp_path / "cut.png"), "cut.png"), (closed, "picture-3")):
        with pytest.raises(InputError, match=f"{name} cannot be read: .* Open it again"):
            document(picture, 3)


def test_colours_keep_their_order() -> None:
    (page,) = rp.Pipeline([rp.BinaryToImage()]).run(RED)
    assert page["image"].pixels()[0, 0].tolist() == [0, 0, 200]


@pytest.mark.parametrize(
    "array", [RED.astype(np.float32), np.zeros((2, 3, 2), np.uint8), np.zeros(5, np.uint8), np.zeros((0, 3), np.uint8)]
)
def test_an_array_that_is_no_picture_is_refused(array: np.ndarray) -> None:
    with pytest.raises(InputError, match="Array 7"):
        document(array, 7)


def test_rows_keep_their_columns() -> None:
    assert document({"bytes": b"x", "archive": "box 7"}, 2) == {"path": "row-2", "content": b"x", "archive": "box 7"}
    assert document({"path": "a.png"}, 2) == {"path": "a.png", "content": None}
    with pytest.raises(InputError, match="Row 2"):
        document({"archive": "box 7"}, 2)
    for content in ("x", RED):
        with pytest.raises(InputError, match="The content of row 2"):
            document({"content": content}, 2)
    assert document({"content": bytearray(b"x")}, 2)["content"] == b"x"


@pytest.mark.parametrize("sources", [123, [123], None, object(), io.BytesIO(b"a\nb")])
def test_what_is_no_source_is_refused_at_once(sources: Any) -> None:
    with pytest.raises(InputError, match="is not a source"):
        rp.Pipeline([rp.BinaryToImage()]).run(sources)


def test_a_frame_of_pandas_is_no_source_but_its_rows_are(tmp_path: Path, page_png: bytes) -> None:
    (tmp_path / "a.png").write_bytes(page_png)
    frame = pandas.DataFrame({"path": [str(tmp_path / "a.png")], "pagenum": [0]})
    with pytest.raises(InputError, match=r'is not a source\. Give the rows: frame.to_dict\("records"\)'):
        rp.Pipeline([rp.BinaryToImage()]).run(frame)
    (page,) = rp.Pipeline([rp.BinaryToImage()]).run(frame.to_dict("records"))
    assert page.exception is None


def test_the_number_of_a_page_is_whole(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"The pagenum of a.png is '0', which is not a whole number"):
        list(rp.Pipeline([rp.BinaryToImage()]).run({"path": "a.png", "pagenum": "0"}))


def test_a_file_has_no_columns_of_its_own(page_png: bytes) -> None:
    reads_regions = rp.Pipeline([rp.BinaryToImage(), rp.ImageDrawRegions()])
    with pytest.raises(ConfigError, match="'text_regions'"):
        reads_regions.run(page_png)
    region = a_region(20, 20, 100, 20, 0, rotated=False)
    (page,) = reads_regions.run({"content": page_png, "text_regions": [region]})
    assert page.exception is None and page["image_with_regions"]
