"""The places of a known text's characters in a CTC network's output; `alignment.c` does the work."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from raypipe.recognition.ctc.library import address, library


def align(logs: npt.NDArray[np.float64], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The most probable path that spells a text (Viterbi).

    Args:
        logs: (t, classes), log probabilities, blank first; no more labels than time steps, repeats counted twice.
        labels: (n,), the classes of the text.

    Returns:
        int32 (n, 2), the first time step of each character and the one after its last.

    Raises:
        ValueError: There are no time steps or labels, or a label is not a class.
        MemoryError: There is not enough memory.
    """
    logs, labels = np.ascontiguousarray(logs, np.float64), np.ascontiguousarray(labels, np.int32)
    steps, classes = logs.shape
    if not steps or not len(labels) or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"{len(labels)} labels cannot be aligned with {steps} steps of {classes} classes.")
    places = np.zeros((len(labels), 2), np.int32)
    if library().ctc_align(address(logs), steps, classes, address(labels), len(labels), address(places)):
        raise MemoryError(f"Not enough memory to align {len(labels)} characters with {steps} time steps.")
    return places
