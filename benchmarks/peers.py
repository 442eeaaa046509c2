"""Run another OCR engine over images and write what it read, with timing, as JSON lines.

Usage:

    python benchmarks/peers.py rapidocr IMAGES... --output predictions.jsonl
    python benchmarks/peers.py faster-paddle --variant tiny IMAGES... --output predictions.jsonl
    python benchmarks/peers.py tesseract --lines IMAGES... --only names.tsv --output predictions.jsonl
    raypipe bench IMAGES... --beside "rapidocr=python benchmarks/peers.py rapidocr"

Engines run with their own defaults, models, thread counts and reading order, on the encoded file: what their ordinary
user gets. ``rapidocr`` and ``faster-paddle`` come from ``benchmarks/requirements-peers.txt`` and need no network;
``tesseract`` is the command-line program. An output line holds ``file``, ``text`` and ``seconds`` (decoding included).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ENGINES = ("faster-paddle", "rapidocr", "tesseract")
SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
EXIF_ORIENTATION = 274


def tesseract(path: Path, lines: bool) -> str:
    """Return what the tesseract program reads, as a page (its default, --psm 3) or as one line (--psm 7)."""
    command = ["tesseract", str(path), "stdout", "-l", "eng", *(["--psm", "7"] if lines else [])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return "\n".join(line for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip())


def build_reader(engine: str, variant: str, lines: bool, structured: bool) -> Callable[[Path], str]:
    """Load an engine.

    Args:
        engine: One of ``ENGINES``.
        variant: Size of the models, of those inside the engine's package; tesseract has the one installed.
        lines: Recognise each image as one text line, without detection.
        structured: Take faster-paddle's layout-preserving text instead of its plain text.

    Returns:
        A function from an image file to its text, the engine's lines in its own order.

    """
    if engine == "tesseract":
        return lambda path: tesseract(path, lines)
    if engine == "faster-paddle":
        if lines:
            sys.exit("faster-paddle has no entry that recognises without detecting")
        from faster_paddle import OcrEngine

        fast = OcrEngine(model_size=variant)
        return lambda path: fast.ocr(path.read_bytes())["structured_text" if structured else "text"]
    if variant != "small":
        sys.exit("rapidocr ships its small models only and would download others")
    from rapidocr import RapidOCR

    rapid = RapidOCR(params={"Global.log_level": "error"})
    steps = {"use_det": False, "use_cls": False, "use_rec": True} if lines else {}
    return lambda path: "\n".join(rapid(path, **steps).txts or ())


def find_images(sources: Iterable[Path], only: Path | None) -> list[Path]:
    """List images, each folder's sorted by name.

    Args:
        sources: Folders and image files.
        only: A text file with one image name a line (a tab and what follows it are ignored), or None for all.

    Returns:
        The image files.

    """
    wanted = {row.split("\t")[0].strip() for row in only.read_text("utf-8").splitlines()} if only else None
    found = [path for source in sources for path in (sorted(source.iterdir()) if source.is_dir() else [source])]
    return [p for p in dict.fromkeys(found) if p.suffix.lower() in SUFFIXES and (wanted is None or p.name in wanted)]


def upright(path: Path, folder: Path) -> Path:
    """Return the image, or a lossless copy in the folder where its EXIF orientation asks for a turn."""
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        if image.getexif().get(EXIF_ORIENTATION, 1) == 1:
            return path
        copy = folder / f"{path.stem}.png"
        ImageOps.exif_transpose(image).save(copy, compress_level=1)
    return copy


def cpu_seconds() -> float:
    """Return what this process and those that it started have used."""
    return sum(os.times()[:4])


def main() -> None:
    """Read the arguments, run the engine over the images and report its speed and memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGES", help="folder or image file")
    parser.add_argument("--output", type=Path, default=os.devnull, help="JSON lines to write")
    parser.add_argument("--variant", choices=("tiny", "small"), default="small", help="model size (default: small)")
    parser.add_argument("--lines", action="store_true", help="the images are line crops: recognise only")
    parser.add_argument("--structured", action="store_true", help="take faster-paddle's layout-preserving text")
    parser.add_argument("--upright", action="store_true", help="turn images by their EXIF orientation first, untimed")
    parser.add_argument("--only", type=Path, help="file with the names of the images to read, one a line")
    args = parser.parse_args()
    images = find_images(args.images, args.only)
    if not images:
        sys.exit("no images found")
    with tempfile.TemporaryDirectory() as folder, args.output.open("w", encoding="utf-8") as output:
        start = time.perf_counter()
        read = build_reader(args.engine, args.variant, args.lines, args.structured)
        read(images[0])  # models load on first use: keep that out of the timing
        ready, total, cpu = time.perf_counter() - start, 0.0, cpu_seconds()
        for path in images:
            source = upright(path, Path(folder)) if args.upright else path
            start = time.perf_counter()
            text = read(source)
            seconds = time.perf_counter() - start
            total += seconds
            output.write(json.dumps({"file": path.name, "text": text, "seconds": round(seconds, 4)}) + "\n")
            output.flush()
    who = resource.RUSAGE_CHILDREN if args.engine == "tesseract" else resource.RUSAGE_SELF
    peak = resource.getrusage(who).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    speed = f"{len(images)} pages, {total:.2f} s, {len(images) / total:.3f} pages/s"
    print(f"{args.engine}: {speed}, peak RSS {peak:.0f} MiB (load and first page, not counted: {ready:.2f} s)")
    result = {"pages": len(images), "seconds": round(total, 4), "cpu_seconds": round(cpu_seconds() - cpu, 4)}
    print(json.dumps(result))  # For `raypipe bench --beside`.


if __name__ == "__main__":
    main()
