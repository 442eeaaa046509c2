"""Sources in memory: encoded bytes, NumPy arrays, Pillow pictures, and rows with further columns."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from raypipe.errors import InputError, reason_of
from raypipe.images.depth import as_picture, swapped
from raypipe.images.passwords import Passwords, add_passwords
from raypipe.images.pdf import unlocked
from raypipe.images.raster import pixels_of
from raypipe.types import Row

InMemory: TypeAlias = bytes | bytearray | memoryview | npt.NDArray[Any] | PillowImage.Image | Mapping[str, Any]
KINDS = (bytes, bytearray, memoryview, np.ndarray, PillowImage.Image, Mapping)
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
"""Modes of Pillow that PNG stores unchanged; others become RGB, as they do in files."""


def document(source: InMemory, number: int, column: str = "content") -> Row:
    """The document row of a source that is in memory, named by its number among the sources.

    A source is encoded bytes; an array uint8 (h, w), or (h, w, 3 or 4) in the order red, green, blue, alpha; a Pillow
    picture; or a row with `path`, or with the column of encoded bytes (for `content` also `bytes`), and any other
    columns. The row of a locked PDF may have its `password`, which is not kept.

    Raises:
        InputError: It is not one of these.
    """
    match source:
        case bytes() | bytearray() | memoryview():
            return {"path": f"bytes-{number}", column: bytes(source)}
        case np.ndarray():
            return {"path": f"array-{number}", column: _png(_picture(source, number))}
        case PillowImage.Image():
            path = getattr(source, "filename", "") or f"picture-{number}"
            try:
                return {"path": path, column: _png(source)}
            except (OSError, ValueError) as error:  # Pillow reads a file when its pixels are asked for.
                what = f"The Pillow picture {path} cannot be read: {reason_of(error)}."
                raise InputError(what, "Open it again, or give its file, which is read as far as it goes.") from error
    row = dict(source)
    if "bytes" in row and column == "content" and column not in row:
        row[column] = row.pop("bytes")
    content = row.get(column)
    if not row.get("path") and content is None:
        raise InputError(f"Row {number} of the sources has neither path nor {column}.", "Give it one of them.")
    if content is not None and not isinstance(content, (bytes, bytearray, memoryview)):
        what = f"The {column} of row {number} of the sources is {type(content).__name__}, not bytes."
        raise InputError(what, "Give the encoded file; arrays and Pillow pictures are sources themselves.")
    row = {
        **row,
        "path": str(row.get("path") or f"row-{number}"),
        column: None if content is None else bytes(content),
    }
    password = row.pop("password", None)
    if password and row[column] is not None:
        row[column] = unlocked(row[column], [password])
    elif password:
        add_passwords(Passwords({row["path"]: password}))
    return row


def _picture(array: npt.NDArray[Any], number: int) -> PillowImage.Image:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or channels not in (1, 3, 4) or not array.size:
        raise InputError(
            f"Array {number} of the sources is {array.dtype} {array.shape}, which is not a picture.",
            "Give uint8 (height, width), or (height, width, 3) in the order red, green, blue.",
        )
    return PillowImage.fromarray(np.ascontiguousarray(array[:, :, 0] if array.ndim == 3 and channels == 1 else array))


def _png(picture: PillowImage.Image) -> bytes:
    """A picture as a PNG file, with its resolution, and its EXIF data, which may turn it upright."""
    file = io.BytesIO()
    stored = picture if picture.mode in PNG_MODES else as_picture(swapped(pixels_of(picture, gray=False)))
    options = {name: picture.info[name] for name in ("dpi",) if name in picture.info}
    stored.save(file, "PNG", compress_level=1, exif=picture.getexif(), **options)
    return file.getvalue()
