"""What the standard library has only in later versions of Python."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 12):
    from itertools import batched
else:
    from collections.abc import Iterable, Iterator
    from itertools import islice
    from typing import TypeVar

    T = TypeVar("T")

    def batched(iterable: Iterable[T], n: int) -> Iterator[tuple[T, ...]]:
        """Tuples of `n` items each; the last may be shorter. See `itertools.batched`."""
        iterator = iter(iterable)
        while batch := tuple(islice(iterator, n)):
            yield batch


__all__ = ["batched"]
