"""The pages for people who do not use a mouse, see little, or have a small screen: WCAG as axe checks it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import drawn
import pytest
from answering import a_page
from server import Server


def violations(page: Any) -> list[str]:
    """What axe finds, each with the elements it is about."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]


@pytest.fixture
def files(tmp_path: Path, letter: Path) -> list[Path]:
    """A letter, a file that is no picture, and two pages."""
    (tmp_path / "notes.txt").write_text("no picture")
    pages = [drawn.page([f"Page number {n}"], (500, 150)) for n in ("one", "two")]
    pages[0].save(tmp_path / "two.tif", save_all=True, append_images=pages[1:])
    return [tmp_path / "two.tif", letter, tmp_path / "notes.txt"]


def test_axe_finds_nothing(page: Any, upload: Callable[..., None], files: list[Path]) -> None:
    assert violations(page) == []
    upload(*files)
    page.wait_for_selector("#files li:nth-child(3) .failed", timeout=60_000)
    page.locator("#lines [role=textbox]").first.focus()
    for scheme, width in (("light", 1300), ("dark", 420)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        assert violations(page) == [], scheme
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click("#files .name >> text=notes.txt")
    assert violations(page) == []


def test_axe_finds_nothing_beside_other_readings_and_a_locked_pdf(
    page: Any, answers: Callable[..., None], letter: Path
) -> None:
    read = a_page([["Dear", "Ada"]], frozenset(("Ada",)))
    others = [{"text": text, "confidence": 0.1} for text in ("Ida", "Adalbert", "Adelheid", "Adalgisa")]
    read["lines"][0]["words"][1]["alternatives"] = others
    answers(read)
    page.set_input_files("#file", letter)
    page.wait_for_selector("#tools:not([hidden])")
    page.locator("figure img").evaluate("image => image.decode()")
    page.locator("#lines [role=textbox]").first.focus()
    page.keyboard.press("Tab")
    page.wait_for_selector(".choices:not([hidden])")
    for scheme, width in (("light", 1300), ("dark", 320)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        page.keyboard.press("Alt+ArrowDown")
        page.wait_for_function("document.querySelectorAll('.choices button').length === 4")
        assert violations(page) == [], scheme
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    answers({"code": "pdf_locked", "detail": "It is locked."})
    page.set_input_files("#file", letter)
    page.wait_for_selector("#password-row:not([hidden])")
    assert violations(page) == []


def test_axe_finds_nothing_in_the_description_of_the_api(page: Any, local_server: Server) -> None:
    page.goto(f"{local_server.url}/docs")
    page.wait_for_selector("text=POST /v1/ocr")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == [], scheme
