"""The description of the API at /docs: what it shows, and that its samples run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import drawn
import pytest
from server import Server


@pytest.fixture
def docs(page: Any, local_server: Server) -> Any:
    page.goto(f"{local_server.url}/docs")
    page.wait_for_selector("text=POST /v1/ocr")
    return page


def sample(docs: Any, path: str, language: str) -> str:
    docs.check(f"[value={language}]")
    section = docs.locator("section", has=docs.locator("h2", has_text=path))
    assert section.locator("pre[data-language]:visible").count() == 1
    return str(section.locator(f"pre[data-language={language}]").inner_text())


def test_the_description_of_the_api(docs: Any) -> None:
    for words in ("include_confidence", "application/problem+json", "POST /invocations", "OcrAnswer"):
        assert words in docs.locator("main").inner_text()
    docs.click("summary >> text=application/alto+xml >> nth=0")
    assert 'CONTENT="Walker,"' in docs.locator("details[open] pre").inner_text()
    docs.set_viewport_size({"width": 420, "height": 800})
    assert docs.evaluate("document.documentElement.scrollWidth") == 420


def test_its_samples_run(docs: Any, tmp_path: Path) -> None:
    drawn.page(drawn.LETTER).save(tmp_path / "letter.jpg")
    programs = {"curl": ["bash", "-c"], "Python": [sys.executable, "-c"]}
    for language, program in programs.items():
        if shutil.which(program[0]) and (language != "curl" or shutil.which("curl")):
            command = [*program, sample(docs, "POST /v1/ocr", language)]
            answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
            assert '"text":"Dear Mrs Walker,' in answer, language
            (tmp_path / "pages.json").write_text(answer, encoding="utf-8")
    source = sample(docs, "POST /v1/convert", "JavaScript")
    said = docs.evaluate(
        f"async (text) => {{ let said = ''; const console = {{ log: (text) => {{ said = text; }} }};"
        f"const file = new Blob([text]);\n{source}\nreturn said; }}",
        (tmp_path / "pages.json").read_text(encoding="utf-8"),
    )
    assert '"text":"Dear Mrs Walker,' in said
