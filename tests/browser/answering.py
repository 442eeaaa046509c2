"""Pages as the server answers them, with words in known places and of known confidence."""

from __future__ import annotations

from typing import Any

HEIGHT, PITCH = 30, 50
"""The height of a line, and from one line to the next."""


def a_page(
    lines: list[list[str]], doubtful: frozenset[str] = frozenset(), number: int = 0, pages: int = 1
) -> dict[str, Any]:
    """A page of 600 pixels across: word n of a line is around x = 100 (n + 1), line n around y = 50 (n + 1)."""
    text = "\n".join(" ".join(words) for words in lines)
    page = {"name": "scan.png", "pagenum": number, "total_pages": pages, "width": 600, "turned": 0, "text": text}
    page |= {"height": PITCH * (len(lines) + 1), "confidence": 0.8, "exception": None, "failure": None}
    return {**page, "lines": [_line(words, n, doubtful) for n, words in enumerate(lines)]}


def _line(words: list[str], number: int, doubtful: frozenset[str]) -> dict[str, Any]:
    y, count = PITCH * (number + 1), len(words)
    place = {"x": 50 * (count + 1), "y": y, "width": 100 * count, "height": HEIGHT, "angle": 0, "row": number}
    return {
        "text": " ".join(words),
        "confidence": 0.8,
        **place,
        "words": [_word(text, 100 * (n + 1), y, 0.5 if text in doubtful else 0.99) for n, text in enumerate(words)],
    }


def _word(text: str, x: float, y: float, confidence: float) -> dict[str, Any]:
    return {"text": text, "confidence": confidence, "x": x, "y": y, "width": 80, "height": HEIGHT, "angle": 0}
