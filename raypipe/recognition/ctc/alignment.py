"""Where the characters of a known text stand in a CTC network's output."""

from __future__ import annotations

from typing import Any

import numpy as np

from raypipe.recognition.ctc.search import compiled


@compiled
def align(logs: Any, labels: Any) -> Any:
    """The most probable path that spells a text (Viterbi).

    Args:
        logs: (t, classes), log probabilities, blank first; no more labels than time steps, repeats counted twice.
        labels: (n,), the classes of the text.

    Returns:
        int32 (n, 2), first time step of each character and the one after its last.
    """
    steps, states = len(logs), 2 * len(labels) + 1
    moves = np.zeros((steps, states), np.int8)
    scores = np.full(states, -np.inf)
    scores[:2] = logs[0, 0], logs[0, labels[0]]
    for step in range(1, steps):
        for state in range(states - 1, -1, -1):
            label = labels[state // 2] if state % 2 else 0
            best, move = scores[state], 0
            if state > 0 and scores[state - 1] > best:
                best, move = scores[state - 1], 1
            skips = state % 2 == 1 and state > 1 and label != labels[state // 2 - 1]
            if skips and scores[state - 2] > best:
                best, move = scores[state - 2], 2
            scores[state] = best + logs[step, label]
            moves[step, state] = move
    places = np.zeros((len(labels), 2), np.int32)
    state = states - 1 if scores[states - 1] > scores[states - 2] else states - 2
    for step in range(steps - 1, -1, -1):
        if state % 2:
            places[state // 2, 0] = step
            if places[state // 2, 1] == 0:
                places[state // 2, 1] = step + 1
        state -= moves[step, state]
    return places
