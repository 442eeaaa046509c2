"""Pictures of a frame in a notebook."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from PIL import Image as PillowImage
from pydantic import AfterValidator

from raypipe.display import described
from raypipe.errors import ConfigError, PageError
from raypipe.images.depth import swapped
from raypipe.images.image import GRAY, IMAGE
from raypipe.visual.absent import ABSENT_HELPERS, stand_ins
from raypipe.visual.checked import checked
from raypipe.visual.frame import Frame
from raypipe.visual.once import warn
from raypipe.visual.records import decoded
from raypipe.visual.session import start
from raypipe.visual.transformers import PdfToImage

__all__ = [
    "display_image",
    "display_images",
    "display_images_horizontal",
    "display_pdf",
    "display_pdf_file",
    "to_pil_image",
    *ABSENT_HELPERS,
]

Width = Annotated[str | int, AfterValidator(int)]
"""A width on the screen in pixels, also as text."""

__getattr__ = stand_ins(__name__, ABSENT_HELPERS)


def to_pil_image(image: Any, mode: int | None = None) -> PillowImage.Image:
    """A Pillow picture from an Image struct as `collect` gives it, with its pixels.

    Its mode is 5 (BGR) or 10 (grey); None: as it says itself.

    Raises:
        ConfigError: It has no pixels, or is no picture.
    """
    values = image.asDict() if hasattr(image, "asDict") else image
    if not isinstance(values, dict) or not values.get("data"):
        raise ConfigError(
            f"{type(image).__name__} is not a picture with pixels.", "Give row.image of a row of collect()."
        )
    channels = 1 if (mode or values.get("mode")) == GRAY else 3
    try:
        pixels = np.frombuffer(values["data"], np.uint8).reshape(values["height"], values["width"], channels)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"The picture is incomplete: {error}.", "Give row.image of a row of collect().") from error
    return PillowImage.fromarray(pixels[:, :, 0] if channels == 1 else swapped(pixels))


@checked
def display_image(image: Any, width: Width = "600", show_meta: bool = True) -> None:
    """Shows an Image struct as `collect` gives it, with its pixels; see `display_images_horizontal`."""
    picture = to_pil_image(image)
    if show_meta:
        print(described(0, image))  # noqa: T201 - printing is its purpose
    _show([picture], int(width))


def display_images(
    df: Frame, field: str = "image", limit: int = 5, width: Width = "600", show_meta: bool = True
) -> None:
    """Shows the pictures of a column; see `display_images_horizontal`."""
    display_images_horizontal(df, field, limit, width, show_meta)


@checked
def display_images_horizontal(
    df: Frame, fields: str = "image", limit: int = 5, width: Width = "600", show_meta: bool = True
) -> None:
    """Shows pictures of columns, named with commas between, side by side in a notebook; elsewhere prints what they are.

    Args:
        df: The frame.
        fields: The columns.
        limit: Most rows.
        width: Width of all together on the screen, in pixels.
        show_meta: Print origin, resolution, size and mode above each.

    Raises:
        ConfigError: There is no such column of pictures.
    """
    names = [name.strip() for name in fields.split(",")]
    for name in names:
        if name not in df.schema.names or df.tables.schema.field(name).type != IMAGE.arrow:
            raise ConfigError(f"The frame has no pictures in {name!r}.", f"Its columns are {', '.join(df.columns)}.")
    number = 0
    for table in df.limit(limit).tables:
        for row in table.select(names).to_pylist():
            if show_meta:
                for each in row.values():
                    print(described(number, each) if each else f"\n    Image #{number}: none, see exception")  # noqa: T201
            _show([_picture(each) for each in row.values() if each], int(width))
            number += 1


@checked
def display_pdf(
    df: Frame, field: str = "content", limit: int = 5, width: Width = "600", show_meta: bool = True
) -> None:
    """Shows the pages of PDFs, from the column of their bytes; see `display_images_horizontal`."""
    display_images(PdfToImage(inputCol=field, resolution=100).transform(df), "image", limit, width, show_meta)


@checked
def display_pdf_file(pdf: str | Path, size: tuple[int, int] = (600, 500)) -> None:
    """Shows the first five pages of a PDF; `size`: their width on the screen, and a height that is not needed.

    Raises:
        InputError: There is no such file.
    """
    display_pdf(start().read.format("binaryFile").load(pdf), width=size[0], show_meta=False)


def _picture(value: dict[str, Any]) -> PillowImage.Image | None:
    try:
        pixels = decoded(IMAGE.decode(value))
    except PageError as error:
        print(f"    {error}")  # noqa: T201
        return None
    return PillowImage.fromarray(pixels if pixels.ndim == 2 else swapped(pixels))


def _show(pictures: Sequence[PillowImage.Image | None], width: int) -> None:
    """Shows pictures side by side, scaled to a common width and as JPEG: a notebook keeps what it shows."""
    try:
        from IPython.display import Image, display
    except ImportError:
        warn("Pictures are shown in notebooks, with IPython.")
        return
    there = [picture for picture in pictures if picture]
    if not there:
        return
    each = max(width // len(there), 1)
    small = [picture.resize((each, max(round(picture.height * each / picture.width), 1))) for picture in there]
    board = PillowImage.new("RGB", (each * len(small), max(picture.height for picture in small)), "white")
    for number, picture in enumerate(small):
        board.paste(picture, (number * each, 0))
    file = io.BytesIO()
    board.save(file, "JPEG", quality=85)
    display(Image(data=file.getvalue(), format="jpeg"))
