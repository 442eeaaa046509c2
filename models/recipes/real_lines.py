"""Real line crops with transcripts: those that may train a model, and those that are kept to test it.

A folder of sets, each with `images/`, `gt.tsv` and, where known, `meta.jsonl` and `splits.tsv`:

- letters1905_lines: letters of 1905, CC-BY-4.0 (HTR-United, Memorials of Jane Lathrop Stanford); its train split trains
- wills1914_lines_fr: soldiers' wills, CC-BY-4.0 (HTR-United, CREMMA Testament de Poilus); every 12th line validates
- phone_lines, phone_words: phone photos, MIT (Breta01/handwriting-ocr); the pages test3 and test4 train
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from handwriting_lines import to_height

FOLD = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"})
STRUCK = "⟦⟧"
WILLS_HELD_OUT = 12


@dataclass(frozen=True)
class Line:
    """A line crop (48, w, 3), BGR, with its transcript and the group it is counted in; `trains` says what it is for."""

    image: np.ndarray
    text: str
    group: str
    trains: bool


def read(folder: Path) -> list[Line]:
    """Return all lines of a folder of sets."""
    return [*_letters(folder / "letters1905_lines"), *_wills(folder / "wills1914_lines_fr"), *_phone(folder)]


def _rows(folder: Path) -> Iterator[tuple[str, str]]:
    for row in (folder / "gt.tsv").read_text(encoding="utf-8").splitlines():
        name, text = row.split("\t", 1)
        text = " ".join(unicodedata.normalize("NFC", text.translate(FOLD)).split())
        if text:
            yield name, text


def _picture(path: Path) -> np.ndarray:
    return to_height(cv2.imread(str(path), cv2.IMREAD_COLOR))


def _letters(folder: Path) -> Iterator[Line]:
    meta = (json.loads(row) for row in (folder / "meta.jsonl").read_text(encoding="utf-8").splitlines())
    hands = {row["file"]: "Handwritten" in str(row["type"]) or "Signature" in str(row["type"]) for row in meta}
    splits = dict(row.split("\t") for row in (folder / "splits.tsv").read_text(encoding="utf-8").splitlines())
    for name, text in _rows(folder):
        trains = splits[name] == "train"
        if not (trains and set(text) & set(STRUCK)):
            group = "letters_hand" if hands[name] else "letters_typed"
            yield Line(_picture(folder / "images" / name), text, group, trains)


def _wills(folder: Path) -> Iterator[Line]:
    for number, (name, text) in enumerate(_rows(folder)):
        yield Line(_picture(folder / "images" / name), text, "wills", number % WILLS_HELD_OUT != 0)


def _phone(folder: Path) -> Iterator[Line]:
    for kind in ("phone_lines", "phone_words"):
        for name, text in _rows(folder / kind):
            trains = "test3" in name or "test4" in name
            if trains or kind == "phone_lines":
                yield Line(_picture(folder / kind / "images" / name), text, kind, trains)
