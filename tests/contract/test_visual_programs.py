"""Visual NLP's programs with other imports, in this process and on Ray."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import drawn
import pytest
from adapters import EACH_ENGINE_RAY_LATER
from fpdf import FPDF
from PIL import Image

from raypipe import visual
from raypipe.errors import ConfigError, DeviceError, OutputError
from raypipe.visual import start
from raypipe.visual.enums import Color, ImageType, OcrOutputFormat
from raypipe.visual.functions import col, collect_list, concat_ws, size, udf

COORDINATE = (
    "list<item: struct<index: int32, page: int32, x: float, y: float, width: float, height: float, score: float, "
    "label: string, angle: float, rotated: bool>>"
)
PICTURE = (
    "struct<origin: string, height: int32, width: int32, nChannels: int32, mode: int32, resolution: int32, "
    "data: large_binary>"
)
PAGE_MATRIX = (
    "list<item: struct<mapping: list<item: struct<c: string, x: float, y: float, width: float, height: float, "
    "fontSize: int32, source: string>>>>"
)
COLUMNS = {
    "path": "string",
    "modificationTime": "timestamp[us, tz=UTC]",
    "length": "int64",
    "pagenum": "int32",
    "exception": "string",
    "image": PICTURE,
    "text_regions": COORDINATE,
    "text": "string",
    "positions": PAGE_MATRIX,
    "confidence": "list<item: float>",
    "image_with_regions": PICTURE,
}
"""Visual NLP's columns after the stages of the handwriting program, with Arrow's names of their types."""


def detector(name: str = "image_text_detector_v2") -> visual.ImageTextDetectorV2:
    return (
        visual.ImageTextDetectorV2.pretrained(name, "en", "clinical/ocr")
        .setInputCol("image")
        .setOutputCol("text_regions")
        .setWithRefiner(True)
        .setSizeThreshold(-1)
        .setLinkThreshold(0.3)
    )


def reader(name: str = "ocr_base_handwritten_v2_opt") -> visual.ImageToTextV2:
    reading = visual.ImageToTextV2Opt.pretrained(name, "en", "clinical/ocr")
    return reading.setInputCols(["image", "text_regions"]).setGroupImages(True).setRegionsColumn("text_regions")


def handwriting() -> visual.PipelineModel:
    """The program of the model's card: lines are found, read and drawn."""
    picture = visual.BinaryToImage()
    picture.setImageType(ImageType.TYPE_3BYTE_BGR)
    drawing = visual.ImageDrawRegions().setInputRegionsCol("text_regions").setRectColor(Color.green).setRotated(True)
    return visual.PipelineModel(stages=[picture, detector().setWidth(500), reader(), drawing])


def loaded(path: Path, engine: str = "local") -> visual.Frame:
    return start(on_missing_model="nearest", engine=engine).read.format("binaryFile").load(str(path))


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_the_handwriting_program_reads_and_draws(
    engine: str, shared_data: Path, ray_cluster: None, capsys: pytest.CaptureFixture[str]
) -> None:
    images = loaded(shared_data / "visual_nlp_samples/images/handwritten_example.jpg", engine)
    result = handwriting().transform(images).cache()
    visual.display_images(result, "image_with_regions")
    assert "    Width: 4608 px\n" in capsys.readouterr().out
    text = "".join([row.text for row in result.select("text").collect()])
    assert len(text.split("\n")) == 4
    assert text.startswith("This is an example of handwritten\ntext") and "the performance" in text
    assert {field.name: str(field.type) for field in result.schema} == COLUMNS


@EACH_ENGINE_RAY_LATER
def test_the_program_with_given_regions_reads_them(
    engine: str, shared_data: Path, ray_cluster: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = loaded(shared_data / "visual_nlp_samples/images/handwritten_example.jpg", engine)
    found = visual.PipelineModel([visual.BinaryToImage(), detector().setWidth(500)]).transform(images)
    found.select("text_regions").write.parquet(str(tmp_path / "regions.parquet"))
    regions = start(engine=engine).read.parquet(str(tmp_path / "regions.parquet"))
    joined = regions.join(images)
    reading = visual.ImageToTextOnnx.pretrained("ocr_base_handwritten_v2_opt").setInputCols(["image"])
    reading.setRegionsColumn("text_regions").setOutputFormat("text")
    model = visual.Pipeline().setStages([visual.BinaryToImage().setOutputCol("image"), reading]).fit(joined)
    with visual.Benchmark.time("Using ocr_base_handwritten_v2_opt", True):
        rows = model.transform(joined).select("text").collect()
    assert capsys.readouterr().out.startswith("Using ocr_base_handwritten_v2_opt: ")
    assert "performance" in rows[0][0]
    assert "handwritten" in rows[0][0]
    assert "hope" in rows[0][0]
    assert len(rows[0][0]) > 90


@EACH_ENGINE_RAY_LATER
def test_frames_work_alike(engine: str, pages: Path, ray_cluster: None, tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"no picture")
    images = start(engine=engine).read.format("binaryFile").load([str(pages / "a_letter.png"), str(tmp_path / "b.png")])
    model = visual.PipelineModel([visual.BinaryToImage(), detector(), reader("ocr_small_handwritten_v2_opt")])
    result = model.transform(images.repartition(2)).cache()
    assert result.count() == 2
    (good,) = result.filter(col("exception").isNull()).select("text", size("text_regions").alias("lines")).collect()
    assert good.text.split("\n") == drawn.LETTER and good.lines == len(drawn.LETTER)
    (bad,) = result.filter(result.exception.isNotNull()).collect()
    assert (bad.image, bad.text, bad.text_regions) == (None, "", []) and "image_unknown" in bad.exception
    assert [row.path for row in result.sort("path").select("path").collect()] == sorted(
        [str(pages / "a_letter.png"), str(tmp_path / "b.png")]
    )
    words = start(engine=engine).createDataFrame([{"path": str(tmp_path / "b.png"), "note": "bad"}])
    assert [row.note for row in result.join(words, "path").select("note").collect()] == ["bad"]
    parts = visual.ImageSplitRegions(inputRegionsCol="text_regions").transform(result)
    assert parts.filter(col("exception").isNull()).count() == len(drawn.LETTER)
    result.select("path", "text").write.parquet(str(tmp_path / "out"))
    with pytest.raises(OutputError, match="already exists"):
        result.write.parquet(str(tmp_path / "out"))
    result.select("path", "text").write.mode("overwrite").parquet(str(tmp_path / "out"))
    assert {row.text for row in start().read.parquet(str(tmp_path / "out")).collect()} == {good.text, ""}
    assert result.limit(1).count() == 1
    assert result.withColumn("n", col("pagenum") + 1).toPandas()["n"].tolist() == [1, 1]
    texts = result.union(result).groupBy("path").agg(concat_ws("|", collect_list("text")).alias("texts"))
    assert [row.texts for row in texts.sort(texts.path.desc()).collect()] == ["|", f"{good.text}|{good.text}"]
    name = udf(lambda path: path[-5:])
    assert {row.name for row in result.select(name("path").alias("name")).distinct().collect()} == {"r.png", "b.png"}


@pytest.mark.slow
def test_ray_has_a_dataset_and_takes_one(pages: Path, ray_cluster: None) -> None:
    import ray

    dataset = ray.data.from_items([{"path": str(pages / "a_letter.png"), "box": 7}])
    frame = visual.BinaryToImage().transform(start(engine="ray").createDataFrame(dataset))
    assert frame.select("box", "image.width").collect()[0].box == 7
    assert "image" in frame.dataset.schema().names


@pytest.fixture(scope="module")
def usual_regions(pages: Path) -> list[Any]:
    return regions_with(pages)


def regions_with(pages: Path, **parameters: Any) -> list[Any]:
    found = visual.ImageTextDetectorV2.pretrained("image_text_detector_mem_opt").setWidth(640)
    for name, value in parameters.items():
        found.set(name, value)
    frame = visual.PipelineModel([visual.BinaryToImage(), found]).transform(loaded(pages / "a_letter.png"))
    regions: list[Any] = frame.first().text_regions  # type: ignore[union-attr]
    return regions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scoreThreshold", 0.99),
        ("textThreshold", 0.9),
        ("linkThreshold", 0.95),
        ("sizeThreshold", 100),
        ("width", 400),
        ("withRefiner", True),
    ],
)
def test_what_a_detector_finds_changes_with_its_parameter(
    pages: Path, usual_regions: list[Any], name: str, value: Any
) -> None:
    assert regions_with(pages, **{name: value}) != usual_regions


def test_a_gpu_that_is_asked_for_has_to_be_there(pages: Path) -> None:
    from raypipe.engine.devices import gpu_available

    if gpu_available():
        pytest.skip("there is a GPU")
    with pytest.raises(DeviceError):
        regions_with(pages, useGPU=True)
    with pytest.raises(DeviceError):
        start(use_gpu=True)


@pytest.fixture(scope="module")
def found(pages: Path) -> visual.Frame:
    """The letter and its regions."""
    model = visual.PipelineModel([visual.BinaryToImage(), detector("image_text_detector_mem_opt").setWidth(640)])
    return model.transform(loaded(pages / "a_letter.png")).cache()


def read_with(found: visual.Frame, **parameters: Any) -> Any:
    reading = visual.ImageToTextV2.pretrained("ocr_small_handwritten_v2_opt").setInputCols(["image", "text_regions"])
    for name, value in parameters.items():
        reading.set(name, value)
    return reading.transform(found).first()


def test_a_readers_output_is_what_its_parameters_say(found: visual.Frame) -> None:
    usual = read_with(found)
    assert (usual.text.split("\n"), usual.positions, usual.confidence) == (drawn.LETTER, [], [])
    assert 0.5 < read_with(found, includeConfidence=True).confidence[0] <= 1
    assert "image" not in read_with(found, keepInput=False).asDict()
    assert read_with(found, outputCol="read").read == usual.text
    assert read_with(found, outputFormat=OcrOutputFormat.HOCR).text.startswith('<div class="ocr_page"')
    assert read_with(found, outputFormat="formatted_text").text.split("\n")[0].strip() == drawn.LETTER[0]
    placed = read_with(found, outputFormat=OcrOutputFormat.TEXT_WITH_POSITIONS, positionsCol="places")
    assert "".join(each.c for each in placed.places[0].mapping) == "".join(usual.text.split())
    assert read_with(found, regionsColumn=None).text.count("\n") == 0


def whole_page(path: Path, **parameters: Any) -> Any:
    model = visual.PipelineModel([visual.BinaryToImage(), visual.ImageToText(**parameters)])
    return model.transform(loaded(path)).first()


def test_a_reader_of_whole_pages_needs_no_detector(pages: Path) -> None:
    letter, columns = pages / "a_letter.png", pages / "i_columns.png"
    usual = whole_page(letter)
    assert usual.text.split("\n") == drawn.LETTER
    assert 50 < usual.confidence <= 100
    assert "".join(each.c for each in usual.positions[0].mapping) == "".join(usual.text.split())
    assert whole_page(letter, confidenceThreshold=100).text == ""
    assert whole_page(letter, pageSegMode=visual.PageSegmentationMode.SINGLE_LINE).text != usual.text
    laid_out = whole_page(columns, keepLayout=True)
    assert "   " in laid_out.text and laid_out.positions[0].mapping
    assert "   " not in whole_page(columns).text


def test_pages_of_a_pdf_are_rows_at_the_resolution_that_is_asked_for(pages: Path, tmp_path: Path) -> None:
    page = Image.open(pages / "a_letter.png").convert("RGB")
    page.save(tmp_path / "two.pdf", save_all=True, append_images=[page], resolution=150)
    images = start().read.format("binaryFile").load(str(tmp_path / "two.pdf"))
    sizes = {}
    for resolution in (75, 150):
        rows = visual.PdfToImage(resolution=resolution).transform(images).collect()
        assert [(row.pagenum, row.total_pages) for row in rows] == [(0, 2), (1, 2)]
        sizes[resolution] = rows[0].image.width
    assert sizes[150] == pytest.approx(2 * sizes[75], abs=2)


def test_a_light_pipeline_reads_a_document_at_a_time(pages: Path, tmp_path: Path) -> None:
    light = visual.LightPipeline(visual.PipelineModel([visual.Base64ToImage(), visual.ImageToText()]))
    content = (pages / "a_letter.png").read_bytes()
    text = "\n".join(drawn.LETTER)
    for pages_read, path in (
        (light.fromLocalPath(str(pages / "a_letter.png")), str(pages / "a_letter.png")),
        (light.fromString(base64.b64encode(content).decode()), "base64_in_memory"),
        (light.fromBinary(content), "memory"),
    ):
        (page,) = pages_read
        assert page["pagenum"] == 0
        assert (page["text"].annotator_type, page["text"].result) == ("image_to_text", text)
        assert (page["text"].begin, page["text"].end) == (0, len(text) - 1)
        assert page["text"].metadata["sourcePath"] == page["image"].path == path
        assert 50 < page["text"].metadata["confidence"] <= 100
        assert page["positions"].mappings[0]["c"] == text[0]
        assert page["exception"].message == ["ocr_pipeline_exception::"]
    (bad,) = light.fromBinary(b"no picture")
    assert bad["text"].result == "" and "memory" in bad["exception"].message[0]
    with pytest.raises(ConfigError, match="Base64ToBinary changes the number of rows"):
        visual.LightPipeline(visual.PipelineModel([visual.BinaryToImage(), visual.Base64ToBinary()]))


def test_a_light_pipeline_reads_each_region_alone(pages: Path) -> None:
    split = visual.ImageSplitRegions(inputRegionsCol="text_regions", outputCol="line", dropCols="image")
    reading = visual.ImageToTextV2.pretrained("ocr_small_handwritten_v2_opt").setInputCols(["line"])
    found = detector("image_text_detector_mem_opt").setWidth(640)
    light = visual.LightPipeline(visual.PipelineModel([visual.BinaryToImage(), found, split, reading]))
    assert [line["text"].result for line in light.fromLocalPath(str(pages / "a_letter.png"))] == drawn.LETTER
    (bad,) = light.fromBinary(b"no picture")
    assert "BinaryToImage image_unknown: " in bad["exception"].message[0]


def test_a_mixed_pipeline_takes_the_text_that_a_page_holds(tmp_path: Path, pages: Path) -> None:
    Image.open(pages / "a_letter.png").convert("RGB").save(tmp_path / "scan.pdf", resolution=150)
    document = FPDF(unit="pt", format=(300, 200))
    document.add_page()
    document.set_font("Helvetica", size=20)
    document.text(40, 60, "First line")
    document.output(str(tmp_path / "held.pdf"))
    made = visual.PretrainedPipeline("mixed_scanned_digital_pdf", "en", "clinical/ocr")
    held, scanned = made.transform(loaded(tmp_path)).sort("path").collect()
    assert (held.text, held.text_source) == ("First line", "layer")
    assert (scanned.text.split("\n"), scanned.text_source) == (drawn.LETTER, "ocr")


def test_a_pretrained_pipeline_reads(pages: Path) -> None:
    images = loaded(pages / "a_letter.png")
    made = visual.PretrainedPipeline("image_handwritten_transformer_extraction", "en", "clinical/ocr")
    result = made.transform(images)
    expected = {name: kind for name, kind in COLUMNS.items() if name != "image_with_regions"}
    assert {field.name: str(field.type) for field in result.schema} == expected
    assert result.select("text").collect()[0].text.split("\n") == drawn.LETTER


@pytest.mark.slow
def test_a_pipeline_of_these_stages_is_served(pages: Path, ray_cluster: None) -> None:
    from ray import serve

    model = visual.PipelineModel([visual.BinaryToImage(), detector(), reader("ocr_small_handwritten_v2_opt")])
    handle = serve.run(model.pipeline.deployment(), _local_testing_mode=True)
    path = str(pages / "a_letter.png")
    page = {"path": path, "name": path, "content": None, "pagenum": 0, "total_pages": 1, "exception": None}
    assert handle.read.remote(page).result()["text"].split("\n") == drawn.LETTER
