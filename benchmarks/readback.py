"""What other programs read in the files of a job: the same words, in the same places, in files that are valid.

Example: python benchmarks/readback.py OUT --alto-xsd alto-4-4.xsd

It runs in an environment of its own, see benchmarks/README.md. OUT is a folder of `raypipe run` with the formats hocr,
alto, page, pdf, pdfa and json; json is what the others are held against. Boxes of hOCR, ALTO and PAGE may be off by 2
pixels, those of PDFs by 3 points. The schema of ALTO is in github.com/altoxml/schema.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import ocrd_validators
import pdfplumber
from kraken.lib.xml import XMLPage
from lxml import etree, html
from ocrd_models.ocrd_page import parse as parse_page
from ocrd_validators import PageValidator, XsdPageValidator
from ocrmypdf.hocrtransform.hocr_parser import HocrParser
from ocrmypdf.pdfa import file_claims_pdfa
from pagexml.parser import parse_pagexml_file
from pikepdf import pdfa

PIXELS, POINTS = 2, 3
"""How far boxes may be from those that were read."""
Found = list[tuple[str, tuple[float, ...]]]


@dataclass(frozen=True)
class Truth:
    """A page as `json` has it: words and lines in order, with upright boxes, and the quarter turns of its lines."""

    name: str
    number: int
    is_single: bool
    size: tuple[float, float]
    words: Found
    lines: Found
    turns: set[int]

    @property
    def file(self) -> str:
        """What its files are called if there is one for each page, without the suffix."""
        return self.name if self.is_single else f"{self.name}.{self.number}"


def upright(item: dict, size: tuple[float, float]) -> tuple[float, ...]:
    """The upright box around a rotated one, within its page."""
    angle = np.deg2rad(item["angle"])
    sides = np.abs([[np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ (item["width"], item["height"])
    middle = np.array([item["x"], item["y"]])
    return tuple(np.clip([*(middle - sides / 2), *(middle + sides / 2)], 0, [*size, *size]))


def truths(folder: Path) -> Iterator[Truth]:
    """The pages of a job that were read."""
    for file in sorted((folder / "json").rglob("*.json")):
        for page in json.loads(file.read_bytes())["pages"]:
            if page["exception"]:
                continue
            size, lines = (page["width"], page["height"]), [line for line in page["lines"] if line["words"]]
            words = [(word["text"], upright(word, size)) for line in lines for word in line["words"]]
            texts = [(" ".join(word["text"] for word in line["words"]), upright(line, size)) for line in lines]
            turns = {round(line["angle"] / 90) * 90 % 360 for line in lines}
            yield Truth(page["name"], page["pagenum"], page["total_pages"] == 1, size, words, texts, turns)


def around(points: object) -> tuple[float, ...]:
    """The upright box around points, which may be `x,y x,y` as text."""
    if isinstance(points, str):
        points = [point.split(",") for point in points.split()]
    places = np.array(points, float)
    return (*places.min(0), *places.max(0))


def hocr_words(folder: Path, page: Truth) -> Found | None:
    """By OCRmyPDF, which reads the first page of a file."""
    if page.number:
        return None
    words = HocrParser(folder / "hocr" / f"{page.name}.hocr").parse().words
    return [(word.text, (word.bbox.left, word.bbox.top, word.bbox.right, word.bbox.bottom)) for word in words]


def hocr_lines(folder: Path, page: Truth) -> Found:
    """By lxml, as hocr-tools do."""
    found = html.parse(folder / "hocr" / f"{page.name}.hocr").xpath("//*[@class='ocr_page']")[page.number]
    lines = found.xpath(".//*[@class='ocr_line']")
    return [(" ".join(line.text_content().split()), tuple(map(float, line.get("title").split(";")[0].split()[1:])))
            for line in lines]  # fmt: skip


def kraken_alto(folder: Path, page: Truth) -> Found | None:
    """By kraken, which reads one page."""
    if not page.is_single:
        return None
    lines = XMLPage(folder / "alto" / f"{page.name}.xml", linetype="bbox").lines.values()
    return [(line.text, line.bbox) for line in lines]


def kraken_page(folder: Path, page: Truth) -> Found:
    """By kraken."""
    lines = XMLPage(folder / "page" / f"{page.file}.xml").lines.values()
    return [(line.text, around(line.boundary)) for line in lines]


def ocrd_page(folder: Path, page: Truth) -> Found:
    """By OCR-D."""
    lines = parse_page(str(folder / "page" / f"{page.file}.xml"), silence=True).get_Page().get_AllTextLines()
    words = [word for line in lines for word in line.get_Word()]
    return [(word.get_TextEquiv()[0].Unicode, around(word.get_Coords().points)) for word in words]


def pagexml_page(folder: Path, page: Truth) -> Found:
    """By pagexml-tools."""
    regions = parse_pagexml_file(str(folder / "page" / f"{page.file}.xml")).get_text_regions_in_reading_order()
    words = [word for region in regions for line in region.lines for word in line.words]
    return [(word.text, around(word.coords.points)) for word in words]


def plumber(folder: Path, page: Truth) -> Found:
    """By pdfplumber, in pixels of the page."""
    with pdfplumber.open(folder / "pdf" / f"{page.name}.pdf") as pdf:
        shown = pdf.pages[page.number]
        scale = page.size[0] / float(shown.width)
        across, along = "rtl" if 180 in page.turns else "ltr", "btt" if 270 in page.turns else "ttb"
        # In the order of the file it finds no words that stand.
        flow = not page.turns & {90, 270}
        words = shown.extract_words(use_text_flow=flow, char_dir=across, char_dir_rotated=along)
        return [(w["text"], tuple(scale * float(w[k]) for k in ("x0", "top", "x1", "bottom"))) for w in words]


def pdftotext(folder: Path, page: Truth) -> Found:
    """By poppler, in pixels of the page."""
    number = str(page.number + 1)
    command = ["pdftotext", "-bbox", "-f", number, "-l", number, folder / "pdf" / f"{page.name}.pdf", "-"]
    printed = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
    shown = html.fromstring(printed.partition("<body>")[2]).find(".//page")
    # The sides are those of the page before it is turned, the places those of the page as it is seen.
    scale = max(page.size) / max(float(shown.get("width")), float(shown.get("height")))
    return [(w.text or "", tuple(scale * float(w.get(k)) for k in ("xmin", "ymin", "xmax", "ymax"))) for w in shown]


WORDS: dict[str, Callable[[Path, Truth], Found | None]] = {
    "hocr, ocrmypdf": hocr_words, "page, ocrd": ocrd_page, "page, pagexml-tools": pagexml_page,
}  # fmt: skip
LINES: dict[str, Callable[[Path, Truth], Found | None]] = {
    "hocr, lxml": hocr_lines, "alto, kraken": kraken_alto, "page, kraken": kraken_page,
}  # fmt: skip
PDF: dict[str, Callable[[Path, Truth], Found | None]] = {"pdf, pdfplumber": plumber, "pdf, pdftotext": pdftotext}


def differences(truth: Found, found: Found, limit: float) -> list[str]:
    """What was read otherwise, in order."""
    if [text for text, _ in truth] != [text for text, _ in found]:
        pairs = [(a, b) for (a, _), (b, _) in zip(truth, found, strict=False) if a != b]
        return [f"{len(truth)} became {len(found)}, first {pairs[:1]}"]
    apart = [(np.abs(np.subtract(a, b)).max(), text) for (text, a), (_, b) in zip(truth, found, strict=True)]
    return [f"{text!r} is off by {by:.1f}" for by, text in apart if by > limit]


def displaced(truth: Found, found: Found, limit: float) -> list[str]:
    """Words that are not where they were read, in whatever order; of several alike, the nearest."""
    left, said = list(found), []
    for text, box in truth:
        alike = [(np.abs(np.subtract(box, each[1])).max(), n) for n, each in enumerate(left) if each[0] == text]
        by, place = min(alike, default=(np.inf, -1))
        if by > limit:
            said.append(f"{text!r} is {'missing' if by == np.inf else f'off by {by:.1f}'}")
        else:
            del left[place]
    return said + [f"{text!r} is too much" for text, _ in left]


def alto_schema(file: Path) -> etree.XMLSchema:
    """The schema of ALTO, with OCR-D's copy of XLink's instead of the one of a web address."""
    tree = etree.parse(file)
    for found in tree.iterfind("{http://www.w3.org/2001/XMLSchema}import"):
        found.set("schemaLocation", str(Path(ocrd_validators.__file__).parent / "xlink.xsd"))
    return etree.XMLSchema(tree)


def pdfa_findings(file: Path) -> list[str]:
    """What OCRmyPDF and pikepdf's validator, which knows veraPDF's rules, find wrong with a PDF/A-2b."""
    claim = file_claims_pdfa(file)
    report = pdfa.validate_written(file, "2b")
    return ([] if claim["pass"] else [str(claim)]) + [str(found) for found in report.findings]


def invalid(folder: Path, alto_xsd: Path | None) -> Iterator[tuple[str, Path, list[str]]]:
    """Each check of a file by itself, and what it finds wrong."""
    schema = alto_schema(alto_xsd) if alto_xsd else None
    for file in sorted((folder / "alto").rglob("*.xml")) if schema else ():
        schema.validate(etree.parse(file))
        yield "alto, XSD", file, [str(error.message) for error in schema.error_log]
    for file in sorted((folder / "page").rglob("*.xml")):
        yield "page, XSD", file, XsdPageValidator.validate(etree.parse(file)).errors
        yield "page, OCR-D", file, [str(error) for error in PageValidator.validate(filename=str(file)).errors]
    checker = Path(sys.executable).parent / "hocr-check"
    for file in sorted((folder / "hocr").rglob("*.hocr")):
        messages = subprocess.run([checker, "--nooverlap", file], capture_output=True, text=True).stderr.splitlines()
        yield "hocr, hocr-check", file, [line for line in messages if not line.startswith("ok ")]

    for file in sorted((folder / "pdfa").rglob("*.pdf")):
        yield "pdfa, pikepdf and ocrmypdf", file, pdfa_findings(file)


def checked(folder: Path, alto_xsd: Path | None) -> Iterator[tuple[str, str, list[str]]]:
    """All checks: which one, of what, and what is wrong."""
    for kind, file, errors in invalid(folder, alto_xsd):
        yield kind, file.name, errors
    for page in truths(folder):
        for readers, truth in ((WORDS, page.words), (LINES, page.lines)):
            for kind, reader in readers.items():
                if (found := reader(folder, page)) is not None:
                    yield kind, page.file, differences(truth, found, PIXELS)
        for kind, reader in PDF.items():
            with pdfplumber.open(folder / "pdf" / f"{page.name}.pdf") as pdf:
                points = POINTS * page.size[0] / float(pdf.pages[page.number].width)
            yield kind, page.file, displaced(page.words, reader(folder, page) or [], points)


def main() -> None:
    """Print what is wrong, and a table of the checks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--alto-xsd", type=Path, help="the schema of ALTO 4.4; default: not validated")
    parser.add_argument("--show", type=int, default=3, help="errors to print of each file")
    given = parser.parse_args()
    logging.disable(logging.ERROR)
    files, bad, errors = Counter[str](), Counter[str](), Counter[str]()
    for kind, name, wrong in checked(given.folder, given.alto_xsd):
        files[kind] += 1
        bad[kind] += bool(wrong)
        errors[kind] += len(wrong)
        for error in wrong[: given.show]:
            print(f"{kind}: {name}: {error}")
    print("| format, reader | files or pages | with errors | errors |\n| --- | ---: | ---: | ---: |")
    for kind, count in files.items():
        print(f"| {kind} | {count} | {bad[kind]} | {errors[kind]} |")
    sys.exit(bool(errors.total()))


if __name__ == "__main__":
    main()
