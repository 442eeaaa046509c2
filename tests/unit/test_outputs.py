from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import permutations
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from raypipe.errors import ConfigError
from raypipe.outputs.documents import documents, write
from raypipe.outputs.hocr import hocr
from raypipe.outputs.text import formatted, plain, rows_of
from raypipe.types import Line, Word


def line(text: str, x: float, y: float, row: int, width: float | None = None, angle: float = 0) -> Line:
    """A line that begins at x; a character is 10 pixels wide unless told otherwise."""
    width = 10 * len(text) if width is None else width
    words = [Word(text, 0.875, x + width / 2, y, width, 20, angle)] if text else []
    return Line(text, 0.5, x + width / 2, y, width, 20, angle, row, words)


FORM = [line("Name:", 100, 50, 0), line("Ada", 300, 52, 0), line("Born:", 100, 80, 1), line("1815", 300, 80, 1)]


def test_rows() -> None:
    assert rows_of(FORM) == [FORM[:2], FORM[2:]]
    assert rows_of([]) == []


def test_plain_text_is_a_row_a_line() -> None:
    assert plain(FORM) == "Name: Ada\nBorn: 1815"


def test_plain_text_has_no_blank_lines_or_spaces_for_what_is_empty() -> None:
    lines = [line("a", 0, 0, 0), line("", 50, 0, 0), line("b", 90, 0, 0), line("", 0, 30, 1), line("c", 0, 900, 2)]
    assert plain(lines) == "a b\nc"
    assert plain([]) == ""


def test_formatted_text_keeps_indents_and_gaps() -> None:
    lines = [line("title", 140, 0, 0), line("left", 100, 30, 1), line("right", 200, 30, 1), line("last", 120, 60, 2)]
    assert formatted(lines) == "    title\nleft      right\n  last"


def test_formatted_text_has_a_blank_line_for_a_gap() -> None:
    lines = [line("a", 0, 0, 0), line("b", 0, 30, 1), line("c", 0, 130, 2)]
    assert formatted(lines) == "a\nb\n\nc"


def test_formatted_text_never_joins_neighbours() -> None:
    assert formatted([line("abcdefgh", 0, 0, 0, width=20), line("x", 25, 0, 0), line("y", 300, 30, 1)]).startswith(
        "abcdefgh x"
    )
    assert formatted([]) == formatted([line("", 0, 0, 0)]) == ""


def parsed(text: str) -> list[tuple[str, str, str]]:
    return [
        (node.get("class", ""), node.get("title", ""), (node.text or "").strip())
        for node in ElementTree.fromstring(text).iter()
    ]


def test_hocr() -> None:
    found = parsed(hocr(FORM[:2], 3, 400, 300, False))
    assert found == [
        ("ocr_page", "bbox 0 0 400 300", ""),
        ("ocr_carea", "bbox 0 0 400 300", ""),
        ("ocr_line", "bbox 100 40 150 60", ""),
        ("ocrx_word", "bbox 100 40 150 60", "Name:"),
        ("ocr_line", "bbox 300 42 330 62", ""),
        ("ocrx_word", "bbox 300 42 330 62", "Ada"),
    ]
    assert "\n" not in hocr(FORM, 0, 400, 300, False)


def test_hocr_ids_are_unique_and_name_the_page() -> None:
    nodes = [node.get("id") for node in ElementTree.fromstring(hocr(FORM, 3, 400, 300, False)).iter()]
    assert nodes[:2] == ["page_3", "block_1"]
    assert len(set(nodes)) == len(nodes) == 10


def test_hocr_ids_of_a_page_among_others_carry_its_number() -> None:
    pages = [ElementTree.fromstring(hocr(FORM, page, 400, 300, False, page > 0)) for page in range(3)]
    ids = [node.get("id") for page in pages for node in page.iter()]
    assert len(set(ids)) == len(ids) == 30
    assert ids[10:14] == ["page_1", "block_1_1", "line_1_1", "word_1_1"]


def test_hocr_escapes_and_tells_confidences() -> None:
    found = parsed(hocr([line('<&">é', 10, 50, 0)], 0, 400, 300, True))
    assert found[-1] == ("ocrx_word", "bbox 10 40 60 60; x_wconf 88", '<&">é')


def test_hocr_boxes_stay_on_the_page() -> None:
    lines = [line("over the edge", 350, 5, 0, angle=30), line("before it", -80, 295, 1)]
    for _, title, _ in parsed(hocr(lines, 0, 400, 300, False)):
        left, top, right, bottom = map(int, re.findall(r"-?\d+", title))
        assert 0 <= left <= right <= 400
        assert 0 <= top <= bottom <= 300


def test_hocr_of_an_empty_page() -> None:
    assert len(parsed(hocr([], 0, 400, 300, True))) == 2


def row(path: str, page: int, total: int | None, **more: object) -> dict[str, object]:
    return {"path": path, "name": path, "pagenum": page, "total_pages": total, "text": f"{path} {page}", **more}


def keys(found: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(page["path"], page["pagenum"]) for page in found]


def test_documents_come_together_whatever_the_order_of_their_pages() -> None:
    rows = [row("a", 0, 2), row("a", 1, 2), row("b", 0, 1), row("c", 0, 2), row("c", 1, 2)]
    expected = [[("a", 0), ("a", 1)], [("b", 0)], [("c", 0), ("c", 1)]]
    for order in permutations(rows):
        assert sorted(map(keys, documents(order))) == expected


def test_a_document_that_lacks_pages_comes_last_and_in_order() -> None:
    rows = [row("a", 2, 4), row("a", 0, 4), row("b", 0, None)]
    assert [keys(pages) for pages in documents(rows)] == [[("b", 0)], [("a", 0), ("a", 2)]]


WORDS = [{"text": "sure", "confidence": 0.9}, {"text": "<b>", "confidence": 0.4}]


def test_writing_text_and_json(tmp_path: Path) -> None:
    rows = [
        row("sub/a.tif", 1, 2, exception="Stage code: why", text="", lines=[]),
        row("sub/a.tif", 0, 2, exception=None, confidence=[0.5], image={"width": 30, "height": 20}, lines=[]),
        row("ü.png", 0, 1, exception=None),
    ]
    write(rows, tmp_path, ["text", "json"])
    assert (tmp_path / "text/sub/a.tif.txt").read_text("utf-8") == "sub/a.tif 0\n\f\n"
    assert (tmp_path / "text/ü.png.txt").read_text("utf-8") == "ü.png 0\n"
    found = json.loads((tmp_path / "json/sub/a.tif.json").read_text("utf-8"))
    assert found["path"] == "sub/a.tif"
    first, second = found["pages"]
    assert (first["pagenum"], first["text"], first["width"], first["height"]) == (0, "sub/a.tif 0", 30, 20)
    assert (second["exception"], second["width"]) == ("Stage code: why", None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["json", "text"]


class Tags(HTMLParser):
    """The pictures of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name == "src"]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", ["a.png", "sub/deep/b & c.png", "no #1, 50% <b>?.png", "overlays/overlays/a.png"])
def test_writing_html(tmp_path: Path, name: str) -> None:
    """The page's text is escaped and its picture found from where the file lies."""
    overlay = tmp_path / "overlays" / f"{name}.jpeg"
    overlay.parent.mkdir(parents=True)
    overlay.write_bytes(b"x")
    lines = [{"text": "sure <b>", "words": WORDS}]
    write([row(name, 0, 1, exception=None, lines=lines, overlay=str(overlay))], tmp_path, ["html"])
    file = tmp_path / "html" / f"{name}.html"
    tags = Tags()
    tags.feed(file.read_text("utf-8"))
    assert "sure <b>" in tags.text
    (source,) = tags.sources
    assert (file.parent / unquote(urlsplit(source).path)).resolve() == overlay.resolve()


def test_a_file_that_cannot_be_written_costs_no_other(tmp_path: Path) -> None:
    rows = [row(name, 0, 1, exception=None, text="words") for name in ("a.png", "b" * 255, "c.png")]
    with pytest.raises(ConfigError, match="1 files could not be written"):
        write(rows, tmp_path, ["text"])
    assert sorted(path.name for path in (tmp_path / "text").iterdir()) == ["a.png.txt", "c.png.txt"]


def test_html_of_a_page_that_failed_says_why(tmp_path: Path) -> None:
    write([row("a.png", 0, 1, exception="Stage code: <why>")], tmp_path, ["html"])
    tags = Tags()
    tags.feed((tmp_path / "html/a.png.html").read_text("utf-8"))
    assert "Stage code: <why>" in tags.text
