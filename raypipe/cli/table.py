"""Tables for people and for pipes, never cut to the width of the terminal."""

from __future__ import annotations

from collections.abc import Sequence

import click


def print_table(*rows: Sequence[str]) -> None:
    """Prints rows with aligned columns; the first row holds the titles."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
