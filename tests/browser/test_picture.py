"""The picture beside the text: it follows the line in hand, and can be zoomed and moved by wheel, buttons and keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from answering import a_page
from PIL import Image

FRAME = "document.getElementById('frame')"


LINES = [["line", "number", str(n), "of", "many"] for n in range(24)]


@pytest.fixture
def long(page: Any, answers: Callable[..., None], tmp_path: Path) -> Any:
    """A page that is twice as high as wide, and has been read."""
    read = a_page(LINES)
    Image.new("L", (read["width"], read["height"]), "white").save(tmp_path / "long.png")
    answers(read)
    page.set_viewport_size({"width": 1200, "height": 600})
    page.set_input_files("#file", tmp_path / "long.png")
    page.wait_for_selector("#tools:not([hidden])")
    page.locator("figure img").evaluate("image => image.decode()")
    return page


def zoom(page: Any) -> float:
    """How many times as wide as its frame the picture is."""
    return float(page.evaluate(f"{FRAME}.firstElementChild.clientWidth / {FRAME}.clientWidth"))


def until(page: Any, condition: str) -> None:
    """Waits as Playwright does, whose own way the page's Content-Security-Policy forbids."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(condition)


def test_the_picture_follows_the_line_in_hand(long: Any) -> None:
    for width in (1200, 480):
        long.set_viewport_size({"width": width, "height": 600})
        long.locator("#lines [role=textbox]").first.focus()
        for key, number in (("Control+End", 23), ("ArrowUp", 22), ("Control+Home", 0)):
            long.keyboard.press(key)
            on, written = long.locator("rect.on").bounding_box(), long.locator("#lines .on").bounding_box()
            for box in (on, written):
                assert box["y"] >= 0 and box["y"] + box["height"] <= 600, (width, key)
            assert width > 900 or on["y"] + on["height"] <= written["y"], "the picture does not cover the line"
            assert long.locator("rect").nth(number).get_attribute("class") == "on"


def test_zoom_by_wheel_buttons_and_keys(long: Any) -> None:
    box = long.locator("rect").nth(3)
    before = box.bounding_box()
    long.mouse.move(before["x"] + 5, before["y"] + 5)
    long.mouse.wheel(0, -300)
    until(long, f"{FRAME}.firstElementChild.clientWidth > 1.3 * {FRAME}.clientWidth")
    after = box.bounding_box()
    assert after["width"] > 1.3 * before["width"]
    assert abs(after["x"] - before["x"]) < 12 and abs(after["y"] - before["y"]) < 12, "what the mouse is on stays there"
    long.click("[value=width]")
    assert zoom(long) == pytest.approx(1, abs=0.01)
    for way in ("[value=in]", "+"):
        larger = zoom(long)
        long.click(way) if "[" in way else long.press("#frame", way)
        assert zoom(long) == pytest.approx(1.25 * larger, rel=0.02)
    long.press("#frame", "-")
    long.click("[value=out]")
    assert zoom(long) == pytest.approx(1, abs=0.02)
    long.press("#frame", "0")
    seen = long.locator("figure img").bounding_box()
    assert zoom(long) < 0.7 and seen["y"] >= 0 and seen["y"] + seen["height"] <= 601, "the whole page is to be seen"
    long.press("#frame", "1")
    long.click("[value=whole]")
    assert zoom(long) < 0.7


def test_the_picture_is_moved_by_mouse_and_keys(long: Any) -> None:
    frame = long.locator("#frame").bounding_box()
    long.mouse.move(frame["x"] + 200, frame["y"] + 220)
    long.mouse.down()
    long.mouse.move(frame["x"] + 200, frame["y"] + 120, steps=3)
    long.mouse.up()
    assert long.evaluate(f"{FRAME}.scrollTop") == pytest.approx(100, abs=2)
    long.mouse.move(frame["x"] + 200, frame["y"] + 220)
    assert long.evaluate(f"{FRAME}.scrollTop") == pytest.approx(100, abs=2), "it was let go"
    long.press("#frame", "ArrowDown")
    until(long, f"{FRAME}.scrollTop > 110")
    long.press("#frame", "+")
    long.locator("rect").nth(23).evaluate("box => box.dispatchEvent(new MouseEvent('click'))")
    # Another line, that of the box under the pointer, may be lit, too.
    on, frame = long.locator("rect").nth(23).bounding_box(), long.locator("#frame").bounding_box()
    assert frame["y"] <= on["y"] and on["y"] + on["height"] <= frame["y"] + frame["height"]
