"""Files that viewers open although parts are missing, superfluous or damaged: what is left to decode."""

from __future__ import annotations

from raypipe.errors import Code, PageError
from raypipe.images import jpeg, png
from raypipe.types import Pixels

MOST_BEFORE = 1024
"""Most foreign bytes before the beginning of a file, such as a byte order mark or the head of an answer."""
_BEGINNINGS = (jpeg.START_OF_IMAGE, png.SIGNATURE, b"GIF87a", b"GIF89a", b"RIFF")


def mended(data: bytes, origin: str) -> tuple[bytes, str]:
    """A file that can be decoded, and what had to be mended; empty: nothing.

    Raises:
        PageError: `image_unknown`, a JPEG of a kind that is not read.
        OSError: A JPEG lacks too much.
    """
    if data.startswith(jpeg.START_OF_IMAGE):
        refused = jpeg.refusal(data)
        if refused:
            raise PageError(Code.IMAGE_UNKNOWN, f"{origin} is {refused}.", "Save it as a PNG or an ordinary JPEG.")
        data = jpeg.with_height(data)
        if jpeg.frame(data) and not jpeg.has_end(data):
            return jpeg.with_end(data), "it lacks its end"
        return data, "" if jpeg.is_sound(data) else "it is damaged inside"
    if data.startswith(png.SIGNATURE):
        kept, damaged = png.essential(data)
        return kept, "parts of it are damaged" if damaged else ""
    return data, ""


def rescued(data: bytes, pixels: Pixels | None) -> tuple[bytes, str] | None:
    """What can be saved of a file that cannot be decoded, or may lack its end; None: nothing beyond `pixels`.

    `pixels` are those decoded, with zeros in rows that a PNG lacks; None: it cannot be decoded.

    Raises:
        OSError: It lacks too much.
    """
    if not data.startswith(png.SIGNATURE) or (pixels is not None and pixels[-1].any()):
        return None
    found, missing = png.readable(data)
    lacks = f"{100 * missing:.1f} % of its rows are missing"
    if missing > jpeg.MOST_MISSING:
        raise OSError(f"the PNG is truncated: {lacks}")
    if not missing and pixels is not None:
        return None
    return found, lacks if missing else "its checksum is wrong"


def begun(data: bytes) -> bytes:
    """A file of unknown kind, from the first bytes on that begin a known kind, if only text stands before them."""
    head = data[: MOST_BEFORE + 8]
    place = min((place for place in map(head.find, _BEGINNINGS) if place > 0), default=0)
    before = head[:place].decode("utf-8-sig", "backslashreplace")
    return data if any(letter < " " and not letter.isspace() for letter in before) else data[place:]
