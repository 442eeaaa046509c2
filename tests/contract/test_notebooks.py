"""The notebooks of examples/ run from their first cell to their last, and show pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from server import free_port

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "notebooks"
SAID = {
    "handwriting": "Dinner is in the fridge",
    "hiding": "'secret': [{'x':",
    "output_formats": '<div class="ocr_page"',
    "pdf": "12 Quarry Lane",
    "serving": "Dinner is in the fridge",
    "text_detection": "region",
}
"""What each notebook prints, among other things."""
SHOW_NOTHING = ("serving",)
SLOW = ("serving",)
"""Those that start a server."""


def outputs(name: str) -> tuple[str, int]:
    """What a notebook prints, and how many pictures it shows.

    Raises:
        CellExecutionError: A cell failed.
    """
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    book = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    port = free_port()
    for cell in book.cells:
        started = f'serve.start(http_options={{"port": {port}}})\nserve.run('
        cell.source = cell.source.replace("serve.run(", started).replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    nbclient.NotebookClient(book, timeout=280, resources={"metadata": {"path": str(FOLDER)}}).execute()
    found: list[Any] = [each for cell in book.cells if cell.cell_type == "code" for each in cell.outputs]
    shown = [each.data for each in found if each.output_type in ("display_data", "execute_result")]
    printed = [each.text for each in found if each.output_type == "stream"]
    texts = [data.get("text/plain", "") for data in shown]
    return "".join([*printed, *texts]), sum("image/jpeg" in data for data in shown)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in sorted(SAID)]
)
def test_a_notebook_runs_and_shows_pictures(name: str) -> None:
    printed, pictures = outputs(name)
    assert SAID[name] in printed
    assert bool(pictures) != (name in SHOW_NOTHING)


def test_the_handwriting_notebook_reads_the_picture_that_it_is_given(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PICTURE", str(shared_data / "visual_nlp_samples/images/handwritten_example.jpg"))
    printed, pictures = outputs("handwriting")
    assert "This is an example of handwritten\n" in printed and "I hope it will be awesome" in printed
    assert pictures


def test_every_notebook_has_a_test_and_no_outputs() -> None:
    nbformat = pytest.importorskip("nbformat")
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(SAID)
    for path in FOLDER.glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells), path
