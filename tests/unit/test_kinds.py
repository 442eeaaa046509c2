"""The registry of kinds of file: each is whole, and all files are of one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from raypipe import images
from raypipe.images.base import Kind
from raypipe.images.kinds import KINDS, kind_of, paged_suffixes, suffixes


def test_every_file_with_a_kind_is_registered() -> None:
    found = {path.stem for path in Path(images.__path__[0]).glob("*.py")} - {"__init__"}
    modules = [import_module(f"raypipe.images.{name}") for name in found]
    assert {module.KIND.name for module in modules if hasattr(module, "KIND")} == set(KINDS)


@pytest.mark.parametrize("each", KINDS.values(), ids=lambda each: each.name)
def test_a_kind_has_suffixes_of_its_own(each: Kind) -> None:
    assert each.suffixes and all(suffix == suffix.lower() and suffix[0] == "." for suffix in each.suffixes)
    assert sum(len(kind.suffixes & each.suffixes) for kind in KINDS.values()) == len(each.suffixes)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7", "pdf"),
        (b"II*\0", "tiff"),
        (b"MM\0*", "tiff"),
        (b"BM", "raster"),
        (b"P7\n", "pam"),
        (b"", "raster"),
    ],
)
def test_a_file_is_of_the_first_kind_that_matches(data: bytes, name: str) -> None:
    assert kind_of(data).name == name


def test_documents_of_pages_are_listed_too() -> None:
    assert set(paged_suffixes()) == {".tif", ".tiff", ".pdf"} < set(suffixes())
