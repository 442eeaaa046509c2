"""PNG: the chunks that make up the picture. Others may be damaged or of any size, and are left out."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEAD, PIXELS, END = b"IHDR", b"IDAT", b"IEND"
NEEDED = frozenset((HEAD, b"PLTE", b"tRNS", PIXELS, END))
SIZE, SIZE_BYTES = b"pHYs", 9
USED = frozenset((SIZE, b"eXIf"))
"""Chunks with the picture's resolution and orientation. It is read without them if they are damaged."""

SAMPLES = {0: 1, 2: 3, 4: 2, 6: 4}
"""Samples per pixel by type of colour; a palette's pixels have one."""
PALETTE, MOST_FILTER = 3, 4
ZLIB_HEAD, PIECE = 2, 4096
"""Bytes before the packed pixels, and bytes that are unpacked together."""


class Chunk(NamedTuple):
    """A part of a file: its name, its bytes, and whether its checksum is right."""

    name: bytes
    body: memoryview
    sound: bool


def chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks of a file, the last of which may be cut off."""
    place, view = len(SIGNATURE), memoryview(data)
    while place + 8 <= len(data):
        end = place + 8 + int.from_bytes(view[place : place + 4], "big")
        name, body = data[place + 4 : place + 8], view[place + 8 : end]
        yield Chunk(name, body, _checksum(name, body) == view[end : end + 4])
        if name == END:
            return
        place = end + 4


def essential(data: bytes) -> tuple[bytes, bool]:
    """A file without its needless chunks, and whether something in it is damaged.

    A wrong checksum of the pixels is corrected, since they have another one inside; that of a size or of colours is
    not. What says how to show the picture may follow the pixels, where decoders do not look for it: it is put before.
    """
    kept: list[bytes | memoryview] = [SIGNATURE]
    pixels_at, sound, whole = 0, True, True
    for chunk in chunks(data):
        is_sound = chunk.sound and (chunk.name != SIZE or len(chunk.body) == SIZE_BYTES)
        sound &= is_sound
        if chunk.name in NEEDED or (chunk.name in USED and is_sound):
            right = chunk.sound or chunk.name in (PIXELS, END)
            checksum = _checksum(chunk.name, chunk.body) if right else bytes(4)
            is_late = chunk.name in USED and pixels_at
            pixels_at = pixels_at or (len(kept) if chunk.name == PIXELS else 0)
            place = pixels_at if is_late else len(kept)
            kept[place:place] = [len(chunk.body).to_bytes(4, "big"), chunk.name, chunk.body, checksum]
            whole &= not is_late
        else:
            whole = False
    return data if whole and sound else b"".join(kept), not sound


def readable(data: bytes) -> tuple[bytes, float]:
    """A file with the readable rows of a damaged one, in which the other rows are white, and the share of these.

    Raises:
        OSError: There are none, or the picture is interlaced, so that its rows are all over the file.
    """
    found = {chunk.name: bytes(chunk.body) for chunk in chunks(data) if chunk.name != PIXELS}
    head = found.get(HEAD, b"")
    if len(head) != 13 or head[3 * 4 :] != b"\0":
        raise OSError("the PNG is damaged")
    width, height, depth, colours = struct.unpack(">IIBB", head[:10])
    row = 1 + (width * depth * SAMPLES.get(colours, 1) + 7) // 8
    packed = b"".join(chunk.body for chunk in chunks(data) if chunk.name == PIXELS)
    rows = _inflated(packed, row * height)
    whole = next((n for n in range(len(rows) // row) if rows[n * row] > MOST_FILTER), len(rows) // row)
    if not whole:
        raise OSError("the PNG is truncated")
    white = bytes([0]) + _white(found.get(b"PLTE", b""), depth, colours) * (row - 1)
    pixels = zlib.compress(rows[: whole * row] + white * (height - whole), 1)
    parts = [HEAD, *(name for name in (*sorted(NEEDED - {HEAD, PIXELS, END}), *USED) if name in found)]
    body = [(name, found[name]) for name in parts] + [(PIXELS, pixels), (END, b"")]
    made = [len(each).to_bytes(4, "big") + name + each + _checksum(name, memoryview(each)) for name, each in body]
    return SIGNATURE + b"".join(made), 1 - whole / height


def _inflated(packed: bytes, most: int) -> bytes:
    """The data that can be unpacked, whatever the checksum says."""
    unpacker, found = zlib.decompressobj(-zlib.MAX_WBITS), bytearray()
    place, step = ZLIB_HEAD, PIECE
    while place < len(packed) and len(found) < most and not unpacker.eof:
        before = unpacker.copy()
        try:
            piece = unpacker.decompress(packed[place : place + step], most - len(found))
        except zlib.error:  # The part of the piece before the damage is lost with it: go on byte by byte up to there.
            if step == 1:
                break
            unpacker, step = before, 1
            continue
        found += piece
        place += step
        while unpacker.unconsumed_tail and len(found) < most:
            found += unpacker.decompress(unpacker.unconsumed_tail, most - len(found))
    return bytes(found)


def _white(palette: bytes, depth: int, colours: int) -> bytes:
    """The byte of white pixels, or of pixels in a palette's brightest colour."""
    if colours != PALETTE:
        return b"\xff"
    best = max(range(min(len(palette) // 3, 1 << depth)), key=lambda n: sum(palette[3 * n : 3 * n + 3]), default=0)
    return bytes([sum(best << shift for shift in range(0, 8, depth))])


def _checksum(name: bytes, body: memoryview) -> bytes:
    return zlib.crc32(body, zlib.crc32(name)).to_bytes(4, "big")
