"""The recognizer families by name: the pictures each takes, how to open a model of it, and the options it uses.

Other packages add theirs as entry points of the group `raypipe.recognizers`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from raypipe.engine.providers import Shapes
from raypipe.engine.session import Session
from raypipe.plugins import Registry
from raypipe.recognition.base import GPU_BATCH, Recognizer, RecognizerOptions
from raypipe.recognition.ctc import model as ctc
from raypipe.recognition.ctc.batching import padded_width
from raypipe.recognition.trocr import model as trocr
from raypipe.zoo.manifest import Model

USUAL_LINES, USUAL_LENGTH = 16, 14
"""The number of lines in a batch and their length in heights for which TensorRT chooses its kernels."""

OpenSession = Callable[[Path], Session]
"""Opens an ONNX file with the stage's device and threads."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """A recognizer family.

    Attributes:
        max_width: Widest picture it takes, in pixels.
        open: Makes a recognizer from a model.
        height: Height in pixels of the pictures it takes; 0: the manifest gives it for each model.
        options: The options of `ImageToText` that this family uses and another one does not.
    """

    max_width: int
    open: Callable[[Model, RecognizerOptions, OpenSession], Recognizer]
    height: int = 0
    options: frozenset[str] = frozenset()


FAMILIES = Registry(
    "raypipe.recognizers",
    {
        "ctc": Family(
            max_width=ctc.MAX_WIDTH,
            open=ctc.open_model,
            options=frozenset(("decoder", "lexicon", "alternatives")),
        ),
        "seq2seq": Family(
            max_width=trocr.MAX_WIDTH,
            open=trocr.open_model,
            height=trocr.HEIGHT,
            options=frozenset(("use_caching", "num_beams")),
        ),
    },
    lambda found: isinstance(found, Family),
)


def batch_shapes(model: Model) -> Shapes | None:
    """The shapes of batches of line pictures that a network takes; None: the model has several networks."""
    if model.input is None:
        return None
    height, width = picture_size(model)
    least, most = (1, 3, height, padded_width(1)), (GPU_BATCH, 3, height, padded_width(width))
    return Shapes(least, (USUAL_LINES, 3, height, padded_width(USUAL_LENGTH * height)), most)


def picture_size(model: Model) -> tuple[int, int]:
    """Height and largest width, in pixels, of the line pictures that a model takes."""
    family = FAMILIES[model.family]
    return family.height or (model.input.height if model.input else 0), family.max_width
