"""Pages of a document in several languages: each is read with its own words, and says so."""

from __future__ import annotations

from pathlib import Path

import drawn

import raypipe as rp
from raypipe.outputs.json import page_values

FRENCH = [
    "je vous fais savoir que nous allons tous",
    "bien, et que nous serons chez vous dans",
    "quelques jours, pour la fin de ce mois.",
    "Je vous embrasse de tout mon coeur.",
]


def test_each_page_is_read_in_its_language(tmp_path: Path) -> None:
    first, *others = [drawn.page(lines) for lines in (drawn.LETTER, FRENCH, ["12345"])]
    others.append(others[0].rotate(180))
    first.save(tmp_path / "letters.tif", save_all=True, append_images=others)
    pages = list(rp.standard(alternatives=1).run(tmp_path / "letters.tif"))
    assert [page.text.split("\n") for page in pages] == [drawn.LETTER, FRENCH, ["12345"], FRENCH]
    languages = ["en", "fr", "en", "fr"]
    assert [page.language for page in pages] == languages
    assert [page["language"] for page in pages] == [page_values(page)["lang"] for page in pages] == languages
