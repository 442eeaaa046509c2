"""Checks that a converted model agrees with its source: a figure is printed, and the export stops beyond its limit."""

from __future__ import annotations


def require(name: str, value: float, limit: float, at_least: bool = False) -> None:
    """Print a parity figure and stop when it is beyond its limit.

    Raises:
        SystemExit: The value is above (or, with `at_least`, below) the limit.
    """
    good = value >= limit if at_least else value <= limit
    print(f"parity  {name}: {value:.4g} ({'at least' if at_least else 'at most'} {limit:g})")
    if not good:
        raise SystemExit(f"Parity check failed: {name}")
