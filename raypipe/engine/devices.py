"""Whether ONNX Runtime can use a GPU on this machine, and if not, why."""

from __future__ import annotations

import io
import threading
from contextlib import redirect_stdout
from functools import cache
from typing import Any

from raypipe.engine import cuda, providers
from raypipe.engine.runtime import runtime

_LOOKING = threading.Lock()
"""Held while looking for the GPU: sessions are opened in several threads."""


def gpu_available() -> bool:
    """Whether a CUDA device can be used, as far as is known without a session."""
    return not gpu_trouble()


def gpu_trouble() -> str:
    """Why no CUDA device can be used, and what to do; empty if one can.

    onnxruntime-gpu lists its CUDA provider even on machines without a GPU or without CUDA's libraries.
    """
    with _LOOKING:
        return _gpu_trouble()


@cache
def _gpu_trouble() -> str:
    if not cuda.devices():
        return "NVIDIA's driver is not installed here, or has no device."
    onnxruntime = runtime()
    if providers.CUDA not in onnxruntime.get_available_providers():
        return "This ONNX Runtime is built without CUDA. Install onnxruntime-gpu in its place."
    with redirect_stdout(io.StringIO()):  # It prints the libraries that it does not find.
        onnxruntime.preload_dlls()
    return cuda.trouble(onnxruntime.cuda_version)


def versions() -> dict[str, Any]:
    """ONNX Runtime's version and the providers it was built with."""
    onnxruntime = runtime()
    return {"onnxruntime": onnxruntime.__version__, "providers": onnxruntime.get_available_providers()}


def tensorrt_trouble() -> str:
    """Why TensorRT cannot be used, whatever the GPU, and what to do; empty if it can."""
    if providers.TENSORRT not in versions()["providers"]:
        return "This ONNX Runtime is built without TensorRT. Install onnxruntime-gpu in its place."
    if missing := cuda.missing(providers.TENSORRT_LIBRARIES):
        return f"{', '.join(missing)} cannot be loaded. Install TensorRT 10 and name its folder in LD_LIBRARY_PATH."
    return ""
