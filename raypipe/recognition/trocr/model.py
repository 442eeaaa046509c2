"""Encoder-decoder recognizers: TrOCR (Li et al., AAAI 2023) in the file layout of Optimum's ONNX exporter.

A model is a folder: `encoder_model*.onnx`; `decoder_model_merged*.onnx`, or `decoder_model*.onnx` with
`decoder_with_past_model*.onnx`; `tokenizer.json`, `preprocessor_config.json`, `generation_config.json`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image as PillowImage
from pydantic import BaseModel, ConfigDict, ValidationError

from raypipe.engine.gather import Array
from raypipe.engine.session import Session, Tensor
from raypipe.errors import ModelError, reason_of
from raypipe.recognition.base import Reading, RecognizerOptions
from raypipe.recognition.trocr.generation import Floats, GenerationConfig, Integers, Tokens, beam, greedy
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
GPU_BATCH = 64
CPU_BATCH = 8
REMEDY = "Pull or import the model again."
UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "do_sample": (None, False),
    "repetition_penalty": (None, 1, 1.0),
    "forced_bos_token_id": (None,),
    "forced_eos_token_id": (None,),
    "suppress_tokens": (None, []),
    "begin_suppress_tokens": (None, []),
    "bad_words_ids": (None, []),
    "min_length": (None, 0),
}
"""Keys of generation_config.json that change what is read, with the values that have no effect."""


class Preprocessing(BaseModel):
    """The keys of a model's preprocessor_config.json about its pictures. Others are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    size: int | dict[str, int]
    resample: int = PillowImage.Resampling.BILINEAR
    do_normalize: bool = True
    image_mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    image_std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def tensor(self, pictures: Sequence[Pixels]) -> Floats:
        """Pictures (h, w, 3), BGR, as (n, 3, height, width): each scaled to that size, whatever its shape."""
        height, width = (
            (self.size, self.size) if isinstance(self.size, int) else (self.size["height"], self.size["width"])
        )
        batch = np.empty((len(pictures), 3, height, width), np.float32)
        for place, picture in zip(batch, pictures, strict=True):
            image = PillowImage.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))
            scaled = image.resize((width, height), PillowImage.Resampling(self.resample))
            place[:] = np.asarray(scaled, np.float32).transpose(2, 0, 1)
        batch /= 255
        if self.do_normalize:
            batch -= np.array(self.image_mean, np.float32)[:, None, None]
            batch /= np.array(self.image_std, np.float32)[:, None, None]
        return batch


class Network:
    """The sessions of an encoder and its decoder, from a model's folder.

    Raises:
        ModelError: A file is missing, there are several of a kind, or one is damaged.
    """

    def __init__(self, folder: Path, open_session: Callable[[Path], Session]) -> None:
        self.encoder = open_session(_only(folder, "encoder_model*.onnx"))
        self.merged = any(folder.glob("decoder_model_merged*.onnx"))
        if self.merged:
            self.first = self.later = open_session(_only(folder, "decoder_model_merged*.onnx"))
        else:
            self.first = open_session(_only(folder, "decoder_model*.onnx"))
            self.later = open_session(_only(folder, "decoder_with_past_model*.onnx"))
        self.past = [name for name in self.later.inputs if name.startswith("past_key_values.")]
        self.cache_type = self.later.inputs[self.past[0]].dtype
        self._picker = open_session(Path(__file__).parent / f"row_picker_{self.cache_type.name}.onnx")
        self.shares_beams = bool(self.later.metadata("shared_cross_attention", "false"))
        """Whether one copy of the encoder's keys and values serves all beams of a picture."""

    def encode(self, pictures: Floats) -> Floats:
        """The hidden states (n, places, size) of pictures (n, 3, h, w).

        A CPU encodes them one by one: one picture keeps it busy, and each then keeps its own int8 scale.
        """
        size = len(pictures) if self.encoder.on_gpu else 1
        parts = [pictures[start : start + size] for start in range(0, len(pictures), size)]
        name = "last_hidden_state"
        return np.concatenate([self.encoder.compute({"pixel_values": part}, read=name)[0] for part in parts])

    def score(self, session: Session, feed: Mapping[str, Array | Tensor]) -> tuple[Floats, dict[str, Tensor]]:
        """Runs a decoder; returns the scores (rows, tokens) after the last token, and keys and values."""
        scores, present = session.compute({name: feed[name] for name in session.inputs}, read="logits")
        return np.asarray(scores[:, -1], np.float32), present

    def begin(self, tokens: Integers, encoded: Floats) -> tuple[Floats, dict[str, Tensor]]:
        """Runs the decoder over whole texts (rows, length), without a past."""
        past = {}
        for name in self.past if self.merged else ():
            _, heads, _, size = self.first.inputs[name].shape
            past[name] = np.empty((len(tokens), int(heads), 0, int(size)), self.cache_type)
        feed = {"input_ids": tokens, "encoder_hidden_states": encoded, "use_cache_branch": np.array([False])}
        return self.score(self.first, past | feed)

    def pick(self, value: Tensor, rows: Integers) -> Tensor:
        """Some rows of a key or value, on its device."""
        return self._picker.compute({"values": value, "rows": rows})[1]["picked"]


class CachedDecoding:
    """A batch in progress that keeps the keys and values of its tokens and of the encoder. See `Decoding`.

    It begins with the encoder's output, one row per picture.
    """

    def __init__(self, network: Network, encoded: Floats) -> None:
        self._network = network
        self._encoded = encoded
        self._rows = len(encoded)
        self._cache: dict[str, Tensor] = {}

    def step(self, tokens: Integers) -> Floats:
        """See `Decoding.step`."""
        tokens = tokens[:, None]
        if self._cache:
            feed = {"input_ids": tokens, "encoder_hidden_states": self._encoded, "use_cache_branch": np.array([True])}
            scores, present = self._network.score(self._network.later, self._cache | feed)
            present = {name: value for name, value in present.items() if ".encoder." not in name}
        else:
            scores, present = self._network.begin(tokens, self._encoded)
            self._encoded = self._encoded[:1]  # Later steps use its keys and values; the input only has to be filled.
        self._cache |= {name.replace("present.", "past_key_values.", 1): value for name, value in present.items()}
        return scores

    def reorder(self, rows: Integers, pictures: Integers | None) -> None:
        """See `Decoding.reorder`."""
        shared = pictures if self._network.shares_beams else rows
        moved = pictures is not None or len(rows) != self._rows
        for name, value in self._cache.items():
            if ".encoder." not in name:
                self._cache[name] = self._network.pick(value, rows)
            elif moved and shared is not None:
                self._cache[name] = self._network.pick(value, shared)
        self._rows = len(rows)


class WholeDecoding:
    """A batch in progress that runs the decoder over all tokens again at each step. See `CachedDecoding`."""

    def __init__(self, network: Network, encoded: Floats) -> None:
        self._network = network
        self._encoded = encoded
        self._tokens = np.empty((len(encoded), 0), np.int64)

    def step(self, tokens: Integers) -> Floats:
        """See `Decoding.step`."""
        self._tokens = np.concatenate([self._tokens, tokens[:, None]], 1)
        return self._network.begin(self._tokens, self._encoded)[0]

    def reorder(self, rows: Integers, pictures: Integers | None) -> None:
        """See `Decoding.reorder`."""
        if pictures is not None or len(rows) != len(self._tokens):
            self._encoded = self._encoded[rows]
        self._tokens = self._tokens[rows]


class Seq2SeqRecognizer:
    """An encoder-decoder recognizer on ONNX Runtime, from a model's folder.

    Raises:
        ModelError: A file is missing or damaged, or the model asks for an unsupported kind of search.
    """

    def __init__(self, folder: Path, options: RecognizerOptions, open_session: Callable[[Path], Session]) -> None:
        from tokenizers import Tokenizer

        self._preprocessing = _configuration(folder, "preprocessor_config.json", Preprocessing)
        self._generation = _generation_config(folder)
        self._tokenizer = Tokenizer.from_file(str(_only(folder, "tokenizer.json")))
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


Configuration = TypeVar("Configuration", bound=BaseModel)


def _configuration(folder: Path, name: str, kind: type[Configuration], **defaults: object) -> Configuration:
    """A model's JSON file as an object with the values that matter."""
    try:
        return kind.model_validate(defaults | _json(folder / name))
    except ValidationError as error:
        raise ModelError(f"{folder / name} lacks what is needed: {reason_of(error)}.", REMEDY) from error


def _generation_config(folder: Path) -> GenerationConfig:
    """The configuration of a model's tokens and search. Some models have parts of it only in config.json."""
    config = _json(folder / "config.json") if (folder / "config.json").exists() else {}
    values = {
        key: value for part in (config.get("decoder", {}), config) for key, value in part.items() if value is not None
    }
    found = {key: values[key] for key in ("decoder_start_token_id", "eos_token_id", "pad_token_id") if key in values}
    settings = _json(folder / "generation_config.json")
    for key, harmless in UNSUPPORTED.items():
        if settings.get(key) not in harmless:
            raise ModelError(
                f"{folder / 'generation_config.json'} asks for {key}, which raypipe does not support.",
                "Remove it there if the model reads well without it.",
            )
    return _configuration(folder, "generation_config.json", GenerationConfig, **found)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}.", REMEDY) from error
    return {key: entry for key, entry in value.items() if entry is not None}


def _only(folder: Path, pattern: str) -> Path:
    """The one file in a folder that matches a pattern."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ModelError(f"{folder} should have one {pattern}, but has {names}.", REMEDY)
    return found[0]
