"""Pages of TIFFs that do not say how large their strips are: viewers open them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from making import encoded
from PIL import Image as PillowImage

from raypipe.images.image import Image, Limits, open_image

LIMITS = Limits(max_bytes=10**7, max_megapixels=100, max_pages=10)
COUNTS, ROWS = 279, 16
PICTURE = np.add.outer(np.arange(60) * 2, np.arange(80)).astype(np.uint8)


def without_counts(data: bytes) -> bytes:
    """A little-endian TIFF of one page whose directory no longer says how many bytes its strips have."""
    (place,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[place : place + 2])
    end = place + 2 + 12 * count
    entries = [data[at : at + 12] for at in range(place + 2, end, 12)]
    kept = [entry for entry in entries if struct.unpack("<H", entry[:2]) != (COUNTS,)]
    assert len(kept) == count - 1
    directory = struct.pack("<H", len(kept)) + b"".join(kept) + bytes(4)
    return data[:place] + directory + bytes(12) + data[end + 4 :]


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("is_file", [False, True])
def test_a_page_whose_strips_have_no_sizes_is_read(compression: str | None, is_file: bool, tmp_path: Path) -> None:
    picture = PillowImage.fromarray(PICTURE)
    data = without_counts(encoded(picture, "TIFF", compression=compression, strip_size=ROWS * PICTURE.shape[1]))
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    image: Image = open_image(None if is_file else data, str(path), 0, True, LIMITS)
    assert image.warning == "it does not say how large its strips are"
    assert np.array_equal(image.pixels(), PICTURE)
