"""What Visual NLP's stages do to a frame, those that need no model."""

from __future__ import annotations

import base64
import io
import logging
from pathlib import Path
from typing import Any

import making
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from raypipe import visual
from raypipe.columns import REGIONS
from raypipe.errors import ConfigError, InputError
from raypipe.metrics import Metrics
from raypipe.stages.base import Stage
from raypipe.types import Line, Region, Word
from raypipe.visual import once, start
from raypipe.visual.enums import Color, ImageType
from raypipe.visual.functions import lit
from raypipe.visual.stages import ConfidentWords, TesseractColumns, TesseractWriter, WordChooser, tokens
from raypipe.visual.transformers.bases import transformed

BOX = {"x": 20.0, "y": 20.0, "width": 100.0, "height": 20.0}
"""The first bar of `page_png`, by its top left corner."""
TILTED = {"x": 70.0, "y": 30.0, "width": 100.0, "height": 20.0, "angle": 10.0, "rotated": True}
GREEN = [0, 150, 60]


@pytest.fixture
def path(tmp_path: Path, page_png: bytes) -> str:
    (tmp_path / "page.png").write_bytes(page_png)
    return str(tmp_path / "page.png")


@pytest.fixture
def page(path: str) -> visual.Frame:
    """A page with regions, as they come from a Parquet file."""
    row = {"path": path, "region": [BOX, {**BOX, "y": 60.0, "label": "name"}], "labels": ["one", "two"]}
    return visual.BinaryToImage().setImageType(ImageType.TYPE_3BYTE_BGR).transform(start().createDataFrame([row]))


def pixels(picture: Any) -> Any:
    """The pixels of a picture of a row, (h, w, 3) in the order red, green, blue, or (h, w)."""
    return np.asarray(visual.to_pil_image(picture))


def drawn(page: visual.Frame, **parameters: Any) -> Any:
    """The pixels of the page with its regions drawn over it."""
    (row,) = visual.ImageDrawRegions(**parameters).transform(page).collect()
    return pixels(row.image_with_regions)


def schema(frame: visual.Frame) -> dict[str, str]:
    return {field.name: str(field.type) for field in frame.schema}


PICTURE = (
    "struct<origin: string, height: int32, width: int32, nChannels: int32, mode: int32, resolution: int32, "
    "data: large_binary>"
)


def test_pictures_have_visual_nlps_fields_and_pixels(path: str, page_png: bytes) -> None:
    frame = visual.BinaryToImage().transform(start().read.format("binaryFile").load(path))
    assert schema(frame) == {
        "path": "string",
        "modificationTime": "timestamp[us, tz=UTC]",
        "length": "int64",
        "pagenum": "int32",
        "exception": "string",
        "image": PICTURE,
    }
    (row,) = frame.collect()
    seen = row.image
    assert (seen.origin, seen.height, seen.width, seen.nChannels, seen.mode) == (path, 100, 200, 1, 10)
    assert len(seen.data) == 100 * 200
    assert (pixels(seen) == np.asarray(Image.open(io.BytesIO(page_png)).convert("L"))).all()


def test_colour_pictures_are_blue_green_red(tmp_path: Path) -> None:
    Image.new("RGB", (8, 4), (10, 20, 30)).save(tmp_path / "c.png")
    frame = start().read.format("binaryFile").load(str(tmp_path / "c.png"))
    (row,) = visual.BinaryToImage().setImageType(ImageType.TYPE_3BYTE_BGR).transform(frame).collect()
    assert (row.image.mode, row.image.nChannels, row.image.data[:3]) == (5, 3, bytes([30, 20, 10]))
    assert pixels(row.image)[0, 0].tolist() == [10, 20, 30]


def test_the_pixels_of_a_large_photo_are_those_of_its_full_size(tmp_path: Path) -> None:
    Image.new("RGB", (4200, 40), "white").save(tmp_path / "wide.jpg")
    frame = start().read.format("binaryFile").load(str(tmp_path / "wide.jpg"))
    (row,) = visual.BinaryToImage().transform(frame).collect()
    assert len(row.image.data) == row.image.width * row.image.height == 4200 * 40


def test_each_page_of_a_tiff_is_a_row_also_after_select(tmp_path: Path) -> None:
    sides = [Image.new("L", (20 + n, 10), "white") for n in range(3)]
    sides[0].save(tmp_path / "pages.tif", save_all=True, append_images=sides[1:])
    frame = visual.BinaryToImage().transform(start().read.format("binaryFile").load(str(tmp_path)))
    assert [(row.pagenum, row.image.width) for row in frame.collect()] == [(0, 20), (1, 21), (2, 22)]
    again = visual.ImageSplitRegions(inputRegionsCol="r")
    with pytest.raises(ConfigError, match="'r', which the frame does not have"):
        again.transform(frame)
    numbered = visual.BinaryToImage(pageNumCol="number").transform(frame.select("path"))
    assert [row.number for row in numbered.collect()] == [0, 1, 2]
    assert (
        "pagenum"
        not in visual.BinaryToImage(pageNumCol="number")
        .transform(start().read.format("binaryFile").load(str(tmp_path)))
        .columns
    )


def test_a_file_that_is_no_picture_keeps_its_row(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    frame = start().read.format("binaryFile").load(str(tmp_path / "a.png"))
    (row,) = visual.BinaryToImage().transform(frame).collect()
    assert row.image is None and "image_unknown" in row.exception


def test_a_picture_that_cannot_be_decoded_says_so_where_its_pixels_are_asked_for(path: str, page_png: bytes) -> None:
    Path(path).write_bytes(page_png[:-40])
    frame = visual.BinaryToImage().transform(start().read.format("binaryFile").load(path))
    (row,) = frame.collect()
    assert row.image.width == 200 and row.image.data is None
    assert "BinaryToImage image_" in row.exception


def test_content_is_kept_if_it_is_wanted(path: str, page_png: bytes) -> None:
    frame = start().read.format("binaryFile").load(path)
    (row,) = visual.BinaryToImage(keepInput=True).transform(frame).collect()
    assert row.content == page_png


def test_regions_are_drawn_as_a_picture_as_large_as_the_page(page: visual.Frame) -> None:
    frame = visual.ImageDrawRegions(rectColor=Color.green).transform(page)
    assert schema(frame)["image_with_regions"] == PICTURE
    found = drawn(page, rectColor=Color.green)
    assert found.shape == (100, 200, 3)
    assert found[20, 60].tolist() == found[60, 60].tolist() == GREEN
    assert found[30, 60].tolist() == [0, 0, 0]


def test_drawings_can_be_drawn_over(page: visual.Frame) -> None:
    filled = visual.ImageDrawRegions(rectColor=Color.green, filledRect=True, outputCol="once").transform(page)
    outlined = visual.ImageDrawRegions(inputCol="once", rectColor=Color.red, outputCol="twice").transform(filled)
    found = pixels(outlined.collect()[0].twice)
    assert (found[30, 60].tolist(), found[20, 60].tolist()) == (GREEN, [220, 30, 30])


def test_regions_are_filled_and_coloured_by_label(page: visual.Frame) -> None:
    filled = drawn(page, filledRect=True, rectColor=Color.yellow)
    assert (filled[22:38, 22:118] == [240, 200, 0]).all()
    colours = drawn(page, rectColor=Color.green, colorMap={"name": Color.red})
    assert (colours[20, 60].tolist(), colours[60, 60].tolist()) == (GREEN, [220, 30, 30])
    assert (drawn(page, rectColor=Color.green, colorMap="*") == drawn(page, rectColor=Color.green)).all()


@pytest.mark.parametrize(("parameter", "value"), [("lineWidth", 9), ("fontSize", 30), ("rectColor", "red")])
def test_a_drawing_changes_with_its_parameter(page: visual.Frame, parameter: str, value: Any) -> None:
    assert (drawn(page) != drawn(page, **{parameter: value})).any()


def test_rotated_regions_are_drawn_rotated_unless_that_is_switched_off(path: str) -> None:
    frame = start().createDataFrame([{"path": path, "region": [TILTED]}])
    tilted = visual.BinaryToImage().transform(frame)
    assert (drawn(tilted) == drawn(tilted, rotated=True)).all()
    assert (drawn(tilted) != drawn(tilted, rotated=False)).any()


def test_a_region_is_a_row_and_the_page_is_not_lost(page: visual.Frame) -> None:
    split = visual.ImageSplitRegions(explodeCols=["labels"], dropCols="image", outputCol="part").transform(page)
    assert schema(split)["part"] == PICTURE and "image" not in split.columns
    first, second = split.collect()
    assert (first.labels, second.labels, first.path) == ("one", "two", second.path)
    assert (first.part.width, first.part.height, first.part.nChannels) == (100, 20, 3)
    assert (pixels(first.part) == 0).all()
    assert (pixels(second.part)[:, :100] == 0).all()


def test_a_column_to_drop_that_is_not_there_is_said(page: visual.Frame, caplog: pytest.LogCaptureFixture) -> None:
    once.warn.cache_clear()
    with caplog.at_level(logging.WARNING, "raypipe.visual"):
        split = visual.ImageSplitRegions(dropCols=["image", "labls"]).transform(page)
    assert [record.message for record in caplog.records] == [
        "ImageSplitRegions: dropCols names 'labls', which the frame does not have."
    ]
    assert "image" not in split.columns and split.count() == 2


@pytest.mark.parametrize("stage", [visual.ImageDrawRegions, visual.ImageDrawAnnotations, visual.HocrTokenizer])
def test_an_error_names_the_stage_as_the_program_does(page: visual.Frame, stage: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{stage.__name__} reads the column "):
        stage().transform(page.drop("region"))


def test_each_part_gets_its_region_as_a_detector_wrote_it(path: str) -> None:
    regions = [Region(**BOX), Region(**{**BOX, "y": 60.0, "label": "name"})]
    table = pa.table({"path": [path], "region": REGIONS.to_arrow([regions])})
    page = visual.BinaryToImage().transform(start().createDataFrame(table))
    rows = visual.ImageSplitRegions(explodeCols=["region"]).transform(page).collect()
    assert [(row.region.y, row.region.label, row.region_image.width) for row in rows] == [
        (20, "", 100),
        (60, "name", 100),
    ]


def test_regions_are_cut_straight_or_upright_in_grey_or_colour(path: str) -> None:
    frame = visual.BinaryToImage().transform(start().createDataFrame([{"path": path, "found": [TILTED]}]))
    split = visual.ImageSplitRegions(imageType=ImageType.TYPE_BYTE_GRAY).setRegionCol("found")
    (upright,) = split.transform(frame).collect()
    (straight,) = split.setRotated(True).transform(frame).collect()
    assert (straight.region_image.width, straight.region_image.height) == (100, 20)
    assert upright.region_image.height > 30
    assert (straight.region_image.mode, straight.region_image.nChannels) == (10, 1)


def test_a_region_beyond_the_page_is_cut_off_at_its_edge(path: str) -> None:
    beyond = [
        {"x": -50.0, "y": 90.0, "width": 100.0, "height": 50.0},
        {"x": 500.0, "y": 500.0, "width": 9.0, "height": 9.0},
    ]
    frame = visual.BinaryToImage().transform(start().createDataFrame([{"path": path, "region": beyond}]))
    sizes = [
        (row.region_image.width, row.region_image.height)
        for row in visual.ImageSplitRegions().transform(frame).collect()
    ]
    assert sizes == [(50, 10), (1, 1)]


def test_a_page_that_failed_stays_one_row_when_it_is_split(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    frame = visual.BinaryToImage().transform(
        start().createDataFrame([{"path": str(tmp_path / "a.png"), "region": [BOX]}])
    )
    (row,) = visual.ImageSplitRegions().transform(frame).collect()
    assert row.region_image is None and "image_unknown" in row.exception


def test_a_picture_that_cannot_be_decoded_stays_one_row_when_lists_are_split(page: visual.Frame, path: str) -> None:
    split = visual.ImageSplitRegions(explodeCols=["labels"]).transform(page)
    Path(path).write_bytes(Path(path).read_bytes()[:-40])
    (row,) = split.collect()
    assert (row.region_image, row.labels) == (None, None) and "image_truncated" in row.exception


def test_a_list_that_is_split_has_an_item_for_each_region(page: visual.Frame) -> None:
    split = visual.ImageSplitRegions(explodeCols=["short"]).transform(page.withColumn("short", lit(["one"])))
    (row,) = split.select("short", "exception").collect()
    assert row.short is None and "items_missing: The column 'short' has 1 item for 2 regions." in row.exception


def test_only_lists_are_split(page: visual.Frame) -> None:
    with pytest.raises(ConfigError, match="cannot explode the column 'path', which holds string"):
        visual.ImageSplitRegions(explodeCols=["path"]).transform(page)
    with pytest.raises(ConfigError, match="would lose its result, 'image'"):
        visual.ImageSplitRegions(outputCol="image", dropCols="image").transform(page)


HOCR = (
    '<div class="ocr_page" id="page_0" title="bbox 0 0 200 100"><span class="ocr_line" title="bbox 20 20 120 40">'
    '<span class="ocrx_word" id="word_1" title="bbox 20 20 70 40; x_wconf 90">Dear</span>'
    '<span class="ocrx_word" id="word_2" title="bbox 75 20 120 40">M &amp; S</span></span></div>'
)


def test_words_of_hocr_are_tokens_with_their_places() -> None:
    first, second = tokens(HOCR)
    assert (first.begin, first.end, first.result, first.annotatorType) == (0, 3, "Dear", "token")
    assert (second.begin, second.end, second.result) == (5, 9, "M & S")
    place = {"x": "20", "y": "20", "width": "50", "height": "20", "word": "0", "confidence": "90"}
    assert first.metadata == place
    assert tokens("") == []


def test_tokens_are_drawn(page: visual.Frame) -> None:
    with_hocr = page.withColumn("hocr", lit(HOCR))
    drawing = visual.ImageDrawAnnotations(inputChunksCol="token", rectColor=Color.green, filledRect=True)
    frame = transformed([visual.HocrTokenizer(), drawing], with_hocr)
    assert "token_regions" not in frame.columns
    (row,) = frame.collect()
    assert [token.result for token in row.token] == ["Dear", "M & S"]
    assert row.token[0].metadata["x"] == "20"
    assert pixels(row.image_with_chunks)[30, 40].tolist() == GREEN


def test_hocr_that_cannot_be_parsed_is_the_failure_of_its_page(page: visual.Frame) -> None:
    for bad in ("<div", '<p class="ocrx_word" title="x_wconf 3">a</p>'):
        (row,) = visual.HocrTokenizer().transform(page.withColumn("hocr", lit(bad))).collect()
        assert "hocr_damaged" in row.exception


def test_base_64_becomes_bytes_and_pictures(page_png: bytes) -> None:
    frame = start().createDataFrame([{"path": "a", "content": base64.b64encode(page_png).decode()}])
    assert visual.Base64ToBinary().transform(frame).collect()[0].content == page_png
    assert visual.Base64ToImage(outputCol="picture").transform(frame).collect()[0].picture.width == 200
    with pytest.raises(InputError, match="column 'content' is not base 64"):
        visual.Base64ToBinary().transform(start().createDataFrame([{"path": "a", "content": "§"}])).collect()


def test_doubtful_words_are_left_out() -> None:
    place = {"x": 50.0, "y": 20.0, "width": 40.0, "height": 20.0, "angle": 0.0}
    words = [Word(text="sure", confidence=0.9, **place), Word(text="dubious", confidence=0.4, **place)]
    lines = [
        Line(text="sure dubious", confidence=0.7, row=0, words=words, **place),
        Line(text="dubious", confidence=0.4, row=1, words=words[1:], **place),
    ]
    row = {"lines": lines, "text": "", "image": None, "exception": None}
    stage = ConfidentWords(threshold=60)
    making.carried_out(WordChooser(stage, 1, Metrics()), [row])
    assert row["text"] == "sure"
    assert [line.text for line in row["lines"]] == ["sure"]


def kinds(transformer: visual.ImageToText) -> list[str]:
    return [stage.name for stage in transformer.stages()]


def test_a_reader_of_whole_pages_finds_the_lines_itself() -> None:
    reader = visual.ImageToText()
    assert kinds(reader) == ["ImageTextDetector", "ImageToText", "TesseractColumns"]
    assert kinds(reader.copy().setPageSegMode(visual.PageSegmentationMode.SINGLE_LINE)) == [
        "ImageToText",
        "TesseractColumns",
    ]
    assert kinds(reader.copy().setRegionsColumn("found")) == ["ImageToText", "TesseractColumns"]
    assert kinds(reader.copy().setConfidenceThreshold(60))[1:] == ["ImageToText", "ConfidentWords", "TesseractColumns"]
    laid_out: Stage = reader.copy().setKeepLayout(True).stages()[1]
    assert laid_out.output_format == "formatted_text"  # type: ignore[attr-defined]


def test_a_whole_page_has_positions_and_a_percentage_whatever_its_text_is() -> None:
    place = {"x": 50.0, "y": 20.0, "width": 40.0, "height": 20.0, "angle": 0.0}
    line = Line(text="sure", confidence=0.25, row=0, words=[Word(text="sure", confidence=0.25, **place)], **place)
    row = {"lines": [line], "confidence_share": [0.25], "exception": None}
    empty = {"lines": [], "confidence_share": [], "exception": None}
    making.carried_out(TesseractWriter(TesseractColumns(), 1, Metrics()), [row, empty])
    assert (row["confidence"], empty["confidence"]) == (25.0, None)
    assert "".join(each.c for each in row["positions"][0].mapping) == "sure"  # type: ignore[attr-defined]
