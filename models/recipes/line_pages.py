"""Rendered pages whose text lines are known: letters, columns, tables, forms and notes, on paper and on desks.

A page comes with a map of its lines: 255 in the x-height band of each line from its first letter to its last, gaps
between words included, and 0 elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pages
import paper
from PIL import Image, ImageDraw, ImageFont

PRINTED_SHARE = 0.4
SMALLEST, LARGEST = 11, 110
"""Font sizes, in pixels of the network's input."""
ONE_LINE_GAP = 2.0
"""Pieces of a row that are this many font sizes apart are lines of their own."""


@dataclass
class Page:
    """A page while it is drawn: the picture (h, w, 3), its line map (h, w), and where there is ink already (h, w)."""

    image: np.ndarray
    lines: np.ndarray
    taken: np.ndarray


@dataclass(frozen=True)
class Hand:
    """How a line is written: a font with its size in pixels, ink (BGR), gap between words and unsteadiness."""

    font: ImageFont.FreeTypeFont
    size: int
    ink: np.ndarray
    gap: float
    jitter: float


def vocabulary() -> list[str]:
    """Return words to write: frequent English ones, and those of the recipes' own text."""
    from wordfreq import top_n_list

    return [*top_n_list("en", 4000), *pages.WORDS * 4]


class LinePages:
    """Draws pages with their line maps."""

    def __init__(self, printed: Sequence[Path], handwritten: Sequence[Path]) -> None:
        """Take the fonts that pages are written in."""
        self.random = np.random.default_rng(0)
        self.printed, self.handwritten = printed, handwritten
        self.words = vocabulary()
        self.layouts: Sequence[tuple[float, Callable[[Page, Hand], None]]] = (
            (0.46, self._letter),
            (0.14, self._columns),
            (0.12, self._table),
            (0.14, self._form),
            (0.14, self._notes),
        )

    def page(self, seed: Sequence[int], height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a page as a BGR picture (height, width, 3), and its lines (height, width); the seed fixes it."""
        self.random = np.random.default_rng(seed)
        sheet = paper.sheet(self.random, height, width)
        page = Page(sheet, *(np.zeros((height, width), np.uint8) for _ in range(2)))
        if self.random.random() < 0.25:
            self._show_through(page)
        layout = self.random.choice(len(self.layouts), p=[share for share, _ in self.layouts])
        self.layouts[layout][1](page, self._hand())
        if self.random.random() < 0.3:
            paper.mark(self.random, page.image)
        image, lines = paper.bent(self.random, page.image, page.lines)
        return paper.seen(self.random, image), lines

    # What is written.

    def _hand(self, size: int | None = None, printed: bool | None = None) -> Hand:
        """Return a font, size, ink and spacing."""
        if printed is None:
            printed = self.random.random() < PRINTED_SHARE
        path = self._pick(self.printed if printed else self.handwritten)
        if size is None:
            low, high = math.log(SMALLEST), math.log(LARGEST)
            size = int(math.exp(self.random.triangular(low, math.log(26), high)))
        font = ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
        ink = self.random.integers(0, 120, 3) if self.random.random() < 0.5 else np.full(3, self.random.integers(0, 90))
        gap = self.random.uniform(0.22, 0.45) if printed else self.random.uniform(0.22, 0.9)
        if not printed and self.random.random() < 0.15:
            gap = self.random.uniform(0.9, 1.6)
        return Hand(font, size, ink.astype(np.float32), gap, 0.0 if printed else self.random.uniform(0, 0.08))

    def _pick(self, choices: Sequence[Path]) -> Path:
        return choices[int(self.random.integers(len(choices)))]

    def _word(self) -> str:
        word = self.words[int(self.random.integers(len(self.words)))]
        kind = self.random.random()
        if kind < 0.12:
            return word.capitalize()
        if kind < 0.15:
            return word.upper()
        if kind < 0.22:
            return str(self.random.integers(0, 10 ** int(self.random.integers(1, 6))))
        return word + str(self.random.choice([",", ".", ";", ":", "-"])) if kind < 0.32 else word

    def _text(self, hand: Hand, width: float, most: int = 40) -> list[str]:
        """Return words that fill at most a width, at least one."""
        words: list[str] = []
        used = 0.0
        while len(words) < most:
            word = self._word()
            used += hand.font.getlength(word) + hand.gap * hand.size
            if words and used > width:
                break
            words.append(word)
        return words

    def _strip(self, hand: Hand, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray, int]:
        """Return a line's ink and its band, both uint8 (h, w), and the row of its base line."""
        size = hand.size
        lengths = [hand.font.getlength(word) for word in words]
        gaps = hand.gap * size * self.random.uniform(0.7, 1.4, len(words))
        base, pad = int(size * 1.5), int(size * 0.6)
        width = int(sum(lengths) + gaps[:-1].sum()) + 2 * pad
        canvas = Image.new("L", (width, int(size * 2.4)))
        pen = ImageDraw.Draw(canvas)
        left = float(pad)
        for word, length, gap in zip(words, lengths, gaps, strict=True):
            pen.text((left, base + self.random.normal(0, hand.jitter) * size), word, 255, hand.font, anchor="ls")
            left += length + gap
        ink = np.asarray(canvas).copy()
        used = np.flatnonzero(ink.any(0))
        band = np.zeros_like(ink)
        if len(used):
            high = max(-hand.font.getbbox("x", anchor="ls")[1], 0.25 * size)
            half = max(0.42 * high, 1.5)
            middle = base - high / 2
            band[round(middle - half) : round(middle + half) + 1, used[0] : used[-1] + 1] = 255
        return ink, band, base

    def _curved(self, ink: np.ndarray, band: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Return a strip bent by up to `reach` pixels."""
        height, width = ink.shape
        x = np.linspace(-1, 1, width, dtype=np.float32)
        bend = self.random.uniform(-1, 1) * x**2 + self.random.uniform(-0.4, 0.4) * np.sin(
            x * self.random.uniform(2, 6) + self.random.uniform(0, 6)
        )
        bend *= reach
        room = math.ceil(abs(reach) * 1.5)
        ink, band = (np.pad(part, ((room, room), (0, 0))) for part in (ink, band))
        rows = np.arange(height + 2 * room, dtype=np.float32)[:, None] + bend[None].astype(np.float32)
        columns = np.broadcast_to(np.arange(width, dtype=np.float32)[None], rows.shape).copy()
        return cv2.remap(ink, columns, rows, cv2.INTER_LINEAR), cv2.remap(band, columns, rows, cv2.INTER_NEAREST)

    def _write(self, page: Page, hand: Hand, words: Sequence[str], left: float, base: float) -> float:
        """Write a line with its first letter at `left` and its base line at `base`; return where it ends."""
        ink, band, row = self._strip(hand, words)
        if self.random.random() < 0.35:
            height = ink.shape[0]
            reach = self.random.uniform(0, 0.03) * ink.shape[1]
            ink, band = self._curved(ink, band, min(reach, 0.4 * hand.size))
            row += (ink.shape[0] - height) // 2
        pad = int(hand.size * 0.6)
        self._paste(page, hand, ink, band, round(left) - pad, round(base) - row)
        return left + ink.shape[1] - 2 * pad

    def _paste(self, page: Page, hand: Hand, ink: np.ndarray, band: np.ndarray, left: int, top: int) -> None:
        """Lay a strip over the page, as far as it lies on it."""
        height, width = page.lines.shape
        y0, x0, y1, x1 = max(top, 0), max(left, 0), min(top + ink.shape[0], height), min(left + ink.shape[1], width)
        if y0 >= y1 or x0 >= x1:
            return
        part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
        place = slice(y0, y1), slice(x0, x1)
        strength = self.random.uniform(0.65, 1.0)
        cover = ink[part].astype(np.float32)[..., None] / 255 * strength
        page.image[place] = page.image[place] * (1 - cover) + hand.ink * cover
        page.lines[place] |= band[part]
        page.taken[place] |= ink[part]

    # How it stands on the page.

    def _letter(self, page: Page, hand: Hand, box: tuple[int, int, int, int] | None = None) -> None:
        """Lines one below the other, some short, some indented."""
        height, width = page.lines.shape
        margin = int(self.random.uniform(-0.03, 0.1) * width)
        left, top, right, bottom = box or (margin, 0, width - margin // 2, height)
        pitch = hand.size * self.random.uniform(1.0, 2.1)
        base = top + hand.size * self.random.uniform(0.4, 2.5)
        ruled = self.random.random() < 0.3
        while base < bottom:
            if ruled:
                y = round(base + 2)
                cv2.line(page.image, (left, y), (right, y), (190, 160, 140), 1, cv2.LINE_AA)
            kind = self.random.random()
            far = self.random.uniform(0, 0.5) if kind < 0.2 else self.random.normal(0, 0.2) * hand.size / (right - left)
            indent = far * (right - left)
            room = right - left - indent
            words = self._text(hand, room * (1 if kind < 0.75 else self.random.uniform(0.1, 1)))
            if kind < 0.93:
                end = self._write(page, hand, words, left + indent, base)
                gap = hand.size * self.random.uniform(ONE_LINE_GAP + 0.5, 6)
                if end + gap < right - hand.size and self.random.random() < 0.3:
                    self._write(page, hand, self._text(hand, right - end - gap), end + gap, base)
            base += pitch * self.random.uniform(0.94, 1.06)
            if self.random.random() > 0.9:
                base += pitch * self.random.uniform(0, 1)

    def _columns(self, page: Page, hand: Hand) -> None:
        """Two or three columns of text."""
        height, width = page.lines.shape
        hand = self._hand(min(hand.size, 34), printed=self.random.random() < 0.7)
        count = int(self.random.integers(2, 4))
        gutter = hand.size * self.random.uniform(1.2, 3)
        step = width / count
        for number in range(count):
            right = round((number + 1) * step - gutter)
            self._letter(page, hand, (round(number * step + gutter / 4), 0, right, height))

    def _table(self, page: Page, hand: Hand) -> None:
        """Cells in rows and columns, with or without rules; each cell is a line."""
        height, width = page.lines.shape
        hand = self._hand(min(hand.size, 40))
        pitch = hand.size * self.random.uniform(1.3, 2.6)
        edges = np.cumsum(self.random.uniform(4, 14, 12)) * hand.size
        edges = np.concatenate([[hand.size * 0.5], edges[edges < width - 3 * hand.size], [width]])
        rules = self.random.random() < 0.6
        shade = tuple(int(v) for v in self.random.integers(40, 190, 3))
        for base in np.arange(pitch, height, pitch):
            if rules:
                y = round(base + hand.size * 0.45)
                cv2.line(page.image, (0, y), (width, y), shade, int(self.random.integers(1, 3)))
            for left, right in zip(edges, edges[1:], strict=False):
                if self.random.random() < 0.85:
                    room = right - left - hand.size * 1.5
                    words = self._text(hand, room, int(self.random.integers(1, 5)))
                    length = sum(hand.font.getlength(word) + 1.4 * hand.gap * hand.size for word in words)
                    if length <= room + hand.size:
                        free = max(room - length, 0) * self.random.uniform(0, 1) * (self.random.random() < 0.3)
                        self._write(page, hand, words, left + free, base)
        if rules:
            for edge in edges:
                x = round(edge - hand.size * 0.5)
                cv2.line(page.image, (x, 0), (x, height), shade, int(self.random.integers(1, 3)))

    def _form(self, page: Page, hand: Hand) -> None:
        """Printed labels, values beside or below them, rules and boxes to write on."""
        height, width = page.lines.shape
        label = self._hand(min(hand.size, 30), printed=True)
        value = self._hand(int(label.size * self.random.uniform(0.9, 2)), printed=self.random.random() < 0.25)
        pitch = max(label.size, value.size) * self.random.uniform(1.5, 2.8)
        count = int(self.random.integers(1, 4))
        shade = tuple(int(v) for v in self.random.integers(30, 170, 3))
        below = self.random.random() < 0.3
        for base in np.arange(pitch, height, pitch * (2 if below else 1)):
            for number in range(count):
                left, right = (width / count * (number + part) + label.size * 0.5 for part in (0, 1))
                end = self._write(page, label, self._text(label, (right - left) * 0.5, 3), left, base)
                start, row = (left, base + pitch * 0.8) if below else (end + self._form_gap(label), base)
                if self.random.random() < 0.5:
                    y = round(row + 0.2 * value.size)
                    cv2.line(page.image, (round(start), y), (round(right - label.size), y), shade, 1)
                elif self.random.random() < 0.2:
                    corner = round(start - label.size * 0.3), round(row - value.size * 0.9)
                    other = round(right - label.size), round(row + value.size * 0.4)
                    cv2.rectangle(page.image, corner, other, shade, 1)
                if start + 2 * value.size < right and self.random.random() < 0.8:
                    self._write(page, value, self._text(value, right - start - value.size, 5), start, row)

    def _form_gap(self, label: Hand) -> float:
        """Return the room between a label and its value: enough that they are two lines."""
        return label.size * self.random.uniform(1.5, 5)

    def _notes(self, page: Page, hand: Hand) -> None:
        """Lines at any angle wherever there is room."""
        height, width = page.lines.shape
        for _ in range(int(self.random.integers(3, 14))):
            pen = self._hand(int(np.clip(hand.size * self.random.uniform(0.6, 1.6), SMALLEST, LARGEST)))
            words = self._text(pen, self.random.uniform(0.15, 0.8) * width, 9)
            ink, band, _ = self._strip(pen, words)
            if self.random.random() < 0.5:
                ink, band = self._curved(ink, band, self.random.uniform(0, 0.15) * ink.shape[1])
            angle = self.random.normal(0, 12)
            ink, band = (_turned(part, angle) for part in (ink, band))
            left = int(self.random.uniform(-0.05, 0.8) * width)
            top = int(self.random.uniform(-0.05, 0.95) * height)
            y0, x0 = max(top, 0), max(left, 0)
            room = page.taken[y0 : top + ink.shape[0], x0 : left + ink.shape[1]]
            if not room.any():
                self._paste(page, pen, ink, band, left, top)

    def _show_through(self, page: Page) -> None:
        """Write faintly and mirrored what stands on the other side, which is no text of this one."""
        back = Page(np.full_like(page.image, 255), np.zeros_like(page.lines), np.zeros_like(page.taken))
        self._letter(back, self._hand())
        faint = cv2.GaussianBlur(back.image[:, ::-1], (0, 0), self.random.uniform(1, 2.5))
        page.image *= 1 - self.random.uniform(0.05, 0.2) * (1 - faint / 255)


def _turned(strip: np.ndarray, degrees: float) -> np.ndarray:
    """Return a strip turned about its middle, with room for its corners."""
    height, width = strip.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(width * cos + height * sin), round(width * sin + height * cos)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return cv2.warpAffine(strip, matrix, size, flags=cv2.INTER_LINEAR)
