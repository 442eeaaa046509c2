"""Counts of things in messages."""

from __future__ import annotations


def counted(count: float, noun: str) -> str:
    """A count with its noun, in the plural unless it is one: `1 page`, `1,200 pages`."""
    number = f"{count:,}".removesuffix(".0")
    return f"{number} {noun}{'' if count == 1 else 's'}"
