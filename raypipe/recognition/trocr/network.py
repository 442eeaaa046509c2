"""An encoder and its decoder, and how a batch of pictures goes through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from raypipe.engine.gather import Array
from raypipe.engine.session import Session, Tensor
from raypipe.recognition.trocr.files import only
from raypipe.recognition.trocr.generation import Floats, Integers


class Network:
    """The sessions of an encoder and its decoder, from a model's folder.

    Raises:
        ModelError: A file is missing, there are several of a kind, or one is damaged.
    """

    def __init__(self, folder: Path, open_session: Callable[[Path], Session]) -> None:
        self.encoder = open_session(only(folder, "encoder_model*.onnx"))
        self.merged = any(folder.glob("decoder_model_merged*.onnx"))
        if self.merged:
            self.first = self.later = open_session(only(folder, "decoder_model_merged*.onnx"))
        else:
            self.first = open_session(only(folder, "decoder_model*.onnx"))
            self.later = open_session(only(folder, "decoder_with_past_model*.onnx"))
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
