"""How many pages a file has."""

from __future__ import annotations

import struct

import pytest
from making import encoded
from opening import pixels, quarters, same, tiff_of_pages
from PIL import Image as PillowImage

from raypipe.images.kinds import page_count


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
