"""Visual NLP's pipelines, models, measures and helpers."""

from __future__ import annotations

import base64
import io
import logging
import re
import time
from pathlib import Path

import pytest
from PIL import Image

from raypipe import visual
from raypipe.errors import ConfigError, InputError, ModelError
from raypipe.visual import models, once, start
from raypipe.visual.enums import Color, ImageType


def test_a_pipeline_is_what_its_stages_say_when_it_is_used(tmp_path: Path) -> None:
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    frame = start().read.format("binaryFile").load(str(tmp_path))
    picture = visual.BinaryToImage()
    model = visual.Pipeline().setStages([picture]).fit(frame)
    assert model.transform(frame).collect()[0].image.mode == 10
    model.stages[0].setImageType(ImageType.TYPE_3BYTE_BGR)
    picture.setOutputCol("picture")
    assert model.transform(frame).collect()[0].picture.mode == 5


def test_a_pipeline_is_stages_of_these() -> None:
    import raypipe as rp

    with pytest.raises(ConfigError, match=r"not a stage of raypipe.visual.*raypipe.Pipeline"):
        visual.PipelineModel([rp.BinaryToImage()])  # type: ignore[list-item]


def test_a_pipeline_in_another_one_stands_for_its_stages() -> None:
    first, second = visual.BinaryToImage(), visual.HocrTokenizer()
    nested = visual.Pipeline([visual.PipelineModel([first]), second])
    assert nested.getStages() == [first, second]


def test_a_pipeline_lacks_no_column() -> None:
    frame = start().createDataFrame([{"path": "a"}])
    with pytest.raises(ConfigError, match="reads the column 'text_regions', which no stage before it writes"):
        visual.PipelineModel(
            [visual.BinaryToImage(), visual.ImageDrawRegions(inputRegionsCol="text_regions")]
        ).transform(frame)


def test_a_pipeline_is_saved_and_loaded(tmp_path: Path) -> None:
    drawing = visual.ImageDrawRegions().setRectColor(Color.green).setColorMap({"name": Color.red}).setLineWidth(2)
    model = visual.PipelineModel([visual.BinaryToImage().setImageType(ImageType.TYPE_3BYTE_BGR), drawing])
    model.save(str(tmp_path / "model"))
    loaded = visual.PipelineModel.load(str(tmp_path / "model"))
    assert repr(loaded.stages) == repr(model.stages)
    assert [each.stage() for each in loaded.stages] == [each.stage() for each in model.stages]
    with pytest.raises(ConfigError, match="already holds a pipeline"):
        model.save(str(tmp_path / "model"))
    model.write().overwrite().save(str(tmp_path / "model"))


@pytest.mark.parametrize("scheme", ["file://", "file:"])
def test_a_pipeline_is_saved_and_loaded_by_uri(tmp_path: Path, scheme: str) -> None:
    place = f"{scheme}{tmp_path}/model"
    visual.PipelineModel([visual.BinaryToImage()]).save(place)
    assert (tmp_path / "model" / "pipeline.json").exists()
    assert [type(stage) for stage in visual.PipelineModel.load(place).stages] == [visual.BinaryToImage]
    with pytest.raises(ConfigError, match="already holds a pipeline"):
        visual.PipelineModel([]).save(place)


def test_a_single_stage_is_saved_and_loaded(tmp_path: Path) -> None:
    place = str(tmp_path / "stage")
    stage = visual.ImageDrawRegions().setRectColor(Color.green)
    stage.save(place)
    assert repr(visual.ImageDrawRegions.read().load(place)) == repr(stage)
    assert [type(each) for each in visual.PipelineModel.read().load(place).stages] == [visual.ImageDrawRegions]
    with pytest.raises(ConfigError, match=r"no stage 'ImageDrawRegions'. Use BinaryToImage"):
        visual.BinaryToImage.load(place)
    visual.PipelineModel([stage, stage]).write().overwrite().save(place)
    with pytest.raises(ConfigError, match=r"holds 2 stages. Use PipelineModel.load"):
        visual.ImageDrawRegions.load(place)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "cannot be read"),
        ('{"stages": [{"type": "ImageCleaner", "values": {}}]}', "no stage 'ImageCleaner'"),
        ('{"stages": [{"type": "BinaryToImage", "values": {"output": "a"}}]}', "nearest is setOutputCol"),
    ],
)
def test_a_pipeline_that_cannot_be_loaded_says_why(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pipeline.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        visual.PipelineModel.load(str(tmp_path))
    with pytest.raises(ConfigError, match="absent holds no pipeline"):
        visual.PipelineModel.load(str(tmp_path / "absent"))


def test_a_pipeline_is_one_of_raypipes_unless_it_changes_rows() -> None:
    model = visual.PipelineModel([visual.BinaryToImage()])
    assert [stage.name for stage in model.pipeline.stages] == ["BinaryToImage"]
    with pytest.raises(ConfigError, match="ImageSplitRegions changes the number of rows"):
        _ = visual.PipelineModel([visual.BinaryToImage(), visual.ImageSplitRegions()]).pipeline


def test_a_missing_model_names_the_command_that_gets_it_and_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(models.VARIABLE, raising=False)
    with pytest.raises(ModelError) as error:
        visual.ImageToTextV2.pretrained("ocr_large_printed_v2_opt", "en", "clinical/ocr")
    assert "raypipe models pull ocr_large_printed_v2_opt" in str(error.value)
    assert 'the nearest model here, ocr_small_printed_v2_opt: start(on_missing_model="nearest")' in str(error.value)


@pytest.mark.parametrize(
    ("stage", "name", "near"),
    [
        ("ImageToTextV2Opt", "ocr_base_handwritten_v2_opt", "ocr_small_handwritten_v2_opt"),
        ("ImageToTextV2", "ocr_base_handwritten_v2", "ocr_small_handwritten_v2"),
        ("ImageToTextV2", "ocr_large_printed_v2_opt", "ocr_small_printed_v2_opt"),
        ("ImageToTextV4", "text_recognition_v4", "ocr_small_handwritten_v2_opt"),
        ("ImageTextDetector", "text_detection_v1", "image_text_detector_v2"),
        ("ImageTextDetector", "image_text_detector_dit", "image_text_detector_v2"),
        ("ImageTextDetectorV2", "image_text_detector_v2", "image_text_detector_v2"),
        ("ImageTextDetector", "image_text_detector_mem_opt", "image_text_detector_v2_opt"),
    ],
)
def test_the_nearest_model_does_the_work_of_a_missing_one(
    stage: str, name: str, near: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(models.VARIABLE, "nearest")
    once.warn.cache_clear()
    with caplog.at_level(logging.WARNING, "raypipe.visual"):
        for _ in range(2):
            assert getattr(visual, stage).pretrained(name, "en", "clinical/ocr").stage().model == near
    is_there = name == near or name == "image_text_detector_mem_opt"
    assert len(caplog.records) == (0 if is_there else 1)


def test_start_says_what_to_do_about_missing_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(models.VARIABLE, "error")
    start(on_missing_model="nearest")
    assert visual.ImageToTextV2.pretrained("ocr_base_printed").stage().model == "ocr_small_printed"  # type: ignore[attr-defined]


def test_no_model_reads_another_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(models.VARIABLE, "nearest")
    with pytest.raises(ModelError, match="does not read 'ru'"):
        visual.ImageToTextV2.pretrained("ocr_small_printed", "ru")
    with pytest.raises(ModelError, match="a detection model"):
        visual.ImageToTextV2.pretrained("image_text_detector_v2")


def test_pretrained_pipelines_have_visual_nlps_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(models.VARIABLE, "nearest")
    made = visual.PretrainedPipeline("pdf_printed_transformer_extraction", "en", "clinical/ocr")
    assert [type(stage).__name__ for stage in made.model.stages] == ["PdfToImage", "ImageTextDetector", "ImageToTextV2"]
    made.model.save(str(tmp_path / "model"))
    again = visual.PretrainedPipeline("any", disk_location=str(tmp_path / "model"))
    assert repr(again.model.stages) == repr(made.model.stages)
    mixed = visual.PretrainedPipeline("mixed_scanned_digital_pdf_skew_correction", "en", "clinical/ocr")
    assert mixed.model.stages[0].getTextLayer() == "use"
    with pytest.raises(ConfigError, match=r"no pipeline 'some'.*image_handwritten_transformer_extraction"):
        visual.PretrainedPipeline("some")


@pytest.mark.parametrize(
    ("expected", "detected", "value"),
    [
        ("", "", 1.0),
        ("abc", "abc", 1.0),
        ("abc", "", 0.0),
        ("", "a", -2.0),
        ("abc", "abd", 1 - 2 / 6),
        ("ab", "axb", 1 - 3 / 5),
    ],
)
def test_score_weighs_extra_missing_and_wrong_letters(expected: str, detected: str, value: float) -> None:
    assert visual.score(expected, detected) == pytest.approx(value)


def test_score_is_the_least_cost() -> None:
    """As the recursive definition of the distance, for texts of all kinds."""
    import itertools

    def cost(a: str, b: str) -> int:
        if not a or not b:
            return len(a) + 3 * len(b)
        return min(cost(a[1:], b) + 1, cost(a, b[1:]) + 3, cost(a[1:], b[1:]) + 2 * (a[0] != b[0]))

    texts = ["".join(letters) for n in range(1, 4) for letters in itertools.product("ab", repeat=n)]
    for a, b in itertools.product(texts, texts):
        assert visual.score(a, b) == pytest.approx(1 - cost(a, b) / (len(a) + len(b)))


def test_benchmark_times_blocks_functions_and_calls(capsys: pytest.CaptureFixture[str]) -> None:
    with visual.Benchmark.time("a block", True):
        time.sleep(0.01)
    text = capsys.readouterr().out
    assert re.fullmatch(r"a block: [\d.]+sec\n", text)

    @visual.Benchmark.time("a function")
    def doubled(n: int) -> int:
        return 2 * n

    assert doubled(2) == 4 and doubled(3) == 6
    assert capsys.readouterr().out.count("a function: ") == 2
    assert visual.Benchmark.time("a call", True, lambda: 7) == 7
    assert visual.Benchmark.measure(lambda: time.sleep(0.01), iterations=2) >= 0.01
    assert re.search(r"^Took \(Avg for 2 iterations\): [\d.]+ sec$", capsys.readouterr().out, re.MULTILINE)


def test_benchmark_is_silent_unless_it_is_forced(capsys: pytest.CaptureFixture[str]) -> None:
    visual.Benchmark.setPrint(False)
    try:
        visual.Benchmark.time("quiet", block=int)
        visual.Benchmark.time("loud", True, int)
    finally:
        visual.Benchmark.setPrint(True)
    assert capsys.readouterr().out.startswith("loud: ")
    assert visual.Benchmark.getPrint()


def test_pictures_are_shown_with_what_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (20, 10), "white").save(path, dpi=(200, 200))
    frame = visual.BinaryToImage(imageType=ImageType.TYPE_3BYTE_BGR).transform(
        start().read.format("binaryFile").load(str(path))
    )
    visual.display_images(frame, "image")
    shown = capsys.readouterr().out
    assert shown.startswith(
        f"\n    Image #0:\n    Origin: {path}\n    Resolution: 200 dpi\n    Width: 20 px\n    Height: 10 px\n"
        "    Mode: ImageType.TYPE_3BYTE_BGR\n    Number of channels: 3\n"
    )
    visual.display_image(frame.first().image, show_meta=False)
    assert "Image #0" not in capsys.readouterr().out
    visual.display_images_horizontal(frame, "image, image", limit=1, width=100)
    with pytest.raises(ConfigError, match="no pictures in 'text'"):
        visual.display_images(frame, "text")


def test_a_picture_without_pixels_cannot_be_shown() -> None:
    with pytest.raises(ConfigError, match="not a picture with pixels"):
        visual.to_pil_image({"data": None})


def test_names_are_there_and_sorted() -> None:
    assert visual.__all__ == sorted(visual.__all__)
    assert all(hasattr(visual, name) for name in visual.__all__)


def test_a_stage_that_is_not_offered_says_why() -> None:
    from raypipe.visual.transformers import PdfToText

    with pytest.raises(ConfigError, match=r"PdfToText is not offered: PdfToImage\(\).setTextLayer"):
        PdfToText()
    with pytest.raises(ConfigError, match="ImageSkewCorrector is not offered: .* leave it out"):
        visual.ImageSkewCorrector.pretrained("some")
    with pytest.raises(ConfigError, match="DicomToImageV2 is not offered: .* save the frames"):
        visual.DicomToImageV2().setInputCol("content")
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        from raypipe.visual.transformers import Nothing  # noqa: F401


def test_a_pretrained_pipeline_reads_documents_as_a_light_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(models.VARIABLE, "nearest")
    made = visual.PretrainedPipeline("image_printed_transformer_extraction", "en", "clinical/ocr")
    text = base64.b64encode(b"no picture").decode()
    for (page,) in (made.fromBinary(b"no picture"), made.fromString(text)):
        assert page["text"].result == "" and "BinaryToImage image_unknown: " in page["exception"].message[0]
    with pytest.raises(InputError, match="does not exist"):
        made.fromLocalPath("absent.png")


def test_a_light_pipeline_decodes_base64_whatever_its_columns() -> None:
    file, page = io.BytesIO(), Image.new("L", (9, 9))
    page.save(file, "TIFF", save_all=True, append_images=[page])
    stages = [visual.Base64ToBinary(outputCol="decoded"), visual.BinaryToImage(inputCol="decoded")]
    text = base64.b64encode(file.getvalue()).decode()
    pages = visual.LightPipeline(visual.PipelineModel(stages)).fromString(text)
    assert [(each["pagenum"], each["image"].exception) for each in pages] == [(0, None), (1, None)]
    frame = start().createDataFrame([{"path": "a", "content": text}])
    assert visual.PipelineModel(stages).transform(frame).count() == 2


def test_a_light_pipeline_names_its_results_as_the_stages_do() -> None:
    opening = visual.BinaryToImage(outputCol="picture")
    reading = visual.ImageToTextV2.pretrained("ocr_small_printed_v2_opt").setInputCols(["picture"])
    reading.setOutputCol("read").setPositionsCol("places")
    (page,) = visual.LightPipeline(visual.PipelineModel([opening, reading])).fromBinary(b"no picture")
    assert set(page) == {"pagenum", "exception", "picture", "read", "places"}


def test_pdf_pipelines_keep_the_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(models.VARIABLE, "nearest")
    files = start().createDataFrame([{"path": "a.pdf", "content": b""}])
    for kind, kept in (("pdf", True), ("image", False)):
        made = visual.PretrainedPipeline(f"{kind}_printed_transformer_extraction", "en", "clinical/ocr")
        assert ("content" in made.transform(files).columns) is kept


def test_the_file_of_a_pdf_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (20, 10)).save(tmp_path / "a.pdf")
    visual.display_pdf_file(str(tmp_path / "a.pdf"), size=(60, 50))
    assert "Image #0" not in capsys.readouterr().out
    with pytest.raises(InputError, match="does not exist"):
        visual.display_pdf_file("absent.pdf")
