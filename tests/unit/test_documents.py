from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from making import finished

from raypipe.errors import ConfigError
from raypipe.outputs.base import Document
from raypipe.outputs.documents import whole, write
from raypipe.outputs.formats import FORMATS
from raypipe.types import PageRecord


def folders(path: Path, *names: str) -> dict[str, str]:
    return {name: str(path / name) for name in names}


def keys(pages: Sequence[PageRecord]) -> list[tuple[str, int]]:
    return [(page.path, page.pagenum) for page in pages]


def test_documents_come_together_whatever_the_order_of_their_pages() -> None:
    pages = [finished("a", 0, 2), finished("a", 1, 2), finished("b"), finished("c", 0, 2), finished("c", 1, 2)]
    expected = [[("a", 0), ("a", 1)], [("b", 0)], [("c", 0), ("c", 1)]]
    for order in permutations(pages):
        assert sorted(map(keys, whole(order))) == expected


def test_a_document_that_lacks_pages_is_left_to_those_who_have_them() -> None:
    pages = [finished("a", 2, 4), finished("a", 0, 4), finished("b", total_pages=None)]
    assert [keys(together) for together in whole(pages)] == [[("b", 0)]]


def test_a_file_a_document_in_each_format(tmp_path: Path) -> None:
    pages = [
        finished("sub/a.tif", 1, 2, exception="Stage code: why", text=""),
        finished("sub/a.tif", 0, 2),
        finished("ü.png"),
    ]
    assert not write(whole(pages), folders(tmp_path, "text", "json"))
    assert (tmp_path / "text/sub/a.tif.txt").read_text("utf-8") == "sub/a.tif 0\n\f\n"
    assert (tmp_path / "text/ü.png.txt").read_text("utf-8") == "ü.png 0\n"
    assert (tmp_path / "json/sub/a.tif.json").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["json", "text"]


def test_a_file_that_cannot_be_written_costs_no_other(tmp_path: Path) -> None:
    pages = [finished(name) for name in ("a.png", "b" * 255, "c.png")]
    (unwritten,) = write(whole(pages), folders(tmp_path, "text"))
    assert unwritten.startswith("text of bbb")
    assert sorted(path.name for path in (tmp_path / "text").iterdir()) == ["a.png.txt", "c.png.txt"]


def test_a_format_that_fails_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def render(document: Document) -> str:
        raise ZeroDivisionError(f"of\n{document.name}")

    monkeypatch.setitem(FORMATS._loaded, "broken", replace(FORMATS["text"], name="broken", render=render))
    unwritten = write([[finished("a.png")], [finished("b.png")]], folders(tmp_path, "broken", "text"))
    assert unwritten == [f"broken of {name}.png: ZeroDivisionError: of {name}.png" for name in "ab"]
    assert sorted(path.name for path in (tmp_path / "text").iterdir()) == ["a.png.txt", "b.png.txt"]


def test_an_error_that_was_foreseen_is_said_without_its_kind(tmp_path: Path) -> None:
    (unwritten,) = write([[finished("gone.png", name="gone")]], folders(tmp_path, "pdf"))
    assert unwritten.startswith("pdf of gone: gone.png cannot be read: ")


def test_no_such_format(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no output format 'doc'. Use one of text, formatted_text"):
        write([[finished()]], folders(tmp_path, "doc"))
