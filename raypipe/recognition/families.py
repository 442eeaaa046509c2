"""The recognizer families by name: what pictures each takes, and how a model of it is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from raypipe.engine import Session
from raypipe.recognition.base import Recognizer, RecognizerOptions
from raypipe.recognition.ctc import model as ctc
from raypipe.recognition.trocr import model as seq2seq
from raypipe.zoo.manifest import Model

OpenSession = Callable[[Path | bytes], Session]
"""Opens an ONNX file, or the bytes of one, on the device and with the threads that the stage has."""


@dataclass(frozen=True)
class Family:
    """A recognizer family.

    Attributes:
        height: Height in pixels of the pictures it takes.
        max_width: Widest picture it takes, in pixels.
        open: Makes a recognizer of a model's file or folder.
    """

    height: int
    max_width: int
    open: Callable[[Path, RecognizerOptions, OpenSession], Recognizer]


FAMILIES = {
    "ctc": Family(ctc.HEIGHT, ctc.MAX_WIDTH, ctc.open_model),
    "seq2seq": Family(seq2seq.HEIGHT, seq2seq.MAX_WIDTH, seq2seq.Seq2SeqRecognizer),
}


def open_recognizer(model: Model, options: RecognizerOptions, open_session: OpenSession) -> Recognizer:
    """Loads a recognition model of any family.

    Raises:
        ModelError: A file of the model is missing or damaged.
    """
    return FAMILIES[model.family].open(model.path, options, open_session)
