"""Pictures in PDFs that are cut off or damaged are told."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from making import encoded
from pdfs import FONT, PAGES, stream, written
from PIL import Image as PillowImage

from raypipe.images.image import Limits, open_image

LIMITS = Limits(max_bytes=10**7, max_megapixels=100, max_pages=10)
NOISE = np.random.default_rng(1).integers(0, 256, (60, 80), np.uint8)
RAW = NOISE.tobytes()


def strip(picture: PillowImage.Image, compression: str) -> bytes:
    """The data of a picture as a TIFF holds them in one strip."""
    data = encoded(picture, "TIFF", compression=compression, tiffinfo={278: 60})
    tags = PillowImage.open(io.BytesIO(data)).tag_v2
    return data[tags[273][0] :][: tags[279][0]]


DATA = {
    "": RAW,
    "/FlateDecode": zlib.compress(RAW),
    "/DCTDecode": encoded(NOISE, "JPEG"),
    "/JPXDecode": encoded(NOISE, "JPEG2000"),
    "[/FlateDecode /DCTDecode]": zlib.compress(encoded(NOISE, "JPEG")),
    "[/ASCII85Decode /FlateDecode]": base64.a85encode(zlib.compress(RAW)) + b"~>",
    "/ASCIIHexDecode": RAW.hex().encode() + b">",
    "/LZWDecode": strip(PillowImage.fromarray(NOISE), "tiff_lzw"),
    "/RunLengthDecode": strip(PillowImage.fromarray(NOISE), "packbits"),
}


def warning(name: str, data: bytes, bits: int = 8, more: bytes = b"") -> str:
    page = (
        b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 80 60] /Contents 4 0 R /Resources <</XObject <</I0 6 0 R>>>>>>",
        stream(b"", b"80 0 0 60 0 0 cm /I0 Do"),
    )
    entries = b"/Type /XObject /Subtype /Image /Width 80 /Height 60 /ColorSpace /DeviceGray /BitsPerComponent %d" % bits
    picture = stream(entries + more + (f" /Filter {name}".encode() if name else b""), data)
    document = written([b"<</Type /Catalog /Pages 2 0 R>>", PAGES, *page, FONT, picture])
    return open_image(document, "a.pdf", 0, True, LIMITS).warning


@pytest.mark.parametrize("name", DATA)
def test_whole_pictures_are_not_complained_about(name: str) -> None:
    assert warning(name, DATA[name]) == ""


@pytest.mark.parametrize("end", [b"", b"\r\n"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_pixels_may_have_any_bits(bits: int, end: bytes) -> None:
    """PDFium draws those of 2 and 4 bits with 8, and those of 16 with 24."""
    data = bytes(80 * 60 * bits // 8)
    for name, pack, without in (("", bytes, 0), ("/FlateDecode", zlib.compress, 0), ("/FlateDecode", zlib.compress, 4)):
        whole, short = (pack(part)[: -without or None] for part in (data + end, data[:-5]))
        assert warning(name, whole, bits) == ""
        assert warning(name, short, bits) == "damaged or cut off: 1 of 1 picture on the page"


@pytest.mark.parametrize("part", [0, 0.6, 0.98])
@pytest.mark.parametrize("name", DATA)
def test_pictures_that_are_cut_off_are_told(name: str, part: float) -> None:
    found = warning(name, DATA[name][: int(part * len(DATA[name]))])
    assert found == "damaged or cut off: 1 of 1 picture on the page"


def test_a_filter_that_nobody_knows_is_told() -> None:
    assert warning("/OddDecode", RAW) == "damaged or cut off: 1 of 1 picture on the page"


BITS = PillowImage.fromarray((NOISE > 250) * np.uint8(255)).convert("1")
FAX = strip(BITS, "group4")


def segment(number: int, kind: int, data: bytes) -> bytes:
    return struct.pack(">IBBBI", number, kind, 0, 1, len(data)) + data


PLACE = struct.pack(">IIIIB", 80, 60, 0, 0, 0)
JBIG2 = segment(0, 48, PLACE + bytes(2)) + segment(1, 38, PLACE + b"\x01" + FAX)
"""A page, and a region that is compressed as a fax."""


def test_whole_faxes_and_segments_are_not_complained_about() -> None:
    parameters = b"/DecodeParms <</K -1 /Columns 80 /Rows 60 /BlackIs1 true>>"
    assert warning("/CCITTFaxDecode", FAX, 1, parameters) == ""
    assert warning("/CCITTFaxDecode", FAX[: len(FAX) // 2], 1, parameters)
    assert warning("/JBIG2Decode", JBIG2, 1) == ""


@pytest.mark.parametrize("data", [JBIG2[:-20], JBIG2[:30] + JBIG2[40:], bytes(100)])
def test_segments_that_do_not_follow_each_other_are_told(data: bytes) -> None:
    assert warning("/JBIG2Decode", data, 1)


@pytest.mark.parametrize("name", ["/DCTDecode", "/JPXDecode"])
def test_pictures_that_begin_or_go_on_wrongly_are_told(name: str) -> None:
    data = DATA[name]
    assert warning(name, b"abcdefgh" + data[8:])
    assert warning(name, data[:1500] + (b"\xff\xe5\0\x02" if name == "/DCTDecode" else b"") + data[1540:])


def test_a_wrong_checksum_is_told() -> None:
    assert warning("/FlateDecode", DATA["/FlateDecode"][:-4] + b"abcd")


def test_a_missing_checksum_is_not() -> None:
    assert not warning("/FlateDecode", DATA["/FlateDecode"][:-4])


@pytest.mark.parametrize("colours", ["RGB", "CMYK"])
def test_a_jpeg_in_other_colours_than_its_document_says_is_told(colours: str) -> None:
    assert warning("/DCTDecode", encoded(PillowImage.fromarray(NOISE).convert(colours), "JPEG"))


@pytest.mark.parametrize("kind", [b"\xff\xc3", b"\xff\xc9", b"\xff\xca"])
def test_a_jpeg_of_a_kind_that_pdfs_do_not_have_is_told(kind: bytes) -> None:
    assert warning("/DCTDecode", DATA["/DCTDecode"].replace(b"\xff\xc0", kind, 1))
