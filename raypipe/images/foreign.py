"""Files that are not pictures, whatever their names: what they are, and what to do with them."""

from __future__ import annotations

import codecs

from raypipe.errors import COPY_AGAIN

DOWNLOADED = "A server may have sent it in place of the picture: fetch it again, and look at the result."
AS_PDF = "Save or print it as PDF, and read that."
AS_TAR = "Call it .tar: `raypipe run` reads what is in it."
AS_VIDEO = "a video", "Save the pictures that show text as JPEG."
AS_TEXT = "a picture or document in base64, as text", "Decode it first, as with base64 -d."
AS_PNG = "Save it as PNG."
PNG_AS_TEXT = b"\x89PNG\n\x1a\n", b"\x89PNG\r\n\x1a\r\n", b"\x89PNG\r\r\n\x1a\r\n"
AS_UTF_8 = "\xff\xd8\xff", "\x89PNG", "\ufffd\ufffd\ufffd", "\ufffdPNG"
"""How a JPEG and a PNG begin of which a program took each byte for a letter, or for a damaged one."""
FROM_TEXT = "a picture whose bytes were changed as if they were text", "Transfer it again, not as text."
RAW_PHOTO = "a camera's raw photo", "Develop it, and save it as JPEG, TIFF or PNG."
CUT_OFF = (
    (b"\x89PNG\r\n\x1a\n", "a PNG"), (b"\xff\xd8\xff", "a JPEG"), (b"GIF8", "a GIF"), (b"\0\0\1\0", "an ICO"),
    *((b"P%d" % number, "a PNM") for number in range(1, 7)),
)  # fmt: skip
PACKED = (b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"), (b"\x28\xb5\x2f\xfd", "Zstandard")
HEIF = b"ftypheic", b"ftypmif1", b"ftypavif"
BEGINNINGS = (
    (b"AT&TFORM", "DjVu", "Make a PDF of it, as with ddjvu -format=pdf, and read that."),
    (b"%!PS", "PostScript", "Make a PDF of it, as with ps2pdf, and read that."),
    (b"\xc5\xd0\xd3\xc6", "PostScript", "Make a PDF of it, as with ps2pdf, and read that."),
    (
        b"PK\x03\x04",
        "a ZIP archive, such as an Office document",
        f"{AS_PDF} `raypipe run` reads archives called .zip.",
    ),
    (b"\xd0\xcf\x11\xe0", "an Office document", AS_PDF),
    (b"{\\rtf", "rich text", AS_PDF),
    *((begin, f"compressed by {program}", "Unpack it first.") for begin, program in PACKED),
    (b"version https://git-lfs", "a pointer of Git LFS in place of the file", "Fetch the file: git lfs pull."),
    (b"\x00\x05\x16\x07", "what macOS keeps beside a file, whose name begins with ._", "Read that file."),
    (b"gimp xcf", "a GIMP picture", "Export it as PNG."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it first."),
    (b"Rar!", "a RAR archive", "Unpack it first."),
    *((beginning, *AS_TEXT) for beginning in (b"/9j/", b"iVBORw0KGgo", b"JVBERi0", b"SUkqA", b"TU0AK", b"R0lGOD")),
    (b"data:", *AS_TEXT),
    (b"II\xbc\x01", "JPEG XR", AS_PNG),
    *((begin, "a PNG whose line ends were changed", "Transfer it again, not as text.") for begin in PNG_AS_TEXT),
    *((start.encode(), *FROM_TEXT) for start in AS_UTF_8),
    (b"\xd7\xcd\xc6\x9a", "a drawing of Windows", AS_PNG),
    (b"8BPS", "a PSD that is damaged or of a kind that is not read, such as 16 bits", AS_PNG),
    (b"BM", "a BMP that is damaged or of a kind that is not read", AS_PNG),
    *((begin, f"{kind} that is damaged or cut off", COPY_AGAIN) for begin, kind in CUT_OFF),
    (b"SIMPLE  =", "FITS", AS_PNG),
    (b"AC10", "a drawing of AutoCAD", AS_PDF),
    (b"\x1a\x45\xdf\xa3", *AS_VIDEO),
    *((beginning, *RAW_PHOTO) for beginning in (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")),
)
WITHIN = (
    (b"<svg", "a drawing in SVG", "Export it as PNG or PDF."),
    (b"<html", "a web page", DOWNLOADED),
    (b"<!doctype html", "a web page", DOWNLOADED),
    (b"mime-version:", "an e-mail, or a web page in one file", "Save the attachments or pictures, and read those."),
    (b"<?xml", "XML", DOWNLOADED),
    (b" EMF\0", "a drawing of Windows", AS_PNG),
    (b"DICM", "DICOM", "Export its pictures as PNG or TIFF, as with dcm2img."),
    (b"ftypcrx ", *RAW_PHOTO),
    *((kind, "a HEIC or AVIF that is damaged or cut off", COPY_AGAIN) for kind in HEIF),
    *((kind, *AS_VIDEO) for kind in (b"ftypqt", b"ftypmp4", b"ftypisom")),
)
HEAD = 1024
TAR_AT, TAR = 257, b"ustar"
AT_8 = {b"WEBP": ("a WebP that is damaged or cut off", COPY_AGAIN), b"AVI ": AS_VIDEO}
"""What a file is that begins with `RIFF`, by what follows at this place."""


def known(data: bytes) -> tuple[str, str] | None:
    """What a file that is not a picture is, in words, and a remedy; None if unknown."""
    if not data.strip(b"\0"):
        return "nothing but zeros", COPY_AGAIN
    head = data[:HEAD]
    text = head.lower()
    if head.startswith(b"RIFF") and head[8:12] in AT_8:
        return AT_8[head[8:12]]
    if head[TAR_AT:].startswith(TAR):
        return "a TAR archive", AS_TAR
    found = next((each for each in BEGINNINGS if head.startswith(each[0])), None)
    found = found or next((each for each in WITHIN if each[0] in (head if each[0].isupper() else text)), None)
    if found is None and _is_text(head):
        return "text", f"{DOWNLOADED} `raypipe run` reads a list of paths if it is called .txt."
    return found and found[1:]


def _is_text(head: bytes) -> bool:
    """Whether the beginning of a file is text, of which the last letter may be cut off."""
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    try:
        letters = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter.isspace() or letter == codecs.BOM_UTF8.decode() for letter in letters)
