"""The registry of output formats: a new one is a module in this folder and an entry in `FORMATS`."""

from __future__ import annotations

from raypipe.errors import ConfigError
from raypipe.outputs import formatted_text, hocr, html, json, positions, text
from raypipe.outputs.base import Format, TextColumn

FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        text.FORMAT,
        formatted_text.FORMAT,
        json.FORMAT,
        hocr.FORMAT,
        html.FORMAT,
    )
}
"""The formats by name. If a client accepts several equally, the first of them is used."""


def find(name: str) -> Format:
    """The format of this name.

    Raises:
        ConfigError: There is no such format.
    """
    if name not in FORMATS:
        raise ConfigError(f"There is no output format {name!r}.", f"Use one of {', '.join(FORMATS)}.")
    return FORMATS[name]


def text_columns() -> dict[str, TextColumn]:
    """The values of ImageToText's `output_format`."""
    columns = {each.name: each.column for each in FORMATS.values() if each.column}
    return {**columns, positions.NAME: positions.COLUMN}
