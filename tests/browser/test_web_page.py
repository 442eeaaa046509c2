"""The page at / in a real browser: files in, text and boxes out, by mouse and by keyboard."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import drawn
import pikepdf
import pypdfium2
import pytest
from answering import a_page
from PIL import Image

from raypipe.images.kinds import suffixes
from raypipe.outputs.formats import FORMATS

WAIT = 60_000
Upload = Callable[..., None]
Answers = Callable[..., None]


def texts(page: Any) -> list[str]:
    found: list[str] = page.locator("#lines [role=textbox]").all_inner_texts()
    return found


def focused(page: Any, what: str = "textContent") -> str:
    return str(page.evaluate(f"document.activeElement.{what}"))


def told(page: Any, path: Path, words: str) -> None:
    """Waits for an error, which may come before anybody sees the progress."""
    page.set_input_files("#file", path)
    page.locator("#error[role=alert]", has_text=words).wait_for(timeout=WAIT)
    assert page.locator("#error").inner_text().startswith(words)


def test_an_upload_shows_the_picture_boxes_and_text(page: Any, letter: Path, upload: Upload) -> None:
    assert not page.evaluate("document.getElementById('drop').classList.contains('small')")
    upload(letter)
    assert texts(page) == drawn.LETTER
    assert page.locator("h2").inner_text().startswith("létter.png: 4 lines, mean confidence ")
    assert page.locator("#status").inner_text() == "4 lines on 1 page of létter.png."
    assert page.locator("#files").is_hidden() and page.locator("#thumbs").is_hidden()
    assert page.locator("#drop").bounding_box()["height"] < 70, "there is room for the result"
    image = page.locator("figure img")
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 900
    frame, first = image.bounding_box(), page.locator("rect").first.bounding_box()
    scale = frame["width"] / 900
    # The first line was drawn at 50, 50 in letters 34 pixels high.
    assert abs(first["x"] - frame["x"] - 50 * scale) < 15 * scale
    assert abs(first["y"] + first["height"] / 2 - frame["y"] - 70 * scale) < 15 * scale


def test_what_can_be_read_and_saved_is_what_the_registries_hold(page: Any) -> None:
    page.wait_for_selector("#format option", state="attached")
    names = page.locator("#format option").evaluate_all("options => options.map(({ value }) => value)")
    assert names == [*FORMATS, "ground truth"]
    assert page.get_attribute("#file", "accept").split(",") == ["image/*", *suffixes()]


def test_a_line_and_its_box_light_up_together(page: Any, letter: Path, upload: Upload) -> None:
    upload(letter)
    page.locator("#lines li").nth(2).hover()
    assert page.locator("rect").nth(2).get_attribute("class") == "on"
    page.locator("rect").nth(1).hover()
    assert page.locator("#lines [role=textbox]").nth(1).get_attribute("class") == "on"
    assert page.locator("#lines .on").count() == page.locator("rect.on").count() == 1
    page.locator("rect").nth(3).click()
    assert focused(page) == drawn.LETTER[3]


def test_the_keyboard_reaches_everything(page: Any, letter: Path, upload: Upload) -> None:
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the results"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert focused(page, "id") == "file"
    upload(letter)
    page.focus("#copy")
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(focused(page, "ariaLabel || document.activeElement.textContent"))
    assert reached[:6] == ["Format", "Save", "Zoom out", "Zoom in", "Width", "Whole page"]
    assert reached[6].startswith("Picture")
    page.keyboard.press("Tab")
    keys = (("", 0), ("ArrowDown", 1), ("Control+End", 3), ("ArrowDown", 3), ("ArrowUp", 2), ("Control+Home", 0))
    for key, line in keys:
        if key:
            page.keyboard.press(key)
        assert focused(page) == drawn.LETTER[line]
        assert page.locator("rect").nth(line).get_attribute("class") == "on"


def test_the_text_can_be_copied_without_https(page: Any, letter: Path, upload: Upload) -> None:
    upload(letter)
    page.click("#copy")
    page.wait_for_selector("text=Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(drawn.LETTER)
    page.evaluate("window.kept = navigator.clipboard; kept.writeText('')")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.evaluate("document.getElementById('status').textContent = ''")
    page.click("#copy")
    page.wait_for_selector("text=Copied.")
    assert page.evaluate("window.kept.readText()") == "\n".join(drawn.LETTER)
    assert focused(page, "id") == "copy"
    page.evaluate("document.execCommand = () => false")
    page.click("#copy")
    page.wait_for_selector("text=The browser does not let this page copy.")


def test_files_are_read_one_after_the_other(page: Any, letter: Path, upload: Upload, tmp_path: Path) -> None:
    drawn.page(["One short line"], (400, 120)).save(tmp_path / "short.png")
    (tmp_path / "notes.txt").write_text("no picture")
    upload(letter, tmp_path / "notes.txt", tmp_path / "short.png")
    page.wait_for_selector("#files li:nth-child(3) .done", timeout=WAIT)
    said = page.locator("#files li span").all_inner_texts()
    assert said[0] == "4 lines on 1 page" and said[2] == "1 line on 1 page"
    assert said[1] == "failed"
    assert texts(page) == drawn.LETTER and page.locator("#error").is_hidden()
    page.click("#files .name >> text=notes.txt")
    assert page.locator("#error").inner_text().startswith("notes.txt is text") and page.locator("#shown").is_hidden()
    page.focus("#files li:nth-child(3) .name")
    page.keyboard.press("Enter")
    assert texts(page) == ["One short line"] and page.locator("#error").is_hidden()
    assert focused(page) == "short.png"
    page.focus("[aria-label='Remove short.png']")
    page.keyboard.press("Enter")
    assert texts(page) == drawn.LETTER and page.locator("#files li").count() == 2
    assert focused(page) == "notes.txt"
    page.click("[aria-label='Remove notes.txt']")
    assert page.locator("#files").is_hidden() and focused(page, "id") == "results"


FIRST_PAGE = a_page([["Dear"]], pages=2)
TOO_SLOW = {"code": "too_slow", "detail": "Send fewer."}


@pytest.mark.parametrize(("lines", "words"), [([FIRST_PAGE], "Stopped."), ([FIRST_PAGE, TOO_SLOW], "Send fewer.")])
def test_what_was_read_before_an_end_can_be_kept(
    page: Any, letter: Path, answers: Answers, lines: list[Any], words: str
) -> None:
    answers(*lines, hangs=True)
    page.set_input_files("#file", letter)
    page.wait_for_selector("#lines li")
    if words == "Stopped.":
        page.click("#stop")
        page.wait_for_selector("#stop[hidden]", state="attached")
        assert focused(page, "id") == "results"
    page.wait_for_selector(f"text={words}")
    with page.expect_download() as download:
        page.click("#save")
    assert Path(download.value.path()).read_text() == "Dear"


def test_pages_that_browsers_cannot_show_come_clean(page: Any, upload: Upload, tmp_path: Path) -> None:
    """And each has a small picture to choose it by."""
    pages = [drawn.page([f"Page number {n}"], (500, 150)) for n in ("one", "two", "three")]
    pages[0].save(tmp_path / "three.png", "TIFF", save_all=True, append_images=pages[1:])
    upload(tmp_path / "three.png")
    assert texts(page) == ["Page number one"]
    page.click("[aria-label='Page 2']")
    assert texts(page) == ["Page number two"]
    page.keyboard.press("ArrowRight")
    assert texts(page) == ["Page number three"] and focused(page, "ariaLabel") == "Page 3"
    assert page.locator("h2").inner_text().startswith("three.png, page 3 of 3: 1 line,")
    page.wait_for_selector("#thumbs li:nth-child(3) canvas")
    shown = page.locator("figure img").evaluate(PIXELS)
    assert (shown["width"], shown["height"]) == (500, 150)
    assert shown["green"] == 0, "nothing is drawn on it"


PIXELS = """async (image) => {
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    let green = 0;
    for (let n = 0; n < data.length; n += 4) green += data[n + 1] > data[n] + 60 && data[n + 1] > data[n + 2] + 40;
    return { width: canvas.width, height: canvas.height, green };
}"""


def test_pasted_and_dropped_files_are_read(page: Any, letter: Path) -> None:
    for number, kind in enumerate(("paste", "drop"), 1):
        page.evaluate(
            """async ([kind, name, bytes]) => {
                const data = new DataTransfer(), event = new Event(kind, { bubbles: true, cancelable: true });
                data.items.add(new File([new Uint8Array(bytes)], `${kind}.png`, { type: "image/png" }));
                Object.defineProperty(event, name, { value: data });
                document.body.dispatchEvent(event);
            }""",
            [kind, "clipboardData" if kind == "paste" else "dataTransfer", list(letter.read_bytes())],
        )
        page.wait_for_selector(f"text=4 lines on 1 page of {kind}.png.", timeout=WAIT)
        assert page.locator("#files li").count() == number


def drop(page: Any, *paths: Path) -> None:
    """Lets go of files of this machine over the page, as a hand does."""
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    devtools = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 100, "data": data})


def test_what_can_be_read_of_a_dropped_folder_is_read(page: Any, letter: Path, tmp_path: Path) -> None:
    """It was called a server that cannot be reached."""
    (tmp_path / "scans" / "more").mkdir(parents=True)
    for name in ("10.png", "2.PNG", "more/3.png", ".4.png", "notes.txt"):
        shutil.copy(letter, tmp_path / "scans" / name)
    page.wait_for_selector("#format option", state="attached")
    drop(page, tmp_path / "scans", letter)
    page.wait_for_selector("#files li:nth-child(4) .done", timeout=WAIT)
    assert page.locator("#files .name").all_inner_texts() == ["2.PNG", "10.png", "3.png", letter.name]
    (tmp_path / "none").mkdir()
    drop(page, tmp_path / "none")
    page.wait_for_selector("#error >> text=The folder holds no file that can be read here.")


def test_what_was_stopped_or_is_not_its_own_fault_is_read_again(page: Any, letter: Path, answers: Answers) -> None:
    again = page.get_by_role("button", name="Read again").locator("visible=true")
    answers(FIRST_PAGE, hangs=True)
    page.set_input_files("#file", letter)
    page.wait_for_selector("#lines li")
    assert not again.count()
    page.click("#stop")
    answers({"code": "too_slow", "status": 504, "detail": "Send fewer."})
    again.click()
    page.wait_for_selector("#error >> text=Send fewer.")
    answers(a_page([["Dear"]]))
    again.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#status >> text=1 line on 1 page")
    assert not again.count() and focused(page, "id") == "results" and page.locator("#error").is_hidden()
    answers({"code": "image_unknown", "status": 415, "detail": "It is no picture."})
    page.set_input_files("#file", letter)
    page.wait_for_selector("#error >> text=It is no picture.")
    assert not again.count()


def test_a_busy_server_is_asked_again(page: Any, letter: Path, upload: Upload) -> None:
    """Of many files, all were given up at once."""
    asked = []

    def answer(route: Any) -> None:
        asked.append(route)
        busy = {"status": 429, "headers": {"Retry-After": "0.01"}, "body": json.dumps({"detail": "Try again."})}
        route.fulfill(**busy) if len(asked) < 3 else route.continue_()

    page.route("**/v1/ocr*", answer)
    upload(letter)
    assert texts(page) == drawn.LETTER and len(asked) == 3


def test_a_file_that_is_gone_is_named(page: Any, letter: Path, answers: Answers, tmp_path: Path) -> None:
    shutil.copy(letter, tmp_path / "gone.png")
    answers(FIRST_PAGE, hangs=True)
    drop(page, letter, tmp_path / "gone.png")
    page.wait_for_selector("#lines li")
    (tmp_path / "gone.png").unlink()
    page.click("[aria-label='Remove létter.png']")
    page.wait_for_selector("#error >> text=gone.png cannot be read any more")


def test_errors_are_told(page: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    told(page, tmp_path / "notes.txt", "notes.txt is text.")
    assert page.locator("#tools").is_hidden()
    (tmp_path / "empty.png").write_bytes(b"")
    told(page, tmp_path / "empty.png", "empty.png is empty.")
    page.context.set_offline(True)
    Image.new("RGB", (9, 9)).save(tmp_path / "small.png")
    told(page, tmp_path / "small.png", "The server cannot be reached")
    page.context.set_offline(False)


def test_what_a_key_opens_is_read_again(page: Any, letter: Path, upload: Upload) -> None:
    problem = json.dumps({"status": 401, "code": "unauthorized", "detail": "Send the header Authorization."})
    page.route(
        "**/v1/ocr*",
        lambda route: (
            route.fulfill(status=401, body=problem)
            if "authorization" not in route.request.headers
            else route.continue_()
        ),
    )
    told(page, letter, "This server needs a key.")
    assert focused(page, "id") == "key"
    page.keyboard.type("secret")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=4 lines on 1 page of létter.png.", timeout=WAIT)
    assert page.locator("#key-row").is_hidden() and page.locator("#error").is_hidden()


def test_a_locked_pdf_is_opened_with_its_password(page: Any, tmp_path: Path) -> None:
    plain, locked = tmp_path / "plain.pdf", tmp_path / "locked.pdf"
    drawn.page(drawn.LETTER).save(plain)
    with pikepdf.open(plain) as document:
        document.save(locked, encryption=pikepdf.Encryption(user="a word", owner="b"))
    told(page, locked, "locked.pdf is locked with a password.")
    for typed, focus in (("wrong", "password"), ("a word", None)):
        assert focused(page, "id") == "password"
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        if focus:
            page.wait_for_selector("text=The password does not open locked.pdf.", timeout=WAIT)
    page.wait_for_selector("text=4 lines on 1 page of locked.pdf.", timeout=WAIT)
    assert page.locator("#password-row").is_hidden() and page.locator("#error").is_hidden()
    with page.expect_download() as download:
        page.select_option("#format", "pdf")
        page.click("#save")
    saved = pypdfium2.PdfDocument(download.value.path())
    assert "Dear" in saved[0].get_textpage().get_text_range()
