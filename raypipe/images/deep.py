"""Colours of more than 8 bits: Pillow keeps the upper 8, so that dark ones become black, as does white in JPEG 2000."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from raypipe.errors import Code, PageError
from raypipe.images import codestreams
from raypipe.images.depth import from_samples
from raypipe.types import Pixels

MODES = ("L", "RGB", "LA", "RGBA")
"""Pillow's modes of pictures that OpenCV decodes to all their bits."""

SILENT = 0
"""OpenCV's level of messages at which it writes none."""


def needed(picture: PillowImage.Image, data: bytes) -> bool:
    """Whether a picture that is open, but not loaded, has more bits than Pillow keeps."""
    if picture.format == "JPEG2000":
        return not picture.mode.startswith("I") and codestreams.bits(data) > 8
    if picture.format not in ("PNG", "PPM") or picture.mode not in MODES:
        return False
    codec, _, _, how = getattr(picture, "tile")[0]  # noqa: B009 - only of pictures in files
    if picture.format == "PNG":
        return str(how).endswith(";16B")
    return codec == "ppm" and int(how[1]) > np.iinfo(np.uint8).max  # The mode and the highest value of a binary file.


def pixels_of(picture: PillowImage.Image, data: bytes, origin: str, gray: bool) -> Pixels:
    """The pixels of such a picture, as `depth.from_samples`.

    Raises:
        PageError: `image_unknown`, OpenCV does not decode it.
    """
    values = unchanged(data)
    if values is None or picture.mode not in MODES:
        what = f"{picture.format} in {picture.mode} of more than 8 bits"
        raise PageError(Code.IMAGE_UNKNOWN, f"{origin} is {what}, which is not read.", "Save it with 8 bits.")
    if values.ndim == 3:
        values = cv2.cvtColor(values, cv2.COLOR_BGR2RGB if values.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
    return from_samples(values, gray)


def unchanged(data: bytes | npt.NDArray[np.uint8], page: int = 0) -> npt.NDArray[Any] | None:
    """The samples of a page as OpenCV decodes them, (h, w), or (h, w, 3 or 4) with blue first; None if it cannot."""
    # It would tell the terminal, not the page's row. The function has moved in OpenCV 5.
    getattr(cv2.utils, "logging", cv2).setLogLevel(SILENT)
    found: Any = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED, range=(page, page + 1))[1]
    return found[0] if found else None
