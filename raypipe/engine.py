"""ONNX Runtime sessions: providers, threads, warm-up. The only file that imports onnxruntime."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from raypipe.errors import DeviceError, ModelError
from raypipe.metrics import Metrics

Array = npt.NDArray[Any]
Tensor: TypeAlias = Any
"""An onnxruntime.OrtValue: an array that stays on the device of the session that computed it."""

# An exhaustive search of convolution algorithms takes hundreds of milliseconds for each new input shape.
_CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}

TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
    "tensor(uint8)": np.uint8,
}
"""Element types that a model's inputs may have."""


class Input(NamedTuple):
    """An input of a model; an axis of any length is a word in `shape`."""

    dtype: np.dtype[Any]
    shape: list[int | str]


class Session:
    """An ONNX model ready to run on one device.

    Args:
        source: The .onnx file.
        use_gpu: True requires a CUDA device, False runs on the CPU, None uses a GPU if there is one.
        threads: CPU threads of one run.
        metrics: Where the seconds of each run are added, as `session_seconds`.

    Raises:
        DeviceError: A GPU was asked for, but ONNX Runtime did not get one.
        ModelError: The file is missing or damaged.
    """

    def __init__(self, source: Path, use_gpu: bool | None, threads: int, metrics: Metrics) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that spin while they wait would take the core from the next actor.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        gpu = gpu_available() if use_gpu is None else use_gpu
        if gpu and not gpu_available():
            raise DeviceError(
                "A GPU was asked for, but there is none that ONNX Runtime can use.",
                "Install raypipe[cuda] and a CUDA 13 driver, or run with --device cpu; `raypipe doctor` shows more.",
            )
        providers: list[Any] = [("CUDAExecutionProvider", _CUDA_OPTIONS)] if gpu else []
        try:
            self._session = onnxruntime.InferenceSession(
                str(source),
                options,
                providers=[*providers, "CPUExecutionProvider"],
            )
        except Exception as error:
            raise ModelError(f"{source} cannot be loaded: {error}", "Run `raypipe models verify`.") from error
        provider = str(self._session.get_providers()[0])
        self.on_gpu = provider == "CUDAExecutionProvider"
        if gpu and not self.on_gpu:
            raise DeviceError(
                f"A GPU was asked for, but ONNX Runtime fell back to {provider}.",
                "Run `raypipe doctor`: the CUDA or cuDNN libraries do not match this onnxruntime-gpu.",
            )
        self._metrics = metrics
        self.inputs = {
            argument.name: Input(np.dtype(TYPES[argument.type]), argument.shape)
            for argument in self._session.get_inputs()
        }
        self.outputs: list[str] = [argument.name for argument in self._session.get_outputs()]

    def run(self, *inputs: Array, outputs: Sequence[str] | None = None) -> list[Array]:
        """Runs the model.

        Args:
            inputs: One array per input, in the model's order.
            outputs: Names of the outputs to compute; None: all.

        Returns:
            The outputs, in the order asked for.
        """
        feed: Mapping[str, Array] = dict(zip(self.inputs, inputs, strict=True))
        with self._metrics.timed("session_seconds"):
            return [np.asarray(value) for value in self._session.run(outputs, feed)]

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
        with self._metrics.timed("session_seconds"):
            self._session.run_with_iobinding(binding)
        results = dict(zip(self.outputs, binding.get_outputs(), strict=True))
        return (np.asarray(results.pop(read).numpy()) if read else np.empty(0)), results

    def metadata(self, key: str, default: str | None = None) -> Any:
        """A JSON value from the model file's metadata; `default` is the JSON to use if the key is missing."""
        values = self._session.get_modelmeta().custom_metadata_map
        return json.loads(values[key] if default is None else values.get(key, default))


@cache
def gpu_available() -> bool:
    """Whether a CUDA device can be used.

    onnxruntime-gpu lists its CUDA provider even on machines without a GPU, so the driver is asked as well.
    """
    import ctypes

    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return False
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return False
    if count.value and hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()
    return count.value > 0


def versions() -> dict[str, Any]:
    """ONNX Runtime's version and the providers it was built with."""
    import onnxruntime

    return {"onnxruntime": onnxruntime.__version__, "providers": onnxruntime.get_available_providers()}
