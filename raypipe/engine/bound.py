"""Runs whose inputs and outputs stay in one place in a device's memory for each shape (ONNX Runtime's I/O binding)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import Any

import numpy as np

from raypipe.engine.gather import Array
from raypipe.engine.runtime import runtime

MOST_BYTES = 1 << 30
"""The most memory kept for inputs and outputs; batches of further shapes get new memory each time."""
NO_GRAPH = -1
"""The number that tells ONNX Runtime to record nothing."""


@dataclass(eq=False)
class _Place:
    """The memory of a batch, and its number as a CUDA graph."""

    binding: Any
    given: Any
    number: int


class Bound:
    """Runs a network in memory that is kept from run to run, and as recorded CUDA graphs if wanted.

    Args:
        session: An onnxruntime.InferenceSession with one input.
        memory: The kind of memory: `cuda`, or `cpu` for sessions on the CPU.
        graphs: Whether the session was opened to record its work. It must then not run in two threads at once.
    """

    def __init__(self, session: Any, memory: str, graphs: bool) -> None:
        self._session, self._memory, self._graphs = session, memory, graphs
        (self._input,) = session.get_inputs()
        self._free: dict[Any, list[_Place]] = defaultdict(list)
        self._lock, self._left, self._numbers = Lock(), MOST_BYTES, count(1)

    def run(self, batch: Array, outputs: Sequence[str] | None) -> list[Array]:
        """The outputs with these names, or all, for a batch; see `Gatherer`."""
        names = tuple(outputs or (each.name for each in self._session.get_outputs()))
        key = batch.shape, names
        with self._lock:
            place = self._free[key].pop() if self._free[key] else None
        if place is None:
            return self._first(batch, names)
        place.given.update_inplace(np.ascontiguousarray(batch))
        self._session.run_with_iobinding(place.binding, self._options(place.number))
        found = self._read(place)
        with self._lock:
            self._free[key].append(place)
        return found

    def _first(self, batch: Array, names: tuple[str, ...]) -> list[Array]:
        """Runs a batch in new memory and keeps that if there is room: only a run shows the shapes of the outputs."""
        given = runtime().OrtValue.ortvalue_from_numpy(np.array(batch), self._memory)
        place = _Place(self._session.io_binding(), given, next(self._numbers))
        place.binding.bind_ortvalue_input(self._input.name, place.given)
        for name in names:
            place.binding.bind_output(name, self._memory)
        self._session.run_with_iobinding(place.binding, self._options(NO_GRAPH))
        found = self._read(place)
        size = batch.nbytes + sum(each.nbytes for each in found)
        with self._lock:
            keep = size <= self._left
            self._left -= size if keep else 0
        if keep:
            for name, value in zip(names, place.binding.get_outputs(), strict=True):
                place.binding.bind_ortvalue_output(name, value)
            with self._lock:
                self._free[batch.shape, names].append(place)
        return found

    def _read(self, place: _Place) -> list[Array]:
        """Copies of the outputs: the next run writes over them."""
        found = [value.numpy() for value in place.binding.get_outputs()]
        return [np.array(each) for each in found] if self._memory == "cpu" else found

    def _options(self, number: int) -> Any:
        """The options of a run: with graphs, to record or repeat the graph of this number."""
        if not self._graphs:
            return None
        options = runtime().RunOptions()
        options.add_run_config_entry("gpu_graph_id", str(number))
        return options
