"""From values of any depth to bytes, from the darkest to the brightest."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from raypipe.types import Pixels

ROWS = 256
"""Rows that are converted at a time, so that a page is in memory only once."""
WHITE = 255.0
FAINTEST = 192
"""What is nowhere darker than this cannot be read on white."""
MOST = 1e30
"""Numbers beyond this, and infinite ones, stand for values that were not measured."""


def eight_bits(values: npt.NDArray[Any], white_is_zero: bool = False, most: float = 0) -> Pixels:
    """Values of a picture (h, w, ...) as bytes of the same shape. If some are negative, the lowest becomes black.

    Args:
        values: The values.
        white_is_zero: Whether 0 is white.
        most: The value that becomes 255; 0: the brightest one, since scanners use 10 to 16 bits; if that is below 256,
            values are taken for bytes, unless they are floating-point numbers from 0 to 1.
    """
    if values.dtype == np.uint8 and not most:
        return np.asarray(WHITE - values if white_is_zero else values, np.uint8)
    known = np.abs(values) < MOST if values.dtype.kind == "f" else True
    lowest = float(np.min(values, initial=0, where=known))
    brightest = most or float(np.max(values, initial=0, where=known)) - lowest
    is_scaled = most or brightest > WHITE or values.dtype == np.int8 or (values.dtype.kind == "f" and brightest <= 1)
    factor = WHITE / (np.iinfo(np.int8).max if values.dtype == np.int8 and not lowest else brightest or 1)
    found = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), ROWS):
        rows = np.nan_to_num(values[start : start + ROWS].astype(np.float64) - lowest)
        rows = np.clip(rows * factor if is_scaled else rows, 0, WHITE)
        found[start : start + ROWS] = WHITE - rows if white_is_zero else rows
    return found


def from_lab(values: npt.NDArray[Any], is_signed: bool) -> Pixels:
    """Colours of CIELab (h, w, 3), in unsigned integers of 8 or 16 bits, as RGB.

    With `is_signed`, the bits of the two colours are those of signed numbers: TIFF 6.0, section 23. In ICC's encoding,
    which Photoshop writes, half the range stands for 0, and the second byte of the highest lightness is zero.
    """
    size = values.dtype.itemsize
    unit = 256.0 ** (size - 1)
    white = 256 * unit - 1 if is_signed else 255 * unit
    found = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), ROWS):
        lightness, colours = np.split(values[start : start + ROWS], [1], axis=2)
        colours = colours.astype(f"i{size}") / unit if is_signed else colours / unit - 128
        lab = np.concatenate([lightness * (100 / white), colours], axis=2).astype(np.float32)
        found[start : start + ROWS] = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1) * WHITE + 0.5
    return found


def share(values: npt.NDArray[Any], most: float) -> npt.NDArray[np.float32]:
    """Values of an alpha channel, from 0 to 1, of which `most` is opaque."""
    return np.asarray(np.clip(values.astype(np.float32) / np.float32(most), 0, 1), np.float32)


def white_beside(values: npt.NDArray[Any], alpha: npt.NDArray[Any], most: float) -> float:
    """The value that is white in a picture with an alpha channel, of which `most` is opaque; see `eight_bits`.

    Where the ground is transparent, the brightest value is that of some letters.
    """
    is_beyond = values.dtype.kind == "f" and np.max(values, initial=0) > most
    return 0 if is_beyond or alpha.min(initial=most) >= most else most


def shows_on_white(pixels: Pixels) -> bool:
    """Whether anything on white paper is dark enough to be read. If not, a transparent ground is laid on black."""
    return bool(pixels.min(initial=FAINTEST) < FAINTEST)


def on_paper(pixels: Pixels, alpha: npt.NDArray[Any], most: float, is_multiplied: bool = False) -> Pixels:
    """Pixels (h, w, channels) as they look on paper, given how opaque they are (h, w), in any type.

    The paper is white; it is black if nothing would show on white.

    Args:
        most: What `alpha` is where they are opaque.
        is_multiplied: Whether the pixels are multiplied by their opacity already.
    """
    found = pixels
    for start in range(0, len(pixels), ROWS):
        opaque = share(alpha[start : start + ROWS], most)[:, :, None]
        rows = pixels[start : start + ROWS] * (np.float32(1) if is_multiplied else opaque) + WHITE * (1 - opaque)
        found[start : start + ROWS] = np.clip(rows, 0, WHITE)
    if shows_on_white(found) or not alpha.any():
        return found
    for start in range(0, len(pixels), ROWS):
        ground = WHITE * (1 - share(alpha[start : start + ROWS], most)[:, :, None])
        found[start : start + ROWS] = np.clip(found[start : start + ROWS] - ground, 0, WHITE)
    return found


def most_of(alpha: npt.NDArray[Any]) -> float:
    """What an alpha channel is where it is opaque: of 10 or 12 bits, its values are not those of the whole type."""
    return 1.0 if alpha.dtype.kind == "f" else float((1 << max(int(alpha.max()).bit_length(), 8)) - 1)


def from_samples(values: npt.NDArray[Any], gray: bool) -> Pixels:
    """Samples (h, w) or (h, w, channels), greys or red first, and maybe an alpha channel, as `from_picture`."""
    values = np.atleast_3d(values)
    colours = 1 if values.shape[2] < 3 else 3
    shades = values[:, :, :colours]
    if values.shape[2] == colours:
        return from_picture(as_picture(eight_bits(shades)), gray)
    alpha = values[:, :, colours]
    most = most_of(alpha)
    pixels = on_paper(eight_bits(shades, most=white_beside(shades, alpha, most)).copy(), alpha, most)
    return from_picture(as_picture(pixels), gray)


def as_picture(pixels: Pixels, is_cmyk: bool = False) -> PillowImage.Image:
    """Pixels (h, w) or (h, w, channels), of which the first is used, or the first three or four, as a picture."""
    if pixels.ndim == 2 or pixels.shape[2] < 3:
        return PillowImage.fromarray(np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[:, :, 0]))
    if is_cmyk:
        return PillowImage.fromarray(np.ascontiguousarray(pixels[:, :, :4]), "CMYK")
    return PillowImage.fromarray(np.ascontiguousarray(pixels[:, :, :3]))


def from_picture(picture: PillowImage.Image, gray: bool) -> Pixels:
    """A picture as grey bytes (h, w) or BGR bytes (h, w, 3)."""
    if gray:
        return np.asarray(picture.convert("L"), np.uint8)
    return swapped(np.asarray(picture.convert("RGB"), np.uint8))


def swapped(pixels: Pixels) -> Pixels:
    """RGB pixels (h, w, 3) as BGR, or the reverse; OpenCV takes a tenth of NumPy's time."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), np.uint8)
