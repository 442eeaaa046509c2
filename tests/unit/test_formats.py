"""The registry of output formats: each is whole."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pypdfium2
import pytest
from asking import PICTURE, serving
from making import FORM, encoded, finished, white

import raypipe as rp
from raypipe import outputs
from raypipe.errors import ConfigError
from raypipe.images.image import Limits, open_image
from raypipe.outputs import formats
from raypipe.outputs.base import Document, Format
from raypipe.outputs.formats import FORMATS, find, text_columns

IMAGE = open_image(encoded(white(300, 400), "PNG"), "a.tif", 0, False, Limits(10**6, 1, 9))
PAGES = [
    finished("sub/a.tif", 0, 3, lines=FORM, text="Name: Ada", confidence=[0.5], image=IMAGE),
    finished("sub/a.tif", 1, 3, text="", image=IMAGE),
    finished("sub/a.tif", 2, 3, text="", exception="Stage code: why"),
]
DOCUMENT = Document(path="in/sub/a.tif", name="sub/a.tif", pages=PAGES, folder=Path("/out/sub"))


def text_of(each: Format, data: bytes) -> str:
    if each.media_type == "application/pdf":
        with pypdfium2.PdfDocument(data) as pdf:
            return pdf[0].get_textpage().get_text_range()
    return data.decode()


def test_every_file_with_a_format_is_registered() -> None:
    found = {path.stem for path in Path(outputs.__path__[0]).glob("*.py")} - {"__init__"}
    modules = [import_module(f"raypipe.outputs.{name}") for name in found]
    assert {module.FORMAT.name for module in modules if hasattr(module, "FORMAT")} == set(FORMATS)


@pytest.mark.parametrize("each", FORMATS.values(), ids=lambda each: each.name)
def test_a_format_is_whole(each: Format) -> None:
    assert re.fullmatch(r"[a-z][a-z_]*", each.name) and each.name not in ("results", "overlays")
    assert re.fullmatch(r"\.[a-z]+", each.suffix)
    assert re.fullmatch(r"[a-z]+/[a-z+.-]+", each.media_type)
    document = replace(DOCUMENT, pages=PAGES[:1]) if each.one_page else DOCUMENT
    assert "Name:" in text_of(each, each.encode(document))
    assert each.column is None or "Name:" in each.column.text(PAGES[0], True)
    with serving() as client:
        answer = client.post(f"/v1/ocr?output_format={each.name}", content=PICTURE)
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(each.media_type)
        described = client.get("/openapi.json").json()["paths"]["/v1/ocr"]["post"]["responses"]["200"]["content"]
        assert each.media_type in described
        is_object = each.media_type.endswith("json")
        assert is_object == (described[each.media_type]["schema"].get("type", "object") == "object")


def test_no_two_formats_share_a_name() -> None:
    declared = [name for name, value in vars(formats).items() if hasattr(value, "FORMAT")]
    assert len(declared) == len(FORMATS)


def test_an_unknown_name_tells_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no output format 'doc'. Use one of text, formatted_text"):
        find("doc")
    with pytest.raises(ConfigError, match=r"choose one of text, formatted_text, hocr, text_with_positions"):
        rp.ImageToText(output_format="pdf")


@pytest.mark.parametrize("name", text_columns())
def test_the_text_column_takes_each(name: str) -> None:
    assert rp.ImageToText(output_format=name).output_format == name
    assert "Name:" in text_columns()[name].text(PAGES[0], False)
    assert name in rp.ImageToText.model_json_schema()["properties"]["output_format"]["enum"]
