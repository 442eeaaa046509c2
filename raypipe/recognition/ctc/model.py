"""CTC recognizers (Graves et al., ICML 2006), such as PP-OCR's: a character or a blank every eight pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt

from raypipe.engine.session import Session
from raypipe.recognition.base import BLANK, GPU_BATCH, PageReading, Reading, RecognizerOptions
from raypipe.recognition.ctc.batching import buckets, stack
from raypipe.recognition.ctc.beam import BeamDecoder
from raypipe.recognition.ctc.guess import ENGLISH, Guess
from raypipe.recognition.ctc.language import load_language
from raypipe.recognition.ctc.spellings import load_spellings
from raypipe.types import Pixels
from raypipe.zoo import manifest
from raypipe.zoo.manifest import AUTO, Input, Model

MAX_WIDTH = 3200
MOST_LANGUAGES = 8
"""Languages besides English that a recognizer holds at once: each takes 18 MB, and 0.1 s to load."""
BEAM_DOUBT, GREEDY_DOUBT = 0.55, 0.8
"""Upside-down pages had confidences of up to 0.41 with the word search and 0.75 without it, upright ones at least 0.47
and 0.77."""
WIDE_GAP = 3.0
"""Characters this many median pitches apart get a space between them: the network often leaves it out where print
meets handwriting."""

Probabilities = npt.NDArray[np.float32]
Decode = Callable[[Probabilities, float, int], Reading]
"""Turns probabilities (t, classes), blank first, the pixels per time step and the picture's width into text."""


class CtcRecognizer:
    """A CTC recognizer on ONNX Runtime.

    Args:
        session: Input (n, 3, h, w), output probabilities (n, w / 8, classes) with the blank first; the other classes
            are listed in the metadata `characters`.
        takes: What the network expects.
        options: Options of reading. All characters that the model knows are read, whatever the language; its words, if
            there is a list of them, guide the reading.
    """

    def __init__(self, session: Session, takes: Input, options: RecognizerOptions) -> None:
        self._session, self._takes = session, takes
        characters = list(session.metadata("characters"))
        self.characters = ["", *characters]
        self._decode, self.doubtful = decoder(self.characters, options)

    def read(self, pictures: Sequence[Pixels], batch_size: int) -> list[Reading]:
        """See `Recognizer.read`."""
        readings = {}
        for n, probabilities, step in self.outputs(pictures, batch_size):
            readings[n] = self.decode(probabilities, step, pictures[n].shape[1])
        return [readings[n] for n in range(len(pictures))]

    def decode(self, probabilities: Probabilities, step: float, width: int) -> Reading:
        """The text of one picture's output; see `Decode`."""
        with self._session.metrics.timed("search_seconds"):
            return self._decode(probabilities, step, width)

    def outputs(self, pictures: Sequence[Pixels], batch_size: int) -> Iterator[tuple[int, Probabilities, float]]:
        """The network's output, in any order: picture number, probabilities (t, classes), pixels per time step."""
        most = self.at_once(batch_size)
        for members, width in buckets([picture.shape[1] for picture in pictures], most):
            (probabilities,) = self._session.run(stack([pictures[n] for n in members], width, self._takes))
            step = width / probabilities.shape[1]
            for n, matrix in zip(members.tolist(), probabilities, strict=True):
                yield n, matrix, step

    def at_once(self, batch_size: int) -> int:
        """How many pictures the network reads at once; see `Recognizer.read`."""
        return batch_size or (GPU_BATCH if self._session.on_gpu else 1)


class GuessingRecognizer:
    """Reads each page with the words of the language that it looks to be in, which are loaded when they are needed.

    Args:
        guess: Tells languages apart.
        open_in: Makes a recognizer that reads in a language; all of them share the network.
    """

    def __init__(self, guess: Guess, open_in: Callable[[str], CtcRecognizer]) -> None:
        self._guess, self._in = guess, lru_cache(MOST_LANGUAGES)(open_in)
        self._english = open_in(ENGLISH)
        self.doubtful = self._english.doubtful

    def read(self, pictures: Sequence[Pixels], batch_size: int) -> list[Reading]:
        """Reads pictures with English words; see `Recognizer.read`."""
        return self._english.read(pictures, batch_size)

    def read_pages(self, pages: Sequence[Sequence[Pixels]], batch_size: int) -> list[PageReading]:
        """See `PageRecognizer.read_pages`.

        Outputs are kept until the language is known: of one page, or of all where their lines share batches.
        """
        together = [[page] for page in pages] if self._english.at_once(batch_size) == 1 else [pages]
        return [found for some in together for found in self._read_together(some, batch_size)]

    def _read_together(self, pages: Sequence[Sequence[Pixels]], batch_size: int) -> Iterator[PageReading]:
        pictures = [picture for page in pages for picture in page]
        found = self._english.outputs(pictures, batch_size)
        outputs = {n: (probabilities, step, pictures[n].shape[1]) for n, probabilities, step in found}
        numbers = count()
        for page in pages:
            seen = [outputs.pop(next(numbers)) for _ in page]
            language = self._guess.of(decode_greedy(*line, self._english.characters).text for line in seen)
            recognizer = self._english if language == ENGLISH else self._in(language)
            yield PageReading(language, recognizer, [recognizer.decode(*line) for line in seen])


def open_model(
    model: Model, options: RecognizerOptions, open_session: Callable[[Path], Session]
) -> CtcRecognizer | GuessingRecognizer:
    """Loads a model from its ONNX file.

    Raises:
        ModelError: The manifest does not describe its input, or a word list is missing or damaged.
    """
    session, takes = open_session(model.path), model.only_input
    words = manifest.words_of(AUTO)
    if options.language != AUTO or words is None:
        return CtcRecognizer(session, takes, options)
    return GuessingRecognizer(
        Guess(words.path), lambda language: CtcRecognizer(session, takes, replace(options, language=language))
    )


def decoder(characters: Sequence[str], options: RecognizerOptions) -> tuple[Decode, float]:
    """Beam search if it is asked for and the language has a word list, else the most probable path.

    Returns:
        How text is found, and the `Recognizer.doubtful` that goes with it.

    Raises:
        ModelError: The language's word list is missing or damaged.
        ConfigError: The user's lexicon cannot be read.
    """
    words = manifest.words_of(options.language) if options.decoder == "beam" else None
    if words is None:
        return partial(decode_greedy, characters=characters), GREEDY_DOUBT
    language = load_language(words.path, options.language, options.lexicon)
    spellings = load_spellings(words.path, options.language)
    search = BeamDecoder(characters, language, alternatives=options.alternatives, spellings=spellings)
    return search.decode, BEAM_DOUBT


def decode_greedy(probabilities: Probabilities, step: float, width: int, characters: Sequence[str]) -> Reading:
    """The most probable path, repeats merged and blanks dropped, with each character's peak probability and place.

    See `BeamDecoder.decode`; `characters` are those of the classes.
    """
    probabilities = probabilities[: int(np.ceil(width / step)) + 1]
    best = probabilities.argmax(1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    peaks = np.maximum.reduceat(probabilities[np.arange(len(best)), best], starts)
    middles = (starts + np.append(starts[1:], len(best))) / 2 * step
    chosen = best[starts] != BLANK
    found = [
        (characters[index], float(peak), float(middle))
        for index, peak, middle in zip(best[starts][chosen], peaks[chosen], middles[chosen], strict=True)
    ]
    return reading_of(found, width)


def reading_of(found: list[tuple[str, float, float]], width: int) -> Reading:
    """A reading from characters with probability and place: adds spaces in wide gaps, drops doubled and outer ones."""
    kept: list[tuple[str, float, float]] = []
    pitch = float(np.median(np.diff([centre for _, _, centre in found]))) if len(found) > 3 else np.inf
    for character, probability, centre in found:
        if kept and " " not in (character, kept[-1][0]) and centre - kept[-1][2] > WIDE_GAP * pitch:
            kept.append((" ", probability, (centre + kept[-1][2]) / 2))
        if character != " " or (kept and kept[-1][0] != " "):
            kept.append((character, probability, min(centre, width)))
    if kept and kept[-1][0] == " ":
        kept.pop()
    return Reading("".join(c for c, _, _ in kept), [p for _, p, _ in kept], [x for _, _, x in kept])
