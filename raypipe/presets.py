"""The pipeline that the command line runs unless a file declares another."""

from __future__ import annotations

from raypipe.errors import Failure, InputError
from raypipe.inputs.pages import Source
from raypipe.pipeline import Pipeline
from raypipe.stages.base import Pool
from raypipe.stages.decode import BinaryToImage
from raypipe.stages.detect import ImageTextDetector
from raypipe.stages.recognize import ImageToText
from raypipe.stages.save import SaveImages

DETECTOR: str = ImageTextDetector.model_fields["model"].default
RECOGNIZER: str = ImageToText.model_fields["model"].default


def standard(
    detector: str = DETECTOR,
    recognizer: str = RECOGNIZER,
    language: str = "en",
    use_gpu: bool | None = None,
    detector_pool: Pool | None = None,
    recognizer_pool: Pool | None = None,
) -> Pipeline:
    """The pipeline from pictures to text with confidences, for print and handwriting.

    It is `Pipeline([BinaryToImage(), ImageTextDetector(), ImageToText()])`: the stages' own defaults read best.

    Args:
        detector, recognizer: Model names.
        language: Language of the text.
        use_gpu: True: CUDA or an error; False: CPU; None: CUDA if there is a GPU.
        detector_pool, recognizer_pool: Dedicated actors on Ray; None: shared ones.

    Raises:
        ModelError: A model is unknown, not on this machine, or does not read the language.
    """
    detect = ImageTextDetector.pretrained(detector, use_gpu=use_gpu, pool=detector_pool)
    read = ImageToText.pretrained(recognizer, language, use_gpu=use_gpu, pool=recognizer_pool)
    return Pipeline([BinaryToImage(), detect, read])


def with_overlays(pipeline: Pipeline, folder: str, image_format: str) -> Pipeline:
    """The pipeline, extended to draw each page's regions and text over its picture and save it in a folder."""
    return Pipeline([*pipeline.with_drawing(image_format).stages, SaveImages(folder=folder, suffix=f".{image_format}")])


def read_text(source: Source) -> str:
    """The text of one document, a line of the page per line, its pages separated by form feeds.

    It loads the models each time: for many documents, use `standard().run(sources)`.

    Args:
        source: A file, URI, encoded bytes, array or Pillow picture; see `Pipeline.run`.

    Raises:
        InputError: The source names nothing, is not a source, or one of its pages cannot be read.
    """
    pages = list(standard().run(source))
    for page in pages:
        if page.exception:
            failure = Failure.parse(page.exception)
            raise InputError(failure.message)
    return "\f".join(page.text for page in pages)
