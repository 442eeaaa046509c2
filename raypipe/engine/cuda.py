"""CUDA on this machine: NVIDIA's driver, and the libraries needed beside it."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache

INSTALL = "pip install 'raypipe[cuda]'"
"""The command that installs the libraries."""

COMPUTE_CAPABILITY_MAJOR = 75
"""Its number in the driver's enum `CUdevice_attribute`."""
FAST_HALF = 7
"""The lowest major compute capability with fast float16."""


@cache
def devices() -> int:
    """How many devices NVIDIA's driver has; 0 without a driver."""
    driver, count = _driver(), ctypes.c_int(0)
    if driver is None or driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value


@cache
def fast_half() -> bool:
    """Whether all devices compute float16 faster than float32; False without a driver.

    They do from compute capability 7.0 on; most older ones have hardly any units for it.
    """
    driver, found, major = _driver(), ctypes.c_int(0), ctypes.c_int(0)
    for number in range(devices()):
        assert driver is not None
        if driver.cuDeviceGet(ctypes.byref(found), number) or driver.cuDeviceGetAttribute(
            ctypes.byref(major), COMPUTE_CAPABILITY_MAJOR, found
        ):
            return False
        if major.value < FAST_HALF:
            return False
    return devices() > 0


@cache
def trouble(version: str) -> str:
    """Why programs built for a version of CUDA (`13.0`) cannot use the devices, and what to do; empty if they can.

    Libraries that this process has already loaded count as present.
    """
    major = int(version.partition(".")[0])
    if (driver := _driver_version()) < major:
        return (
            f"NVIDIA's driver is made for CUDA {driver}, but this ONNX Runtime for CUDA {major}. "
            f"Install a driver for CUDA {major} or later."
        )
    if lacking := missing(libraries(major)):
        return f"{', '.join(lacking)} cannot be loaded, without which ONNX Runtime has no CUDA. Run `{INSTALL}`."
    return ""


def missing(names: Sequence[str]) -> list[str]:
    """Those of the libraries that cannot be loaded."""
    return [name for name in names if _library(name) is None]


def libraries(major: int) -> tuple[str, ...]:
    """The libraries that ONNX Runtime loads on Linux, each after those that it needs."""
    fft = 12 if major >= 13 else 11
    toolkit = (f"libcublasLt.so.{major}", f"libcublas.so.{major}", "libcurand.so.10", f"libcudart.so.{major}")
    return (*toolkit, f"libcufft.so.{fft}", "libcudnn.so.9")


def _driver_version() -> int:
    """The highest major version of CUDA that the driver supports."""
    driver, version = _driver(), ctypes.c_int(0)
    if driver is None or driver.cuDriverGetVersion(ctypes.byref(version)):
        return 0
    return version.value // 1000


def _driver() -> ctypes.CDLL | None:
    return _library("libcuda.so.1")


def _library(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None
