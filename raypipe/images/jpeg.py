"""JPEG: markers, decoding by libjpeg, and what can be read of a file that lacks its end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from raypipe.types import Pixels

START_OF_IMAGE, END_OF_IMAGE = b"\xff\xd8\xff", b"\xff\xd9"
MOST_MISSING = 0.02
"""A file without its end is read if it lacks at most this share of its rows."""
ZEROS = 512
"""This many zeros at the end are not picture data: disks and downloads leave them where bytes are missing."""
TABLE_BYTES = 17
"""Those of a table of codes that stand before what the codes mean: its number, and how many codes have each length."""
NOTHING = 128
"""The value that libjpeg gives to missing data, in every channel."""
COARSEST = 24
"""The coarsest quantization, the mean step of the first table, with which a page is read as well as without bits left
out: at `Wanted.reduce_above` pixels of its longer side, and four times as coarse at twice as many."""
BASELINE, PROGRESSIVE, ARITHMETIC, ARITHMETIC_PROGRESSIVE = 0xC0, 0xC2, 0xC9, 0xCA
JPEG_LS = 0xF7
_FRAMES = frozenset((*range(0xC0, 0xD0), JPEG_LS)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = frozenset((BASELINE, 0xC1))
_READ = frozenset((BASELINE, 0xC1, PROGRESSIVE, ARITHMETIC, ARITHMETIC_PROGRESSIVE))
_SCAN, _QUANTIZATION, _HEIGHT, _CODES, _ARITHMETIC_CODES, _INTERVAL = 0xDA, 0xDB, 0xDC, 0xC4, 0xCC, 0xDD
_AMONG_SCANS = frozenset((_SCAN, _CODES, _ARITHMETIC_CODES, 0xD9, _QUANTIZATION, _HEIGHT, _INTERVAL, 0xFE))
"""Markers that may follow the first scan: further ones, their tables, the height, comments and the end."""
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]", re.DOTALL)
"""A marker of a JPEG file, except those inside the data of a scan: a stuffed 0xff and the restarts."""
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
LEAST_LINES = 8
"""The fewest bytes of the value of a line feed of which all follow a carriage return by no chance."""
GLANCE = 65536
"""Bytes of a picture that nearly always tell that it was not transferred as text."""
_MARKERS_ALONE = (0x01, 0xD8, 0xD9)
"""Markers without a segment; the first two bytes of a segment are its length."""

_REDUCED = {
    (1, True): cv2.IMREAD_GRAYSCALE,
    (2, True): cv2.IMREAD_REDUCED_GRAYSCALE_2,
    (4, True): cv2.IMREAD_REDUCED_GRAYSCALE_4,
    (8, True): cv2.IMREAD_REDUCED_GRAYSCALE_8,
    (1, False): cv2.IMREAD_COLOR,
    (2, False): cv2.IMREAD_REDUCED_COLOR_2,
    (4, False): cv2.IMREAD_REDUCED_COLOR_4,
    (8, False): cv2.IMREAD_REDUCED_COLOR_8,
}


def decode(data: bytes, gray: bool, reduction: int = 1, omitted: int = 0) -> Pixels:
    """Decodes a JPEG that has its end, without turning it: (h, w) grey, or (h, w, 3) BGR.

    Args:
        omitted: Bits of the coefficients that are left out; see `without_bits`.

    Raises:
        OSError: It is damaged, or was cut off before it was given an end.
    """
    pixels = _decoded(without_bits(data, omitted), gray, reduction)
    if (pixels[-1] == NOTHING).all() and _missing(data[: data.rfind(END_OF_IMAGE)], may_be_whole=True) > MOST_MISSING:
        raise OSError("the JPEG is truncated: it ends before its last row")
    return pixels


def _decoded(data: bytes, gray: bool, reduction: int = 1) -> Pixels:
    flags = _REDUCED[reduction, gray] | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise OSError("the JPEG is damaged")
    return np.asarray(pixels, np.uint8)


def segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The markers of a file up to its end, each with its segment, which is empty if it has none."""
    return ((marker, segment) for marker, _, segment in _places(data))


def _places(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """As `segments`, with the place of each marker in between."""
    place = 0
    while found := _MARKER.search(data, place):
        marker, place = found.group()[1], found.end()
        length = 0 if marker in _MARKERS_ALONE else int.from_bytes(data[place : place + 2], "big")
        yield marker, found.start(), data[place + 2 : place + length]
        if marker == END_OF_IMAGE[1]:
            return
        place += length


def without_bits(data: bytes, count: int) -> bytes:
    """A progressive JPEG without its last scans as far as they only add that many least significant bits.

    ITU-T T.81, G.1.2: each such scan adds a bit to coefficients that have those above it, and says which.
    """
    kept = data
    for marker, start, segment in reversed(list(_places(data)) if count else []):
        if marker == _SCAN:
            above, bit = divmod(segment[-1], 16) if segment else (0, 0)
            if not above or bit >= count:
                break
            kept = data[:start] + END_OF_IMAGE
    return kept


def spare_bits(data: bytes, enlargement: float, most: int) -> int:
    """How many bits of the coefficients a page can do without, up to `most`.

    Args:
        enlargement: How many times larger the picture is than a page has to be.
    """
    if not most or (frame(data) or (BASELINE, b""))[0] not in (PROGRESSIVE, ARITHMETIC_PROGRESSIVE):
        return 0
    table = next((segment for marker, segment in segments(data) if marker == _QUANTIZATION), b"")
    size = 1 + (table[:1] > b"\x0f")  # Bytes of a step.
    if len(table) <= 64 * size:
        return 0  # It is damaged.
    steps = np.frombuffer(table[1 : 1 + 64 * size], f">u{size}")
    fine = (bits for bits in range(most, 0, -1) if steps.mean() * 2**bits <= COARSEST * enlargement**2)
    return next(fine, 0)


def has_end(data: bytes) -> bool:
    """Whether the first picture of a file is complete. Others, or the video of a motion photo, may follow it."""
    return data.endswith(END_OF_IMAGE) or any(marker == END_OF_IMAGE[1] for marker, _ in segments(data))


def is_sound(data: bytes) -> bool:
    """Whether a file begins as it should, has a picture, and has no marker or hole among its data that cannot be.

    Nor may restarts be missing among them, or all line ends be those of Windows, as after a transfer as text.
    """
    places = list(_places(data))
    markers = [marker for marker, _, _ in places]
    if not data.startswith(START_OF_IMAGE) or _SCAN not in markers or _has_hole(data):
        return False
    if _lacks_restarts(data, places) or _was_text(data, places):
        return False
    return bool(_FRAMES.intersection(markers)) and _AMONG_SCANS.issuperset(markers[markers.index(_SCAN) :])


def _was_text(data: bytes, places: Sequence[tuple[int, int, bytes]]) -> bool:
    """Whether all bytes that are line feeds follow carriage returns, which a transfer as text has put there."""
    start = next((start for marker, start, _ in places if marker == _SCAN), len(data))
    lines = 0
    for end in (start + GLANCE, len(data)):
        lines = data.count(b"\n", start, end)
        if lines != data.count(b"\r\n", start, end):
            return False
    return lines >= LEAST_LINES


def _lacks_restarts(data: bytes, places: Sequence[tuple[int, int, bytes]]) -> bool:
    """Whether the restarts in the only scan of a picture are others than they should be: ITU-T T.81, A.2 and B.2.1."""
    kind, segment = frame(data) or (0, b"")
    scans = [(start, scan) for marker, start, scan in places if marker == _SCAN]
    interval = next((int.from_bytes(each[:2], "big") for marker, _, each in places if marker == _INTERVAL), 0)
    height, width = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    factors = b"\x11" if segment[5:6] == b"\1" else segment[7::3]  # The blocks of a single channel stand alone.
    is_known = kind in _SEQUENTIAL and len(scans) == 1 and scans[0][1][:1] == segment[5:6]
    if not (is_known and interval and height and width):
        return False
    across, down = max([1, *(each >> 4 for each in factors)]), max([1, *(each & 15 for each in factors)])
    units = -(-width // (8 * across)) * -(-height // (8 * down))
    found = _RESTART.findall(data, scans[0][0], places[-1][1])
    return [each[1] & 7 for each in found] != [n % 8 for n in range((units - 1) // interval)]


def _has_hole(data: bytes) -> bool:
    """Whether there are zeros in the picture's data that are no pixels.

    They are where zero is a code of something else than nothing, which ends a block: ITU-T T.81, C and F.1.2.
    """
    if bytes(ZEROS) not in data or (frame(data) or (0, b""))[0] not in _SEQUENTIAL:
        return False
    places = list(_places(data))
    start = next((start for marker, start, _ in places if marker == _SCAN), len(data))
    tables = (segment for marker, _, segment in places if marker == _CODES)
    return data.find(bytes(ZEROS), start, places[-1][1]) >= 0 and any(map(any, map(_codes_of_zeros, tables)))


def _codes_of_zeros(tables: bytes) -> Iterator[int]:
    """What code of zeros alone stands for in each of the tables of a segment; the shortest code is the first."""
    while len(tables) > TABLE_BYTES:
        yield tables[TABLE_BYTES]
        tables = tables[TABLE_BYTES + sum(tables[1:TABLE_BYTES]) :]


def frame(data: bytes) -> tuple[int, bytes] | None:
    """The marker of a file's picture, which gives its kind, and its segment; None if it has none."""
    return next((each for each in segments(data) if each[0] in _FRAMES and each[1]), None)


def with_height(data: bytes) -> bytes:
    """A file whose height is in its header, where libjpeg looks for it: scanners may write it after the first scan.

    ITU-T T.81, B.2.5.

    Raises:
        OSError: It ends before it says its height.
    """
    found = ((start, segment) for marker, start, segment in _places(data) if marker in _FRAMES and segment)
    start, segment = next(found, (0, b"\x08"))
    if segment[1:3] != b"\0\0":
        return data
    height = next((segment[:2] for marker, segment in segments(data) if marker == _HEIGHT), b"")
    if len(height) < 2:
        raise OSError("the JPEG is truncated: its height should follow its first scan")
    return data[: start + 5] + height + data[start + 7 :]


def refusal(data: bytes) -> str | None:
    """The kind of a file that libjpeg does not read; None if it reads it."""
    kind, segment = frame(data) or (BASELINE, b"\x08")
    if kind == JPEG_LS:
        return "JPEG-LS"
    if kind not in _READ:
        return "a lossless or hierarchical JPEG"
    return f"a JPEG of {segment[0]} bits" if segment[0] != 8 else None


def with_end(data: bytes) -> bytes:
    """A file that lacks its end, with an end.

    Raises:
        OSError: It lacks more than that, or it may do so.
    """
    kept = data.rstrip(b"\0")
    kept = (kept if len(data) - len(kept) >= ZEROS else data).rstrip(b"\xff")
    if not _has_all_scans(kept) or _missing(kept) > MOST_MISSING:
        raise OSError("the JPEG is truncated")
    return kept + END_OF_IMAGE


def _has_all_scans(data: bytes) -> bool:
    """Whether the last scan has begun, so that every coefficient of every channel has all its bits, or would have.

    ITU-T T.81, B.2.3: a scan has its channels, the first and last coefficient, and the bit that it goes down to.
    """
    channels, bits, is_last = 0, dict[tuple[int, int], int](), False
    for marker, segment in segments(data):
        is_last = marker == _SCAN
        if marker in _FRAMES and len(segment) > 5:
            channels = segment[5]
        elif is_last:
            count = segment[0] if segment else 0
            if len(segment) != 4 + 2 * count:
                return False
            first, last, bit = segment[-3], segment[-2], segment[-1] & 15
            bits.update({(segment[1 + 2 * n], k): bit for n in range(count) for k in range(first, last + 1)})
    return is_last and channels > 0 and len(bits) == 64 * channels and not any(bits.values())


def _missing(data: bytes, may_be_whole: bool = False) -> float:
    """The share of rows that depend on what would follow the last byte of a file without its end.

    If it `may_be_whole`, it counts as complete if nothing changes, whatever follows. Otherwise there may be a marker
    inside its scan, after which nothing is used.
    """
    noise = np.random.default_rng(0).integers(0, 255, max(len(data) // 4, 4096), np.uint8).tobytes()
    plain, other = (_decoded(data + more + END_OF_IMAGE, gray=False) for more in (b"", noise))
    differ = (plain != other).any(axis=(1, 2))
    empty = (plain == NOTHING).all(axis=(1, 2))
    return 0 if may_be_whole and not differ.any() else float((differ | empty).mean())
