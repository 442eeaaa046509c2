"""ONNX Runtime sessions: providers, threads, warm-up."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from raypipe.engine import cuda, operators, providers
from raypipe.engine.bound import Bound
from raypipe.engine.devices import gpu_trouble, tensorrt_trouble
from raypipe.engine.gather import Array, Gatherer, Run
from raypipe.engine.half import halved
from raypipe.engine.providers import Execution
from raypipe.engine.runtime import runtime
from raypipe.errors import DeviceError, ModelError, reason_of
from raypipe.metrics import AS_HALF, SECONDS, SESSION, Metrics

Tensor: TypeAlias = Any
"""An onnxruntime.OrtValue: an array that stays on the device of the session that computed it."""

_CPU = ["CPUExecutionProvider"]
_WARNING = threading.Lock()
"""Held while warning: sessions are opened in several threads, one of which warns."""

TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
    "tensor(uint8)": np.uint8,
}
"""Element types that a model's inputs may have."""
FOR_CPUS = "for_cpus"
"""The key in the metadata of files whose operators ONNX Runtime has for CPUs alone."""
MOST_VALUES = 32_000_000
"""The most values in a batch gathered for a GPU: 8 pages for a detector, or 64 of the longest lines."""


class TensorSpec(NamedTuple):
    """An input of a model; an axis of any length is a name in `shape`."""

    dtype: np.dtype[Any]
    shape: list[int | str]


class Session:
    """An ONNX model ready to run on one device.

    Args:
        source: The .onnx file.
        use_gpu: True requires a CUDA device, False runs on the CPU, None uses a GPU if there is one. If ONNX Runtime
            cannot use a GPU that is there, a warning says why.
        threads: CPU threads of one run.
        metrics: Where the seconds of each run are added, as `session_seconds` and under the name of the model's file.
        execution: How it is run; None: in float32, with the usual provider.

    Attributes:
        metrics: As given, so that callers can add the time of their own work around the runs.

    Raises:
        DeviceError: A GPU was asked for, but ONNX Runtime cannot use one, or not with this provider or file.
        ModelError: The file is missing or damaged.
    """

    def __init__(
        self, source: Path, use_gpu: bool | None, threads: int, metrics: Metrics, execution: Execution | None = None
    ) -> None:
        execution = execution or Execution()
        self._session, half = _opened(source, _options(threads), use_gpu, execution)
        self.on_gpu = self._session.get_providers()[:1] != _CPU
        self.metrics, self._name = metrics, f"{SESSION}{source.stem}{AS_HALF if half else ''}{SECONDS}"
        self._source = source
        whole = partial(Session, source, use_gpu, threads, metrics, replace(execution, half=False))
        self._whole, self._opening = cache(whole) if half else None, threading.Lock()
        self.inputs = {
            argument.name: TensorSpec(np.dtype(TYPES[argument.type]), argument.shape)
            for argument in self._session.get_inputs()
        }
        self.outputs: list[str] = [argument.name for argument in self._session.get_outputs()]
        self._gatherer = self._gathering(execution) if self.on_gpu and self._takes_batches() else None

    def run(self, *inputs: Array, outputs: Sequence[str] | None = None) -> list[Array]:
        """Runs the model on an array for each input, in the model's order; returns its outputs, or those named.

        On a GPU, pictures of one shape from several threads are run together. If a value is too large for float16, the
        batch is computed in float32.
        """
        feed: Mapping[str, Array] = dict(zip(self.inputs, inputs, strict=True))
        with self._timed():
            if self._gatherer:
                (batch,) = inputs
                found = self._gatherer.call(batch, None if outputs is None else tuple(outputs))
            else:
                found = [np.asarray(value) for value in self._session.run(outputs, feed)]
        if self._whole and not all(np.isfinite(each).all() for each in found):
            _warn(f"{self._source.name} computes some batches in float32: their values exceed the range of float16.")
            with self._opening:
                whole = self._whole()
            return whole.run(*inputs, outputs=outputs)
        return found

    def compute(self, feed: Mapping[str, Array | Tensor], read: str = "") -> tuple[Array, dict[str, Tensor]]:
        """Runs the model and leaves its outputs on the device.

        Args:
            feed: The inputs by name: arrays, or outputs of this method, which are not copied.
            read: Name of an output to fetch.

        Returns:
            The output that is read (empty if none), and all others.
        """
        binding = self._session.io_binding()
        for name, value in feed.items():
            if isinstance(value, np.ndarray):
                binding.bind_cpu_input(name, np.ascontiguousarray(value, self.inputs[name].dtype))
            else:
                binding.bind_ortvalue_input(name, value)
        for name in self.outputs:
            binding.bind_output(name, "cuda" if self.on_gpu and name != read else "cpu")
        with self._timed():
            self._session.run_with_iobinding(binding)
        results = dict(zip(self.outputs, binding.get_outputs(), strict=True))
        return (np.asarray(results.pop(read).numpy()) if read else np.empty(0)), results

    def _takes_batches(self) -> bool:
        """Whether its one input and all its outputs begin with an axis of any length, that of the batch."""
        arguments = [*self._session.get_inputs(), *self._session.get_outputs()]
        return len(self.inputs) == 1 and all(isinstance(each.shape[0], str) for each in arguments)

    def _gathering(self, execution: Execution) -> Gatherer:
        """A gatherer that runs pictures from several threads together, in memory that is kept."""
        graphs = execution.provider == "cuda_graphs"
        run = Bound(self._session, "cuda", graphs).run
        return Gatherer(filled_up(run) if execution.same_shapes else run, MOST_VALUES, at_once=1 if graphs else 2)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        with self.metrics.timed("session_seconds"), self.metrics.timed(self._name):
            yield

    def metadata(self, key: str, default: str | None = None) -> Any:
        """A JSON value from the model file's metadata; `default` is the JSON to use if the key is missing.

        Raises:
            ModelError: The key is missing, and there is no default.
        """
        value = self._session.get_modelmeta().custom_metadata_map.get(key, default)
        if value is None:
            raise ModelError(f"{self._source} has no {key!r} in its metadata.", "Add it, as the recipes in models/ do.")
        return json.loads(value)


def filled_up(run: Run) -> Run:
    """The function, with batches padded by empty pictures to 1, 2, 4, 8 ... pictures, so that shapes repeat."""

    def run_filled_up(batch: Array, argument: Any) -> list[Array]:
        size = 1 << (len(batch) - 1).bit_length()
        empty = np.zeros((size - len(batch), *batch.shape[1:]), batch.dtype)
        return [found[: len(batch)] for found in run(np.concatenate([batch, empty]), argument)]

    return run_filled_up


def _options(threads: int) -> Any:
    """The onnxruntime.SessionOptions of a session, for one thread or more."""
    options = runtime().SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait would take the core from the next actor.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    operators.library()  # Checked before ONNX Runtime opens it.
    options.register_custom_ops_library(str(operators.PATH))
    return options


def _opened(source: Path, options: Any, use_gpu: bool | None, execution: Execution) -> tuple[Any, bool]:
    """An onnxruntime.InferenceSession, and whether it computes in float16."""
    half = execution.half
    trouble = ""
    if use_gpu is not False:
        trouble = gpu_trouble() or (tensorrt_trouble() if execution.provider == "tensorrt" else "")
        if not trouble:
            session, trouble = _on_gpu(source, options, execution)
            if session:
                return session, half
            half = False  # Chosen for a GPU that cannot be used after all.
    if use_gpu:
        raise DeviceError(f"A GPU was asked for. {trouble}", "Without one, use --device cpu; see `raypipe doctor`.")
    if trouble and cuda.devices():
        with _WARNING:
            _warn(f"The CPU is used instead of the GPU: {trouble}")
    return _session(source, options, _CPU, half), half


def _on_gpu(source: Path, options: Any, execution: Execution) -> tuple[Any, str]:
    """A session on a GPU, or None and why there is none."""
    try:
        wanted = providers.chosen(execution)
    except OSError as error:
        return None, f"Compiled TensorRT engines cannot be kept: {error}. Set XDG_CACHE_HOME to a folder for them."
    try:
        session = _session(source, options, [*wanted, *_CPU], execution.half)
    except ModelError as error:
        _session(source, options, _CPU, execution.half)  # Fails again if the file is at fault.
        return None, str(error.__cause__)
    if FOR_CPUS in session.get_modelmeta().custom_metadata_map:
        return None, f"{source.name} is made for CPUs."
    best = wanted[0][0]
    if session.get_providers()[0] == best:
        return session, ""
    name = "CUDA" if best == providers.CUDA else "TensorRT"
    return None, f"ONNX Runtime cannot load its {name} provider; its message above says why."


def _session(source: Path, options: Any, providers: list[Any], half: bool) -> Any:
    try:  # Without ONNX Runtime's own fallback, which would print a message.
        graph = halved(source.read_bytes()) if half else str(source)
        return runtime().InferenceSession(graph, options, providers=providers, enable_fallback=0)
    except Exception as error:  # ONNX Runtime has classes of its own for each status, and protobuf has others.
        raise ModelError(f"{source} cannot be loaded: {reason_of(error)}.", "Run `raypipe models verify`.") from error


@cache
def _warn(trouble: str) -> None:
    """Warns once that something is done in another way than was asked for."""
    logging.getLogger(__name__).warning(trouble)
