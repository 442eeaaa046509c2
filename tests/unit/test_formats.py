"""The registry of output formats: each is whole, and a new one is a file and a name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from making import FORM, finished
from pydantic import ValidationError
from test_web import PICTURE, serving

import raypipe as rp
from raypipe import outputs
from raypipe.errors import ConfigError
from raypipe.outputs import formats
from raypipe.outputs.base import Document, Format
from raypipe.outputs.formats import FORMATS, find, text_columns

PAGES = [
    finished("sub/a.tif", 0, 3, lines=FORM, text="Name: Ada", confidence=[0.5], width=400, height=300),
    finished("sub/a.tif", 1, 3, text=""),
    finished("sub/a.tif", 2, 3, text="", exception="Stage code: why"),
]
DOCUMENT = Document(path="in/sub/a.tif", name="sub/a.tif", pages=PAGES, folder=Path("/out/sub"))
SHOUT = """
from raypipe.outputs.base import Format


def render(document):
    return "".join(f"{document.name}: {page.text}" for page in document.pages).upper()


FORMAT = Format(name="shout", suffix=".shout", media_type="text/x-shout", render=render)
"""
USE = """
import json, shout
from raypipe.outputs import formats
formats.FORMATS["shout"] = shout.FORMAT

from click.testing import CliRunner
from raypipe.cli.main import cli
from test_web import PICTURE, serving

arguments = ["run", "a.png", "-o", "out", "--pipeline", "open.toml", "--overlay", "none", "--engine", "local"]
result = CliRunner().invoke(cli, [*arguments, "--format", "shout"])
written = open("out/shout/a.png.shout").read()
again = CliRunner().invoke(cli, [*arguments, "--overwrite"])
with serving() as client:
    answer = client.post("/v1/ocr", content=PICTURE, headers={"Accept": "text/x-shout"})
    asked = client.post("/v1/ocr?output_format=shout", content=PICTURE)
    document = client.get("/openapi.json").json()
http = answer.headers["content-type"], answer.text, asked.text, document
print(json.dumps([result.output, written, again.output, *http]))
"""


def test_a_new_format_is_a_file_and_a_name(tmp_path: Path, page_png: bytes) -> None:
    """The command line, its folders, HTTP and the OpenAPI document know it."""
    (tmp_path / "shout.py").write_text(SHOUT)
    (tmp_path / "use.py").write_text(USE)
    (tmp_path / "a.png").write_bytes(page_png)
    (tmp_path / "open.toml").write_text('[[stage]]\ntype = "BinaryToImage"\n')
    code = f"import sys; sys.path[:0] = {[str(tmp_path), *sys.path]!r}; exec(open('use.py').read())"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    first, written, again, media_type, answer, asked, document = json.loads(ran.stdout)
    assert "out/shout/" in first and written == "A.PNG: "
    assert "out/text/" in again
    assert not (tmp_path / "out/shout").exists(), "--overwrite removes its folder"
    assert media_type == "text/x-shout; charset=utf-8"
    assert answer == asked == "UPLOAD: DEAR PAGE 0"
    operation = document["paths"]["/v1/ocr"]["post"]
    assert "text/x-shout" in operation["responses"]["200"]["content"]
    (parameter,) = [each["schema"] for each in operation["parameters"] if each["name"] == "output_format"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]["output_format"]
    assert "shout" in parameter["enum"] and "shout" in form["enum"]


def test_every_file_with_a_format_is_registered() -> None:
    found = {path.stem for path in Path(outputs.__path__[0]).glob("*.py")} - {"__init__"}
    modules = [import_module(f"raypipe.outputs.{name}") for name in found]
    assert {module.FORMAT.name for module in modules if hasattr(module, "FORMAT")} == set(FORMATS)


@pytest.mark.parametrize("each", FORMATS.values(), ids=lambda each: each.name)
def test_a_format_is_whole(each: Format) -> None:
    assert re.fullmatch(r"[a-z][a-z_]*", each.name) and each.name not in ("results", "overlays")
    assert re.fullmatch(r"\.[a-z]+", each.suffix)
    assert re.fullmatch(r"[a-z]+/[a-z+.-]+", each.media_type)
    assert b"Name:" in each.encode(DOCUMENT)
    assert each.column is None or "Name:" in each.column.text(PAGES[0], True)
    with serving() as client:
        answer = client.post(f"/v1/ocr?output_format={each.name}", content=PICTURE)
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(each.media_type)
        described = client.get("/openapi.json").json()["paths"]["/v1/ocr"]["post"]["responses"]["200"]["content"]
        assert each.media_type in described


def test_no_two_formats_share_a_name() -> None:
    declared = [name for name, value in vars(formats).items() if hasattr(value, "FORMAT")]
    assert len(declared) == len(FORMATS)


def test_an_unknown_name_tells_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no output format 'pdf'. There are text, formatted_text"):
        find("pdf")
    with pytest.raises(ValidationError, match=r"there are text, formatted_text, hocr, text_with_positions"):
        rp.ImageToText(output_format="pdf")


@pytest.mark.parametrize("name", text_columns())
def test_the_text_column_takes_each(name: str) -> None:
    assert rp.ImageToText(output_format=name).output_format == name
    assert "Name:" in text_columns()[name].text(PAGES[0], False)
    assert name in rp.ImageToText.model_json_schema()["properties"]["output_format"]["enum"]
