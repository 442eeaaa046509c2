"""The interface of recognizers: line pictures in, characters with probabilities and places out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from raypipe.types import Alternative, Pixels

BLANK = 0
"""The class of a CTC network's output that stands for no character."""

GPU_BATCH = 64
"""Line pictures that a network reads at once on a GPU, if the caller does not say."""

Decoder = Literal["greedy", "beam"]
"""How letters become text: always the most probable letter, or a search through known words."""


@dataclass(frozen=True)
class Reading:
    """The text of one picture.

    Attributes:
        text: The text, with single spaces between words.
        probabilities: One probability per character.
        centres: One place per character: the pixel column of its centre in the picture.
        alternatives: Other readings of words, by the place of the word's first character in the text.
    """

    text: str
    probabilities: list[float]
    centres: list[float]
    alternatives: Mapping[int, list[Alternative]] = field(default_factory=dict)

    def only(self, kept: Sequence[int]) -> Reading:
        """These characters of it, by their places, without alternatives."""
        probabilities, centres = [self.probabilities[n] for n in kept], [self.centres[n] for n in kept]
        return Reading("".join(self.text[n] for n in kept), probabilities, centres)


@dataclass(frozen=True)
class RecognizerOptions:
    """The options of the stage that concern reading. A family uses those that it has.

    Attributes:
        language: Language of the text; `auto`: that of each page, whichever it is.
        decoder: `beam` uses a word list if there is one for the language; `greedy` uses the network's output alone
            (CTC models).
        lexicon: Text file, or its URI, with the user's own words for beam search.
        alternatives: Most other readings that beam search gives of each word.
        use_caching: Reuse keys and values of earlier tokens (encoder-decoder models).
        num_beams: Readings of a line kept in parallel (encoder-decoder models); 1: the best token each time.
    """

    language: str = "en"
    decoder: Decoder = "beam"
    lexicon: str | None = None
    alternatives: int = 0
    use_caching: bool = True
    num_beams: int = 1


class Recognizer(Protocol):
    """A model family that reads line pictures.

    Attributes:
        doubtful: Mean probability of a page's characters below which it may be upside down.
    """

    doubtful: float

    def read(self, pictures: Sequence[Pixels], batch_size: int) -> list[Reading]:
        """Reads pictures uint8 (height, any width, 3), BGR, at most `batch_size` at once; 0: as many as is fastest.

        A picture's reading does not depend on the others given with it. Results come in the order of the pictures.
        """
        ...


@dataclass(frozen=True)
class PageReading:
    """The readings of a page's pictures, and what reads further ones of it.

    Attributes:
        language: Code of the language whose words guided the reading, or `latin`; None: unknown.
        recognizer: Reads in that language.
        readings: Those of the pictures, in their order.
    """

    language: str | None
    recognizer: Recognizer
    readings: list[Reading]


@runtime_checkable
class PageRecognizer(Recognizer, Protocol):
    """A recognizer that chooses the language of each page."""

    def read_pages(self, pages: Sequence[Sequence[Pixels]], batch_size: int) -> list[PageReading]:
        """Reads the pictures of pages; see `Recognizer.read`."""
        ...


def read_pages(
    recognizer: Recognizer, language: str | None, pages: Sequence[Sequence[Pixels]], batch_size: int
) -> list[PageReading]:
    """Reads the pictures of pages together, in this language unless the recognizer chooses that of each page."""
    if isinstance(recognizer, PageRecognizer):
        return recognizer.read_pages(pages, batch_size)
    readings = iter(recognizer.read([picture for page in pages for picture in page], batch_size))
    return [PageReading(language, recognizer, [next(readings) for _ in page]) for page in pages]
