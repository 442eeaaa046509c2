"""Visual NLP's stages that are not offered, and what stands for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raypipe.errors import ConfigError

TEXT_LAYERS = 'PdfToImage().setTextLayer("use") takes the text that a PDF itself holds, where it is reliable'
"""What raypipe has in place of Visual NLP's stages for text layers."""
NO_PDF = "no stage makes PDFs; `raypipe run --format pdf` writes the pages with their text, which can be searched"
NO_CLEANING = "raypipe's models take pages as they come; leave it out, and read the column that it reads"
NO_TABLES = "raypipe has no model for tables; `lines` has the words with their places, by row"
NO_DICOM = "raypipe opens pictures and PDFs; save the frames of DICOM files as pictures before"
NO_DOCUMENTS = "raypipe reads text; give it, and the words in `lines`, to a model of documents"
FILLED = "ImageDrawRegions hides them with setFilledRect(True)"
CLEANING = (
    "ImageSkewCorrector", "ImageBinarizer", "ImageAdaptiveBinarizer", "ImageAdaptiveThresholding", "ImageRemoveObjects",
    "ImageMorphologyOperation", "ImageRemoveBackground", "ImageRemoveGlare", "ImageHomogenizeLight",
    "ImageEnhanceContrast", "ImageScaler", "ImageAdaptiveScaler", "ImageTransformer", "GPUImageTransformer",
    "ImageTextCleaner", "ImageNoiseScorer", "ImageCropper",
)  # fmt: skip
LAYOUTS = (
    "ImageLayoutAnalyzer", "ImageLayoutDetector", "DocumentLayoutAnalyzer", "DocumentLayoutAnalyzerDit",
    "ImageDocumentRegionDetector",
)  # fmt: skip
TABLES = (
    "ImageTableDetector", "ImageTableCellDetector", "ImageCellsToTextTable", "HocrToTextTable", "PdfToTextTable",
    "DocToTextTable", "PptToTextTable", "ChartToTextTable", "RegionsMerger",
)  # fmt: skip
DOCUMENTS = (
    "VisualDocumentClassifier", "VisualDocumentClassifierV2", "VisualDocumentClassifierV3", "VisualDocumentNer",
    "VisualDocumentClassifierLilt", "VisualDocumentNerV2", "VisualDocumentNerV21", "VisualDocumentNerLilt",
    "VisualDocumentNerGeo", "VisualQuestionAnswering", "FormRelationExtractor", "GeoRelationExtractor",
    "HocrToFeatures", "BrosHocrTokenizer", "FoundationOneReportParser", "MedicalVisionLLM", "VitImageEmbeddings",
)  # fmt: skip
DICOM = (
    "DicomToImage", "DicomToImageV2", "DicomToImageV3", "DicomToPdf", "DicomToMetadata", "DicomSplitter",
    "DicomDrawRegions", "DicomMetadataDeidentifier", "DicomDeidentifier", "DicomUpdatePdf", "ImageToDicom",
)  # fmt: skip
ABSENT = {
    "ImageToHocr": "ImageToText().setOutputFormat(OcrOutputFormat.HOCR) gives hOCR",
    **dict.fromkeys(CLEANING, NO_CLEANING),
    "PdfToText": TEXT_LAYERS,
    "PdfToHocr": TEXT_LAYERS,
    "PdfToForm": "raypipe reads what a page shows, not its form fields",
    "HocrDocumentAssembler": "its documents are for Spark NLP; HocrTokenizer gives the words",
    "PositionFinder": "its chunks come from Spark NLP; find words in `positions`, or in the column `lines`",
    "UpdateTextPosition": "its texts come from Spark NLP; `lines` has the words that were read, with their places",
    **dict.fromkeys(LAYOUTS, "ImageTextDetector finds lines, and reading puts them into order"),
    "ImageToPdf": NO_PDF,
    "ImageToTextPdf": NO_PDF,
    "TextToPdf": NO_PDF,
    "PdfAssembler": NO_PDF,
    "PdfDrawRegions": "raypipe draws on pictures: see ImageDrawRegions",
    "DocToText": "raypipe opens pictures and PDFs",
    "DocToPdf": "raypipe opens pictures and PDFs",
    "PptToPdf": "raypipe opens pictures and PDFs",
    "ImageHandwrittenDetector": "raypipe's models read handwriting and print alike; leave it out",
    "ImageCheckBoxDetector": "raypipe has no model for check boxes",
    "ImageBrandsToText": "raypipe has no model for brands",
    **dict.fromkeys(TABLES, NO_TABLES),
    **dict.fromkeys(DOCUMENTS, NO_DOCUMENTS),
    **dict.fromkeys(DICOM, NO_DICOM),
}
"""Visual NLP's stages that are not here, and why."""


ABSENT_ENUMS = {
    "FontStyle": f"it is for what Visual NLP writes over regions; {FILLED}",
    "TextStripperType": TEXT_LAYERS,
    **dict.fromkeys(("KernelShape", "MorphologyOperationType", "NoiseMethod", "TresholdingMethod"), NO_CLEANING),
    **dict.fromkeys(("CellDetectionAlgos",), NO_TABLES),
}
"""Visual NLP's enumerations of what is not here: programs import them with the others."""

ABSENT_HELPERS = {
    **dict.fromkeys(("display_table", "display_tables"), NO_TABLES),
    "display_dicom": NO_DICOM,
    "get_vocabulary_dict": NO_DOCUMENTS,
    "info": "`raypipe doctor` says what is installed",
}
"""Visual NLP's functions for what is not here."""


class Absent:
    """What is not offered: whatever a program does with it is an error that says what to do instead."""

    def __init__(self, name: str, instead: str) -> None:
        self._name, self._instead = name, instead

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Says what to do instead.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(f"{self._name} is not offered: {self._instead}.")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python and its tools look for these.
            raise AttributeError(name)
        self()


def stand_ins(module: str, absent: Mapping[str, str]) -> Callable[[str], Absent]:
    """The `__getattr__` of a module of names that Visual NLP has and raypipe does not, with what is there instead."""

    def stand_in(name: str) -> Absent:
        if name in absent:
            return Absent(name, absent[name])
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return stand_in


def stand_ins_for_others(module: str, instead: str) -> Callable[[str], Absent]:
    """The `__getattr__` of a module that has some of Spark's names, and the same remedy for all others."""

    def stand_in(name: str) -> Absent:
        if name.startswith("_"):  # Python and its tools look for these.
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return Absent(name, instead)

    return stand_in
