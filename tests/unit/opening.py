"""Pictures opened for tests, and what their errors have to say."""

from __future__ import annotations

import numpy as np
import pytest
from making import encoded
from PIL import Image as PillowImage

from raypipe.errors import PageError
from raypipe.images.base import Wanted
from raypipe.images.image import Image, Limits, open_image

LIMITS = Limits(max_bytes=10_000_000, max_megapixels=150, max_pages=100)


def opened(
    data: bytes | None, page: int = 0, gray: bool = False, limits: Limits = LIMITS, reduce: int = 0, omit: int = 0
) -> Image:
    return open_image(data, "scan.img", page, gray, limits, Wanted(reduce_above=reduce, omit_bits=omit))


def pixels(data: bytes, page: int = 0, gray: bool = False) -> np.ndarray:
    image = opened(data, page, gray)
    found = image.pixels()
    assert found.dtype == np.uint8
    assert found.shape == ((image.height, image.width) if gray else (image.height, image.width, 3))
    return found


def failure(data: bytes, limits: Limits = LIMITS, page: int = 0) -> PageError:
    with pytest.raises(PageError) as caught:
        opened(data, page, limits=limits).pixels()
    message = str(caught.value)
    assert "scan.img" in message
    assert caught.value.remedy
    assert message.endswith(caught.value.remedy)
    return caught.value


def quarters() -> np.ndarray:
    """A landscape picture of four colours, RGB (32, 64, 3)."""
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:16, :32], picture[:16, 32:] = (220, 30, 30), (30, 200, 30)
    picture[16:, :32], picture[16:, 32:] = (30, 30, 220), (240, 240, 240)
    return picture


def same(found: np.ndarray, rgb: np.ndarray, tolerance: float = 12) -> bool:
    """Whether BGR or grey pixels show an RGB picture."""
    if found.ndim == 2:
        rgb = np.rint(rgb.astype(float) @ [0.299, 0.587, 0.114])
    else:
        found = found[:, :, ::-1]
    return found.shape == rgb.shape and bool(np.abs(found.astype(float) - rgb).mean() < tolerance)


def tiff_of_pages(count: int) -> bytes:
    pages = [PillowImage.fromarray(quarters() // (n + 1)) for n in range(count)]
    return encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
