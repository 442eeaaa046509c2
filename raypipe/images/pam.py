"""PAM and PFM: Netpbm's pictures of any channels, and of floats, which Pillow does not open."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from raypipe.errors import Code, PageError
from raypipe.images.base import Kind, Size, Wanted
from raypipe.images.depth import WHITE, as_picture, eight_bits, from_picture, on_paper, white_beside
from raypipe.types import Pixels

MOST_HEADER, MOST_VALUE = 4096, 65535
_PAM = re.compile(rb"P7\n(.*?\n)?ENDHDR[ \t]*\n", re.DOTALL)
_PFM = re.compile(rb"P[Ff]\s+(\d+)\s+(\d+)\s+(-?[\d.eE+-]+)\s")
_FIELD = re.compile(rb"^(WIDTH|HEIGHT|DEPTH|MAXVAL)[ \t]+(\d+)[ \t]*$", re.MULTILINE)


class Header(NamedTuple):
    """How a picture is stored: from `start` on, rows of values of a NumPy type up to `most`; in PFM bottom-up."""

    width: int
    height: int
    channels: int
    kind: str
    start: int
    most: int = 0
    upward: bool = False


def matches(data: bytes) -> bool:
    """Whether bytes begin like a PAM or PFM file."""
    return data[:3] in (b"P7\n", b"PF\n", b"Pf\n")


def _header(data: bytes, origin: str) -> Header:
    start = data[:MOST_HEADER]
    if found := _PFM.match(start):
        kind = "<f4" if float(found[3]) < 0 else ">f4"
        return Header(int(found[1]), int(found[2]), 3 if start[1:2] == b"F" else 1, kind, found.end(), upward=True)
    found = _PAM.match(start)
    fields = {name: int(value) for name, value in _FIELD.findall(found[0] if found else b"")}
    most = fields.get(b"MAXVAL", 0)
    if found is None or len(fields) < 4 or not 1 <= fields[b"DEPTH"] <= 4 or not 1 <= most <= MOST_VALUE:
        what = f"is not a PAM or PFM file of 1 to 4 channels and values up to {MOST_VALUE}"
        raise PageError(Code.IMAGE_UNKNOWN, f"{origin} {what}.", "Save it as PNG.")
    kind = "u1" if most < 256 else ">u2"
    return Header(fields[b"WIDTH"], fields[b"HEIGHT"], fields[b"DEPTH"], kind, found.end(), most)


def describe(data: bytes, origin: str, page: int, wanted: Wanted) -> Size:
    """The size of the picture; see `Kind.describe`.

    Raises:
        PageError: `image_unknown`.
    """
    header = _header(data, origin)
    return Size(width=header.width, height=header.height)


def render(data: bytes, origin: str, page: int, size: Size, gray: bool) -> Pixels:
    """Decodes the picture; see `Kind.render`.

    Raises:
        PageError: `image_unknown` or `image_truncated`.
    """
    header = _header(data, origin)
    kind, count = np.dtype(header.kind), header.width * header.height * header.channels
    if len(data) < header.start + count * kind.itemsize:
        raise OSError("the picture is truncated")
    values = np.frombuffer(data, kind, count, header.start).reshape(header.height, header.width, header.channels)
    values = values[::-1] if header.upward else values
    colours = 1 if header.channels < 3 else 3
    shades, alpha = values[:, :, :colours], values[:, :, colours:]
    most: float = header.most if header.most < WHITE else 0
    if not alpha.size:
        return from_picture(as_picture(eight_bits(shades, most=most)), gray)
    pixels = eight_bits(shades, most=most or white_beside(shades, alpha, header.most))
    pixels = on_paper(pixels.copy(), alpha[:, :, 0], header.most)
    return from_picture(as_picture(pixels), gray)


KIND = Kind(name="pam", suffixes=frozenset((".pam", ".pfm")), matches=matches, describe=describe, render=render)
