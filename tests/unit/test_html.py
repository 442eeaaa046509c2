from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from making import a_line, a_word, finished

from raypipe.outputs.base import Document
from raypipe.outputs.documents import write
from raypipe.outputs.html import render
from raypipe.types import PageRecord

BOX = 0, 0, 10, 10, 0
LINES = [a_line("sure <b>", 0.7, *BOX, words=[a_word("sure", 0.9, *BOX), a_word("<b>", 0.4, *BOX)])]


class Tags(HTMLParser):
    """The pictures of a page, its marked words, and its text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.marks: list[str] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name == "src"]
        self.marks += [dict(attrs)["title"] or ""] if tag == "mark" else []

    def handle_data(self, data: str) -> None:
        self.text += data


def answer(page: PageRecord, **more: bool) -> Tags:
    """What a document says that becomes no file."""
    return Tags(render(Document(path="a.png", name="a.png", pages=[page], **more)))


@pytest.mark.parametrize("name", ["a.png", "sub/deep/b & c.png", "no #1, 50% <b>?.png", "overlays/overlays/a.png"])
@pytest.mark.parametrize("folder", ["out/overlays", "elsewhere", "out/html"])
def test_the_overlay_is_found_from_where_the_file_lies(tmp_path: Path, name: str, folder: str) -> None:
    overlay = tmp_path / folder / f"{name}.jpeg"
    overlay.parent.mkdir(parents=True)
    overlay.write_bytes(b"x")
    write([[finished(name, lines=LINES, overlay=str(overlay))]], {"html": str(tmp_path / "out/html")})
    file = tmp_path / "out/html" / f"{name}.html"
    (source,) = Tags(file.read_text("utf-8")).sources
    assert (file.parent / unquote(urlsplit(source).path)).resolve() == overlay.resolve()


def test_relative_paths_of_overlays_and_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write([[finished("sub/a.png", overlay="pictures/sub/a.png.jpeg")]], {"html": "out/html"})
    (source,) = Tags((tmp_path / "out/html/sub/a.png.html").read_text("utf-8")).sources
    assert source == "../../../pictures/sub/a.png.jpeg"


def test_an_overlay_at_a_uri(tmp_path: Path) -> None:
    write([[finished(overlay="s3://bucket/a&b.jpeg")]], {"html": str(tmp_path / "html")})
    assert Tags((tmp_path / "html/a.png.html").read_text("utf-8")).sources == ["s3://bucket/a&b.jpeg"]


def test_without_an_overlay() -> None:
    assert answer(finished(lines=LINES)).sources == []


def test_an_answer_holds_the_picture_and_names_no_path() -> None:
    drawn = finished(image_with_regions=b"\x89PNG drawn", overlay="/private/a.jpeg")
    assert answer(drawn).sources == ["data:image/png;base64,iVBORyBkcmF3bg=="]
    assert answer(drawn, pictures=False).sources == []
    assert answer(finished(overlay="/private/a.jpeg")).sources == []


def test_text_is_escaped_and_doubtful_words_are_marked() -> None:
    tags = answer(finished(lines=LINES))
    assert "sure <b>" in tags.text
    assert tags.marks == ["confidence 0.40"]
    assert answer(finished(lines=LINES), confidences=False).marks == []


def test_a_page_that_failed_says_why() -> None:
    assert "Page 1: Stage code: <why>" in answer(finished(exception="Stage code: <why>")).text
