"""The C library for CTC decoding: search, alignment and tables of words."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import numpy.typing as npt

from raypipe import native

PATH = Path(__file__).with_name("libctc.so")
_POINTER, _INT, _LONG = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64


@cache
def library() -> ctypes.CDLL:
    """The library, whose functions release Python's lock; see `raypipe.native.opened`."""
    found = native.opened(PATH, "word search")
    knowledge, length = [_POINTER] * 4, ctypes.POINTER(_INT)
    found.ctc_search.argtypes = (_POINTER, _INT, _INT, *knowledge, _POINTER, length, *([_POINTER] * 3))
    found.ctc_align.argtypes = (_POINTER, _INT, _INT, _POINTER, _INT, _POINTER)
    found.ctc_trie.argtypes = (_POINTER, _POINTER, _LONG, _INT, _POINTER, *([_POINTER] * 4))
    found.ctc_count_letters.argtypes = (_POINTER, _LONG, _INT, _POINTER, _POINTER)
    found.ctc_hash.argtypes = (_POINTER, _POINTER, _LONG, _LONG, _POINTER, _POINTER)
    found.ctc_count_letters.restype = found.ctc_hash.restype = None
    return found


def address(array: npt.NDArray[Any]) -> int:
    """The address of an array, for C; the caller keeps the array alive and has checked its dtype, size and order."""
    return int(array.ctypes.data)
