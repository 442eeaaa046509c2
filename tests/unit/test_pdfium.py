"""Turns at PDFium, one of which may not come to an end."""

from __future__ import annotations

from typing import Any

import pytest

from raypipe.errors import PageError
from raypipe.images import pdfium
from raypipe.images.pdfium import Turns


class Document:
    """Says whether it is closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


def test_who_waits_for_a_turn_that_does_not_end_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdfium, "MOST_SECONDS", 0.01)
    turns = Turns()
    said = pytest.raises(PageError, match=r"b\.pdf waits .*hostile\.pdf\. Remove")
    with turns.of("hostile.pdf"), said as caught, turns.of("b.pdf"):
        raise AssertionError("two threads use PDFium")
    assert caught.value.code == "page_timeout"
    with turns.of("b.pdf"):
        pass


def test_a_document_stays_open_while_a_turn_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's end would wait for it."""
    monkeypatch.setattr(pdfium, "LEAVE_SECONDS", 0.01)
    turns, document = Turns(), Document()
    some: Any = document
    with turns.of("hostile.pdf"):
        turns.close(some)
    assert not document.closed
    turns.close(some)
    assert document.closed
