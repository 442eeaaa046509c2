"""Text that is corrected in place, and what is saved of it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pypdfium2
import pytest
from answering import a_page
from PIL import Image, ImageDraw

Answers = Callable[..., None]
LINES = [["Dear", "Mrs", "Walker,"], ["thank", "you", "for", "it."], ["Yours,", "Ada"]]
DOUBTFUL = frozenset(("Mrs", "you", "for"))


def given(number: int = 0, pages: int = 1) -> dict[str, Any]:
    return a_page(LINES, DOUBTFUL, number, pages)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A page on which each word is a bar of its own grey."""
    picture = Image.new("L", (600, 200), "white")
    pen = ImageDraw.Draw(picture)
    for row, words in enumerate(LINES):
        for n in range(len(words)):
            x, y = 100 + 100 * n, 50 + 50 * row
            pen.rectangle((x - 40, y - 15, x + 40, y + 15), fill=20 + 40 * n + 10 * row)
    picture.save(tmp_path / "scan.png")
    return tmp_path / "scan.png"


@pytest.fixture
def read(page: Any, answers: Answers, scan: Path) -> Any:
    """The page with three lines, of which three words are doubtful."""
    answers(given())
    page.set_input_files("#file", scan)
    page.wait_for_selector("#tools:not([hidden])")
    page.locator("figure img").evaluate("image => image.decode()")
    page.locator("#lines [role=textbox]").first.focus()
    return page


def fields(page: Any) -> list[str]:
    found: list[str] = page.locator("#lines [role=textbox]").all_inner_texts()
    return found


def saved(page: Any, value: str) -> tuple[str, bytes]:
    with page.expect_download() as download:
        page.select_option("#format", value)
        page.click("#save")
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def selected(page: Any) -> str:
    return str(page.evaluate("getSelection().toString()"))


def test_tab_goes_to_the_next_doubtful_word_and_shows_it(read: Any) -> None:
    assert read.locator("mark:not(.hint mark)").all_inner_texts() == ["Mrs", "you", "for"]
    for key, expected in (("Tab", "Mrs"), ("Tab", "you"), ("Tab", "for"), ("Shift+Tab", "you"), ("Tab", "for")):
        read.keyboard.press(key)
        assert selected(read) == expected
        read.wait_for_selector(f"canvas[aria-label='{expected} in the picture']")
    grey = read.locator("canvas.crop").evaluate(
        "crop => crop.getContext('2d').getImageData(crop.width / 2, crop.height / 2, 1, 1).data[0]"
    )
    assert grey == 20 + 40 * 2 + 10, "the crop is that of the word"
    assert read.locator("rect.word").get_attribute("x") == "260"
    read.keyboard.press("Tab")
    assert read.evaluate("document.activeElement.getAttribute('role')") != "textbox", "after the last, Tab leaves"


def test_the_first_word_can_be_doubtful(page: Any, answers: Answers, scan: Path) -> None:
    doubtful = given()
    doubtful["lines"][0]["words"][0]["confidence"] = 0.5
    answers(doubtful)
    page.set_input_files("#file", scan)
    page.wait_for_selector("#tools:not([hidden])")
    page.locator("#lines [role=textbox]").first.focus()
    for expected in ("Dear", "Mrs"):
        page.keyboard.press("Tab")
        assert selected(page) == expected


def test_words_are_corrected_in_place(read: Any) -> None:
    read.keyboard.press("Tab")
    read.keyboard.type("Miss")
    read.keyboard.press("Tab")
    assert selected(read) == "you"
    read.keyboard.type("you all")
    read.keyboard.press("ArrowDown")
    assert fields(read) == ["Dear Miss Walker,", "thank you all for it.", "Yours, Ada"]
    assert read.locator("mark:not(.hint mark)").all_inner_texts() == ["you", "for"], (
        "what was typed is no more in doubt"
    )
    read.keyboard.press("Control+Home")
    read.keyboard.press("End")
    read.keyboard.type(" <b>")
    read.keyboard.press("Enter")
    name, content = saved(read, "json")
    (page,) = json.loads(content)["pages"]
    assert name == "scan.png.json"
    assert page["text"] == "Dear Miss Walker, <b>\nthank you all for it.\nYours, Ada"
    first, second, _ = page["lines"]
    assert [each["text"] for each in first["words"]] == ["Dear", "Miss", "Walker,", "<b>"]
    assert [(each["x"], each["width"]) for each in first["words"][:2]] == [(100, 80), (200, 80)], "where they were"
    assert first["confidence"] == 1, "Enter accepts a line"
    places = [(each["x"] - each["width"] / 2, each["x"] + each["width"] / 2) for each in second["words"]]
    assert places[0] == (60, 140) and places[3][0] == 260, "the others are where they were"
    assert places[1][0] == 160 and places[2][1] == pytest.approx(240), "new words share the place of the old one"
    assert set(second["words"][1]) == {"text", "confidence", "x", "y", "width", "height", "angle"}


def test_other_readings_of_a_word_are_offered(page: Any, answers: Answers, scan: Path) -> None:
    read = given()
    others = [{"text": "Miss", "confidence": 0.3}, {"text": "M rs", "confidence": 0.1}]
    read["lines"][0]["words"][1]["alternatives"] = others
    answers(read)
    page.set_input_files("#file", scan)
    page.wait_for_selector("#tools:not([hidden])")
    page.locator("figure img").evaluate("image => image.decode()")
    top = page.locator("#lines [role=textbox]").first.bounding_box()["y"]
    page.set_viewport_size({"width": 1300, "height": int(top) + 40})  # The line is the last that is seen.
    page.locator("#lines [role=textbox]").first.focus()
    page.keyboard.press("Tab")
    choices = page.locator(".choices button")
    page.wait_for_selector(".choices:not([hidden])")
    assert choices.all_inner_texts() == ["Miss", "M rs"]
    box = page.locator(".choices").bounding_box()
    assert box["y"] + box["height"] <= page.viewport_size["height"], "they are seen"
    page.keyboard.press("Alt+ArrowDown")
    assert (fields(page)[0], selected(page)) == ("Dear Miss Walker,", "Miss")
    page.wait_for_selector(".choices[aria-label='Other readings of Miss']")
    assert choices.all_inner_texts() == ["M rs", "Mrs"], "what it was can be had again"
    page.keyboard.press("Alt+ArrowUp")
    assert fields(page)[0] == "Dear Mrs Walker,"
    choices.filter(has_text="Miss").click()
    assert (fields(page)[0], selected(page)) == ("Dear Miss Walker,", "Miss"), "the text keeps the focus"
    page.keyboard.press("Tab")
    assert selected(page) == "you", "what was chosen is no more in doubt"
    assert not page.locator(".choices").is_visible()
    (saved_page,) = json.loads(saved(page, "json")[1])["pages"]
    assert saved_page["text"].startswith("Dear Miss Walker,")


def test_a_reading_of_two_words_makes_two(page: Any, answers: Answers, scan: Path) -> None:
    read = given()
    read["lines"][0]["words"][1]["alternatives"] = [{"text": "M rs", "confidence": 0.1}]
    answers(read)
    page.set_input_files("#file", scan)
    page.wait_for_selector("#tools:not([hidden])")
    page.locator("figure img").evaluate("image => image.decode()")
    page.locator("#lines [role=textbox]").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Alt+ArrowDown")
    (saved_page,) = json.loads(saved(page, "json")[1])["pages"]
    words = saved_page["lines"][0]["words"]
    assert [each["text"] for each in words] == ["Dear", "M", "rs", "Walker,"]
    assert words[1]["x"] < words[2]["x"] and words[1]["width"] + words[2]["width"] < 80


def test_enter_accepts_a_line_as_it_is(read: Any) -> None:
    read.keyboard.press("Enter")
    assert read.locator("mark:not(.hint mark)").all_inner_texts() == ["you", "for"]
    assert read.evaluate("document.activeElement.textContent") == "thank you for it."
    read.keyboard.press("Control+A")
    read.keyboard.press("Delete")
    read.keyboard.press("Enter")
    assert fields(read) == ["Dear Mrs Walker,", "", "Yours, Ada"]
    assert saved(read, "text")[1].decode() == "Dear Mrs Walker,\nYours, Ada"


def test_corrections_are_saved_in_every_format(read: Any) -> None:
    read.keyboard.press("Tab")
    read.keyboard.type("Äda & Söhne")
    for value, name in (("hocr", "scan.png.hocr"), ("alto", "scan.png.xml"), ("page", "scan.png.xml")):
        suggested, content = saved(read, value)
        root = ElementTree.fromstring(content)
        text = " ".join(root.itertext()) + " ".join(each.get("CONTENT", "") for each in root.iter())
        assert suggested == name and all(part in text for part in ("Äda", "&", "Söhne", "Walker,")), value
    read.wait_for_selector("text=Saved.")


def test_a_searchable_pdf_has_the_corrected_text(read: Any) -> None:
    read.keyboard.press("Tab")
    read.keyboard.type("Miss")
    name, content = saved(read, "pdf")
    (page,) = pypdfium2.PdfDocument(content)
    assert name == "scan.png.pdf" and "Dear Miss Walker," in page.get_textpage().get_text_range()


def test_ground_truth_is_pictures_and_text_of_lines(read: Any) -> None:
    read.keyboard.press("Tab")
    read.keyboard.type("Mr.")
    name, content = saved(read, "ground truth")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None and name == "scan.png.zip"
        names = archive.namelist()
        assert names[:2] == ["scan.png_0001_0001.png", "scan.png_0001_0001.gt.txt"] and len(names) == 6
        assert archive.read(names[1]).decode() == "Dear Mr. Walker,\n"
        picture = Image.open(io.BytesIO(archive.read(names[0])))
    assert picture.size == (300, 30)
    assert picture.convert("L").getpixel((40, 15)) == 20 and picture.convert("L").getpixel((140, 15)) == 60


def test_each_page_is_a_file_of_page_xml(page: Any, answers: Answers, scan: Path) -> None:
    answers(given(0, 2), given(1, 2))
    page.set_input_files("#file", scan)
    page.wait_for_selector("text=6 lines on 2 pages of scan.png.")
    name, content = saved(page, "page")
    assert name == "scan.png.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["scan.png_0001.xml", "scan.png_0002.xml"]


def test_corrections_that_are_saved_nowhere_are_not_lost_by_a_slip(read: Any) -> None:
    leave = "dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert read.evaluate(leave)
    read.keyboard.type("My ")
    read.keyboard.press("ArrowDown")
    assert not read.evaluate(leave)
    saved(read, "text")
    assert read.evaluate(leave)


def test_a_save_that_fails_is_told(read: Any) -> None:
    read.route("**/v1/convert*", lambda route: route.fulfill(status=429, body=json.dumps({"detail": "Try again."})))
    read.select_option("#format", "alto")
    read.click("#save")
    read.wait_for_selector("#error:has-text('Try again.')")
    read.unroute("**/v1/convert*")
    assert saved(read, "alto")[0] == "scan.png.xml" and read.locator("#error").is_hidden()


def test_fields_side_by_side_stay_so(page: Any, answers: Answers, scan: Path) -> None:
    form = given()
    form["lines"][1]["row"] = 0
    answers(form)
    page.set_input_files("#file", scan)
    page.wait_for_selector("#tools:not([hidden])")
    assert page.locator("#lines li").count() == 2
    left, right = (each.bounding_box() for each in page.locator("#lines li").first.locator("[role=textbox]").all())
    assert left["y"] == right["y"] and left["x"] + left["width"] <= right["x"]
