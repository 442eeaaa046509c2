"""The page at / in a real browser: pictures in, text and boxes out, by mouse and by keyboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import drawn
import pytest
from server import Server

WAIT = 60_000


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("browser") / "létter.png"
    drawn.page(drawn.LETTER).save(path)
    return path


def upload(page: Any, path: Path) -> None:
    page.set_input_files("#file", path)
    page.wait_for_selector("#progress:not([hidden])")
    page.wait_for_selector("#progress[hidden]", state="attached", timeout=WAIT)


def told(page: Any, path: Path, words: str) -> None:
    """Waits for an error, which may come before anybody sees the progress."""
    page.set_input_files("#file", path)
    page.locator("#error[role=alert]", has_text=words).wait_for(timeout=WAIT)
    assert page.locator("#error").inner_text().startswith(words)


def test_an_upload_shows_the_picture_boxes_and_text(page: Any, letter: Path) -> None:
    upload(page, letter)
    assert page.locator("li").all_inner_texts() == drawn.LETTER
    assert page.locator("h2").inner_text().startswith("létter.png: 4 lines, mean confidence ")
    assert page.locator("#status").inner_text() == "4 lines on 1 page of létter.png."
    image = page.locator("figure img")
    assert image.evaluate("image => image.complete && image.naturalWidth") == 900
    frame, first = image.bounding_box(), page.locator("rect").first.bounding_box()
    scale = frame["width"] / 900
    # The first line was drawn at 50, 50 in letters 34 pixels high.
    assert abs(first["x"] - frame["x"] - 50 * scale) < 15 * scale
    assert abs(first["y"] + first["height"] / 2 - frame["y"] - 70 * scale) < 15 * scale


@pytest.mark.parametrize("width", [1200, 480])
def test_the_picture_follows_the_line_in_hand(page: Any, tmp_path: Path, width: int) -> None:
    lines = [f"line number {n} of a long page" for n in range(20)]
    drawn.page(lines, (900, 2000), 40).save(tmp_path / "long.png")
    page.set_viewport_size({"width": width, "height": 500})
    upload(page, tmp_path / "long.png")
    page.locator("li").first.focus()
    for key, number in (("End", -1), ("ArrowUp", -2), ("Home", 0)):
        page.keyboard.press(key)
        for place in (page.locator("rect.on"), page.locator("li.on")):
            box = place.bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= 500, key
        on, written = page.locator("rect.on").bounding_box(), page.locator("li.on").bounding_box()
        assert width > 900 or on["y"] + on["height"] <= written["y"], "the picture does not cover the line"
        assert page.locator("rect").nth(number).get_attribute("class") == "on"


def test_a_line_and_its_box_light_up_together(page: Any, letter: Path) -> None:
    upload(page, letter)
    page.locator("li").nth(2).hover()
    assert page.locator("rect").nth(2).get_attribute("class") == "on"
    page.locator("rect").nth(1).hover()
    assert page.locator("li").nth(1).get_attribute("class") == "on"
    assert page.locator("li.on").count() == page.locator("rect.on").count() == 1
    page.locator("rect").nth(3).click()
    assert page.evaluate("document.activeElement.textContent") == drawn.LETTER[3]


def test_the_keyboard_reaches_everything(page: Any, letter: Path) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    reached = []
    for _ in range(3):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert reached[:2] == ["The API", "file"]
    upload(page, letter)
    page.focus("#save-hocr")
    page.keyboard.press("Tab")
    for key, line in (("", 0), ("ArrowDown", 1), ("End", 3), ("ArrowDown", 3), ("ArrowUp", 2), ("Home", 0)):
        if key:
            page.keyboard.press(key)
        assert page.evaluate("document.activeElement.textContent") == drawn.LETTER[line]
        assert page.locator("rect").nth(line).get_attribute("class") == "on"


def test_the_text_can_be_copied_and_saved(page: Any, letter: Path) -> None:
    upload(page, letter)
    page.click("#copy")
    page.wait_for_selector("text=Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(drawn.LETTER)
    saved = {}
    for button in ("#save-text", "#save-json", "#save-hocr"):
        with page.expect_download(timeout=WAIT) as download:
            page.click(button)
        saved[download.value.suggested_filename] = Path(download.value.path()).read_text()
    assert saved["létter.png.txt"].splitlines() == drawn.LETTER
    assert json.loads(saved["létter.png.json"])["pages"][0]["lines"][0]["text"] == drawn.LETTER[0]
    assert saved["létter.png.hocr.html"].count("ocr_line'") + saved["létter.png.hocr.html"].count('"ocr_line"') == 4


def test_the_text_can_be_copied_without_https(page: Any, letter: Path) -> None:
    upload(page, letter)
    page.evaluate("window.kept = navigator.clipboard")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.click("#copy")
    page.wait_for_selector("text=Copied.")
    assert page.evaluate("window.kept.readText()") == "\n".join(drawn.LETTER)
    assert page.evaluate("document.activeElement.id") == "copy"
    page.evaluate("document.execCommand = () => false")
    page.click("#copy")
    page.wait_for_selector("text=The browser does not let this page copy.")


# Requests that match hang until they are stopped; a stream gives what it is told to before.
HANG = """([words, lines]) => {
    const whole = window.fetch;
    const hang = ({ signal }) => new ReadableStream({ start(stream) {
        for (const line of lines) stream.enqueue(new TextEncoder().encode(JSON.stringify(line) + "\\n"));
        signal.addEventListener("abort", () => stream.error(signal.reason));
    }});
    window.unhang = () => { window.fetch = whole; };
    window.fetch = (url, how) => url.includes(words) ? Promise.resolve(new Response(hang(how))) : whole(url, how);
}"""


def test_a_save_that_was_stopped_can_be_tried_again(page: Any, letter: Path) -> None:
    upload(page, letter)
    page.evaluate(HANG, ["hocr", []])
    page.click("#save-hocr")
    page.click("#stop")
    page.wait_for_selector("text=Stopped.")
    assert page.locator("#error").is_hidden()
    page.evaluate("window.unhang()")
    with page.expect_download(timeout=WAIT):
        page.click("#save-hocr")


def test_a_save_ends_silently_when_another_file_is_chosen(page: Any, letter: Path, tmp_path: Path) -> None:
    upload(page, letter)
    page.evaluate(HANG, ["hocr", []])
    page.click("#save-hocr")
    (tmp_path / "other.png").write_bytes(letter.read_bytes())
    page.set_input_files("#file", tmp_path / "other.png")
    page.wait_for_selector("text=4 lines on 1 page of other.png.", timeout=WAIT)
    assert page.locator("#error").is_hidden()


WORD = {"text": "Dear", "confidence": 0.9, "x": 50, "y": 50, "width": 40, "height": 20, "angle": 0}
FIRST_PAGE = {"pagenum": 0, "total_pages": 2, "width": 200, "height": 100, "text": "Dear", "exception": None}
FIRST_PAGE["lines"] = [{**WORD, "words": [WORD]}]
TOO_SLOW = {"code": "too_slow", "detail": "Send fewer."}


@pytest.mark.parametrize(("lines", "words"), [([FIRST_PAGE], "Stopped."), ([FIRST_PAGE, TOO_SLOW], "Send fewer.")])
def test_what_was_read_before_an_end_can_be_kept(page: Any, letter: Path, lines: list[Any], words: str) -> None:
    page.evaluate(HANG, ["ndjson", lines])
    page.set_input_files("#file", letter)
    page.wait_for_selector("li")
    if words == "Stopped.":
        page.click("#stop")
        page.wait_for_selector("#stop[hidden]", state="attached")
        assert page.evaluate("document.activeElement.id") == "results"
    page.wait_for_selector(f"text={words}")
    with page.expect_download() as download:
        page.click("#save-text")
    assert Path(download.value.path()).read_text() == "Dear"


def test_pages_that_browsers_cannot_show_come_drawn(page: Any, tmp_path: Path) -> None:
    pages = [drawn.page([f"Page number {n}"], (500, 150)) for n in ("one", "two", "three")]
    pages[0].save(tmp_path / "three.tif", save_all=True, append_images=pages[1:])
    upload(page, tmp_path / "three.tif")
    assert page.locator("h2").count() == 3
    assert page.locator("li").all_inner_texts() == ["Page number one", "Page number two", "Page number three"]
    assert page.locator("figure img").nth(2).evaluate("image => image.naturalWidth") == 500


@pytest.mark.parametrize(("count", "note"), [(1, ""), (2, " Only the first of 2 files is read.")])
def test_pasted_and_dropped_files_are_read(page: Any, letter: Path, count: int, note: str) -> None:
    for kind in ("paste", "drop"):
        data = page.evaluate_handle(
            """async ([bytes, count]) => {
                const data = new DataTransfer();
                for (const name of ["given.png", "other.png"].slice(0, count))
                    data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
                return data;
            }""",
            [list(letter.read_bytes()), count],
        )
        property_name = "clipboardData" if kind == "paste" else "dataTransfer"
        page.evaluate(
            """([kind, name, data]) => {
                const event = new Event(kind, { bubbles: true, cancelable: true });
                Object.defineProperty(event, name, { value: data });
                document.body.dispatchEvent(event);
            }""",
            [kind, property_name, data],
        )
        page.wait_for_selector("text=4 lines on 1 page of given.png.", timeout=WAIT)
        assert page.locator("#status").inner_text() == f"4 lines on 1 page of given.png.{note}"
        page.evaluate("document.getElementById('status').textContent = ''")


def test_errors_are_told(page: Any, tmp_path: Path, server: Server) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    told(page, tmp_path / "notes.txt", "notes.txt is not an image that can be read.")
    assert page.locator("#tools").is_hidden()
    (tmp_path / "empty.png").write_bytes(b"")
    told(page, tmp_path / "empty.png", "The body is empty.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_told_from_their_ground(page: Any, letter: Path, scheme: str) -> None:
    """Contrast of at least 4.5, as WCAG asks of text, in both colour schemes."""
    page.emulate_media(color_scheme=scheme)
    upload(page, letter)
    for selector in ("header p", "h2", "li", "mark", "#hint", "a[href=docs]", "#copy"):
        assert page.locator(selector).first.evaluate(CONTRAST) >= 4.5, selector


CONTRAST = """element => {
    const colour = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
    let ground = element;
    while (colour(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
    const values = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor].map(colour).map(light);
    return (Math.max(...values) + 0.05) / (Math.min(...values) + 0.05);
}"""


def test_the_description_of_the_api(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/docs")
    page.wait_for_selector("text=POST /v1/ocr")
    for words in ("include_confidence", "application/problem+json", "POST /invocations", "OcrAnswer"):
        assert words in page.locator("main").inner_text()
    page.set_viewport_size({"width": 420, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 420
