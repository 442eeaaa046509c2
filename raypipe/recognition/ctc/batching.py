"""Width buckets: batches of line pictures of about the same width, so that little of a batch is padding.

The padded width depends only on a picture's own width. A picture's result therefore does not depend on its
neighbours: a page reads the same alone, in a batch, on Ray Data and online.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from raypipe.types import Pixels
from raypipe.zoo.manifest import Input

NARROWEST = 96
"""Narrower pictures are padded to this; the 320 of PP-OCR's own code takes longer and reads no better."""


def padded_width(width: int) -> int:
    """The bucket of a picture: in steps of 32 pixels, and from a width of 512 in steps of 1/16 to 1/8 of it."""
    step = max(32, 1 << max((width - 1).bit_length() - 4, 0))
    return max(-(-width // step) * step, NARROWEST)


def buckets(widths: Sequence[int], batch_size: int) -> Iterator[tuple[npt.NDArray[np.int64], int]]:
    """Splits pictures of these widths into batches, each of one padded width, widest first.

    Yields:
        Indices into `widths` and the padded width.
    """
    padded = np.array([padded_width(width) for width in widths], np.int64)
    for width in np.unique(padded)[::-1]:
        members = np.flatnonzero(padded == width)
        for start in range(0, len(members), batch_size):
            yield members[start : start + batch_size], int(width)


def stack(pictures: Sequence[Pixels], width: int, takes: Input) -> npt.NDArray[np.float32]:
    """Pictures (h, w, 3), BGR, as one tensor (n, 3, h, width) as the network expects, padded with 0 on the right."""
    batch = np.zeros((len(pictures), 3, pictures[0].shape[0], width), np.float32)
    for place, picture in zip(batch, pictures, strict=True):
        takes.fill(place[:, :, : picture.shape[1]], picture)
    return batch
