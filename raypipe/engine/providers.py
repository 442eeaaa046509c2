"""The providers with which ONNX Runtime runs networks on a GPU, and the options of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from platformdirs import user_cache_path

Provider: TypeAlias = Literal["cuda", "cuda_graphs", "tensorrt"]
"""`cuda_graphs` records the work for each shape once and then repeats it; `tensorrt` compiles networks first."""

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
TENSORRT_LIBRARIES = ("libnvinfer.so.10", "libnvonnxparser.so.10")
"""The libraries that ONNX Runtime's TensorRT provider is linked with."""
INPUT = "image"
"""The name of the input of networks that can be compiled."""


class Shapes(NamedTuple):
    """Shapes (n, channels, height, width) of a network's input: the smallest, a usual one, and the largest."""

    least: tuple[int, ...]
    usual: tuple[int, ...]
    most: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How a network is run.

    Attributes:
        half: Compute in float16: the file's float32 graph is converted when it is loaded; see `raypipe.engine.half`.
        provider: What runs it on a GPU.
        shapes: The shapes for which TensorRT compiles it.
    """

    half: bool = False
    provider: Provider = "cuda"
    shapes: Shapes | None = None

    @property
    def same_shapes(self) -> bool:
        """Whether batches are padded, so that their shapes repeat."""
        return self.provider != "cuda"


def chosen(execution: Execution) -> list[tuple[str, dict[str, Any]]]:
    """The providers and their options, the best first, without the CPU provider."""
    # An exhaustive search of convolution algorithms takes hundreds of milliseconds for each new input shape.
    cuda: dict[str, Any] = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}
    if execution.provider == "cuda_graphs":
        cuda["enable_cuda_graph"] = "1"
    if execution.provider != "tensorrt":
        return [(CUDA, cuda)]
    return [(TENSORRT, _tensorrt(execution)), (CUDA, cuda)]


def engines_folder() -> Path:
    """The folder for compiled TensorRT engines, in the platform's folder for caches."""
    return user_cache_path("raypipe", appauthor=False) / "tensorrt"


def _tensorrt(execution: Execution) -> dict[str, Any]:
    folder = engines_folder()
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
        "trt_fp16_enable": "1" if execution.half else "0",
    }
    if execution.shapes:
        for kind, shape in zip(("min", "opt", "max"), execution.shapes, strict=True):
            made[f"trt_profile_{kind}_shapes"] = f"{INPUT}:{'x'.join(map(str, shape))}"
    return made
