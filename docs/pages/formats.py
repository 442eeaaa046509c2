"""Output formats, and kinds of file that are read."""

from __future__ import annotations

from collections.abc import Iterator

from pages.tables import code, table
from raypipe.images.kinds import KINDS
from raypipe.outputs.formats import FORMATS, text_columns
from raypipe.web.forms import forms


def formats() -> Iterator[str]:
    """Output formats, and kinds of file that are read."""
    columns = text_columns()
    yield "# Formats\n\n## Output formats\n\n"
    yield "`raypipe run --format NAME` writes a folder of this name, and a server answers in it.\n\n"
    rows = [
        (code(each.name), code(each.suffix), code(each.media_type), "yes" if each.column else "")
        for each in FORMATS.values()
    ]
    yield table(("name", "files end with", "media type", "for `output_format` of ImageToText"), rows)
    further = ", ".join(code(name) for name in columns if name not in FORMATS)
    yield f"\nImageToText also takes {further}. A server also answers in "
    yield ", ".join(f"`{form.name}` (`{form.media_type}`)" for form in forms().values() if form.name not in FORMATS)
    yield ".\n\n## Files that are read\n\nA file is known by its first bytes; names matter in folders and globs.\n\n"
    rows = [
        (each.name, ", ".join(map(code, sorted(each.suffixes))), "many" if each.page_count else "one")
        for each in KINDS.values()
    ]
    yield table(("kind", "names end with", "pages"), rows)
