"""A stand-in for an accelerator, behind the engine: real results, after the time that a device would take for them.

It sleeps that long, one batch at a time, so that other threads compute meanwhile. Results are those of the CPU's
session, recorded when a picture comes first: whoever measures lets all pictures come once before.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from unittest import mock

import numpy as np
import numpy.typing as npt

from raypipe.engine import session as engine
from raypipe.engine.providers import Execution
from raypipe.stages import base

Array = npt.NDArray[Any]
Recorded: TypeAlias = dict[str, dict[Any, list[Array]]]
"""Results by the names of networks' files, and by pictures."""


@dataclass
class Device:
    """A device that does one thing at a time.

    Attributes:
        seconds: How long it takes for a batch of a file's network, of a shape.
        busy: Seconds in which it worked.
        batches: The file and size of each batch.
    """

    seconds: Callable[[Path, tuple[int, ...]], float]
    busy: float = 0.0
    batches: list[tuple[str, int]] = field(default_factory=list)
    lock: AbstractContextManager[Any] = field(default_factory=threading.Lock)

    def work(self, source: Path, shape: tuple[int, ...]) -> None:
        """Takes the time of a batch."""
        with self.lock:
            start = time.perf_counter()
            time.sleep(self.seconds(source, shape))
            self.busy += time.perf_counter() - start
            self.batches.append((source.stem, shape[0]))


class StandIn:
    """An onnxruntime.InferenceSession on the device.

    Args:
        session: What computes the results.
        source: Its file.
        device: Takes the time.
        recorded: Results that are known, to which others are added.
    """

    def __init__(self, session: Any, source: Path, device: Device, recorded: dict[Any, list[Array]]) -> None:
        self._session, self._source, self._device, self._recorded = session, source, device, recorded

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def get_providers(self) -> list[str]:
        return ["CUDAExecutionProvider"]

    def run(self, outputs: Sequence[str] | None, feed: dict[str, Array]) -> list[Array]:
        ((name, batch),) = feed.items()
        found = [self._one(outputs, name, batch[n : n + 1]) for n in range(len(batch))]
        self._device.work(self._source, batch.shape)
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def _one(self, outputs: Sequence[str] | None, name: str, picture: Array) -> list[Array]:
        key = picture.shape, zlib.adler32(np.ascontiguousarray(picture).data), str(outputs)
        if key not in self._recorded:
            self._recorded[key] = self._session.run(outputs, {name: picture})
        return self._recorded[key]


class Unbound:
    """What `Bound` is on the device: it has no memory of its own."""

    def __init__(self, session: StandIn, memory: str, graphs: bool) -> None:
        self._session = session

    def run(self, batch: Array, outputs: Sequence[str] | None) -> list[Array]:
        return self._session.run(outputs, {self._session.get_inputs()[0].name: batch})


@contextmanager
def accelerator(device: Device, recorded: Recorded | None = None) -> Iterator[Recorded]:
    """Lets sessions that may run on a GPU run on the stand-in; gives the results of each file, with those recorded."""
    opened, kept = engine._opened, dict[Any, tuple[StandIn, bool]]()
    results: Recorded = recorded or {}

    def on_device(source: Path, options: Any, use_gpu: bool | None, execution: Execution) -> Any:
        if use_gpu is False:
            return opened(source, options, False, execution)
        key = source, execution.half
        if key not in kept:
            session, half = opened(source, options, False, execution)
            kept[key] = StandIn(session, source, device, results.setdefault(source.stem, {})), half
        return kept[key]

    with (
        mock.patch.object(engine, "_opened", on_device),
        mock.patch.object(engine, "Bound", Unbound),
        mock.patch.object(base, "gpu_available", lambda: True),
    ):
        yield results
