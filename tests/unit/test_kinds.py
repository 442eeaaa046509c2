"""The registry of kinds of file: each is whole, all files are of one, and each has its number of pages."""

from __future__ import annotations

import struct
from importlib import import_module
from pathlib import Path

import pytest
from making import encoded
from opening import pixels, quarters, same, tiff_of_pages
from pi_heif import register_heif_opener
from PIL import Image as PillowImage

from raypipe import images
from raypipe.images import raster
from raypipe.images.base import Kind
from raypipe.images.kinds import KINDS, kind_of, page_count, paged_suffixes, suffixes


def test_every_file_with_a_kind_is_registered() -> None:
    found = {path.stem for path in Path(images.__path__[0]).glob("*.py")} - {"__init__"}
    modules = [import_module(f"raypipe.images.{name}") for name in found]
    assert {module.KIND.name for module in modules if hasattr(module, "KIND")} == set(KINDS)


@pytest.mark.parametrize("each", KINDS.values(), ids=lambda each: each.name)
def test_a_kind_has_suffixes_of_its_own(each: Kind) -> None:
    assert each.suffixes and all(suffix == suffix.lower() and suffix[0] == "." for suffix in each.suffixes)
    assert sum(len(kind.suffixes & each.suffixes) for kind in KINDS.values()) == len(each.suffixes)


def test_folders_list_every_format_that_is_read() -> None:
    PillowImage.init()
    register_heif_opener()
    extensions = PillowImage.registered_extensions()
    assert set(raster.FORMATS) <= {extensions.get(suffix) for suffix in suffixes()}


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


def test_pages_of_a_tiff() -> None:
    data = tiff_of_pages(3)
    assert page_count(data) == 3
    assert all(same(pixels(data, page), quarters() // (page + 1), 1) for page in range(3))


@pytest.mark.parametrize(
    "data", [encoded(quarters(), "PNG"), encoded(quarters(), "TIFF"), b"", b"text", b"II", b"MM\0*"]
)
def test_everything_else_has_one_page(data: bytes) -> None:
    assert page_count(data) == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_pages_of_a_tiff_of_any_make(order: str, big: bool) -> None:
    """Directories without entries, of which the last leads back to the first."""
    offset, count, head = ("Q", "Q", 16) if big else ("I", "H", 8)
    size, pages = struct.calcsize(order + count + offset), 20_000
    places = [head + size * n for n in range(pages)]
    start = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "H", 43 if big else 42)
    start += struct.pack(order + "HHQ", 8, 0, head) if big else struct.pack(order + "I", head)
    following = [*places[1:], head]
    data = start + b"".join(struct.pack(order + count + offset, 0, place) for place in following)
    assert page_count(data) == pages


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "MPO"])
def test_frames_of_an_animation_are_no_pages(kind: str) -> None:
    frames = [PillowImage.fromarray(quarters()), PillowImage.fromarray(255 - quarters())]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert page_count(data) == 1
    assert same(pixels(data), quarters())
