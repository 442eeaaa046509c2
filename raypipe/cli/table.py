"""Tables for people and for pipes: whole, however narrow the terminal."""

from __future__ import annotations

from collections.abc import Sequence

import click


def print_table(*rows: Sequence[str]) -> None:
    """Prints rows, the first of them titles, with columns aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
