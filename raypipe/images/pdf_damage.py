"""Pictures of a PDF that are cut off or damaged: PDFium draws what it can of them and reports no error."""

from __future__ import annotations

import ctypes
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from raypipe.images import codestreams, fax, jpeg
from raypipe.images.pdf_content import objects
from raypipe.plurals import counted

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

FILTERS = frozenset(("FlateDecode", "LZWDecode", "RunLengthDecode", "ASCII85Decode", "ASCIIHexDecode", "Crypt"))
CODECS = frozenset(("DCTDecode", "JPXDecode", "CCITTFaxDecode", "JBIG2Decode"))
"""Filters that PDFium decodes, ISO 32000-1, 7.4: of general data, and of pictures."""
WHOLE: dict[str, Callable[[bytes], bool]] = {
    "JPXDecode": codestreams.has_all_tiles,
    "JBIG2Decode": codestreams.has_all_segments,
}
"""Whether the data of a picture are whole, by its filter."""
PIXELS = frozenset(channels * bits for channels in (1, 2, 3, 4) for bits in (1, 2, 4, 8, 16))
"""Bits that a pixel may have in a file."""
MOST_AFTER = 2
"""Bytes that may follow the last row: an end of line."""
MOST_PICTURES = 500
"""Most pictures of a page that are checked."""
MOST_INFLATED, PIECE = 256 * 1024 * 1024, 1024 * 1024
"""Most bytes to which data are decompressed, and how many at a time."""


def damage(page: PdfPage) -> str:
    """How many pictures of a page are damaged, in words; empty if none is.

    Their lengths, end marks or checksums show it, and only faxes are decoded. Most damage inside the data of a JPEG,
    JPEG 2000 or JBIG2 cannot be found in this way.
    """
    from pypdfium2 import raw

    handles = [each for each, _ in objects(page) if raw.FPDFPageObj_GetType(each) == raw.FPDF_PAGEOBJ_IMAGE]
    count = sum(_is_damaged(page, handle) for handle in handles[:MOST_PICTURES])
    return f"damaged or cut off: {count} of {counted(len(handles), 'picture')} on the page" if count else ""


def _is_damaged(page: PdfPage, handle: Any) -> bool:
    from pypdfium2 import raw

    filters = _filters(handle)
    if not FILTERS.union(CODECS).issuperset(filters):
        return True
    deflated = filters == ["FlateDecode"]
    data = _bytes(raw.FPDFImageObj_GetImageDataRaw if deflated else raw.FPDFImageObj_GetImageDataDecoded, handle)
    if not data:
        return True
    if deflated:
        try:
            inflated, is_whole = _inflated(data)
        except zlib.error:
            return True
        # That PDFium decodes the picture, too, is only needed if something is odd.
        found = _metadata(page, handle)
        return (not is_whole or inflated < _bytes_of(found, found.bits_per_pixel)) and _is_short(page, handle)
    if not CODECS.intersection(filters[-1:]):
        return _is_short(page, handle)
    if filters[-1] == "CCITTFaxDecode":
        size = _metadata(page, handle)
        return fax.is_damaged(data, size.width, size.height)
    if filters[-1] == "DCTDecode":
        return not (jpeg.has_end(data) and jpeg.is_sound(data) and _is_drawn(data, _metadata(page, handle)))
    return not WHOLE[filters[-1]](data)


def _is_drawn(data: bytes, found: Any) -> bool:
    """Whether PDFium draws a JPEG as it is: of a kind that PDFs may have, and in the colours that the document says.

    Others become black, blank or a smear of colours, in other viewers, too.
    """
    from pypdfium2 import raw

    kind, segment = jpeg.frame(data) or (jpeg.BASELINE, b"")
    is_arithmetic = kind in (jpeg.ARITHMETIC, jpeg.ARITHMETIC_PROGRESSIVE)
    if jpeg.refusal(data) or is_arithmetic or found.bits_per_pixel < 8:
        return False
    said = {
        **dict.fromkeys((raw.FPDF_COLORSPACE_DEVICEGRAY, raw.FPDF_COLORSPACE_CALGRAY), 1),
        **dict.fromkeys((raw.FPDF_COLORSPACE_DEVICERGB, raw.FPDF_COLORSPACE_CALRGB), 3),
        raw.FPDF_COLORSPACE_DEVICECMYK: 4,
    }
    channels = segment[5] if len(segment) > 5 else 0
    return said.get(found.colorspace, channels) == channels


def _filters(handle: Any) -> list[str]:
    from pypdfium2 import raw

    names = []
    for number in range(raw.FPDFImageObj_GetImageFilterCount(handle)):
        buffer = ctypes.create_string_buffer(64)
        raw.FPDFImageObj_GetImageFilter(handle, number, buffer, len(buffer))
        names.append(buffer.value.decode("latin-1"))
    return names


def _bytes(get: Callable[..., int], handle: Any) -> bytes:
    """The bytes that a function of PDFium gives for a picture."""
    buffer = ctypes.create_string_buffer(get(handle, None, 0))
    get(handle, buffer, len(buffer))
    return buffer.raw


def _inflated(data: bytes) -> tuple[int, bool]:
    """The size of compressed data, and whether they go on to their checksum. Some programs leave it out.

    Raises:
        zlib.error: They are damaged, or do not have this checksum.
    """
    stream, size, rest = zlib.decompressobj(), 0, data
    while not stream.eof and rest and size < MOST_INFLATED:
        size += len(stream.decompress(rest, PIECE))
        rest = stream.unconsumed_tail
    return size, stream.eof or size >= MOST_INFLATED


def _metadata(page: PdfPage, handle: Any) -> Any:
    from pypdfium2 import raw

    found = raw.FPDF_IMAGEOBJ_METADATA()
    raw.FPDFImageObj_GetImageMetadata(handle, page, found)
    return found


def _is_short(page: PdfPage, handle: Any) -> bool:
    """Whether a picture has fewer bytes than its rows need; PDFium makes missing rows white or black.

    PDFium says how many bits it draws a pixel with, not how many it has in the file: a size that is exactly that of
    other bits is right, too.
    """
    from pypdfium2 import raw

    found, size = _metadata(page, handle), raw.FPDFImageObj_GetImageDataDecoded(handle, None, 0)
    if not found.bits_per_pixel or size >= _bytes_of(found, found.bits_per_pixel):
        return not found.bits_per_pixel
    return not any(0 <= size - _bytes_of(found, bits) <= MOST_AFTER for bits in PIXELS)


def _bytes_of(size: Any, bits: int) -> int:
    """The bytes of a picture of some width and height, given the bits of a pixel."""
    return int((size.width * bits + 7) // 8 * size.height)
