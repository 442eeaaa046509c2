from __future__ import annotations

from raypipe.compat import batched


def test_batches_are_full_but_for_the_last() -> None:
    assert list(batched(iter(range(5)), 2)) == [(0, 1), (2, 3), (4,)]
    assert list(batched([], 3)) == []


def test_batches_are_made_as_they_are_asked_for() -> None:
    """Sources are not read ahead of what is processed."""
    source = iter(range(10))
    assert next(iter(batched(source, 3))) == (0, 1, 2)
    assert next(source) == 3
