"""The registry of output formats: a new one is a module in this folder and an entry in `FORMATS`.

Other packages add theirs as entry points of the group `raypipe.formats`.
"""

from __future__ import annotations

from raypipe.errors import ConfigError, nearest
from raypipe.outputs import (
    alto,
    csv,
    formatted_text,
    hocr,
    html,
    json,
    jsonl,
    markdown,
    pagexml,
    pdf,
    pdfa,
    positions,
    text,
    textract,
    tsv,
)
from raypipe.outputs.base import Format, TextColumn
from raypipe.plugins import Registry

OWN = (
    text.FORMAT,
    formatted_text.FORMAT,
    json.FORMAT,
    hocr.FORMAT,
    html.FORMAT,
    alto.FORMAT,
    pagexml.FORMAT,
    tsv.FORMAT,
    csv.FORMAT,
    jsonl.FORMAT,
    markdown.FORMAT,
    textract.FORMAT,
    pdf.FORMAT,
    pdfa.FORMAT,
)
FORMATS = Registry("raypipe.formats", {each.name: each for each in OWN}, lambda found: isinstance(found, Format))
"""The formats by name. If a client accepts several equally, the first of them is used."""


def find(name: str) -> Format:
    """The format of this name.

    Raises:
        ConfigError: There is no such format.
    """
    if name not in FORMATS:
        remedy = f"{nearest(name, FORMATS)}Use one of {', '.join(FORMATS)}."
        raise ConfigError(f"There is no output format {name!r}.", remedy)
    return FORMATS[name]


def text_columns() -> dict[str, TextColumn]:
    """The values of ImageToText's `output_format`."""
    columns = {each.name: each.column for each in FORMATS.values() if each.column}
    return {**columns, positions.NAME: positions.COLUMN}
