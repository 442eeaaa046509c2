from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from making import a_line, a_word

import raypipe as rp
from raypipe.errors import ConfigError

WORD = a_word("D<ar", 0.5, 20, 10, 40, 20, 0)


def page(**more: Any) -> rp.Page:
    line = a_line("D<ar", 0.5, 20, 10, 40, 20, 0, words=[WORD])
    row = {"path": "a.png", "name": "a.png", "pagenum": 0, "total_pages": 1, "exception": None, "text": "D<ar"}
    return rp.Page({**row, "lines": [line], "confidence": [0.5], "width": 200, "height": 100, **more})


def test_a_page_is_given_out_in_any_format() -> None:
    assert page().to("text") == "D<ar\n"
    assert json.loads(page().to("json"))["pages"][0]["lines"][0]["words"][0]["text"] == "D<ar"
    assert "ocrx_word" in str(page().to("hocr"))
    with pytest.raises(ConfigError, match="'doc'.*hocr"):
        page().to("doc")
    for wrong, says in (("jsn", "Did you mean 'json'"), (3, "no output format 3")):
        with pytest.raises(ConfigError, match=says):
            page().to(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "form"), [("a.txt", "text"), ("a.JSON", "json"), ("a.html", "html")])
def test_a_page_is_saved_in_the_format_of_the_suffix(tmp_path: Path, name: str, form: str) -> None:
    assert page().save(tmp_path / name).read_text(encoding="utf-8") == page().to(form)


def test_a_suffix_without_a_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a\.docx.*\.txt"):
        page().save(tmp_path / "a.docx")
    assert not list(tmp_path.iterdir())


def test_a_page_shows_itself_in_a_notebook() -> None:
    shown = page(image_with_regions=b"\x89PNG drawn")._repr_html_()
    assert "D&lt;ar" in shown and "data:image/png;base64," in shown and "D<ar" not in shown
    assert "Stage code: why" in page(exception="Stage code: why")._repr_html_()


def test_what_is_no_picture_is_not_shown() -> None:
    with pytest.raises(ConfigError, match=r"no pictures in 'txt'. Did you mean 'text'\? Its columns are path, "):
        rp.display_images([page()], "txt")
    with pytest.raises(ConfigError, match="no pictures in 'text'"):
        rp.display_images([page()], "text")
    with pytest.raises(ConfigError, match="'a' is not a row. Give pages"):
        rp.display_images("a")  # type: ignore[arg-type]


def test_pages_of_a_pipeline_are_such_pages(page_png: bytes) -> None:
    (found,) = rp.Pipeline([rp.BinaryToImage()]).run(page_png)
    assert isinstance(found, rp.Page)


def test_the_version_is_the_packages() -> None:
    assert rp.__version__ == version("raypipe")


def test_what_cannot_be_read_has_no_text() -> None:
    with pytest.raises(rp.InputError, match=r"gone\.jpg"):
        rp.read_text("gone.jpg")


def test_type_checkers_know_what_a_pipeline_gives() -> None:
    assert get_type_hints(rp.Pipeline.run)["return"] == Iterator[rp.Page]
