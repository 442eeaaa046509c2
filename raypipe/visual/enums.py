"""Visual NLP's enumerations, as far as its OCR stages take them."""

from __future__ import annotations

from enum import Enum

from raypipe.stages.draw import COLORS
from raypipe.visual.absent import ABSENT_ENUMS, stand_ins

__all__ = [
    "Color", "EngineMode", "ImageType", "Language", "ModelType", "OcrOutputFormat", "PageIteratorLevel",
    "PageSegmentationMode", "SplittingStrategy", *ABSENT_ENUMS,
]  # fmt: skip


class ImageType(Enum):
    """How the pixels of a picture are stored: the modes of java.awt.image.BufferedImage."""

    TYPE_3BYTE_BGR = 5
    TYPE_4BYTE_ABGR = 6
    TYPE_BYTE_GRAY = 10
    TYPE_BYTE_BINARY = 12


Color = Enum("Color", {name: name for name in COLORS})  # type: ignore[misc]
"""Colours of drawings."""


class OcrOutputFormat(Enum):
    """What the column of the text holds."""

    TEXT = "text"
    FORMATTED_TEXT = "formatted_text"
    HOCR = "hocr"
    TEXT_WITH_POSITIONS = "text_with_positions"


class SplittingStrategy(Enum):
    """How the pages of a PDF are spread; accepted but not needed: every page is a row."""

    FIXED_SIZE_OF_PARTITION = "FIXED_SIZE_OF_PARTITION"
    FIXED_NUMBER_OF_PARTITIONS = "FIXED_NUMBER_OF_PARTITIONS"


class PageSegmentationMode(Enum):
    """How `ImageToText` looks for text; it does not offer all of them."""

    OSD_ONLY = "OSD_ONLY"
    AUTO_OSD = "AUTO_OSD"
    AUTO_ONLY = "AUTO_ONLY"
    AUTO = "AUTO"
    SINGLE_COLUMN = "SINGLE_COLUMN"
    SINGLE_BLOCK_VERT_TEXT = "SINGLE_BLOCK_VERT_TEXT"
    SINGLE_BLOCK = "SINGLE_BLOCK"
    SINGLE_LINE = "SINGLE_LINE"
    SINGLE_WORD = "SINGLE_WORD"
    CIRCLE_WORD = "CIRCLE_WORD"
    SINGLE_CHAR = "SINGLE_CHAR"
    SPARSE_TEXT = "SPARSE_TEXT"
    SPARSE_TEXT_OSD = "SPARSE_TEXT_OSD"


class PageIteratorLevel(Enum):
    """Parts of a page; positions are always those of `SYMBOL`, single characters."""

    BLOCK = "BLOCK"
    PARAGRAPH = "PARAGRAPH"
    TEXTLINE = "TEXTLINE"
    WORD = "WORD"
    SYMBOL = "SYMBOL"


class EngineMode(Enum):
    """Tesseract's engines; accepted but not needed."""

    TESSERACT_ONLY = "TESSERACT_ONLY"
    OEM_LSTM_ONLY = "OEM_LSTM_ONLY"
    LSTM_ONLY = "LSTM_ONLY"
    TESSERACT_LSTM_COMBINED = "TESSERACT_LSTM_COMBINED"
    DEFAULT = "DEFAULT"


class ModelType(Enum):
    """Tesseract's files; accepted but not needed."""

    BASE = "BASE"
    BEST = "BEST"
    FAST = "FAST"


class Language(Enum):
    """Languages by their codes in Visual NLP; `raypipe models info` says which of them a model reads."""

    ARA = "ar"
    CHI = "zh"
    KOR = "ko"
    RUS = "ru"
    VIE = "vi"
    ENG = "en"
    CAT = "ca"
    CES = "cs"
    DAN = "da"
    DEU = "de"
    EST = "et"
    FIN = "fi"
    FRA = "fr"
    GLE = "ga"
    HRV = "hr"
    HUN = "hu"
    ISL = "is"
    ITA = "it"
    LAV = "lv"
    LIT = "lt"
    NLD = "nl"
    NOR = "nb"
    POL = "pl"
    POR = "pt"
    RON = "ro"
    SLK = "sk"
    SLV = "sl"
    SPA = "es"
    SWE = "sv"
    TUR = "tr"


__getattr__ = stand_ins(__name__, ABSENT_ENUMS)
