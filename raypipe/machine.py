"""What the machine offers to this process."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from pathlib import Path

ZEN_2 = 0x30
"""The first model of AMD's family 23 with vector units of 256 bits."""

M_ARENA_MAX = -8
"""Its number in glibc's malloc.h."""
MOST_ARENAS = 2


def usable_cpus() -> int:
    """CPUs that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    """The name of the CPU, as the system gives it; empty where it does not (not Linux)."""
    return _cpu_info().get("model name", platform.processor())


def fast_int8() -> bool:
    """Whether the CPU multiplies int8 faster than float32.

    The CPU's name and instructions decide, not a measurement: on a busy machine that would vary, and with it what is
    read. Measured: with VNNI, int8 takes half the time of float32; without it, 0.8 of it on AMD's Zen 3 and 1.1 times
    as long on Zen 1, whose vector units are 128 bits wide.
    """
    flags = set(_cpu_info().get("flags", "").split())
    if not flags:  # Not Linux, or not x86: machines in use there have instructions for int8, too.
        return True
    narrow = _cpu_info().get("cpu family") == "23" and int(_cpu_info().get("model", "0")) < ZEN_2
    return not narrow and bool(flags & {"avx2", "asimd"})


@cache
def _cpu_info() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def share_freed_memory() -> None:
    """Makes the threads of this process share freed memory, with glibc; call it before any thread is started.

    Otherwise each thread has arenas of its own, whose free memory the others cannot use.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(M_ARENA_MAX, MOST_ARENAS)


def private_bytes() -> int | None:
    """Memory of this process that it shares with no other one; None where the system does not say (not Linux).

    Ray's objects, which lie in memory that all its processes share, do not count.
    """
    try:
        _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    except OSError:
        return None
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
