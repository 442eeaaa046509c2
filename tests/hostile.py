"""Files of twenty kinds that cannot be read, or only with luck, and good ones beside them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw


def picture(number: int = 0, mode: str = "L", size: tuple[int, int] = (300, 200)) -> Image.Image:
    page = Image.new("L", size, 255)
    ImageDraw.Draw(page).text((20, 20 + number % 100), f"page {number}", fill=0, font_size=24)
    return page.convert(mode)


def encoded(form: str, number: int = 0, mode: str = "L", **options: object) -> bytes:
    file = io.BytesIO()
    picture(number, mode).save(file, form, **options)
    return file.getvalue()


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def pages(count: int) -> bytes:
    file = io.BytesIO()
    first, *rest = [picture(n) for n in range(count)]
    first.save(file, "TIFF", save_all=True, append_images=rest)
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a.txt", "no picture")
    return file.getvalue()


@cache
def bomb() -> bytes:
    file = io.BytesIO()
    Image.new("1", (30_000, 20_000)).save(file, "PNG")
    return file.getvalue()


GOOD: list[tuple[str, Callable[[int], bytes]]] = [
    ("jpg", lambda n: encoded("JPEG", n)),
    ("png", lambda n: encoded("PNG", n)),
    ("tif", lambda n: pages(1 + n % 3)),
    ("pdf", lambda n: encoded("PDF", n, "RGB")),
    ("webp", lambda n: encoded("WEBP", n, "RGB")),
]
BAD: dict[str, Callable[[], bytes]] = {
    "empty.jpg": lambda: b"",
    "words.jpg": lambda: b"this is no picture",
    "page.png": lambda: b"<!doctype html><html><body>404</body></html>",
    "drawing.png": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "start.jpg": lambda: encoded("JPEG")[:20],
    "bomb.png": bomb,
    "head.png": lambda: encoded("PNG")[:33],
    "half.webp": lambda: half(encoded("WEBP", 0, "RGB")),
    "half.gif": lambda: encoded("GIF")[:20],
    "half.bmp": lambda: half(encoded("BMP")),
    "half.jp2": lambda: half(encoded("JPEG2000", 0, "RGB")),
    "head.tif": lambda: pages(1)[:8],
    "outside.tif": lambda: b"II*\0" + (10**6).to_bytes(4, "little") + bytes(100),
    "nothing.tif": lambda: b"II*\0\x08\0\0\0" + bytes(6),
    "random.tif": lambda: b"MM\0*" + bytes(range(256)) * 4,
    "half.tif": lambda: half(encoded("TIFF", compression="tiff_lzw")),
    "half.pdf": lambda: half(encoded("PDF", 0, "RGB"))[:200],
    "archive.pdf": archive,
    "no_pages.pdf": lambda: b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF",
    "zeros.avif": lambda: bytes(500),
}
"""By the end of their names."""


def write(folder: Path, count: int, bad: int) -> set[str]:
    """Writes so many files, some of which are bad, of all kinds in turn; the names of the bad ones."""
    folder.mkdir(parents=True)
    kinds, made = list(BAD.items()), set()
    every = count // bad
    for n in range(count):
        if n % every == 0 and len(made) < bad:
            name, content = kinds[len(made) % len(kinds)]
            name = f"{n:05}-{name}"
            made.add(name)
            (folder / name).write_bytes(content())
        else:
            suffix, encode = GOOD[n % len(GOOD)]
            (folder / f"{n:05}.{suffix}").write_bytes(encode(n))
    return made
