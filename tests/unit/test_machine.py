from __future__ import annotations

import mmap
import sys

import pytest

from raypipe.machine import private_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say")
def test_memory_that_is_allocated_is_seen() -> None:
    before = private_bytes()
    with mmap.mmap(-1, 100_000_000, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as new:  # Malloc may have some left.
        for _ in range(100):
            new.write(bytes(1_000_000))
        after = private_bytes()
    assert before is not None and after is not None
    assert 90_000_000 < after - before < 150_000_000
