"""Files that every viewer opens: what is missing or damaged is not the picture."""

from __future__ import annotations

import io
import re
import struct
import zlib

import numpy as np
import pytest
from making import carried_out, encoded
from PIL import Image as PillowImage
from PIL import PngImagePlugin

from raypipe.errors import PageError
from raypipe.images.image import Limits, open_image
from raypipe.images.png import SIGNATURE, chunks
from raypipe.metrics import Metrics
from raypipe.stages.decode import BinaryToImage, ImageOpener

LIMITS = Limits(max_bytes=10_000_000, max_megapixels=150, max_pages=100)
NOISE = np.random.default_rng(0).integers(0, 256, (400, 64, 3), dtype=np.uint8)
JPEGS = {
    "baseline": encoded(NOISE, "JPEG"),
    "progressive": encoded(NOISE, "JPEG", progressive=True),
    "restarts": encoded(NOISE, "JPEG", restart_marker_rows=1),
    "grey": encoded(NOISE[:, :, 0], "JPEG"),
    "CMYK": encoded(PillowImage.fromarray(NOISE).convert("CMYK"), "JPEG"),
}
PNG = encoded(NOISE, "PNG", dpi=(200, 200))


def read(data: bytes) -> np.ndarray:
    return open_image(data, "scan.img", 0, False, LIMITS).pixels()


def code(data: bytes) -> str:
    with pytest.raises(PageError) as caught:
        read(data)
    assert "scan.img" in str(caught.value) and caught.value.remedy
    return str(caught.value.code)


def png(*parts: tuple[bytes, bytes, int]) -> bytes:
    """A PNG of the chunks: name, body, and what is wrong with the checksum, 0 if nothing."""
    made = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body) ^ wrong)
        for name, body, wrong in parts
    ]
    return SIGNATURE + b"".join(made)


PARTS = [(chunk.name, bytes(chunk.body), 0) for chunk in chunks(PNG)]


@pytest.mark.parametrize("after", [b"", b"\xff", bytes(5000)])
@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_without_its_end_is_read(kind: str, after: bytes) -> None:
    whole = JPEGS[kind]
    image = open_image(whole[:-2] + after, "scan.img", 0, False, LIMITS)
    assert image.warning == "it lacks its end"
    assert (image.pixels() == read(whole)).all()


def with_late_height(whole: bytes, height: bytes) -> bytes:
    """A JPEG whose header gives no height, with this one, two bytes, after its first scan."""
    frame = re.search(rb"\xff[\xc0\xc2]\0", whole).start()  # type: ignore[union-attr]
    scan = whole.index(b"\xff\xda")
    end = re.compile(rb"\xff[\xc4\xd9]").search(whole, scan + 14).start()  # type: ignore[union-attr]
    segment = b"\xff\xdc\0\4" + height if height else b""
    return whole[: frame + 5] + b"\0\0" + whole[frame + 7 : end] + segment + whole[end:]


@pytest.mark.parametrize("kind", JPEGS)
def test_the_height_of_a_jpeg_may_follow_its_first_scan(kind: str) -> None:
    image = open_image(with_late_height(JPEGS[kind], b"\x01\x90"), "scan.img", 0, False, LIMITS)
    assert (image.height, image.warning) == (400, "")
    assert (image.pixels() == read(JPEGS[kind])).all()


def test_a_jpeg_that_ends_before_it_says_its_height_is_truncated() -> None:
    assert code(with_late_height(JPEGS["baseline"], b"")) == "image_truncated"


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_that_lacks_rows_is_truncated(kind: str, part: float) -> None:
    assert code(JPEGS[kind][: int(part * len(JPEGS[kind]))]) == "image_truncated"


def test_a_jpeg_of_which_its_last_scans_are_missing_is_truncated() -> None:
    """All of its rows are there, but as a blur."""
    data = JPEGS["progressive"]
    assert code(data[: data.rindex(b"\xff\xda")]) == "image_truncated"


@pytest.mark.parametrize(("place", "value", "says"), [(1, 0xC3, "lossless"), (4, 12, "12 bits")])
def test_a_jpeg_of_a_kind_that_is_not_read_says_so(place: int, value: int, says: str) -> None:
    data = bytearray(JPEGS["baseline"])
    data[data.index(b"\xff\xc0") + place] = value
    with pytest.raises(PageError, match=says) as caught:
        read(bytes(data))
    assert caught.value.code == "image_unknown"


@pytest.mark.parametrize(
    "side",
    [
        (b"tEXt", b"a\0b", 1),
        (b"zTXt", b"a\0\0" + zlib.compress(b"x" * 3_000_000), 0),
        (b"iTXt", b"x" * 2_000_000, 0),
        (b"iCCP", b"a\0\0junk", 0),
        (b"eXIf", b"junk", 1),
    ],
    ids=lambda side: side[0].decode(),
)
@pytest.mark.parametrize("place", [1, -1])
def test_a_side_chunk_of_a_png_does_not_matter(side: tuple[bytes, bytes, int], place: int) -> None:
    parts = [*PARTS[:place], side, *PARTS[place:]]
    image = open_image(png(*parts), "scan.img", 0, False, LIMITS)
    assert bool(image.warning) == bool(side[2]) and image.resolution == 200
    assert (image.pixels() == NOISE[:, :, ::-1]).all()


def test_what_turns_a_png_may_follow_its_pixels() -> None:
    exif = PillowImage.Exif()
    exif[0x112] = 6
    pixels = [part for part in PARTS if part[0] != b"IEND"]
    data = png(*pixels, (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"), 0), PARTS[-1])
    assert (read(data) == np.rot90(NOISE[:, :, ::-1], -1)).all()


def test_a_wrong_checksum_of_sound_pixels_does_not_matter() -> None:
    found = read(png(*((name, body, int(name == b"IDAT")) for name, body, _ in PARTS)))
    assert (found == NOISE[:, :, ::-1]).all()


def test_a_wrong_checksum_of_a_size_does() -> None:
    assert code(png(*((name, body, int(name == b"IHDR")) for name, body, _ in PARTS))) == "image_unknown"


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: image/x\r\n\r\n"])
@pytest.mark.parametrize(
    "data",
    [JPEGS["baseline"], PNG, encoded(NOISE, "WEBP"), encoded(NOISE, "GIF")],
    ids=["JPEG", "PNG", "WebP", "GIF"],
)
def test_text_before_a_file_is_passed_over(data: bytes, before: bytes) -> None:
    image = open_image(before + data, "scan.img", 0, False, LIMITS)
    assert image.warning and (image.pixels() == read(data)).all()


def test_a_picture_inside_another_file_is_not_read() -> None:
    assert code(b"icns\0\0\0\x20" + PNG) == "image_unknown"


@pytest.mark.parametrize("marker", [b"\xff\xe5\0\x02", b"\xff\x2c\0\x02"])
def test_a_jpeg_with_a_marker_that_cannot_be_there_is_read_with_a_warning(marker: bytes) -> None:
    data = JPEGS["baseline"]
    place = len(data) // 2
    assert open_image(data[:place] + marker + data[place:], "a.jpg", 0, False, LIMITS).warning == "it is damaged inside"


def test_tables_of_arithmetic_codes_may_stand_between_scans() -> None:
    data = JPEGS["progressive"]
    place = data.rindex(b"\xff\xda")
    assert not open_image(data[:place] + b"\xff\xcc\0\x04\0\x10" + data[place:], "a.jpg", 0, False, LIMITS).warning


@pytest.mark.parametrize("colours", ["L", "RGB"])
def test_a_hole_in_a_jpeg_is_told(colours: str) -> None:
    noise = PillowImage.effect_noise((400, 300), 60).convert(colours)
    data = encoded(noise, "JPEG")
    place = len(data) // 2
    with_hole = data[:place] + bytes(1000) + data[place + 1000 :]
    assert open_image(with_hole, "a.jpg", 0, False, LIMITS).warning == "it is damaged inside"
    assert not open_image(data + bytes(1000), "a.jpg", 0, False, LIMITS).warning


@pytest.mark.parametrize("name", ["restarts", "grey"])
@pytest.mark.parametrize("rows", [1, 3])
def test_a_jpeg_that_lacks_a_part_between_its_restarts_is_told(name: str, rows: int) -> None:
    noise = NOISE if name == "restarts" else NOISE[:, :, 0]
    data = encoded(noise, "JPEG", restart_marker_rows=rows)
    place = len(data) // 2
    assert not open_image(data, "a.jpg", 0, False, LIMITS).warning
    assert open_image(data[:place] + data[place + 4000 :], "a.jpg", 0, False, LIMITS).warning == "it is damaged inside"


def test_a_jpeg_that_was_transferred_as_text_is_told() -> None:
    data = JPEGS["baseline"].replace(b"\n", b"\r\n")
    assert open_image(data, "a.jpg", 0, False, LIMITS).warning == "it is damaged inside"


def test_zeros_that_are_pixels_are_no_hole() -> None:
    data = encoded(PillowImage.new("L", (1500, 2000), 255), "JPEG", optimize=True)
    assert bytes(1000) in data and not open_image(data, "a.jpg", 0, False, LIMITS).warning


def test_a_sound_file_has_no_warning() -> None:
    video = io.BytesIO(JPEGS["baseline"] + b"film" * 100)
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "page")
    for data in (*JPEGS.values(), video.getvalue(), PNG, encoded(NOISE, "PNG", pnginfo=info)):
        assert open_image(data, "scan.img", 0, False, LIMITS).warning == ""


def packed(pixels: np.ndarray) -> bytes:
    """The rows of a grey picture as a PNG has them, unfiltered."""
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))


GREY = NOISE[:, :, 0]
IHDR = (b"IHDR", struct.pack(">IIBBBBB", 64, 400, 8, 0, 0, 0, 0), 0)
IEND = (b"IEND", b"", 0)


def late_warning(data: bytes) -> tuple[np.ndarray, str]:
    (row,) = carried_out(
        ImageOpener(BinaryToImage(image_type="TYPE_BYTE_GRAY"), 1, Metrics()),
        [{"path": "scan.img", "pagenum": 0, "total_pages": 1, "content": data, "exception": None}],
    )
    return row["image"].pixels(), row["warning"]


def test_a_wrong_checksum_inside_of_the_pixels_does_not_matter() -> None:
    pixels, warning = late_warning(png(IHDR, (b"IDAT", packed(GREY)[:-4] + b"abcd", 0), IEND))
    assert (pixels == GREY).all() and warning == "scan.img: its checksum is wrong."


def png_without(row: int, how: str) -> bytes:
    """A PNG that is damaged from a row on."""
    packer = zlib.compressobj()
    before, rest = (b"".join(b"\0" + each.tobytes() for each in part) for part in (GREY[:row], GREY[row:]))
    first = packer.compress(before) + packer.flush(zlib.Z_SYNC_FLUSH)
    last = packer.compress(rest) + packer.flush()
    body = {
        "cut off": first,
        "few rows": packed(GREY[:row]),
        "damaged": first + b"\x07" + last[1:],
        "filter": zlib.compress(before + b"\x09" + rest[1:]),
    }
    if how == "no length":
        return png(IHDR, (b"IDAT", first + last, 0))[: -len(last) - 4]
    return png(IHDR, (b"IDAT", body[how], 0), IEND)


HOW = ["cut off", "few rows", "damaged", "filter", "no length"]


@pytest.mark.parametrize("how", HOW)
def test_a_png_may_lack_a_few_rows(how: str) -> None:
    pixels, warning = late_warning(png_without(394, how))
    assert (pixels[:394] == GREY[:394]).all() and (pixels[394:] == 255).all()
    assert warning == "scan.img: 1.5 % of its rows are missing."


@pytest.mark.parametrize("how", HOW)
def test_a_png_that_lacks_rows_is_truncated(how: str) -> None:
    assert code(png_without(300, how)) == "image_truncated"


def test_missing_rows_of_a_palette_are_its_brightest_colour() -> None:
    picture = PillowImage.new("P", (8, 100), 1)
    picture.putpalette([0, 0, 0, 9, 9, 9, 250, 250, 250, 20, 20, 20])
    data = encoded(picture, "PNG", bits=2)
    parts = [(c.name, zlib.compress(zlib.decompress(c.body)[:-3]) if c.name == b"IDAT" else bytes(c.body), 0)
             for c in chunks(data)]  # fmt: skip
    assert np.unique(read(png(*parts))[99:]).tolist() == [250]


def test_a_png_without_any_row_is_truncated() -> None:
    assert code(png(IHDR, (b"IDAT", packed(GREY)[:20], 0), IEND)) == "image_truncated"


@pytest.mark.parametrize("kind", ["baseline", "grey"])
def test_a_jpeg_that_was_cut_off_and_closed_is_truncated(kind: str) -> None:
    assert code(JPEGS[kind][: len(JPEGS[kind]) // 2] + b"\xff\xd9") == "image_truncated"


def test_a_jpeg_that_is_grey_is_whole() -> None:
    assert np.unique(read(encoded(PillowImage.new("L", (64, 64), 128), "JPEG"))).tolist() == [128]


@pytest.mark.parametrize("mode", ["1", "L"])
def test_a_tiff_that_does_not_say_what_0_is_is_no_negative(mode: str) -> None:
    picture = PillowImage.fromarray(GREY).convert(mode)
    data = encoded(picture, "TIFF").replace(
        struct.pack("<HHIHH", 262, 3, 1, 1, 0), struct.pack("<HHIHH", 261, 3, 1, 1, 0)
    )
    assert (read(data)[:, :, 0] == np.asarray(picture.convert("L"))).all()


@pytest.mark.parametrize("chunk", [(b"pHYs", bytes(3)), (b"eXIf", b"no EXIF"), (b"iCCP", b"no profile")])
def test_a_side_chunk_of_nonsense_does_not_matter(chunk: tuple[bytes, bytes]) -> None:
    assert (read(png(PARTS[0], (*chunk, 0), *PARTS[1:])) == NOISE[:, :, ::-1]).all()


def test_a_png_without_its_palette_is_damaged() -> None:
    data = encoded(PillowImage.fromarray(NOISE).quantize(16), "PNG")
    assert code(png(*((each.name, bytes(each.body), 0) for each in chunks(data) if each.name != b"PLTE"))) == (
        "image_damaged"
    )


def test_a_jpeg_that_claims_many_more_rows_than_it_has() -> None:
    """Its few bytes decode to a grey page, which would be read as an empty one."""
    data = JPEGS["baseline"]
    size = data.find(b"\xff\xc0") + 5
    assert code(data[:size] + struct.pack(">HH", 2000, 1600) + data[size + 4 :]) == "image_truncated"


def test_a_grey_page_is_whole() -> None:
    """A page may be of the grey that decoders give for missing data."""
    assert (read(encoded(np.full((64, 64, 3), 128, np.uint8), "JPEG")) == 128).all()
