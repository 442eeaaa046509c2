"""What every recognizer is: line pictures in, characters with probabilities and places out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from raypipe.types import Pixels

BLANK = 0
"""The class of a CTC network's output that stands for no character."""


@dataclass(frozen=True)
class Reading:
    """The text of one picture.

    Attributes:
        text: What stands there, single spaces between words.
        probabilities: One probability a character.
        centres: One place a character: the pixel column of its centre in the picture.
    """

    text: str
    probabilities: list[float]
    centres: list[float]


@dataclass(frozen=True)
class RecognizerOptions:
    """How a recognizer reads, as the stage's user asked for it. A family takes what concerns it.

    Attributes:
        language: Language of the text.
        decoder: `beam` lets a word list help where there is one for the language; `greedy` takes the network's word
            (CTC models).
        lexicon: Text file, or URI of one, with the user's own words for the beam.
        use_caching: Keep keys and values of earlier tokens (encoder-decoder models).
        num_beams: Readings of a line that are followed side by side (encoder-decoder models); 1: the best token each.
    """

    language: str = "en"
    decoder: Literal["greedy", "beam"] = "beam"
    lexicon: str | None = None
    use_caching: bool = True
    num_beams: int = 1


class Recognizer(Protocol):
    """A model family that reads line pictures."""

    def read(self, pictures: Sequence[Pixels], batch_size: int) -> list[Reading]:
        """Reads pictures uint8 (height, any width, 3), BGR, at most `batch_size` at once; 0: as many as are fastest.

        A picture's reading does not depend on the others given with it. Results come in the order of the pictures.
        """
        ...
