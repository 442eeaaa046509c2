"""JPEG 2000 and JBIG2: whether their data are complete, judged by the lengths of their parts, and how deep they are."""

from __future__ import annotations

BEGINNINGS = b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"
"""Those of a JPEG 2000: of a bare codestream, and of a file with one in it."""
TILE_PART, END_OF_CODESTREAM = b"\xff\x90", b"\xff\xd9"
PAGE = 48
"""The kind of the segment that says how large the picture is."""
UNKNOWN_LENGTH = 0xFFFF_FFFF
LEAST_SEGMENT = 11
"""Bytes of the shortest header of a segment; fewer after the last one mean nothing."""


CHANNELS_AT = 40
"""Where a codestream says how many channels it has, followed by three bytes on each: ITU-T T.800, A.5.1."""


def bits(data: bytes) -> int:
    """Bits of the samples of a JPEG 2000, of its deepest channel; 0 if it does not say."""
    start = data.find(BEGINNINGS[0]) + CHANNELS_AT
    count = int.from_bytes(data[start : start + 2], "big")
    return max((1 + (depth & 0x7F) for depth in data[start + 2 : start + 2 + 3 * count : 3]), default=0)


def has_all_tiles(data: bytes) -> bool:
    """Whether the parts of a JPEG 2000 follow each other up to its end: ITU-T T.800, A.4.2."""
    start = data.find(BEGINNINGS[0]) if data.startswith(BEGINNINGS) else -1
    place = data.find(TILE_PART, start) if start >= 0 else -1
    while place >= 0 and data[place : place + 2] == TILE_PART:
        length = int.from_bytes(data[place + 6 : place + 10], "big")
        if not length:  # It goes on to the end.
            return END_OF_CODESTREAM in data[place:]
        place += length
    return place >= 0 and data[place : place + 2] == END_OF_CODESTREAM


def has_all_segments(data: bytes) -> bool:
    """Whether the segments of a JBIG2 follow each other up to its end, as PDFs hold them: ITU-T T.88, 7.2."""
    place, has_page = 0, False
    while place + LEAST_SEGMENT <= len(data):
        number, flags, count = int.from_bytes(data[place : place + 4], "big"), data[place + 4], data[place + 5] >> 5
        has_page |= flags & 63 == PAGE
        place += 6
        if count == 7:  # The long form.
            count = int.from_bytes(data[place - 1 : place + 3], "big") & 0x1FFF_FFFF
            place += 3 + (count + 8) // 8
        place += count * (1 if number <= 1 << 8 else 2 if number <= 1 << 16 else 4) + (4 if flags & 64 else 1)
        length = int.from_bytes(data[place : place + 4], "big")
        if length == UNKNOWN_LENGTH:
            return True
        place += 4 + length
    return has_page and place <= len(data)
