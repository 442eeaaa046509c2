"""Text from an encoder-decoder network, token by token: greedy and beam search over a batch of pictures.

Both follow `generate` of the library `transformers`, so that a model reads as its authors measured it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

IMPOSSIBLE = np.float32(-np.inf)


class GenerationConfig(BaseModel):
    """The keys of a model's generation_config.json about its tokens and the search. Others are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    decoder_start_token_id: int
    eos_token_id: int | list[int]
    pad_token_id: int
    max_length: int = Field(128, gt=1)
    """Most tokens, including the first. Published TrOCR models do not say; the 20 that `transformers` then assumes cut
    lines off."""
    length_penalty: float = 1.0
    early_stopping: bool | Literal["never"] | None = False
    no_repeat_ngram_size: int | None = 0

    @property
    def ends(self) -> list[int]:
        """The tokens that end a text."""
        return self.eos_token_id if isinstance(self.eos_token_id, list) else [self.eos_token_id]


@dataclass(frozen=True)
class Tokens:
    """The text of a picture as tokens, without those that begin and end it, with the probability of each."""

    ids: list[int]
    probabilities: list[float]


class Decoding(Protocol):
    """A batch of pictures in progress, with one row per picture or, with beams, several consecutive rows."""

    def step(self, tokens: Integers) -> Floats:
        """Appends one token to each row; returns the scores (rows, tokens) of the next one."""
        ...

    def reorder(self, rows: Integers, pictures: Integers | None) -> None:
        """Continues with these rows, in this order; `pictures` are the remaining ones, None if all remain."""
        ...


def greedy(decoding: Decoding, count: int, config: GenerationConfig) -> list[Tokens]:
    """The most probable token each time, for a batch of `count` pictures at its beginning."""
    pictures = np.arange(count)
    tokens = np.full(count, config.decoder_start_token_id, np.int64)
    found = [Tokens([], []) for _ in range(count)]
    open_ = np.ones(count, bool)
    for _ in range(config.max_length - 1):
        scores = decoding.step(tokens)
        sums = _log_sum(scores)
        _forbid_repeats(scores, [found[picture].ids for picture in pictures], config)
        tokens = np.where(open_, scores.argmax(1), config.pad_token_id)
        chosen = np.exp(scores[np.arange(len(tokens)), tokens] - sums)
        open_ &= ~np.isin(tokens, config.ends)
        for row in np.flatnonzero(open_).tolist():
            found[pictures[row]].ids.append(int(tokens[row]))
            found[pictures[row]].probabilities.append(float(chosen[row]))
        if not open_.any():
            break
        if _worth_dropping(open_):
            left = np.flatnonzero(open_)
            decoding.reorder(left, left)
            pictures, tokens, open_ = pictures[left], tokens[left], open_[left]
    return found


@dataclass
class _Beams:
    """The open readings of one picture, best first, and the finished ones."""

    ids: list[list[int]] = field(default_factory=lambda: [[]])
    logs: list[list[float]] = field(default_factory=lambda: [[]])
    scores: Floats = field(default_factory=lambda: np.zeros(1, np.float32))
    finished: list[tuple[float, list[int], list[float]]] = field(default_factory=list)


def beam(decoding: Decoding, count: int, config: GenerationConfig, beams: int) -> list[Tokens]:
    """Beam search: the reading with the best sum of log probabilities over length to the power of `length_penalty`.

    The batch is at its beginning, with one row for each of `count` pictures; `beams` readings are kept of each.
    """
    every = [_Beams() for _ in range(count)]
    running = list(range(count))
    open_ = np.ones(count, bool)
    tokens = np.full(count, config.decoder_start_token_id, np.int64)
    for length in range(1, config.max_length):
        scores = decoding.step(tokens)
        sums = _log_sum(scores)
        states = [every[picture] for picture in running]
        _forbid_repeats(scores, [ids for state in states for ids in state.ids], config)
        width = len(scores) // len(running)
        parents = np.arange(len(running))[:, None] * width + np.zeros(beams, np.int64)
        for place, state in enumerate(states):
            if open_[place]:
                rows = slice(place * width, (place + 1) * width)
                parents[place] += _extend(state, scores[rows] - sums[rows, None], config, beams, length)
                open_[place] = not _is_done(state, config, beams, length)
        if length == config.max_length - 1 or not open_.any():
            break
        kept = np.flatnonzero(open_) if _worth_dropping(open_) else np.arange(len(running))
        tokens = _last_tokens([states[place] for place in kept], beams, config.pad_token_id)
        decoding.reorder(parents[kept].ravel(), None if len(kept) == len(running) else kept)
        running, open_ = [running[place] for place in kept], open_[kept]
    best = [max(state.finished, key=lambda found: found[0]) for state in every]
    return [_without_end(Tokens(ids, np.exp(logs).tolist()), config) for _, ids, logs in best]


def _extend(state: _Beams, logs: Floats, config: GenerationConfig, beams: int, length: int) -> Integers:
    """Extends each reading of a picture by one token; returns the row that each of the best comes from."""
    candidates = (1 + len(config.ends)) * beams
    rows, tokens, sums = _best(state.scores[:, None] + logs, candidates)
    ids = [[*state.ids[row], token] for row, token in zip(rows.tolist(), tokens.tolist(), strict=True)]
    probabilities = [[*state.logs[row], float(logs[row, token])] for row, token in zip(rows, tokens, strict=True)]
    ended = np.isin(tokens, config.ends) | (length == config.max_length - 1)
    for place in np.flatnonzero(ended[:beams]).tolist():
        state.finished.append((float(sums[place]) / length**config.length_penalty, ids[place], probabilities[place]))
    state.finished = sorted(state.finished, key=lambda found: -found[0])[:beams]
    going = np.flatnonzero(~ended)[:beams]
    if len(going) < beams:  # The last step: nothing continues.
        return np.zeros(beams, np.int64)
    state.ids, state.logs = [ids[place] for place in going], [probabilities[place] for place in going]
    state.scores = sums[going]
    return rows[going]


def _best(sums: Floats, count: int) -> tuple[Integers, Integers, Floats]:
    """Rows, tokens and values of a table's largest entries, largest first."""
    flat = sums.ravel()
    places = np.argpartition(flat, -count)[-count:]
    places = places[np.argsort(-flat[places], kind="stable")]
    return places // sums.shape[1], places % sums.shape[1], flat[places]


def _is_done(state: _Beams, config: GenerationConfig, beams: int, length: int) -> bool:
    """Whether no open reading can beat the finished ones, by the estimate of `transformers`."""
    if len(state.finished) < beams:
        return False
    if config.early_stopping is True:
        return True
    longest = config.early_stopping == "never" and config.length_penalty > 0
    reach = (config.max_length - 1 if longest else length) ** config.length_penalty
    return bool(float(state.scores[0]) / reach <= state.finished[-1][0])


def _last_tokens(states: Sequence[_Beams], beams: int, padding: int) -> Integers:
    """The token that each row continues with; finished pictures have rows, too."""
    rows = [[ids[-1] for ids in state.ids] for state in states]
    return np.array([(row + [padding] * beams)[:beams] for row in rows], np.int64).ravel()


def _without_end(tokens: Tokens, config: GenerationConfig) -> Tokens:
    ended = bool(tokens.ids) and tokens.ids[-1] in config.ends
    return Tokens(tokens.ids[:-1], tokens.probabilities[:-1]) if ended else tokens


def _worth_dropping(open_: npt.NDArray[np.bool_]) -> bool:
    """Whether to remove finished pictures from the batch.

    That copies the encoder's keys and values of all others, which costs about a step: worth it when half are finished.
    """
    return 2 * int(open_.sum()) <= len(open_)


def _log_sum(scores: Floats) -> Floats:
    """The logarithm of each row's sum of exponentials."""
    largest = scores.max(1)
    return np.asarray(largest + np.log(np.exp(scores - largest[:, None]).sum(1)), np.float32)


def _forbid_repeats(scores: Floats, texts: Sequence[Sequence[int]], config: GenerationConfig) -> None:
    """Rules out, in place, tokens that would repeat a run of `no_repeat_ngram_size` tokens."""
    size = config.no_repeat_ngram_size or 0
    if not size:
        return
    for row, text in enumerate(texts):
        whole = [config.decoder_start_token_id, *text]
        recent = whole[len(whole) - size + 1 :]
        for start in range(len(whole) - size + 1):
            if whole[start : start + size - 1] == recent:
                scores[row, whole[start + size - 1]] = IMPOSSIBLE
