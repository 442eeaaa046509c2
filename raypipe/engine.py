"""ONNX Runtime sessions: providers, threads, warm-up. The only file that imports onnxruntime."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from raypipe.errors import DeviceError, ModelError
from raypipe.metrics import Metrics

Array = npt.NDArray[Any]

# An exhaustive search of convolution algorithms costs hundreds of milliseconds for each new input shape.
_CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}


class Session:
    """An ONNX model ready to run on one device.

    Args:
        path: The .onnx file.
        use_gpu: True needs a CUDA device, False runs on the CPU, None takes a GPU if there is one.
        threads: CPU threads of one run.
        metrics: Where the seconds of each run are added, as `session_seconds`.

    Raises:
        DeviceError: A GPU was asked for and ONNX Runtime did not get one.
        ModelError: The file is missing or damaged.
    """

    def __init__(self, path: Path, use_gpu: bool | None, threads: int, metrics: Metrics) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that spin while they wait take the core from the next actor.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        gpu = gpu_available() if use_gpu is None else use_gpu
        if gpu and not gpu_available():
            raise DeviceError(
                "A GPU was asked for and there is none that ONNX Runtime can use.",
                "Install raypipe[cuda] and a CUDA 13 driver, or run with --device cpu; `raypipe doctor` tells more.",
            )
        providers: list[Any] = [("CUDAExecutionProvider", _CUDA_OPTIONS)] if gpu else []
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=[*providers, "CPUExecutionProvider"]
            )
        except Exception as error:
            raise ModelError(f"{path} cannot be loaded: {error}", "Run `raypipe models verify`.") from error
        provider = str(self._session.get_providers()[0])
        self.on_gpu = provider == "CUDAExecutionProvider"
        if gpu and not self.on_gpu:
            raise DeviceError(
                f"A GPU was asked for and ONNX Runtime fell back to {provider}.",
                "Run `raypipe doctor`: the CUDA or cuDNN libraries do not match this onnxruntime-gpu.",
            )
        self._metrics = metrics
        self._inputs = [argument.name for argument in self._session.get_inputs()]

    def run(self, *inputs: Array, outputs: Sequence[str] | None = None) -> list[Array]:
        """Runs the model.

        Args:
            inputs: One array an input, in the model's order.
            outputs: Names of the outputs to compute; all if None.

        Returns:
            The outputs, in the order asked for.
        """
        feed: Mapping[str, Array] = dict(zip(self._inputs, inputs, strict=True))
        with self._metrics.timed("session_seconds"):
            return [np.asarray(value) for value in self._session.run(outputs, feed)]

    def metadata(self, key: str) -> Any:
        """A JSON value from the model file's metadata."""
        return json.loads(self._session.get_modelmeta().custom_metadata_map[key])


@cache
def gpu_available() -> bool:
    """Whether a CUDA device can be used.

    onnxruntime-gpu lists its CUDA provider on machines without a GPU too, so the driver is asked as well.
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
