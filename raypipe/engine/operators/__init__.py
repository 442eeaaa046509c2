"""Operators of our own for ONNX Runtime, in C: what int8 networks need and it lacks. See `operators.c`."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

from raypipe import native

PATH = Path(__file__).with_name("liboperators.so")


@cache
def library() -> ctypes.CDLL:
    """The library, which SessionOptions.register_custom_ops_library takes by its path; see `raypipe.native.opened`."""
    return native.opened(PATH, "library of operators")


def instructions() -> str:
    """The name of the CPU's instructions that the operators use."""
    found = library().operators_instructions
    found.restype = ctypes.c_char_p
    return str(found().decode())
