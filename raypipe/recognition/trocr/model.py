"""Encoder-decoder recognizers: TrOCR (Li et al., AAAI 2023) in the file layout of Optimum's ONNX exporter.

A model is a folder: `encoder_model*.onnx`; `decoder_model_merged*.onnx`, or `decoder_model*.onnx` with
`decoder_with_past_model*.onnx`; `tokenizer.json`, `preprocessor_config.json`, `generation_config.json`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from raypipe.engine.session import Session
from raypipe.recognition.base import GPU_BATCH, Reading, RecognizerOptions
from raypipe.recognition.trocr.files import configuration, generation_config, tokenizer_of
from raypipe.recognition.trocr.generation import Floats, Tokens, beam, greedy
from raypipe.recognition.trocr.network import CachedDecoding, Network, WholeDecoding
from raypipe.recognition.trocr.preprocessing import Preprocessing
from raypipe.types import Pixels
from raypipe.zoo.manifest import Model

if TYPE_CHECKING:
    from tokenizers import Tokenizer

HEIGHT = 128
"""The network sees every line as a square of 384 pixels. Handwritten lines are seldom cut from more than 128 rows."""
MAX_WIDTH = 20 * HEIGHT
"""Lines longer than those it was trained on are read in pieces, where the page's regions allow it."""
DOUBT = 0.8
"""Not measured: the value of other recognizers without a word search."""
CPU_BATCH = 8
"""Line pictures that are read at once on a CPU, if the caller does not say."""


class Seq2SeqRecognizer:
    """An encoder-decoder recognizer on ONNX Runtime, from a model's folder.

    Raises:
        ModelError: A file is missing or damaged, or the model asks for an unsupported kind of search.
    """

    def __init__(self, folder: Path, options: RecognizerOptions, open_session: Callable[[Path], Session]) -> None:
        self._preprocessing = configuration(folder, "preprocessor_config.json", Preprocessing)
        self._generation = generation_config(folder)
        self._tokenizer = tokenizer_of(folder)
        self._network = Network(folder, open_session)
        self._options = options
        # Keys and values of 64 lines take gigabytes of a GPU: not those of several threads at once.
        self._turn = Lock() if self._network.encoder.on_gpu else nullcontext()
        self.doubtful = DOUBT

    def read(self, pictures: Sequence[Pixels], batch_size: int) -> list[Reading]:
        """See `Recognizer.read`."""
        batch_size = batch_size or (GPU_BATCH if self._network.encoder.on_gpu else CPU_BATCH)
        # Lines of about the same length end at about the same step.
        order = np.argsort([picture.shape[1] for picture in pictures], kind="stable")[::-1].tolist()
        readings: dict[int, Reading] = {}
        for start in range(0, len(order), batch_size):
            members = order[start : start + batch_size]
            found = self.generate(self._preprocessing.tensor([pictures[n] for n in members]))
            for n, tokens in zip(members, found, strict=True):
                readings[n] = spelled(tokens, self._tokenizer, pictures[n].shape[1])
        return [readings[n] for n in range(len(pictures))]

    def generate(self, pixels: Floats) -> list[Tokens]:
        """The tokens of pictures (n, 3, h, w), which are prepared for the encoder."""
        with self._turn:
            encoded = self._network.encode(pixels)
            decoding = (CachedDecoding if self._options.use_caching else WholeDecoding)(self._network, encoded)
            if self._options.num_beams == 1:
                return greedy(decoding, len(pixels), self._generation)
            return beam(decoding, len(pixels), self._generation, self._options.num_beams)


def open_model(model: Model, options: RecognizerOptions, open_session: Callable[[Path], Session]) -> Seq2SeqRecognizer:
    """Loads a model from its folder; see `Seq2SeqRecognizer`."""
    return Seq2SeqRecognizer(model.path, options, open_session)


def spelled(tokens: Tokens, tokenizer: Tokenizer, width: int) -> Reading:
    """Tokens as text.

    A character has the probability of the token that completes it. The network does not say where it is: the
    characters share the picture's `width` evenly.
    """
    text = tokenizer.decode(tokens.ids)
    probabilities: list[float] = []
    for count, probability in enumerate(tokens.probabilities, 1):
        known = len(os.path.commonprefix([tokenizer.decode(tokens.ids[:count]), text]))
        probabilities += [probability] * (known - len(probabilities))
    kept = [n for n, character in enumerate(text) if not character.isspace() or (n and not text[n - 1].isspace())]
    while kept and text[kept[-1]].isspace():
        kept.pop()
    if kept and text[kept[0]].isspace():
        kept.pop(0)
    characters = [" " if text[n].isspace() else text[n] for n in kept]
    pitch = width / max(len(kept), 1)
    return Reading("".join(characters), [probabilities[n] for n in kept], [(n + 0.5) * pitch for n in range(len(kept))])
