from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from making import a_line, a_region, boxes, carried_out, encoded, image_of, white
from pydantic import ValidationError

import raypipe as rp
from raypipe import presets
from raypipe.columns import TEXT
from raypipe.detection.base import Detection
from raypipe.errors import ModelError, PageError
from raypipe.graph import Operator
from raypipe.images.image import Image
from raypipe.metrics import Metrics
from raypipe.recognition.base import Reading
from raypipe.run.runner import Runner
from raypipe.stages.base import Pool, Stage, Step, Worker
from raypipe.stages.decode import ImageOpener
from raypipe.stages.detect import TextDetector
from raypipe.stages.draw import COLORS, RegionDrawer, draw
from raypipe.stages.recognize import CROPS_COLUMN, LineCropper, TextReader
from raypipe.stages.save import ImageSaver
from raypipe.types import Crops, Region, Row, regions_from_boxes

STAGES = [rp.BinaryToImage, rp.ImageTextDetector, rp.ImageToText, rp.ImageDrawRegions]
SPECS = [stage() for stage in STAGES] + [rp.SaveImages(folder="out")]
VISUAL_NLP = {
    rp.BinaryToImage: {
        "input_col": "content", "origin_col": "path", "output_col": "image",
        "page_num_col": "pagenum", "keep_input": False,
    },
    rp.ImageTextDetectorV2: {
        "input_col": "image", "output_col": "text_regions", "size_threshold": 10, "width": 1280, "with_refiner": False,
    },
    rp.ImageToTextV2: {
        "output_col": "text", "positions_col": "positions", "line_tolerance": 15, "border_width": 5, "space_width": 10,
        "output_format": "text", "include_confidence": False,
    },
    rp.ImageDrawRegions: {
        "input_col": "image", "output_col": "image_with_regions", "line_width": 4, "font_size": 12,
        "rect_color": "black", "filled_rect": False,
    },
}  # fmt: skip
"""Defaults that are Visual NLP's."""


@pytest.mark.parametrize("stage", VISUAL_NLP, ids=lambda stage: stage.__name__)
def test_visual_nlps_names_have_its_defaults(stage: type[Stage]) -> None:
    values = stage().model_dump()
    assert {name: values[name] for name in VISUAL_NLP[stage]} == VISUAL_NLP[stage]


def test_visual_nlps_names_mean_our_stages() -> None:
    assert rp.ImageTextDetectorV2().thresholds().link == 0.4
    assert issubclass(rp.ImageTextDetectorCraft, rp.ImageTextDetector)
    for stage in (rp.ImageToTextV2, rp.ImageToTextV2Opt, rp.ImageToTextOnnx):
        assert issubclass(stage, rp.ImageToText)
    assert rp.ImageToTextV2Opt().model == rp.ImageToText().model


def test_the_stages_own_defaults_are_the_standard_pipeline() -> None:
    stages = [rp.BinaryToImage(), rp.ImageTextDetector(), rp.ImageToText()]
    assert rp.Pipeline(stages) == presets.standard()


@pytest.mark.parametrize("stage", STAGES)
def test_unknown_parameters_are_forbidden(stage: type[Stage]) -> None:
    with pytest.raises(ValidationError, match="no_such_parameter"):
        stage(no_such_parameter=1)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_specification_pickles_compares_and_is_frozen(spec: Stage) -> None:
    copy = pickle.loads(pickle.dumps(spec))
    assert copy == spec
    assert hash(copy) == hash(spec)
    pooled = spec.with_pool(Pool(size=2))
    assert pooled != spec
    assert pooled.with_pool(None) == spec
    with pytest.raises(ValidationError):
        spec.pool = None


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_parameter_is_described(spec: Stage) -> None:
    assert all(field.description for field in type(spec).model_fields.values())


@pytest.mark.parametrize(
    ("stage", "parameters"),
    [
        (rp.BinaryToImage, {"max_bytes": 0}),
        (rp.BinaryToImage, {"image_type": "RGB"}),
        (rp.ImageTextDetector, {"score_threshold": 1.5}),
        (rp.ImageTextDetector, {"size_threshold": -2}),
        (rp.ImageTextDetector, {"width": 0}),
        (rp.ImageToText, {"output_format": "pdf"}),
        (rp.ImageToText, {"batch_size": -1}),
        (rp.ImageDrawRegions, {"rect_color": "mauve"}),
        (rp.SaveImages, {}),
    ],
)
def test_values_out_of_range_are_refused(stage: type[Stage], parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        stage(**parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"size": 0},
        {"size": 2, "max_size": 3},
        {"min_size": 3, "max_size": 2},
        {"num_cpus": 0},
        {"num_gpus": -1},
        {"n": 1},
    ],
)
def test_pools_that_cannot_be(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Pool(**parameters)


@pytest.mark.parametrize(
    ("parameters", "floor"), [({}, 1), ({"size": 4}, 4), ({"min_size": 2, "max_size": 5}, 2), ({"max_size": 5}, 1)]
)
def test_the_floor_of_a_pool(parameters: dict[str, Any], floor: int) -> None:
    assert Pool(**parameters).floor == floor


class Shouter(Worker["Shout"]):
    """Writes a word in capitals."""

    def process(self, rows: Sequence[Row]) -> None:
        self.metrics.add("rows_total", len(rows))
        for row in rows:
            with self.guard(row):
                row["loud"] = self._shout(row["word"])

    def _shout(self, word: str) -> str:
        match word:
            case "page error":
                raise PageError("too_quiet", "a.png is quiet.", "Speak up.")
            case "opencv":
                cv2.resize(np.zeros((0, 0), np.uint8), (1, 1))
            case "memory":
                raise MemoryError
            case "bug":
                raise KeyError("bug")
        return word.upper()


class Shout(Stage):
    """A stage of one worker."""

    def steps(self) -> tuple[Step, ...]:
        return (Step(stage=self, worker=Shouter, reads={"word": TEXT}, writes={"loud": TEXT}, drops=("word",)),)


def shout(*words: str) -> list[Row]:
    rows = [{"path": "a.png", "pagenum": n, "word": word} for n, word in enumerate(words)]
    return carried_out(Shouter(Shout(), 1, Metrics()), rows)


def test_a_worker_fills_in_its_columns_and_drops_others() -> None:
    assert shout("a", "b") == [
        {"path": "a.png", "pagenum": 0, "exception": None, "loud": "A"},
        {"path": "a.png", "pagenum": 1, "exception": None, "loud": "B"},
    ]
    assert shout() == []


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("page error", ["Shout too_quiet: a.png is quiet. Speak up."]),
        ("opencv", ["Shout page_failed: a.png, page 2", "resize"]),
        ("memory", ["Shout page_failed: a.png, page 2", "MemoryError"]),
    ],
)
def test_an_error_of_a_page_stays_with_it(word: str, words: list[str]) -> None:
    rows = shout("a", word, "b")
    assert [row["loud"] for row in rows] == ["A", "", "B"]
    assert [row["exception"] is None for row in rows] == [True, False, True]
    assert all(part in rows[1]["exception"] for part in words)


def test_an_error_of_the_program_stops_the_job() -> None:
    with pytest.raises(KeyError):
        shout("a", "bug")


def test_failed_rows_pass_through_with_empty_columns() -> None:
    metrics = Metrics()
    rows = [{"exception": "Before code: why", "loud": "left over"}, {"exception": None, "word": "x"}]
    found = carried_out(Shouter(Shout(), 1, metrics), rows)
    assert found == [{"exception": "Before code: why", "loud": ""}, {"exception": None, "loud": "X"}]
    sums = metrics.drain()
    assert sums["rows_total"] == 1
    assert sums["Shouter_seconds"] >= 0


def test_pages_know_how_long_they_took() -> None:
    class Waiter(Worker["Stage"]):
        def process(self, rows: Sequence[Row]) -> None:
            time.sleep(0.02)

    step = Step(stage=Shout(), worker=Waiter, reads={}, writes={})
    run = Runner(Operator(steps=(step,), pool=None, before={}, after={}), 1, Metrics())
    rows: list[Row] = [{"exception": None}, {"exception": None}, {"exception": "Before code: why"}]
    run(rows)
    first = rows[0]["reading_seconds"]
    assert first >= 0.01 and rows[1]["reading_seconds"] == first and "reading_seconds" not in rows[2]
    run(rows)
    assert rows[0]["reading_seconds"] >= first + 0.01


def worker(kind: type[Worker[Any]], spec: Stage) -> Worker[Any]:
    return kind(spec, 1, Metrics())


PICTURE = np.full((20, 30, 3), (10, 200, 30), np.uint8)


def test_binary_to_image_opens_bytes_and_files(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(PICTURE, "PNG"))
    rows = [
        {"path": str(tmp_path / "a.png"), "pagenum": 0, "content": None},
        {"path": "bytes-0", "pagenum": 0, "content": encoded(PICTURE, "PNG")},
        {"path": "bytes-1", "pagenum": 0, "content": b"no picture"},
    ]
    found = carried_out(worker(ImageOpener, rp.BinaryToImage(image_type="TYPE_3BYTE_BGR")), rows)
    assert [row["image"].pixels().shape for row in found[:2]] == [(20, 30, 3)] * 2
    assert found[2]["image"] is None
    assert found[2]["exception"].startswith("BinaryToImage image_unknown: bytes-1")
    assert not any("content" in row for row in found)


def test_binary_to_image_keeps_its_input_if_asked_and_takes_other_columns() -> None:
    spec = rp.BinaryToImage(
        input_col="b", origin_col="o", page_num_col="n", output_col="i", keep_input=True, image_type="TYPE_BYTE_GRAY"
    )
    (row,) = carried_out(worker(ImageOpener, spec), [{"o": "x", "n": 0, "b": encoded(PICTURE, "PNG")}])
    assert row["b"]
    assert row["i"].pixels().ndim == 2


def test_binary_to_image_applies_its_limits() -> None:
    row = {"path": "x", "pagenum": 0, "content": encoded(PICTURE, "PNG")}
    for spec in (rp.BinaryToImage(max_bytes=10), rp.BinaryToImage(max_megapixels=0.0005)):
        (found,) = carried_out(worker(ImageOpener, spec), [dict(row)])
        assert "image_too_large" in found["exception"]


class FakeDetector:
    """Finds the same boxes on every page."""

    def __init__(self, found: Detection, refiner: bool) -> None:
        self.found = found
        self.refiner = refiner

    def detect(self, pixels: np.ndarray, width: int, thresholds: object, refine: bool) -> Detection:
        assert pixels.shape[2] == 3
        return replace(self.found, refined=self.refiner and refine)


def detect(image: Image, some: np.ndarray, refiner: bool = False, **parameters: Any) -> list[Region]:
    detector = worker(TextDetector, rp.ImageTextDetector(**parameters))
    found = Detection(some, np.ones(len(some), np.float32))
    detector._detector, detector._thresholds = FakeDetector(found, refiner), None
    (row,) = carried_out(detector, [{"path": "x", "pagenum": 0, "image": image}])
    return row["text_regions"]


WORDS = boxes((50, 20, 40, 10, 0), (110, 20, 60, 10, 0), (50, 80, 40, 4, 0))


def test_regions_are_in_pixels_of_the_whole_page() -> None:
    regions = detect(image_of(white(100, 200), 4), WORDS, size_threshold=0)
    assert (regions[1].x, regions[1].y, regions[1].width, regions[1].height) == (440, 80, 240, 40)
    assert [region.index for region in regions] == [0, 1, 2]
    assert all(region.rotated for region in regions)


@pytest.mark.parametrize(("threshold", "count"), [(0, 3), (20, 3), (30, 2), (51, 0)])
def test_size_threshold_is_in_pixels_of_the_scaled_page(threshold: int, count: int) -> None:
    """The page is 200 wide and scaled to 1000: the heights of 10 and 4 become 50 and 20."""
    assert len(detect(image_of(white(100, 200)), WORDS, size_threshold=threshold, width=1000)) == count


def test_size_threshold_from_the_page() -> None:
    some = np.concatenate([WORDS, boxes((5, 5, 1, 0.9, 0))])
    assert len(detect(image_of(white(100, 200)), some, size_threshold=-1)) == 3
    assert detect(image_of(white(100, 200)), some[:0], size_threshold=-1) == []


def test_small_print_beside_large_letters_is_no_speck() -> None:
    """As on a poster: most regions are large, most letters are not, and one line is smaller still."""
    title = [(320, 100 + 200 * n, 600, 160, 0) for n in range(3)]
    print_, smallest, specks = (250, 800, 400, 30, 0), (200, 900, 100, 7, 0), [(900, 50, 6, 5, 0), (20, 500, 4, 7, 0)]
    found = detect(image_of(white(1000, 1000)), boxes(*title, *specks, print_, smallest))
    assert [region.height for region in found] == [160, 160, 160, 30, 7]


def test_words_are_joined_where_the_network_has_no_refiner() -> None:
    first, second = detect(image_of(white(100, 200)), WORDS, size_threshold=0, with_refiner=True)
    assert (first.x, first.width, second.x) == (85, 110, 50)


def test_the_lines_of_a_refiner_stay_as_they_are_in_reading_order() -> None:
    lines = detect(image_of(white(100, 200)), WORDS[::-1], refiner=True, size_threshold=0, with_refiner=True)
    assert [(line.x, line.y, line.width) for line in lines] == [(50, 20, 40), (110, 20, 60), (50, 80, 40)]
    words = detect(image_of(white(100, 200)), WORDS[::-1], refiner=True, size_threshold=0)
    assert [(word.x, word.y) for word in words] == [(50, 80), (110, 20), (50, 20)]


def test_intersecting_regions_are_merged() -> None:
    some = boxes((50, 20, 40, 10, 0), (55, 20, 40, 10, 0))
    assert len(detect(image_of(white(100, 200)), some, size_threshold=0)) == 2
    (merged,) = detect(image_of(white(100, 200)), some, size_threshold=0, merge_intersects=True)
    assert (merged.x, merged.width) == (52.5, 45)


def test_pages_without_text_have_no_regions() -> None:
    for parameters in ({}, {"with_refiner": True, "merge_intersects": True}):
        assert detect(image_of(white(100, 200)), WORDS[:0], **parameters) == []


def test_thresholds_fall_back_on_the_family(fake_models: Path) -> None:
    craft, db = (rp.ImageTextDetector(model=name).thresholds() for name in ("some_detector", "db_detector"))
    assert (craft.score, craft.text, craft.link) == (0.7, 0.4, 0.4)
    assert (db.score, db.text) == (0.5, 0.25)
    assert rp.ImageTextDetector(model="db_detector", score_threshold=0.0).thresholds().score == 0


def test_pretrained_knows_its_models(fake_models: Path) -> None:
    spec = rp.ImageTextDetector.pretrained("other_detector", "en", width=500)
    assert (spec.model, spec.width) == ("other_detector", 500)
    assert rp.ImageToText.pretrained("some_reader", "fr").language == "fr"
    with pytest.raises(ModelError):
        rp.ImageTextDetector.pretrained("some_reader")
    with pytest.raises(ModelError):
        rp.ImageToText.pretrained("some_reader", "de")


def cropped(image: Image, regions: list[Region] | None, **parameters: Any) -> tuple[Row, Crops]:
    cropper = worker(LineCropper, rp.ImageToText(model="some_reader", **parameters))
    cropper.setup()
    row: Row = {"path": "x", "pagenum": 0, "image": image}
    if regions is not None:
        row["text_regions"] = regions
    (row,) = carried_out(cropper, [row])
    return row, row[CROPS_COLUMN]


@pytest.mark.parametrize("column", [None, ""])
def test_without_regions_the_whole_picture_is_a_line(fake_models: Path, column: str | None) -> None:
    pixels = white(24, 100)
    pixels[:, :50] = 0
    _, crops = cropped(image_of(pixels), None, regions_column=column)
    (picture,) = crops.pictures()
    assert picture.shape == (48, 200, 3)
    assert (picture[:, :95] == 0).all()
    assert (picture[:, 105:] == 255).all()


def test_without_found_regions_nothing_is_read(fake_models: Path) -> None:
    assert cropped(image_of(white(24, 100)), [])[1].widths == []


def test_upright_regions_are_cut_from_their_corner(fake_models: Path) -> None:
    pixels = white(100, 200)
    pixels[40:60, 80:140] = 0
    region = a_region(80, 40, 60, 20, 0, rotated=False)
    (picture,) = cropped(image_of(pixels), [region], border_width=0)[1].pictures()
    assert picture.shape == (48, 144, 3)
    assert (picture[2:-2, 2:-2] == 0).all()
    assert picture.mean() < 10


def test_a_picture_that_cannot_be_decoded_fails_its_page_alone(fake_models: Path) -> None:
    bad = replace(image_of(PICTURE), origin="bad.jpg", data=encoded(PICTURE, "JPEG")[:-4], cached=None)
    cropper = worker(LineCropper, rp.ImageToText(model="some_reader", regions_column=None))
    cropper.setup()
    rows = carried_out(cropper, [{"path": "bad.jpg", "pagenum": 0, "image": bad}, {"image": image_of(white(20, 30))}])
    assert "image_truncated" in rows[0]["exception"]
    assert "bad.jpg" in rows[0]["exception"]
    assert rows[0][CROPS_COLUMN] is None
    assert len(rows[1][CROPS_COLUMN].widths) == 1


class FakeReader:
    """Reads the pictures' numbers in words."""

    doubtful = 0.4

    def read(self, pictures: Sequence[np.ndarray], batch_size: int) -> list[Reading]:
        texts = ["one", "", "two too", "three", "four"]
        return [
            Reading(text, [0.5 + 0.1 * n] * len(text), np.linspace(10, picture.shape[1] - 10, len(text)).tolist())
            for n, (text, picture) in enumerate(zip(texts, pictures, strict=False))
        ]


def read(fake_models: Path, **parameters: Any) -> list[Row]:
    """A page of two lines, of which one has no text, a page without lines, a failed page, a page of two lines."""
    spec = rp.ImageToText(model="some_reader", **parameters)
    pages = [
        boxes((100, 20, 100, 20, 0), (100, 60, 100, 20, 0)),
        boxes(),
        None,
        boxes((60, 20, 100, 20, 0), (160, 70, 40, 20, 0)),
    ]
    rows: list[Row] = [
        {"path": f"{n}.png", "pagenum": 0, "image": image_of(white(100, 200))}
        | (
            {"exception": "Stage code: why"}
            if some is None
            else {"text_regions": regions_from_boxes(some, [1] * len(some), 0)}
        )
        for n, some in enumerate(pages)
    ]
    cropper, reader = worker(LineCropper, spec), worker(TextReader, spec)
    cropper.setup()
    reader._recognizer = FakeReader()
    return carried_out(reader, carried_out(cropper, rows))


def test_texts_go_back_to_their_pages(fake_models: Path) -> None:
    rows = read(fake_models)
    assert [row["text"] for row in rows] == ["one", "", "", "two too\nthree"]
    assert [[line.text for line in row["lines"]] for row in rows] == [["one"], [], [], ["two too", "three"]]
    assert [word.text for word in rows[3]["lines"][0].words] == ["two", "too"]
    assert [row["exception"] for row in rows] == [None, None, "Stage code: why", None]
    assert all(row["positions"] == [] for row in rows)
    assert all(CROPS_COLUMN not in row and "image" in row for row in rows)


def test_confidence_is_the_mean_of_all_characters(fake_models: Path) -> None:
    found = [row["confidence"] for row in read(fake_models, include_confidence=True)]
    assert found[:3] == [[0.5], [], []]
    assert found[3] == pytest.approx([(7 * 0.7 + 5 * 0.8) / 12])


def test_output_formats(fake_models: Path) -> None:
    assert read(fake_models, output_format="formatted_text")[3]["text"].splitlines()[0] == "two too"
    hocr = read(fake_models, output_format="hocr", include_confidence=True)
    assert 'class="ocr_page"' in hocr[0]["text"]
    assert "x_wconf 50" in hocr[0]["text"]
    assert "ocr_page" in hocr[1]["text"]
    assert hocr[2]["text"] == ""
    (matrix,) = read(fake_models, output_format="text_with_positions")[3]["positions"]
    assert "".join(entry.c for entry in matrix.mapping) == "twotoothree"


def test_the_picture_is_dropped_if_it_is_not_kept(fake_models: Path) -> None:
    assert not any("image" in row for row in read(fake_models, keep_input=False))


def painted(canvas: np.ndarray, color: str = "red") -> np.ndarray:
    """Where a picture has a colour, about."""
    return np.abs(canvas.astype(int) - COLORS[color][::-1]).sum(2) < 60


RED: dict[str, Any] = {"rect_color": "red", "line_width": 2}


def test_outlines_are_drawn_around_the_regions() -> None:
    found = painted(draw(image_of(white(100, 200)), boxes((100, 50, 80, 40, 0)), [], rp.ImageDrawRegions(**RED)))
    assert found[30, 100]
    assert found[70, 100]
    assert found[50, 60]
    assert found[50, 140]
    assert not found[50, 100]
    assert not found[:27].any()
    assert not found[:, :57].any()


def test_filled_regions_hide_what_they_hold() -> None:
    spec = rp.ImageDrawRegions(**RED, filled_rect=True)
    found = painted(draw(image_of(white(100, 200)), boxes((100, 50, 80, 40, 0)), [], spec))
    assert found[31:69, 61:139].all()
    assert abs(found.sum() - 80 * 40) < 200


def test_regions_have_the_colours_of_their_labels_and_bear_them() -> None:
    spec = rp.ImageDrawRegions(**RED, label_colors=(("name", "green"),))
    two = boxes((50, 50, 60, 40, 0), (150, 50, 60, 40, 0))
    found = draw(image_of(white(100, 200)), two, [], spec, ["name", ""])
    assert painted(found, "green")[50, 20] and not painted(found)[50, 20]
    assert painted(found)[50, 120]
    above = (found[10:28] < 200).any((0, 2))
    assert above[20:80].any() and not above[120:].any()


def test_outlines_without_width_leave_the_page_clean() -> None:
    page = image_of(white(100, 200))
    assert (draw(page, boxes((100, 50, 80, 40, 0)), [], rp.ImageDrawRegions(line_width=0)) == 255).all()


@pytest.mark.parametrize("rotated", [True, False])
def test_rotated_or_upright(rotated: bool) -> None:
    spec = rp.ImageDrawRegions(**RED, filled_rect=True, rotated=rotated)
    found = painted(draw(image_of(white(200, 200)), boxes((100, 100, 100, 20, 45)), [], spec))
    assert found[130, 130]
    assert found[70, 70]
    assert found[70, 130] == (not rotated)
    assert abs(found.sum() - (2000 if rotated else 85 * 85)) < 250


def test_the_drawing_is_scaled_down_with_its_regions() -> None:
    spec = rp.ImageDrawRegions(**RED, filled_rect=True, max_side=100)
    found = painted(draw(image_of(white(200, 400), 2), boxes((400, 200, 320, 160, 0)), [], spec))
    assert found.shape == (50, 100)
    assert found[16:34, 31:69].all()
    assert not found[:14].any()


@pytest.mark.parametrize("shape", [(1, 4000), (4000, 1)])
def test_a_thin_page_keeps_a_pixel(shape: tuple[int, int]) -> None:
    found = draw(image_of(white(*shape)), boxes((0, 0, 1, 1, 0)), [], rp.ImageDrawRegions(max_side=100))
    assert sorted(found.shape[:2]) == [1, 100]


def test_the_page_itself_is_left_alone() -> None:
    image = image_of(white(100, 200))
    draw(image, boxes((100, 50, 80, 40, 0)), [], rp.ImageDrawRegions())
    assert (image.pixels() == 255).all()


@pytest.mark.parametrize("filled", [True, False])
def test_no_regions_draw_nothing(filled: bool) -> None:
    spec = rp.ImageDrawRegions(filled_rect=filled, draw_text=True)
    assert (draw(image_of(white(100, 200)), boxes(), [], spec) == 255).all()


@pytest.mark.parametrize("y", [80, 4])
def test_text_is_written_above_its_line_and_on_the_page(y: float) -> None:
    line = a_line("hello ü", 0.5, 150, y, 100, 20, 0)
    spec = rp.ImageDrawRegions(draw_text=True, font_size=14)
    found = draw(image_of(white(200, 300)), boxes(), [line], spec)
    ink = np.argwhere((found < 250).any(2))
    assert len(ink) > 30
    assert ink[:, 0].max() < max(y - 8, 22)
    assert ink[:, 1].min() >= 98
    assert (draw(image_of(white(200, 300)), boxes(), (), spec) == 255).all()


def test_text_is_written_only_if_asked_for() -> None:
    row = {
        "image": image_of(white(200, 300)),
        "text_regions": [],
        "lines": [a_line("hello", 0.5, 150, 80, 100, 20, 0)],
    }
    silent, written = (
        carried_out(worker(RegionDrawer, rp.ImageDrawRegions(draw_text=asked, image_format="png")), [dict(row)])
        for asked in (False, True)
    )
    assert silent[0]["image_with_regions"] != written[0]["image_with_regions"]


@pytest.mark.parametrize("image_format", ["jpeg", "png"])
def test_the_drawing_is_a_file(image_format: str) -> None:
    row = {"image": image_of(white(100, 200)), "text_regions": [a_region(60, 30, 80, 40, 0, rotated=False)]}
    spec = rp.ImageDrawRegions(image_format=image_format, filled_rect=True, rect_color="blue")
    (found,) = carried_out(worker(RegionDrawer, spec), [row])
    pixels = cv2.imdecode(np.frombuffer(found["image_with_regions"], np.uint8), cv2.IMREAD_COLOR)
    assert painted(pixels, "blue")[50, 100]
    assert found["image_with_regions"][:2] == (b"\xff\xd8" if image_format == "jpeg" else b"\x89P")


def save(folder: str, **row: Any) -> Row:
    (found,) = carried_out(
        worker(ImageSaver, rp.SaveImages(folder=folder)), [{"name": "a.png", "image_with_regions": b"x", **row}]
    )
    return found


def test_pictures_are_saved_and_replaced_by_their_path(tmp_path: Path) -> None:
    for row, name in (
        ({"pagenum": 0, "total_pages": 1}, "a.png.jpeg"),
        ({"pagenum": 1, "total_pages": 3}, "a.png.1.jpeg"),
        ({"pagenum": 0}, "a.png.jpeg"),
        ({"pagenum": 0, "total_pages": 1, "name": "sub/b.png"}, "sub/b.png.jpeg"),
    ):
        found = save(f"{tmp_path}/", **row)
        assert found["overlay"] == f"{tmp_path}/{name}"
        assert (tmp_path / name).read_bytes() == b"x"
        assert "image_with_regions" not in found


def test_a_page_count_that_is_not_known_is_one(tmp_path: Path) -> None:
    """Rows that came from elsewhere have null there."""
    assert save(str(tmp_path), pagenum=0, total_pages=None)["overlay"] == f"{tmp_path}/a.png.jpeg"


def test_a_folder_that_cannot_be_written_fails_the_page(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    found = save(str(tmp_path / "file" / "folder"), pagenum=0, total_pages=1)
    assert found["exception"].startswith("SaveImages file_unwritable")
    assert found["overlay"] is None
