from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from making import a_line, a_word, boxes, finished, image_of, rotated, white

from raypipe.geometry import corners
from raypipe.layout.lines import arrange
from raypipe.layout.standing import laid, lies, lying, turned_back, turned_pixels
from raypipe.recognition.base import Reading
from raypipe.stages.crops import assemble, cut
from raypipe.stages.upright import righted, turn_of
from raypipe.types import Boxes, Line, Pixels

HEIGHT, MAX_WIDTH = 48, 3200
LINES = boxes((400, 100, 600, 30, 0), (350, 160, 500, 30, 0), (300, 220, 400, 30, 0))
NAMES = {600: "the first line", 500: "the second", 400: "third"}


def drawn(some: Boxes) -> Pixels:
    """A page where each line is grey, with a dark mark on its left end."""
    pixels = white(1000, 1000)
    y, x = np.mgrid[:1000, :1000] + 0.5
    for cx, cy, width, height, angle in some.tolist():
        cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        along, across = (x - cx) * cos + (y - cy) * sin, (y - cy) * cos - (x - cx) * sin
        inside = (np.abs(along) < width / 2) & (np.abs(across) < height / 2)
        pixels[inside] = 180
        pixels[inside & (along < 30 - width / 2)] = 0
    return pixels


class MarkReader:
    """Reads a picture by its length, with doubt if its mark is not on the left."""

    def __init__(self) -> None:
        self.pictures = 0

    def __call__(self, pictures: Sequence[Pixels]) -> list[Reading]:
        self.pictures += len(pictures)
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Pixels) -> Reading:
        width = picture.shape[1]
        text = NAMES.get(round(width * 30 / HEIGHT / 20) * 20, "note")
        sure = picture[:, : width // 10].mean() < picture[:, -width // 10 :].mean()
        return Reading(text, [0.9 if sure else 0.2] * len(text), np.linspace(5, width - 5, len(text)).tolist())


def read(some: Boxes) -> tuple[list[Line], int]:
    """The lines of a page drawn with these boxes, as a detector would find them, and how many pictures were read."""
    reader, found = MarkReader(), some.copy()
    # A detector's angles are -45 to 45: what stands on its head looks as if it lay.
    found[:, 4] = (found[:, 4] + 90) % 180 - 90
    standing = np.abs(found[:, 4]) > 45
    found[standing] = found[standing][:, [0, 1, 3, 2, 4]]
    found[standing, 4] = 0
    crops = cut(image_of(drawn(some)), laid(found), HEIGHT, MAX_WIDTH, 0, 10)
    crops, readings = righted(crops, reader(crops.pictures()), reader, 0.5)
    return assemble(crops, readings), reader.pictures


def box_of(lines: Sequence[Line]) -> Boxes:
    return boxes(*((line.x, line.y, line.width, line.height, line.angle) for line in lines))


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_page_is_read_whichever_way_it_lies(turn: int) -> None:
    page = rotated(LINES, turn)
    lines, _ = read(page)
    assert [line.text for line in lines] == list(NAMES.values())
    assert np.allclose(corners(box_of(lines)), corners(page), atol=0.5)
    assert [line.row for line in lines] == [0, 1, 2]
    assert turn_of(lines) == -turn % 360


def test_words_of_a_turned_line_stand_in_reading_direction() -> None:
    lines, _ = read(rotated(LINES, 180))
    assert [word.text for word in lines[0].words] == ["the", "first", "line"]
    places = [word.x for word in lines[0].words]
    assert places == sorted(places, reverse=True)


def test_an_upright_page_costs_nothing() -> None:
    assert read(LINES)[1] == len(LINES)
    assert read(rotated(LINES, 180))[1] == 2 * len(LINES)


HARD = ["Mr. J. C. Branner.", "Dear Sir:", "My Father", "the late Mr. Farland"]
ON_ITS_HEAD = ["some guzyney Gay", "- minor yo", "my gnarly", "; mg my group"]


@pytest.mark.parametrize("is_upright", [False, True])
def test_letters_tell_how_a_page_stands_that_can_hardly_be_read(is_upright: bool) -> None:
    """Upright text reaches above its line more often than below it."""
    crops = cut(image_of(drawn(LINES)), LINES, HEIGHT, MAX_WIDTH, 0, 10)
    before, over = (HARD, ON_ITS_HEAD) if is_upright else (ON_ITS_HEAD, HARD)
    texts = iter(over)

    def read(pictures: Sequence[Pixels]) -> list[Reading]:
        return [Reading(text, [0.3] * len(text), [1.0] * len(text)) for text in (next(texts) for _ in pictures)]

    found = [Reading(text, [0.25] * len(text), [1.0] * len(text)) for text in before[:3]]
    _, readings = righted(crops, found, read, 0.5)
    assert (readings == found) == is_upright


@pytest.mark.parametrize("angle", [-90, 90])
def test_a_note_that_stands_in_the_margin_comes_last(angle: float) -> None:
    lines, _ = read(np.concatenate([boxes((900, 300, 300, 30, angle)), LINES]))
    assert [line.text for line in lines] == [*NAMES.values(), "note"]
    assert lines[-1].angle == angle
    assert turn_of(lines) == 0


def test_notes_in_both_margins_stand_each_its_own_way() -> None:
    notes = boxes((60, 300, 300, 30, -90), (900, 300, 300, 30, 90))
    lines, _ = read(np.concatenate([LINES, notes]))
    assert [line.text for line in lines] == [*NAMES.values(), "note", "note"]
    assert sorted(line.angle for line in lines[-2:]) == [-90, 90]


def test_a_line_on_its_head_is_turned_on_an_upright_page() -> None:
    last = boxes((300, 280, 400, 30, 180))
    lines, pictures = read(np.concatenate([LINES, last]))
    assert [(line.text, line.angle % 360) for line in lines] == [
        *((name, 0) for name in NAMES.values()),
        ("third", 180),
    ]
    assert pictures == len(LINES) + 2


def test_a_reading_that_is_hardly_better_the_other_way_turns_nothing() -> None:
    crops = cut(image_of(drawn(LINES)), LINES, HEIGHT, MAX_WIDTH, 0, 10)
    doubtful = [Reading("abcdef", [0.3] * 6, [1.0] * 6)] * 3
    same, readings = righted(
        crops, doubtful, lambda some: [Reading("abcdef", [0.35] * 6, [1.0] * 6) for _ in some], 0.5
    )
    assert readings == doubtful
    assert same == crops


def test_narrow_letters_do_not_stand() -> None:
    """A figure 1 is as high as its line; a note is higher."""
    some = boxes((100, 100, 6, 30, 0), (300, 100, 200, 30, 0), (600, 300, 30, 400, 0))
    assert laid(some)[:, [2, 3, 4]].tolist() == [[6, 30, 0], [200, 30, 0], [400, 30, -90]]


@pytest.mark.parametrize("angle", [-44, 44])
def test_text_midway_between_lying_and_standing_runs_one_way(angle: float) -> None:
    """Some of its lines are found as lying, others as standing."""
    other = angle - 2 * np.sign(angle)
    some = boxes((300, 300, 400, 30, angle), (340, 260, 30, 420, -other), (380, 220, 380, 30, angle))
    found = laid(some)[:, [2, 3, 4]]
    assert found[:, :2].tolist() == [[400, 30], [420, 30], [380, 30]]
    assert np.ptp(found[:, 2]) < 10


def test_most_of_the_text_says_whether_a_page_lies() -> None:
    note = boxes((900, 300, 30, 300, 0))
    digits = boxes(*((100 + 50 * n, 500, 14, 30, 0) for n in range(10)))
    heap = boxes(*((100, 100 + 20 * n, 30, 18, 0) for n in range(40)))
    for of_lines in (False, True):
        assert lies(np.concatenate([LINES, note, digits]), of_lines)
        assert not lies(np.concatenate([note, digits, boxes((100, 300, 100, 30, 0))]), of_lines)
        assert lies(LINES[:0], of_lines)
    assert not lies(np.concatenate([heap, LINES[:1]]), of_lines=False)
    assert lying(np.concatenate([heap, LINES])) == 1500


def test_short_words_below_each_other_are_level_lines() -> None:
    """They look like a line on the turned page. A detector that finds letters finds such boxes in text on its side."""
    sizes = (85, 54), (98, 78), (90, 80), (98, 59), (91, 62), (91, 43), (40, 62)
    words = boxes(*((157, 107 + 70 * n, width, height, 0) for n, (width, height) in enumerate(sizes)))
    assert lies(words, of_lines=True)
    assert not lies(words, of_lines=False)
    assert not lies(words[:, [1, 0, 3, 2, 4]], of_lines=True)


def test_what_is_found_on_the_turned_page_is_placed_on_the_page() -> None:
    pixels = white(200, 300)
    pixels[150:170, 20:120] = 0
    assert (turned_pixels(pixels)[20:120, 30:50] == 0).all()
    (box,) = turned_back(boxes((40, 70, 20, 100, 0)), 200)
    assert box.tolist() == [70, 160, 20, 100, -90]


@pytest.mark.parametrize(("turned", "corner"), [(0, (20, 30)), (90, (470, 20)), (180, (980, 470)), (270, (30, 980))])
def test_a_page_gives_its_lines_as_the_file_has_them_and_as_it_was_read(turned: int, corner: tuple[int, int]) -> None:
    line = a_line("hi", 0.5, 20, 30, 10, 5, 0, words=[a_word("hi", 0.5, 20, 30, 10, 5, 0)])
    page = finished(lines=[line], turned=turned, width=1000, height=500)
    assert page.lines == [line]
    (found,) = page.upright_lines
    assert (found.x, found.y, found.angle % 360) == (*corner, turned)
    assert (found.words[0].x, found.words[0].y, found.words[0].angle % 360) == (*corner, turned)


def test_a_turned_page_of_unknown_size_says_what_to_do() -> None:
    page = finished(lines=[a_line("hi", 0.5, 20, 30, 10, 5, 0)], turned=90)
    with pytest.raises(ValueError, match="keep_input"):
        _ = page.upright_lines


def test_lines_of_each_direction_are_arranged_apart() -> None:
    some = np.concatenate([LINES, rotated(LINES, 90)])
    layout = arrange(some)
    assert [member.tolist() for member in layout.members] == [[0], [1], [2], [3], [4], [5]]
    assert layout.rows.tolist() == [0, 1, 2, 3, 4, 5]
