"""Pictures of rows in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from raypipe.errors import ConfigError, nearest
from raypipe.images.image import BGR, GRAY, IMAGE, Image
from raypipe.stages.draw import encode


def display_images(
    rows: Iterable[Mapping[str, Any]], field: str = "image", limit: int = 5, width: str = "600", show_meta: bool = True
) -> None:
    """Shows the pictures of a column in a notebook, as Visual NLP's function of this name does.

    Args:
        rows: Pages of `Pipeline.run`, or rows of a dataset.
        field: A column of pictures: `image`, or one with encoded pictures such as `image_with_regions`.
        limit: Most pictures to show.
        width: Width of each in pixels.
        show_meta: Print origin, resolution, size and mode above each.

    Raises:
        ConfigError: This is not a notebook, or there is no such column of pictures.
    """
    try:
        from IPython.display import Image as Picture
        from IPython.display import display
    except ImportError as error:
        raise ConfigError(
            "display_images needs IPython.", "Run it in a notebook, or write the bytes to files."
        ) from error
    for number, row in enumerate(islice(rows, limit)):
        value, image = _shown(row, field), _decoded(row.get("image"))
        if show_meta and isinstance(image, Image):
            print(described(number, IMAGE.encode(image)))  # noqa: T201 - printing is its purpose
        if value is not None:
            data = encode(value.pixels(), "png") if isinstance(value, Image) else value
            display(Picture(data=data, width=int(width)))


def _shown(row: Mapping[str, Any], field: str) -> Any:
    """What is shown of a row: a picture, encoded or not; None if it has none."""
    if not isinstance(row, Mapping):
        raise ConfigError(f"{row!r} is not a row.", "Give pages of Pipeline.run, or rows of a dataset.")
    value = _decoded(row.get(field))
    if field not in row or not isinstance(value, Image | bytes | None):
        why = f"A row has no pictures in {field!r}."
        raise ConfigError(why, f"{nearest(field, row)}Its columns are {', '.join(row)}.")
    return value


def _decoded(value: Any) -> Any:
    """A picture from a dataset's row in the form it has in a page."""
    return IMAGE.decode(value) if isinstance(value, dict) else value


def described(number: int, image: Mapping[str, Any]) -> str:
    """What a picture is, as Visual NLP prints it, from the fields of its column."""
    modes = {BGR: "ImageType.TYPE_3BYTE_BGR", GRAY: "ImageType.TYPE_BYTE_GRAY"}
    return (
        f"\n    Image #{number}:\n"
        f"    Origin: {image['origin']}\n"
        f"    Resolution: {image['resolution']} dpi\n"
        f"    Width: {image['width']} px\n"
        f"    Height: {image['height']} px\n"
        f"    Mode: {modes[image['mode']]}\n"
        f"    Number of channels: {image['nChannels']}"
    )
