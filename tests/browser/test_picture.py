"""The picture beside the text: it follows the line in hand, and can be zoomed and moved by wheel, buttons and keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import drawn
import pytest

FRAME = "document.getElementById('frame')"


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "long.png"
    drawn.page([f"line number {n} of a long page" for n in range(20)], (900, 2000), 40).save(path)
    return path


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


def test_the_picture_follows_the_line_in_hand(page: Any, long: Path, upload: Callable[..., None]) -> None:
    upload(long)
    for width in (1200, 480):
        page.set_viewport_size({"width": width, "height": 600})
        page.locator("#lines [role=textbox]").first.focus()
        for key, number in (("Control+End", 19), ("ArrowUp", 18), ("Control+Home", 0)):
            page.keyboard.press(key)
            on, written = page.locator("rect.on").bounding_box(), page.locator("#lines .on").bounding_box()
            for box in (on, written):
                assert box["y"] >= 0 and box["y"] + box["height"] <= 600, (width, key)
            assert width > 900 or on["y"] + on["height"] <= written["y"], "the picture does not cover the line"
            assert page.locator("rect").nth(number).get_attribute("class") == "on"


def test_zoom_by_wheel_buttons_and_keys(page: Any, long: Path, upload: Callable[..., None]) -> None:
    page.set_viewport_size({"width": 1200, "height": 600})
    upload(long)
    page.locator("figure img").evaluate("image => image.decode()")
    box = page.locator("rect").nth(3)
    before = box.bounding_box()
    page.mouse.move(before["x"] + 5, before["y"] + 5)
    page.mouse.wheel(0, -300)
    until(page, f"{FRAME}.firstElementChild.clientWidth > 1.3 * {FRAME}.clientWidth")
    after = box.bounding_box()
    assert after["width"] > 1.3 * before["width"]
    assert abs(after["x"] - before["x"]) < 12 and abs(after["y"] - before["y"]) < 12, "what the mouse is on stays there"
    page.click("[value=width]")
    assert zoom(page) == pytest.approx(1, abs=0.01)
    for way in ("[value=in]", "+"):
        larger = zoom(page)
        page.click(way) if "[" in way else page.press("#frame", way)
        assert zoom(page) == pytest.approx(1.25 * larger, rel=0.02)
    page.press("#frame", "-")
    page.click("[value=out]")
    assert zoom(page) == pytest.approx(1, abs=0.02)
    page.press("#frame", "0")
    seen = page.locator("figure img").bounding_box()
    assert zoom(page) < 0.7 and seen["y"] >= 0 and seen["y"] + seen["height"] <= 601, "the whole page is to be seen"
    page.press("#frame", "1")
    page.click("[value=whole]")
    assert zoom(page) < 0.7


def test_the_picture_is_moved_by_mouse_and_keys(page: Any, long: Path, upload: Callable[..., None]) -> None:
    page.set_viewport_size({"width": 1200, "height": 600})
    upload(long)
    page.locator("figure img").evaluate("image => image.decode()")
    frame = page.locator("#frame").bounding_box()
    page.mouse.move(frame["x"] + 200, frame["y"] + 220)
    page.mouse.down()
    page.mouse.move(frame["x"] + 200, frame["y"] + 120, steps=3)
    page.mouse.up()
    assert page.evaluate(f"{FRAME}.scrollTop") == pytest.approx(100, abs=2)
    page.mouse.move(frame["x"] + 200, frame["y"] + 220)
    assert page.evaluate(f"{FRAME}.scrollTop") == pytest.approx(100, abs=2), "it was let go"
    page.press("#frame", "ArrowDown")
    until(page, f"{FRAME}.scrollTop > 110")
    page.press("#frame", "+")
    page.locator("rect").nth(19).evaluate("box => box.dispatchEvent(new MouseEvent('click'))")
    on, frame = page.locator("rect.on").bounding_box(), page.locator("#frame").bounding_box()
    assert frame["y"] <= on["y"] and on["y"] + on["height"] <= frame["y"] + frame["height"]
