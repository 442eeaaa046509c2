"""A finished page, to be shown in a notebook, rendered in any output format, or saved."""

from __future__ import annotations

from pathlib import Path

from raypipe.errors import ConfigError
from raypipe.outputs import formats, html
from raypipe.outputs.base import Document, Format
from raypipe.types import PageRecord


class Page(PageRecord):
    """A finished page: its columns by name (`page["text"]`) and, for the usual ones, as attributes.

    In a notebook it shows its text, beside the picture with its regions if the pipeline draws one.
    """

    def to(self, name: str) -> str | bytes:
        """The page in an output format, such as `text`, `json`, `hocr` or `html`.

        Raises:
            ConfigError: There is no such format.
        """
        return formats.find(name).render(self._document(None))

    def save(self, path: str | Path) -> Path:
        """Writes the page to a file, in the format of its suffix, such as `letter.json`, and returns the file's path.

        Raises:
            ConfigError: No format has this suffix.
            OSError: The file cannot be written.
        """
        path = Path(path)
        path.write_bytes(_by_suffix(path).encode(self._document(str(path.absolute().parent))))
        return path

    def _document(self, folder: str | None) -> Document:
        return Document(path=self.path, name=self.name, pages=[self], folder=folder)

    def _repr_html_(self) -> str:
        return html.section(self, self._document(None))


def _by_suffix(path: Path) -> Format:
    for each in formats.FORMATS.values():
        if each.suffix == path.suffix.lower():
            return each
    suffixes = dict.fromkeys(each.suffix for each in formats.FORMATS.values())
    raise ConfigError(f"No output format has the suffix of {path}.", f"Use one of {', '.join(suffixes)}.")
