"""The pipeline that the command line runs unless a file declares another."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from raypipe.engine.providers import Provider
from raypipe.errors import Failure, InputError
from raypipe.inputs.pages import Source
from raypipe.pipeline import Pipeline
from raypipe.stages.base import Pool
from raypipe.stages.decode import BinaryToImage
from raypipe.stages.detect import ImageTextDetector
from raypipe.stages.recognize import ImageToText
from raypipe.stages.save import SaveImages
from raypipe.stages.text_layer import CompareTextLayer, Use
from raypipe.zoo.manifest import Precision, suitable

DETECTOR: str = ImageTextDetector.model_fields["model"].default
LANGUAGE: str = ImageToText.model_fields["language"].default
RECOGNIZER: str = ImageToText.model_fields["model"].default
WIDTH: int = ImageTextDetector.model_fields["width"].default
REDUCE_ABOVE: int = BinaryToImage.model_fields["reduce_above"].default
OMIT_BITS: int = BinaryToImage.model_fields["omit_bits"].default


class Preset(NamedTuple):
    """A ready-made choice of the options of `standard` that decide how fast and how well pages are read."""

    detector: str
    recognizer: str
    width: int
    reduce_above: int
    omit_bits: int


STANDARD = "standard"
PRESETS = {
    STANDARD: Preset(DETECTOR, RECOGNIZER, WIDTH, REDUCE_ABOVE, OMIT_BITS),
    "fast": Preset("text_detector_db_tiny_opt", "ocr_tiny_handwritten_opt", 1120, 1300, 2),
}
"""`fast` takes about 40 % of the time, more on CPUs whose networks are fast, and makes more errors: see
`benchmarks/README.md`."""


def standard(
    detector: str = DETECTOR,
    recognizer: str = RECOGNIZER,
    language: str = LANGUAGE,
    *,
    use_gpu: bool | None = None,
    detector_pool: Pool | None = None,
    recognizer_pool: Pool | None = None,
    precision: Precision | None = None,
    width: int = WIDTH,
    text_layer: Use = "ocr",
    double_pages: bool = False,
    alternatives: int | None = None,
    provider: Provider = "cuda",
    reduce_above: int = REDUCE_ABOVE,
    omit_bits: int = OMIT_BITS,
) -> Pipeline:
    """The pipeline from pictures to text with confidences, for print and handwriting.

    It is `Pipeline([BinaryToImage(), ImageTextDetector(), ImageToText()])`: the stages' own defaults read best. The
    models have to be where pages are read, not here.

    Args:
        detector, recognizer: Model names.
        language: Language whose words guide the reading; see `ImageToText`.
        use_gpu: True: CUDA or an error; False: CPU; None: CUDA if there is a GPU.
        precision, provider: What the networks compute with, and what runs them on a GPU; see `ModelStage`.
        width: Pixels of a page's longer side, as the detector sees it.
        reduce_above, omit_bits: How exactly JPEGs are decoded; see `BinaryToImage`.
        text_layer: What is done with the text that a PDF itself holds; see `BinaryToImage`. `compare` adds the stage
            `CompareTextLayer`.
        double_pages: Read the left one of two pages in a picture first; see `ImageToText`.
        alternatives: Most other readings given for each word; None: none. See `ImageToText`.
        detector_pool, recognizer_pool: Dedicated actors on Ray; None: shared ones.

    Raises:
        ModelError: A model is unknown, or does not read the language.
        ConfigError: An option has no effect on a model.
    """
    suitable(detector, ImageTextDetector.task)
    suitable(recognizer, ImageToText.task, language)
    both: dict[str, Any] = {"use_gpu": use_gpu, "precision": precision, "provider": provider}
    decode = BinaryToImage(text_layer=text_layer, reduce_above=reduce_above, omit_bits=omit_bits)
    detect = ImageTextDetector(model=detector, pool=detector_pool, width=width, **both)
    further: dict[str, Any] = {"double_pages": double_pages, "alternatives": alternatives}
    read = ImageToText(model=recognizer, language=language, pool=recognizer_pool, **further, **both)
    compare = [CompareTextLayer()] if text_layer == "compare" else []
    return Pipeline([decode, detect, read, *compare])


def fast() -> Pipeline:
    """The smallest models, and JPEGs decoded less exactly: about half of the standard's time, and more errors."""
    return standard(**PRESETS["fast"]._asdict())


def with_overlays(pipeline: Pipeline, folder: str, image_format: str) -> Pipeline:
    """The pipeline, extended to draw each page's regions and text over its picture and save it in a folder."""
    return Pipeline([*pipeline.with_drawing(image_format).stages, SaveImages(folder=folder, suffix=f".{image_format}")])


def read_text(source: Source, password: str | None = None) -> str:
    """The text of one document, a line of the page per line, its pages separated by form feeds.

    It loads the models each time: for many documents, use `standard().run(sources)`.

    Args:
        source: A file, URI, encoded bytes, array or Pillow picture; see `Pipeline.run`.
        password: What opens a PDF, given as a file, URI or encoded bytes, that is locked.

    Raises:
        InputError: The source names nothing, is not a source, or one of its pages cannot be read.
    """
    if password:
        if not isinstance(source, (bytes, str, os.PathLike)):
            raise InputError("A password opens a file, URI or encoded bytes.", "Leave it out.")
        row = {"content": source} if isinstance(source, bytes) else {"path": str(source)}
        source = {**row, "password": password}
    pages = list(standard().run(source))
    for page in pages:
        if page.exception:
            failure = Failure.parse(page.exception)
            raise InputError(failure.message)
    return "\f".join(page.text for page in pages)
