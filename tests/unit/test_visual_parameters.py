"""Visual NLP's parameters: each works, is accepted and said not to be needed, or is refused with what to do instead."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import pytest

from raypipe import visual
from raypipe.errors import ConfigError, ModelError
from raypipe.visual import once
from raypipe.visual.enums import Color, ImageType, Language, OcrOutputFormat, PageSegmentationMode, SplittingStrategy
from raypipe.visual.ml import STAGES
from raypipe.visual.parameters import NOT_NEEDED, NOT_OFFERED
from raypipe.visual.transformers.bases import Transformer

FIELD, NEEDLESS, REFUSED, OWN = "field", "needless", "refused", "own"
"""What becomes of a parameter: it sets a field of raypipe's stage; is not needed; is refused; or does something here,
which `test_visual_stages.py` tests."""

DETECTOR: list[tuple[str, Any, Any]] = [
    ("inputCol", "picture", ("input_col", "picture")),
    ("outputCol", "found", ("output_col", "found")),
    ("scoreThreshold", 0.5, ("score_threshold", 0.5)),
    ("sizeThreshold", -1, ("size_threshold", -1)),
    ("textThreshold", 0.2, ("text_threshold", 0.2)),
    ("linkThreshold", 0.3, ("link_threshold", 0.3)),
    ("width", 500, ("width", 500)),
    ("withRefiner", True, ("with_refiner", True)),
    ("mergeIntersects", True, ("merge_intersects", True)),
    ("useGPU", False, ("use_gpu", False)),
    ("height", 700, REFUSED),
    ("forceProcessing", True, NEEDLESS),
]
READER: list[tuple[str, Any, Any]] = [
    ("inputCols", ["picture", "found"], ("input_col", "picture")),
    ("inputCols", ["picture", "found"], ("regions_column", "found")),
    ("regionsColumn", "found", ("regions_column", "found")),
    ("outputCol", "read", ("output_col", "read")),
    ("groupImages", True, ("group_images", True)),
    ("lineTolerance", 0, ("line_tolerance", 0)),
    ("borderWidth", 3, ("border_width", 3)),
    ("spaceWidth", 20, ("space_width", 20)),
    ("outputFormat", OcrOutputFormat.FORMATTED_TEXT, ("output_format", "formatted_text")),
    ("outputFormat", "hocr", ("output_format", "hocr")),
    ("positionsCol", "places", ("positions_col", "places")),
    ("includeConfidence", True, ("include_confidence", True)),
    ("useGPU", False, ("use_gpu", False)),
    ("batchSize", 4, ("batch_size", 4)),
    ("taskParallelism", 8, ("task_parallelism", 8)),
    ("keepInput", False, ("keep_input", False)),
    ("useCaching", True, NEEDLESS),
    ("usePandasUdf", True, NEEDLESS),
]
PICTURE: list[tuple[str, Any, Any]] = [
    ("inputCol", "data", ("input_col", "data")),
    ("originCol", "place", ("origin_col", "place")),
    ("outputCol", "picture", ("output_col", "picture")),
    ("imageType", ImageType.TYPE_3BYTE_BGR, ("image_type", "TYPE_3BYTE_BGR")),
    ("imageType", ImageType.TYPE_BYTE_BINARY, REFUSED),
    ("imageType", ImageType.TYPE_4BYTE_ABGR, REFUSED),
    ("keepInput", True, ("keep_input", True)),
    ("pageNumCol", "number", OWN),
    ("imageDimsCol", "dims", REFUSED),
    ("compressImage", True, REFUSED),
]
SPEC: dict[str, list[tuple[str, Any, Any]]] = {
    "BinaryToImage": PICTURE,
    "PdfToImage": [
        *PICTURE,
        ("fallBackCol", "text", REFUSED),
        ("minSizeBeforeFallback", 20, REFUSED),
        ("splitPage", False, REFUSED),
        ("resolution", 150, ("resolution", 150)),
        ("partitionNum", 8, NEEDLESS),
        ("partitionNumAfterSplit", 8, NEEDLESS),
        ("splitNumBatch", 2, NEEDLESS),
        ("splittingStategy", SplittingStrategy.FIXED_SIZE_OF_PARTITION, NEEDLESS),
        ("binarization", True, REFUSED),
        ("binarizationParams", ["a=b"], REFUSED),
        ("maxImageWidth", 1000, REFUSED),
    ],
    "ImageTextDetector": DETECTOR,
    "ImageTextDetectorCraft": DETECTOR,
    "ImageTextDetectorV2": DETECTOR,
    "ImageToTextV2": READER,
    "ImageToTextV2Opt": READER,
    "ImageToTextOnnx": READER,
    "ImageToTextV3": READER,
    "ImageToTextV4": READER,
    "ImageToText": [
        ("inputCol", "picture", ("input_col", "picture")),
        ("outputCol", "read", ("output_col", "read")),
        ("positionsCol", "places", ("positions_col", "places")),
        ("confidenceCol", "sure", OWN),
        ("includeConfidence", False, ("include_confidence", False)),
        ("regionsColumn", "found", OWN),
        ("outputFormat", OcrOutputFormat.HOCR, ("output_format", "hocr")),
        ("useGPU", False, ("use_gpu", False)),
        ("language", Language.FRA, ("language", "fr")),
        ("language", "deu", ("language", "de")),
        ("language", Language.RUS, REFUSED),
        ("pageSegMode", PageSegmentationMode.SINGLE_LINE, OWN),
        ("pageSegMode", PageSegmentationMode.OSD_ONLY, REFUSED),
        ("confidenceThreshold", 60, OWN),
        ("keepLayout", True, OWN),
        ("pageIteratorLevel", visual.PageIteratorLevel.SYMBOL, NEEDLESS),
        ("ocrEngineMode", visual.EngineMode.LSTM_ONLY, NEEDLESS),
        ("ignoreResolution", True, NEEDLESS),
        ("modelType", visual.ModelType.BEST, NEEDLESS),
        ("downloadModelData", True, NEEDLESS),
        ("ocrParams", ["a=b"], REFUSED),
        ("pdfCoordinates", True, REFUSED),
        ("withSpaces", True, REFUSED),
        ("outputSpaceCharacterWidth", 4, REFUSED),
    ],
    "ImageDrawRegions": [
        ("inputCol", "picture", ("input_col", "picture")),
        ("inputRegionsCol", "found", ("input_regions_col", "found")),
        ("regionCol", "found", ("input_regions_col", "found")),
        ("outputCol", "drawn", ("output_col", "drawn")),
        ("lineWidth", 2, ("line_width", 2)),
        ("fontSize", 20, ("font_size", 20)),
        ("rotated", False, ("rotated", False)),
        ("rectColor", Color.green, ("rect_color", "green")),
        ("filledRect", True, ("filled_rect", True)),
        ("colorMap", {"name": Color.red}, ("label_colors", (("name", "red"),))),
        ("scaleBoundingBoxes", True, REFUSED),
        ("sourceImageHeightCol", "height", REFUSED),
        ("sourceImageWidthCol", "width", REFUSED),
        ("displayMetadata", True, REFUSED),
        ("patchImages", True, REFUSED),
        ("inputChunkMappingCol", "chunks", REFUSED),
        ("fontStyle", "bold", REFUSED),
        ("fontName", "some", REFUSED),
        ("dynamicColor", True, REFUSED),
        ("patchBackgroundColor", "white", REFUSED),
        ("patchTextColor", "black", REFUSED),
        ("blackList", ["a"], REFUSED),
        ("redactionEntityList", ["a"], REFUSED),
        ("useContrastTextColor", True, REFUSED),
    ],
    "ImageSplitRegions": [
        ("inputCol", "picture", OWN),
        ("inputRegionsCol", "found", OWN),
        ("regionCol", "found", OWN),
        ("outputCol", "part", OWN),
        ("explodeCols", ["labels"], OWN),
        ("rotated", True, OWN),
        ("dropCols", "image", OWN),
        ("imageType", ImageType.TYPE_BYTE_GRAY, OWN),
        ("imageType", ImageType.TYPE_BYTE_BINARY, REFUSED),
    ],
}
"""The parameters of Visual NLP's stages, by name, with a value other than the default."""
SAME_AS = {"regionCol": "inputRegionsCol"}
CASES = [
    pytest.param(stage, name, value, what, id=f"{stage}-{name}-{number}")
    for stage, cases in SPEC.items()
    for number, (name, value, what) in enumerate(cases)
]


def made(stage: str) -> Transformer:
    """A stage with its defaults."""
    transformer: Transformer = getattr(visual, stage)()
    return transformer


def called(verb: str, name: str) -> str:
    return f"{verb}{name[0].upper()}{name[1:]}"


@pytest.mark.parametrize(("stage", "name", "value", "what"), CASES)
def test_a_parameter_works_or_says_that_it_does_not(
    stage: str, name: str, value: Any, what: Any, caplog: pytest.LogCaptureFixture
) -> None:
    once.warn.cache_clear()
    transformer = made(stage)
    before = transformer.stage() if transformer.spec else None
    setter = getattr(transformer, called("set", name))
    if what == REFUSED:
        with pytest.raises(ConfigError, match=r"\w+ .*\.") as error:
            setter(value)
        assert error.value.remedy
        assert (transformer.stage() if transformer.spec else None) == before
        return
    with caplog.at_level(logging.WARNING, "raypipe.visual"):
        assert setter(value) is transformer
    if what == NEEDLESS:
        assert [name in record.message for record in caplog.records] == [True]
        assert transformer.stage() == before
        return
    assert not caplog.records
    own_name = SAME_AS.get(name, name)
    assert getattr(transformer, called("get", own_name))() == value
    if what != OWN:
        field, expected = what
        assert getattr(before, field) != expected, "the value is the default: this test would show nothing"
        assert getattr(transformer.stage(), field) == expected


@pytest.mark.parametrize("stage", SPEC)
def test_no_parameter_of_visual_nlps_goes_without_a_test(stage: str) -> None:
    declared = {name for base in type(made(stage)).__mro__ for name in vars(base).get("own", {})}
    assert declared <= {name for name, _, _ in SPEC[stage]}


@pytest.mark.parametrize(
    ("stage", "name", "value"),
    [
        ("BinaryToImage", "imageType", ImageType.TYPE_BYTE_GRAY),
        ("BinaryToImage", "inputCol", "content"),
        ("BinaryToImage", "originCol", "path"),
        ("BinaryToImage", "outputCol", "image"),
        ("BinaryToImage", "pageNumCol", "pagenum"),
        ("BinaryToImage", "keepInput", False),
        ("PdfToImage", "imageType", ImageType.TYPE_BYTE_GRAY),
        ("PdfToImage", "resolution", 300),
        ("PdfToImage", "splitPage", True),
        ("PdfToImage", "minSizeBeforeFallback", 10),
        ("PdfToImage", "binarization", False),
        ("ImageTextDetectorV2", "outputCol", "text_regions"),
        ("ImageTextDetectorV2", "sizeThreshold", 10),
        ("ImageTextDetectorV2", "width", 1280),
        ("ImageTextDetectorV2", "withRefiner", False),
        ("ImageToTextV2", "lineTolerance", 15),
        ("ImageToTextV2", "borderWidth", 5),
        ("ImageToTextV2", "spaceWidth", 10),
        ("ImageToTextV2", "positionsCol", "positions"),
        ("ImageToTextV2", "outputCol", "text"),
        ("ImageToTextV2", "includeConfidence", False),
        ("ImageToTextV2", "outputFormat", OcrOutputFormat.TEXT),
        ("ImageToText", "confidenceThreshold", 0),
        ("ImageDrawRegions", "inputRegionsCol", "region"),
        ("ImageDrawRegions", "outputCol", "image_with_regions"),
        ("ImageDrawRegions", "lineWidth", 4),
        ("ImageDrawRegions", "fontSize", 12),
        ("ImageDrawRegions", "rectColor", Color["black"]),
        ("ImageDrawAnnotations", "rectColor", Color["black"]),
        ("PdfToImage", "splittingStategy", SplittingStrategy.FIXED_SIZE_OF_PARTITION),
        ("ImageToText", "confidenceCol", "confidence"),
        ("ImageDrawRegions", "filledRect", False),
        ("ImageSplitRegions", "inputRegionsCol", "region"),
        ("ImageSplitRegions", "outputCol", "region_image"),
        ("ImageSplitRegions", "rotated", False),
        ("HocrTokenizer", "inputCol", "hocr"),
        ("HocrTokenizer", "outputCol", "token"),
        ("ImageDrawAnnotations", "inputChunksCol", "region"),
        ("ImageDrawAnnotations", "outputCol", "image_with_chunks"),
    ],
)
def test_defaults_are_visual_nlps(stage: str, name: str, value: Any) -> None:
    transformer = made(stage)
    assert getattr(transformer, called("get", name))() == value
    parameter = transformer.parameters[name]
    if parameter.field and transformer.spec:
        plain = value.name if value in (*ImageType,) else getattr(value, "value", value)
        assert getattr(transformer.stage(), parameter.field) == plain


def test_thresholds_are_the_models_until_they_are_set() -> None:
    detector = visual.ImageTextDetectorV2()
    found = detector.getScoreThreshold(), detector.getTextThreshold(), detector.getLinkThreshold()
    assert found == (0.7, 0.4, 0.4), "Visual NLP's defaults"
    assert "scoreThreshold" not in detector.given
    assert detector.setScoreThreshold(0.5).getScoreThreshold() == 0.5


def test_a_reader_without_regions_reads_the_picture_as_one_line() -> None:
    assert visual.ImageToTextV2().setInputCols(["image"]).stage().regions_column is None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("reader", "needed"),
    [
        (visual.ImageToTextV2(groupImages=True), {"groupImages": "regionsColumn"}),
        (visual.ImageToTextV2(borderWidth=9, groupImages=False), {"borderWidth": "regionsColumn"}),
        (visual.ImageToTextV2(spaceWidth=9, regionsColumn="found"), {"spaceWidth": "groupImages"}),
        (visual.ImageToText(groupImages=True, pageSegMode="SINGLE_LINE"), {"groupImages": "regionsColumn"}),
        (visual.ImageToText(groupImages=True), {}),
        (visual.ImageToTextV2(groupImages=True, spaceWidth=9, regionsColumn="found"), {}),
    ],
)
def test_what_has_no_effect_is_said_and_left_out(
    reader: Transformer, needed: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    once.warn.cache_clear()
    kind = type(reader).__name__
    with caplog.at_level(logging.WARNING, "raypipe.visual"):
        stages = reader.stages()
    assert all(stage.steps() for stage in stages)
    said = [f"{kind}: {name} has no effect without {other}." for name, other in needed.items()]
    assert [record.message for record in caplog.records] == said


def test_an_unknown_setter_names_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"ImageTextDetectorV2 has no setLinkTreshold.* setLinkThreshold;"):
        visual.ImageTextDetectorV2().setLinkTreshold(0.3)
    with pytest.raises(AttributeError, match="nearest is setSplittingStategy"):
        visual.PdfToImage().setSplittingStrategy(SplittingStrategy.FIXED_SIZE_OF_PARTITION)
    with pytest.raises(TypeError, match=r"^ImageTextDetectorV2.setWidth\(\) missing"):
        visual.ImageTextDetectorV2().setWidth()
    with pytest.raises(AttributeError, match="nearest is getWidth"):
        visual.ImageTextDetectorV2().getOrDefault("wdth")


def test_parameters_are_also_keywords() -> None:
    assert visual.BinaryToImage(outputCol="picture").getOutputCol() == "picture"
    assert visual.ImageToTextV2(inputCols=["image", "found"]).getRegionsColumn() == "found"
    assert visual.ImageToTextV2().setInputCols("image", "found").getRegionsColumn() == "found"
    assert visual.ImageToTextV2(useCaching=True).getUseCaching() is None
    with pytest.raises(AttributeError, match="nearest is setOutputCol"):
        visual.BinaryToImage(outputColumn="picture")


@pytest.mark.parametrize("stage", ["ImageTextDetector", "ImageTextDetectorCraft", "ImageTextDetectorV2"])
def test_a_width_of_zero_is_the_one_that_detectors_read_best(stage: str, caplog: pytest.LogCaptureFixture) -> None:
    once.warn.cache_clear()
    with caplog.at_level(logging.WARNING, "raypipe.visual"):
        detector = made(stage).set("width", 0)
    assert (detector.stage(), detector.getOrDefault("width")) == (made(stage).stage(), 0)
    assert [record.message for record in caplog.records] == [
        "A detector's width of 0, the picture's own, stands for 1280 pixels here, which it reads best."
    ]
    with pytest.raises(ConfigError, match="cannot take width=False"):
        detector.set("width", False)


@pytest.mark.parametrize("name", ["patchImages", "dynamicColor", "useContrastTextColor", "displayMetadata"])
def test_what_is_not_offered_may_be_switched_off(name: str) -> None:
    assert visual.ImageDrawRegions(**{name: False}).stage() == visual.ImageDrawRegions().stage()


def test_keywords_have_no_order() -> None:
    later: dict[str, Any] = {"numBeams": 4, "useCaching": True, "model": "ocr_base_handwritten_v2_opt"}
    assert visual.ImageToTextV2(**later).given == later
    with pytest.raises(ConfigError, match="num_beams has no effect"):
        visual.ImageToTextV2(numBeams=4)


def test_a_wrong_value_is_refused_and_changes_nothing() -> None:
    detector = visual.ImageTextDetectorV2().setWidth(500)
    with pytest.raises(ConfigError, match=r"cannot take width=3.*greater than or equal to 32"):
        detector.setWidth(3)
    assert detector.getWidth() == 500
    with pytest.raises(ConfigError, match="cannot take useGPU='x'"):
        detector.setUseGPU("x")
    with pytest.raises(ConfigError, match=r"outputFormat='pdf': choose one of text"):
        visual.ImageToTextV2().setOutputFormat("pdf")
    with pytest.raises(ConfigError, match=r"ImageDrawRegions cannot take colorMap='red': "):
        visual.ImageDrawRegions().setColorMap("red")
    with pytest.raises(ConfigError, match=r"ImageSplitRegions cannot take dropCols=3: "):
        visual.ImageSplitRegions().setDropCols(3)
    with pytest.raises(ConfigError, match=r"inputCols is \[\]"):
        visual.ImageToTextV2().setInputCols([])


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_whatever_a_parameter_cannot_take_is_refused(stage: str) -> None:
    for name in made(stage).parameters:
        for value in (3, None, "x", ["a", "b"], {"a": 3}, object()):
            with contextlib.suppress(ConfigError, ModelError):
                getattr(made(stage), called("set", name))(value)


def test_what_is_not_needed_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    once.warn.cache_clear()
    with caplog.at_level(logging.WARNING, "raypipe.visual"):
        for _ in range(3):
            visual.PdfToImage().setPartitionNum(8)
    assert len(caplog.records) == 1


def test_a_copy_is_its_own() -> None:
    first = visual.ImageTextDetectorV2().setWidth(500)
    second = first.copy().setWidth(600)
    assert (first.getWidth(), second.getWidth()) == (500, 600)


def test_parameters_are_known_and_set_or_not() -> None:
    stage = visual.PdfToImage().setResolution(150)
    assert stage.hasParam("imageType") and not stage.hasParam("dpi")
    assert stage.isSet("resolution") and not stage.isSet("imageType")
    assert stage.explainParam("resolution").endswith("(default: 300, current: 150)")
    with pytest.raises(AttributeError, match="nearest is getResolution"):
        stage.explainParam("resolutoin")


def test_parameters_are_explained() -> None:
    text = visual.PdfToImage().setResolution(150).explainParams()
    assert "resolution: dots per inch" in text and "(default: 300, current: 150)" in text
    assert f"[{NOT_NEEDED}]" in text and f"[{NOT_OFFERED}]" in text
