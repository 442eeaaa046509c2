from __future__ import annotations

import re
from pathlib import Path

import raypipe
from raypipe.plurals import counted

THINGS = "pages|pictures|files|documents|rows|lines|seconds|places|jobs|rounds|shards|CPUs|GPUs"
UNCOUNTED = rf"(%d|\{{(?!counted|[A-Z_]+[:}}])[^{{}}]*\}}) ({THINGS})\b(?!/s)"
"""A value, and no constant, before a noun in the plural."""


def test_one_is_not_many() -> None:
    said = [counted(count, "page") for count in (0, 1, 1.0, 2, 2.5, 1200)]
    assert said == ["0 pages", "1 page", "1 page", "2 pages", "2.5 pages", "1,200 pages"]


def test_messages_count_in_one_way() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in Path(raypipe.__file__).parent.rglob("*.py")}
    found = {name: match.group() for name, text in files.items() if (match := re.search(UNCOUNTED, text))}
    assert found == {}
