"""Documents of thousands of pages: what is read of the file, memory, and seconds a page.

    python benchmarks/documents.py pdf --pages 5000
    python benchmarks/documents.py tiff --pages 2000
    python benchmarks/documents.py pdf --pages 5000 --place bucket

Makes the document, counts its pages, and opens and decodes each, as `BinaryToImage` and the detector do. `--every N`
reads each N-th page only, like one of N workers. The bucket is a server on loopback (`moto[server]`).
Prints one JSON object; seconds and memory are given for each tenth of the pages.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image, ImageDraw

from raypipe.files.paths import write_file
from raypipe.files.ranged import RangedFile
from raypipe.images import opened
from raypipe.images.base import Wanted
from raypipe.images.image import Limits, open_image
from raypipe.inputs import pages as inputs

SIZE = (1240, 1754)
"""A4 at 150 dots per inch."""


class Counted(RangedFile):
    """Counts the bytes and requests."""

    bytes_read = requests = 0

    def read_alone(self, start: int, count: int) -> bytes:
        """Read and count."""
        data = super().read_alone(start, count)
        Counted.bytes_read += len(data)
        Counted.requests += 1
        return data


def picture(number: int) -> Image.Image:
    """A page of lines of text."""
    page = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(page)
    for line in range(30):
        pen.text((100, 100 + 50 * line), f"page {number}, line {line} " * 4, fill=0, font_size=24)
    return page


def write_pdf(path: Path, count: int) -> None:
    """Write a PDF whose pages are JPEG pictures, each with objects of its own."""
    pictures = []
    for number in range(20):
        file = io.BytesIO()
        picture(number).save(file, "JPEG", quality=15)
        pictures.append(file.getvalue())
    width, height = SIZE
    with path.open("wb") as file:
        places = []

        def write(number: int, body: bytes) -> None:
            places.append((number, file.tell()))
            file.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))

        file.write(b"%PDF-1.4\n")
        write(1, b"<< /Type /Catalog /Pages 2 0 R >>")
        kids = b" ".join(b"%d 0 R" % (3 + 3 * page) for page in range(count))
        write(2, b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, kids))
        drawing = b"q 595 0 0 842 0 0 cm /I Do Q"
        for page in range(count):
            first, data = 3 + 3 * page, pictures[page % len(pictures)] + b"%%page %d" % page
            write(first, b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
                         b"/Resources << /XObject << /I %d 0 R >> >> >>" % (first + 1, first + 2))  # fmt: skip
            write(first + 1, b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing))
            write(first + 2, b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray "
                             b"/BitsPerComponent 8 /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream"
                  % (width, height, len(data), data))  # fmt: skip
        table = file.tell()
        file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1))
        file.writelines(b"%010d 00000 n \n" % place for _, place in places)
        file.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, table))


def write_tiff(path: Path, count: int) -> None:
    """Write a TIFF of bilevel pages, compressed as faxes are."""
    some = [picture(number).convert("1") for number in range(20)]
    more = (some[number % len(some)] for number in range(1, count))
    some[0].save(path, save_all=True, append_images=more, compression="group4")


def in_bucket(path: Path) -> str:
    """The URI of a copy in a bucket of this process."""
    from moto.server import ThreadedMotoServer
    from pyarrow import fs

    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    at = f"127.0.0.1:{server.get_host_and_port()[1]}"
    fs.S3FileSystem(endpoint_override=at, scheme="http", region="us-east-1", allow_bucket_creation=True).create_dir(
        "long"
    )
    uri = f"s3://long/{path.name}?endpoint_override={at}&scheme=http&region=us-east-1"
    write_file(uri, path.read_bytes())
    return uri


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["pdf", "tiff"])
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--place", choices=["folder", "bucket"], default="folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"long.{arguments.kind}"
        (write_pdf if arguments.kind == "pdf" else write_tiff)(path, arguments.pages)
        size = path.stat().st_size
        uri = str(path) if arguments.place == "folder" else in_bucket(path)
        opened.RangedFile = inputs.RangedFile = Counted  # type: ignore[misc]
        start = time.monotonic()
        found = inputs.pages({"path": uri})
        counted = time.monotonic() - start
        seconds, memory, limits = list[float](), list[int](), Limits(10**10, 1000, 10**6)
        rows = found[:: arguments.every]
        for tenth in np.array_split(np.arange(len(rows)), 10):
            start = time.monotonic()
            for n in tenth:
                open_image(None, uri, rows[n]["pagenum"], True, limits, Wanted(resolution=100)).pixels()
            seconds.append(round((time.monotonic() - start) / max(1, len(tenth)), 4))
            memory.append(round(psutil.Process().memory_info().rss / 1e6))
    print(json.dumps({
        "kind": arguments.kind,
        "place": arguments.place,
        "pages": len(rows),
        "of": len(found),
        "file_mb": round(size / 1e6, 1),
        "read_of_the_file": round(Counted.bytes_read / size, 3),
        "requests": Counted.requests,
        "count_seconds": round(counted, 2),
        "seconds_a_page": seconds,
        "memory_mb": memory,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
