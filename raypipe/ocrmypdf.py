"""Plug-in of OCRmyPDF: `ocrmypdf --plugin raypipe.ocrmypdf in.pdf out.pdf` reads with the standard pipeline.

OCRmyPDF extracts the pages of PDFs, straightens them on request, and puts the text under them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import get_ident
from typing import Any

from ocrmypdf import OrientationConfidence, hookimpl
from ocrmypdf.exceptions import BadArgsError
from ocrmypdf.pluginspec import OcrEngine
from typing_extensions import override

import raypipe
from raypipe import presets
from raypipe.inputs.pages import documents, page_rows
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics
from raypipe.outputs.page import Page
from raypipe.run.local import processor
from raypipe.types import Row
from raypipe.visual.enums import Language
from raypipe.zoo import manifest

SURE = 0.5
"""Mean probability of a page's characters from which the direction of its text counts as certain."""


class RaypipeEngine(OcrEngine):  # type: ignore[misc]
    """raypipe as OCRmyPDF's engine."""

    @staticmethod
    @override
    def version() -> str:
        return str(raypipe.__version__)

    @staticmethod
    @override
    def creator_tag(options: Any) -> str:
        return f"raypipe {raypipe.__version__}"

    @override
    def __str__(self) -> str:
        return f"raypipe {raypipe.__version__}"

    @staticmethod
    @override
    def languages(options: Any) -> set[str]:
        return set(_languages())

    @staticmethod
    @override
    def get_orientation(input_file: Path, options: Any) -> OrientationConfidence:
        page = _read(input_file, options)
        # OCRmyPDF turns the page back, counter-clockwise, by this angle.
        return OrientationConfidence(-page.turned % 360, 100 if (page.confidence or 0) >= SURE else 0)

    @staticmethod
    @override
    def generate_hocr(input_file: Path, output_hocr: Path, output_text: Path, options: Any) -> None:
        page = _read(input_file, options)
        output_hocr.write_text(str(page.to("hocr")), encoding="utf-8")
        output_text.write_text(page.text, encoding="utf-8")

    @staticmethod
    @override
    def generate_pdf(input_file: Path, output_pdf: Path, output_text: Path, options: Any) -> None:
        raise BadArgsError("raypipe has no renderer of its own for OCRmyPDF: use --pdf-renderer auto.")


@hookimpl  # type: ignore[untyped-decorator]
def get_ocr_engine(options: Any) -> RaypipeEngine | None:
    """The engine, unless OCRmyPDF is to use another one."""
    return None if options is not None and options.ocr_engine not in ("auto", "raypipe") else RaypipeEngine()


def _read(file: Path, options: Any) -> Page:
    """The page of a picture.

    Raises:
        RuntimeError: It cannot be read.
    """
    chosen = [_languages()[code] for code in options.languages] or ["en"]
    language = chosen[0] if len(chosen) == 1 else "latin"
    threads = max(usable_cpus() // (options.jobs or usable_cpus()), 1)
    (row,) = _pipeline(language, threads, get_ident())(list(page_rows(documents(file))))
    page = Page(row)
    if page.exception:
        raise RuntimeError(page.exception)
    return page


@cache
def _languages() -> dict[str, str]:
    """OCRmyPDF's codes of the languages that are read (ISO 639-2), and raypipe's."""
    read = manifest.find(presets.RECOGNIZER).languages
    return {language.name.lower(): language.value for language in Language if language.value in read}


@cache
def _pipeline(language: str, threads: int, _: int) -> Callable[[list[Row]], list[Row]]:
    """The standard pipeline of this thread, loaded once."""
    return processor(presets.standard(language=language).graph, threads, Metrics())
