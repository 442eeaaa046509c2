from __future__ import annotations

import io
import re
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from making import boxes, encoded
from opening import LIMITS, failure, opened, pixels, quarters, same, tiff_of_pages
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from raypipe.errors import PageError
from raypipe.images import jpeg
from raypipe.images.base import Wanted
from raypipe.images.depth import white_beside
from raypipe.images.image import BGR, GRAY, open_image
from raypipe.images.kinds import page_count

FORMATS = ["JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "PPM", "JPEG2000", "TGA", "PCX", "SGI", "QOI"]
LOSSLESS = {"quality": 95, "subsampling": 0}


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("kind", FORMATS)
def test_formats(kind: str, gray: bool) -> None:
    assert same(pixels(encoded(quarters(), kind), gray=gray), quarters())


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA"])
def test_png_modes(mode: str, gray: bool) -> None:
    picture = PillowImage.fromarray(quarters()).convert(mode)
    assert same(pixels(encoded(picture, "PNG"), gray=gray), np.asarray(picture.convert("RGB")), 1.5)


@pytest.mark.parametrize("gray", [False, True])
def test_cmyk_jpeg(gray: bool) -> None:
    data = encoded(PillowImage.fromarray(quarters()).convert("CMYK"), "JPEG", quality=95)
    assert PillowImage.open(io.BytesIO(data)).mode == "CMYK"
    assert same(pixels(data, gray=gray), quarters())


def test_grey_jpeg_in_colour() -> None:
    found = pixels(encoded(PillowImage.fromarray(quarters()).convert("L"), "JPEG"))
    assert (found[:, :, 0] == found[:, :, 2]).all()


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"])
def test_tiff_compressions(compression: str | None, gray: bool) -> None:
    assert same(pixels(encoded(quarters(), "TIFF", compression=compression), gray=gray), quarters())


@pytest.mark.parametrize("compression", [None, "group3", "group4"])
def test_tiff_of_one_bit(compression: str | None) -> None:
    bits = quarters()[:, :, 0] > 100
    data = encoded(PillowImage.fromarray(bits), "TIFF", compression=compression)
    assert (pixels(data, gray=True) == np.where(bits, 255, 0)).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("brightest", [1023, 4095, 65535])
def test_sixteen_bit_grey_is_scaled_to_its_brightest(kind: str, brightest: int) -> None:
    values = np.linspace(0, brightest, 32 * 64).reshape(32, 64).astype(np.uint16)
    expected = values.astype(float) * 255 / brightest
    assert np.abs(pixels(encoded(values, kind), gray=True) - expected).max() <= 1
    assert np.abs(pixels(encoded(values, kind))[:, :, 1] - expected).max() <= 1


def test_sixteen_bit_grey_of_eight_bit_values_stays() -> None:
    values = np.arange(200, dtype=np.uint16).reshape(10, 20)
    assert (pixels(encoded(values, "PNG"), gray=True) == values).all()


@pytest.mark.parametrize("brightest", [255, 1])
def test_float_tiff(brightest: float) -> None:
    """The brightest value becomes white, also where white is 1."""
    values = (np.linspace(0, 1, 600).reshape(20, 30) * brightest).astype(np.float32)
    assert np.abs(pixels(encoded(values, "TIFF"), gray=True) - values * 255 / brightest).max() <= 1


def test_transparency_is_laid_on_white() -> None:
    rgba = np.zeros((10, 30, 4), np.uint8)
    rgba[:, 10:20] = (200, 0, 0, 255)
    rgba[:, 20:] = (0, 0, 0, 128)
    found = pixels(encoded(rgba, "PNG"))
    assert found[5, 5].tolist() == [255, 255, 255]
    assert found[5, 15].tolist() == [0, 0, 200]
    assert np.abs(found[5, 25].astype(int) - 127).max() <= 1
    assert pixels(encoded(rgba, "PNG"), gray=True)[5, 5] == 255


@pytest.mark.parametrize(("colour", "paper"), [(255, 0), (230, 0), (180, 255)])
def test_bright_letters_on_a_transparent_ground_are_laid_on_black(colour: int, paper: int) -> None:
    rgba = np.zeros((10, 30, 4), np.uint8)
    rgba[:, 10:20] = (colour, colour, colour, 255)
    found = pixels(encoded(rgba, "PNG"), gray=True)
    assert found[5, 5] == paper and found[5, 15] == colour


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_picture_of_nothing_is_white(kind: str) -> None:
    assert (pixels(encoded(np.zeros((10, 30, 4), np.uint8), kind), gray=True) == 255).all()


@pytest.mark.parametrize(("brightest", "transparent", "white"), [(9, 0, 0), (9, 1, 65535), (70000.0, 1, 0)])
def test_the_brightest_grey_is_white_unless_it_may_be_ink(brightest: float, transparent: int, white: float) -> None:
    values, alpha = np.array([brightest, 0]), np.array([65535, 65535 * (1 - transparent)])
    assert white_beside(values, alpha, 65535) == white


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_palette_with_transparency_is_laid_on_white(kind: str) -> None:
    picture = PillowImage.new("P", (20, 10), 0)
    picture.putpalette([10, 20, 30, 200, 0, 0])
    picture.paste(1, (10, 0, 20, 10))
    found = pixels(encoded(picture, kind, transparency=0))
    assert found[5, 5].tolist() == [255, 255, 255]
    assert found[5, 15].tolist() == [0, 0, 200]


@pytest.mark.parametrize("kind", ["BMP", "TGA"])
def test_a_fourth_channel_of_zeros_is_none(kind: str) -> None:
    """Programs leave it so in these formats, and viewers show the colours."""
    rgba = np.dstack([quarters(), np.zeros((32, 64), np.uint8)])
    data = encoded(rgba, kind)
    if kind == "BMP":  # Pillow writes no alpha channel: a header of version 5 says that there is one.
        masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(64)
        head = struct.pack("<IiiHHIIiiII", 124, 64, -32, 1, 32, 3, rgba.size, 0, 0, 0, 0) + masks
        data = b"BM" + struct.pack("<III", 138 + rgba.size, 0, 138) + head + rgba[:, :, [2, 1, 0, 3]].tobytes()
    assert same(pixels(data), quarters(), 1)


@pytest.mark.parametrize(("ink", "shades"), [((65535,), (0, 255)), ((257, 25_700), (255, 1, 100))])
def test_a_grey_of_sixteen_bits_that_stands_for_nothing(ink: tuple[int, ...], shades: tuple[int, ...]) -> None:
    """The ground is black beside white ink, and white beside dark ink, of which the brightest is no paper."""
    values = np.array([300, *ink], np.uint16)[None].repeat(10, 0)
    assert (pixels(encoded(values, "PNG", transparency=300), gray=True) == shades).all()


INVERSE = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}
"""How a picture is stored that is upright after each EXIF orientation (6: turn clockwise to see it upright)."""


def turned(orientation: int, kind: str, size: int = 1) -> bytes:
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(INVERSE[orientation](quarters().repeat(size, 0).repeat(size, 1)))
    options = LOSSLESS if kind == "JPEG" else {}
    return encoded(stored, kind, exif=exif, **options)


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("orientation", INVERSE)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation(kind: str, orientation: int, gray: bool) -> None:
    data = turned(orientation, kind)
    image = opened(data)
    assert (image.width, image.height) == (64, 32)
    assert same(pixels(data, gray=gray), quarters())


def test_orientation_in_xmp_alone() -> None:
    """Width and height are those of the pixels, whatever the decoder makes of XMP."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    image = opened(encoded(quarters(), "JPEG", xmp=xmp))
    assert image.pixels().shape == (image.height, image.width, 3)


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("orientation", [1, 6, 8])
@pytest.mark.parametrize(
    ("reduce", "factor"), [(0, 1), (513, 1), (512, 1), (256, 2), (200, 2), (100, 4), (64, 8), (8, 8)]
)
def test_reduced_decoding(reduce: int, factor: int, orientation: int, gray: bool) -> None:
    """512 x 256 is decoded smaller while its longer side keeps `reduce` pixels."""
    image = opened(turned(orientation, "JPEG", 8), gray=gray, reduce=reduce)
    assert (image.width, image.height, image.reduction) == (512, 256, factor)
    found = image.pixels()
    assert found.shape[:2] == (256 // factor, 512 // factor)
    assert same(found, quarters().repeat(8 // factor, 0).repeat(8 // factor, 1))


@pytest.mark.parametrize(
    ("reduce", "quality", "progressive", "omitted"),
    [
        (160, 90, True, 1),  # A mean step of 11.5, where 24 is coarse enough.
        (80, 90, True, 2),
        (160, 80, True, 0),  # 23.1
        (80, 80, True, 2),  # Four times the pixels: 96 is coarse enough.
        (80, 75, True, 1),
        (80, 90, False, 0),
        (0, 90, True, 0),
    ],
)
def test_bits_left_out_of_a_jpeg(reduce: int, quality: int, progressive: bool, omitted: int) -> None:
    """Only as far as a picture of 160 x 120 is finer than one of `reduce` pixels has to be."""
    data = encoded(cv2.GaussianBlur(NOISE, (0, 0), 1), "JPEG", quality=quality, progressive=progressive)
    exact, image = opened(data, reduce=reduce), opened(data, reduce=reduce, omit=2)
    assert (exact.omitted_bits, image.omitted_bits) == (0, omitted)
    error = np.abs(image.pixels().astype(float) - exact.pixels()).mean()
    assert error < 12  # As `same`.
    assert (error > 0) == (omitted > 0) == (len(jpeg.without_bits(data, omitted)) < 0.8 * len(data))


def test_bits_left_out_of_a_jpeg_whose_steps_have_two_bytes() -> None:
    data = encoded(NOISE, "JPEG", quality=90, progressive=True)
    wide = re.sub(
        rb"\xff\xdb\0\x43([\0\1])(.{64})",
        lambda found: b"\xff\xdb\0\x83" + bytes([16 | found[1][0]]) + b"".join(bytes([0, n]) for n in found[2]),
        data,
        flags=re.DOTALL,
    )
    assert len(wide) == len(data) + 128
    assert opened(wide, reduce=80, omit=2).omitted_bits == 2
    assert (pixels(wide) == pixels(data)).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_only_jpegs_are_reduced(kind: str) -> None:
    image = opened(encoded(quarters(), kind), reduce=8)
    assert image.reduction == 1
    assert image.pixels().shape == (32, 64, 3)


@pytest.mark.parametrize("size", [(1000, 800), (1001, 799), (301, 1003)])
def test_coordinates_of_a_reduced_page(size: tuple[int, int]) -> None:
    image = opened(encoded(PillowImage.new("RGB", size), "JPEG"), reduce=100)
    some = boxes((10, 20, 30, 8, 7), (100, 90, 40, 10, -3))
    factor = image.reduction
    assert factor == 8
    assert np.allclose(image.enlarge(some), some * [factor, factor, factor, factor, 1], rtol=0.01)
    assert np.allclose(image.reduce(image.enlarge(some)), some)


def test_pixels_in_colour_of_a_grey_page() -> None:
    image = opened(encoded(quarters(), "PNG"), gray=True)
    assert (image.mode, image.pixels().ndim) == (GRAY, 2)
    assert image.bgr().shape == (32, 64, 3)
    assert opened(encoded(quarters(), "PNG")).mode == BGR


def test_resolution() -> None:
    assert opened(encoded(quarters(), "TIFF", dpi=(300, 300))).resolution == 300
    assert opened(encoded(quarters(), "JPEG", dpi=(200, 200))).resolution == 200
    assert opened(encoded(quarters(), "BMP")).resolution in (0, 96)
    assert opened(encoded(quarters(), "WEBP")).resolution == 0


@pytest.mark.parametrize("gray", [True, False])
@pytest.mark.parametrize(
    ("dots", "orientation", "size"),
    [((204, 98), 1, (60, 83)), ((204, 98), 6, (83, 60)), ((204, 391), 3, (115, 40)), ((408, 391), 1, (60, 40))],
)
def test_a_fax_has_square_dots(dots: tuple[int, int], orientation: int, size: tuple[int, int], gray: bool) -> None:
    left_half = PillowImage.fromarray(np.arange(60 * 40).reshape(40, 60) % 60 >= 30)
    tags = {274: orientation, 282: float(dots[0]), 283: float(dots[1]), 296: 2}
    image = opened(encoded(left_half, "TIFF", compression="group4", tiffinfo=tags), gray=gray)
    pixels = image.pixels()
    assert (image.width, image.height) == pixels.shape[1::-1] == size
    assert image.resolution == max(dots) and abs(float(pixels.mean()) - 127.5) < 2


def test_a_resolution_of_nothing_by_nothing() -> None:
    """Some scanners write the fraction 0/0."""
    data = bytearray(encoded(quarters(), "TIFF", dpi=(300, 300)))
    at = data.find(struct.pack("<HHI", 282, 5, 1))
    (offset,) = struct.unpack_from("<I", data, at + 8)
    data[offset : offset + 8] = bytes(8)
    image = opened(bytes(data))
    assert image.resolution == 0
    assert same(image.pixels(), quarters())


@pytest.mark.parametrize("dots", [4_294_967_295, 100_001, 0])
def test_resolutions_that_cannot_be(dots: int) -> None:
    data = encoded(PillowImage.fromarray(quarters()), "TIFF", x_resolution=dots, y_resolution=dots, resolution_unit=2)
    assert opened(data).resolution == 0


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize(("name", "picture"), [("quarters", quarters()), ("several", 255 - quarters())])
def test_a_photo_in_heic(name: str, picture: np.ndarray, gray: bool) -> None:
    """Of several pictures, the second of which is the one to show."""
    data = (Path(__file__).parents[1] / "data" / "pictures" / f"{name}.heic").read_bytes()
    assert page_count(data) == 1
    assert same(pixels(data, gray=gray), picture)


def test_pixels_are_decoded_once_and_the_file_let_go(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(quarters(), "PNG"))
    image = open_image(None, str(path), 0, False, LIMITS)
    first = image.pixels()
    path.unlink()
    assert image.pixels() is first
    assert image.data is None


NOISE = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
WHOLE = {
    "JPEG": encoded(NOISE, "JPEG"),
    "progressive": encoded(NOISE, "JPEG", progressive=True),
    "CMYK": encoded(PillowImage.fromarray(NOISE).convert("CMYK"), "JPEG"),
    "PNG": encoded(NOISE, "PNG"),
    "palette": encoded(PillowImage.fromarray(NOISE).convert("P"), "PNG"),
    "WEBP": encoded(NOISE, "WEBP"),
    "BMP": encoded(NOISE, "BMP"),
    "TIFF": encoded(NOISE, "TIFF", compression="tiff_lzw"),
    "GIF": encoded(NOISE, "GIF"),
    "JPEG2000": encoded(NOISE, "JPEG2000"),
    "AVIF": encoded(NOISE, "AVIF"),
}
DAMAGED = {"image_truncated", "image_damaged", "image_unknown"}


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["JPEG", "progressive", "CMYK", "PNG", "palette"])
def test_a_file_cut_off_is_truncated(kind: str, part: float) -> None:
    whole = WHOLE[kind]
    lacks = int(max((1 - part) * len(whole), 0.03 * len(whole)))  # PNGs are read if they lack a row or two.
    assert failure(whole[:-lacks]).code == "image_truncated"


def test_a_cut_jpeg_with_a_thumbnail_is_truncated() -> None:
    """The thumbnail brings its own end marker."""
    exif = PillowImage.Exif()
    exif[0x010E] = encoded(quarters(), "JPEG").decode("latin-1")
    whole = encoded(NOISE, "JPEG", exif=exif)
    assert whole.count(b"\xff\xd9") >= 1
    assert failure(whole[:-40]).code == "image_truncated"


def test_bytes_after_the_end_of_a_jpeg_do_no_harm() -> None:
    assert pixels(WHOLE["JPEG"] + bytes(1000)).shape == (120, 160, 3)


@pytest.mark.parametrize("kind", WHOLE)
def test_damage_anywhere_is_an_error_of_the_page_or_none(kind: str) -> None:
    """Cut or overwritten in many places: pixels of the size that the header gave, or a PageError, and nothing else."""
    random = np.random.default_rng(1)
    for n in range(60):
        data = bytearray(WHOLE[kind])
        if n % 3 == 0:
            data = data[: random.integers(4, len(data))]
        else:
            end = len(data) if n % 3 == 1 else 300
            data[random.integers(0, end)] = random.integers(0, 256)
        try:
            image = opened(bytes(data))
            assert image.pixels().shape[:2] == (image.height, image.width)
        except PageError as error:
            assert error.code in {*DAMAGED, "image_too_large"}


@pytest.mark.parametrize("page", [0, 1, 2])
@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_cut_tiff_of_pages_is_an_error_of_the_page_or_none(part: float, page: int) -> None:
    data = tiff_of_pages(3)
    data = data[: int(part * len(data))]
    assert 1 <= page_count(data) <= 3
    try:
        assert pixels(data, page).shape == (32, 64, 3)
    except PageError as error:
        assert error.code in {*DAMAGED, "page_missing"}


def test_a_jpeg_with_broken_exif_is_read_as_it_lies() -> None:
    data = turned(6, "JPEG").replace(b"Exif\0\0MM", b"Exif\0\0ZZ").replace(b"Exif\0\0II", b"Exif\0\0ZZ")
    assert b"ZZ" in data
    image = opened(data)
    assert image.pixels().shape == (image.height, image.width, 3) == (64, 32, 3)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "image_empty"),
        (b"just some text\n" * 10, "image_unknown"),
        (b"PK\x03\x04" + bytes(200), "image_unknown"),
        (b"%PDF-1.7\n" + bytes(200), "pdf_damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "image_unknown"),
        (b"\xff\xd8\xff", "image_unknown"),
        (b"P6\n0 0\n255\n", "image_unknown"),
        (b"II*\0\x08" + bytes(20), "image_damaged"),
        (b"P7\nWIDTH 0\nHEIGHT 0\nDEPTH 1\nMAXVAL 1\nTUPLTYPE X\nENDHDR\n", "image_damaged"),
    ],
)
def test_what_is_no_picture(data: bytes, code: str) -> None:
    assert failure(data).code == code


RAW_PHOTOS = (b"FUJIFILMCCD-RAW 0201", b"IIRO\x08\0\0\0", b"IIU\0\x18\0\0\0", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"AT&TFORM\0\0\1\0DJVMDIRM" + bytes(30), "DjVu.*ddjvu"),
        (b"<?xml version='1.0'?>\n<SVG xmlns='a'/>", "SVG.*PNG or PDF"),
        (b"<!DOCTYPE HTML><title>404</title>", "web page.*again"),
        (b"PK\x03\x04" + bytes(200), "Office.*PDF"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS.*pull"),
        (bytes(128) + b"DICM", "DICOM.*PNG"),
        (bytes(500), "zeros.*again"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(50), "7-Zip.*Unpack"),
        (b"/9j/4AAQSkZJRgABAQ==", "base64.*Decode"),
        (b"data:image/png;base64,iVBORw0KGgo=", "base64.*Decode"),
        (b"Rar!\x1a\x07\x01\0" + bytes(50), "RAR.*Unpack"),
        (b"\0\0\0\x18ftypisom" + bytes(50), "video.*JPEG"),
        (b"RIFF\0\0\1\0AVI LIST" + bytes(50), "video.*JPEG"),
        (b"BZh91AY&SY" + bytes(50), "bzip2.*Unpack"),
        (b"a/page.png".ljust(257, b"\0") + b"ustar\x0000" + bytes(300), r"TAR.*\.tar"),
        (b"Return-Path: <>\nMIME-Version: 1.0\nSubject: scan\n\n", "e-mail.*attachments"),
        (b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>", "XML.*server"),
        (b'{"error": "expired"}', "text.*server"),
        ("Zur Prüfung: ä".encode()[:-1], "text.*server"),
        ("Liste".encode("utf-16"), "text.*server"),
        (b"P6\n0 0\n255\n", "PNM.*again"),
        (b"\xff\xd8\xff\xf7\0\x0b\x08" + bytes(50), "JPEG-LS.*PNG"),
        (b"\xff\xd8\xff\xe8\0\x06SPIF\xff\xf7\0\x0b\x08" + bytes(50), "JPEG-LS.*PNG"),
        (b"II\xbc\x01\x20\0\0\0" + bytes(50), "JPEG XR.*PNG"),
        (encoded(PillowImage.new("L", (16, 12)), "PNG").replace(b"\r\n", b"\n"), "PNG.*changed.*not as text"),
        (encoded(PillowImage.new("L", (16, 12)), "JPEG").decode("latin-1").encode(), "changed.*not as text"),
        (encoded(PillowImage.new("L", (16, 12)), "JPEG").decode(errors="replace").encode(), "changed.*not as text"),
        (encoded(PillowImage.new("L", (16, 12)), "PNG").decode(errors="replace").encode(), "changed.*not as text"),
        (b"\1\0\0\0\x6c\0\0\0" + bytes(32) + b" EMF\0\0\1\0" + bytes(60), "drawing of Windows.*PNG"),
        (b"\xd7\xcd\xc6\x9a" + bytes(60), "drawing of Windows.*PNG"),
        (encoded(PillowImage.new("L", (16, 12)), "WEBP")[:30], "WebP.*cut off.*again"),
        (encoded(PillowImage.new("L", (16, 12)), "PNG")[:20], "PNG.*cut off.*again"),
        (encoded(PillowImage.new("RGB", (16, 12)), "AVIF")[:60], "AVIF.*cut off.*again"),
        (b"8BPS\0\1" + bytes(8) + b"\3\0\0\0\x10\0\0\0\x10\0\x10\0\3" + bytes(20), "PSD.*16 bits.*PNG"),
        *((data + bytes(500), "raw photo.*JPEG") for data in RAW_PHOTOS),
    ],
)
def test_what_it_is_that_is_no_picture(data: bytes, said: str) -> None:
    assert re.search(f"scan.img is .*{said}", str(failure(data)))


@pytest.mark.parametrize("tags", [{50706: b"\1\4\0\0"}, {254: 1, 330: 8}])
@pytest.mark.parametrize("is_file", [False, True])
def test_a_raw_photo_is_not_read_by_its_preview(tags: dict[int, object], is_file: bool, tmp_path: Path) -> None:
    directory = ImageFileDirectory_v2()
    for tag, value in tags.items():
        directory.tagtype[tag] = 1 if isinstance(value, bytes) else 4
        directory[tag] = value
    path = tmp_path / "a.tif"
    path.write_bytes(encoded(PillowImage.new("RGB", (16, 12)), "TIFF", tiffinfo=directory))
    with pytest.raises(PageError, match=r"a\.tif is a camera's raw photo.*Develop") as caught:
        open_image(None if is_file else path.read_bytes(), str(path), 0, False, LIMITS)
    assert caught.value.code == "image_unknown"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="gone.png") as caught:
        open_image(None, str(tmp_path / "gone.png"), 0, False, LIMITS)
    assert caught.value.code == "file_missing"


def test_a_file_that_vanishes_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "gone.png"
    path.write_bytes(WHOLE["PNG"])
    image = open_image(None, str(path), 0, False, LIMITS)
    image.data = None
    path.unlink()
    with pytest.raises(PageError, match="gone.png"):
        image.pixels()


@pytest.mark.parametrize("size", [(1, 1), (30_000, 30), (30, 30_000), (1, 5000)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_odd_sizes(kind: str, size: tuple[int, int]) -> None:
    data = encoded(PillowImage.new("RGB", size, (200, 200, 200)), kind)
    image = opened(data, reduce=3600)
    assert (image.width, image.height) == size
    found = image.pixels()
    assert found.shape[:2] == (-(-size[1] // image.reduction), -(-size[0] // image.reduction))
    assert (found == 200).all()


def test_opencv_decodes_a_jpeg_as_pillow_does() -> None:
    picture = cv2.GaussianBlur(NOISE, (0, 0), 3)
    data = encoded(picture, "JPEG", **LOSSLESS)
    assert same(pixels(data), np.asarray(PillowImage.open(io.BytesIO(data))), 1.5)


@pytest.mark.parametrize("progressive", [False, True])
def test_what_follows_a_jpeg_does_not_matter(progressive: bool) -> None:
    """Phones put a film behind a moving photo, in which any marker may turn up."""
    whole = encoded(NOISE, "JPEG", progressive=progressive, restart_marker_rows=2)
    film = b"\xff\xd8\xff\xdb\0\x43" + NOISE.tobytes() + b"\xff\xda\0\x08film"
    assert (pixels(whole + film) == pixels(whole)).all()
    cut = whole[: len(whole) // 2]
    with pytest.raises(PageError) as caught:
        pixels(cut + film[6:])
    assert caught.value.code == "image_truncated"


def test_a_photo_from_a_phone(shared_data: Path) -> None:
    path = shared_data / "visual_nlp_samples" / "images" / "handwritten_example.jpg"
    image = open_image(None, str(path), 0, True, LIMITS, Wanted(reduce_above=1000))
    assert (image.width, image.height, image.reduction) == (4608, 3456, 4)
    assert image.pixels().shape == (864, 1152)
    assert image.pixels().std() > 5


@pytest.mark.parametrize("part", [0.8, 0.9, 0.97])
def test_a_tiff_that_lacks_a_part_of_its_palette_has_no_other_colours(part: float) -> None:
    data = encoded(
        PillowImage.fromarray(quarters()).quantize(64), "TIFF", compression="tiff_lzw"
    )  # Its colours come last.
    assert opened(data).pixels().shape[2] == 3
    assert failure(data[: int(part * len(data))]).code == "image_truncated"
