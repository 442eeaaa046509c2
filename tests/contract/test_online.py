"""Ray Serve gives the rows of the local run: in this process, on replicas of its own, with batches, and over HTTP."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import drawn
import pypdfium2
import pytest
from adapters import GROUPED_CRAFT, POOLS, SHARED, LocalRows, assert_equal_rows
from server import Server

import raypipe as rp
from raypipe.inputs.pages import documents, named
from raypipe.inputs.pages import pages as pages_of
from raypipe.types import Row


def rows_to_send(pages: Path) -> Iterator[Row]:
    """Page rows with the bytes of their documents, as an ingress makes them."""
    for document in documents(pages):
        content = Path(document["path"]).read_bytes()
        yield from pages_of(named({**document, "content": content}))


def through(handle: Any, pages: Path) -> list[Row]:
    answers = [handle.read.remote({**row, "exception": None}) for row in rows_to_send(pages)]
    return [answer.result() for answer in answers]


@pytest.mark.parametrize(
    ("pipeline", "merge"),
    [(SHARED, False), (POOLS, True), pytest.param(GROUPED_CRAFT, False, marks=pytest.mark.slow)],
    ids=["one operator", "two operators, the first in the ingress", "craft words"],
)
def test_serve_in_this_process_gives_the_rows_of_the_local_run(
    pipeline: rp.Pipeline, merge: bool, few_pages: Path, local_rows: LocalRows
) -> None:
    from ray import serve

    from raypipe.run.settings import Serving

    handle = serve.run(pipeline.deployment(Serving(merge_ingress=merge)), _local_testing_mode=True)
    assert_equal_rows(local_rows(pipeline, few_pages), through(handle, few_pages))


@pytest.mark.slow
def test_batches_of_many_requests_give_the_same_rows(pages: Path, local_rows: LocalRows, ray_cluster: None) -> None:
    from ray import serve

    from raypipe.run.settings import Serving

    serving = Serving(batch_lines=64, batch_seconds=0.2)
    handle = serve.run(POOLS.deployment(serving), name="contract", route_prefix=None)
    try:
        assert_equal_rows(local_rows(POOLS, pages), through(handle, pages))
    finally:
        serve.shutdown()


def test_http_gives_the_rows_of_the_local_run(pages: Path, local_rows: LocalRows, each_server: Server) -> None:
    client = rp.Client(each_server.url)

    def read(path: Path) -> list[rp.Page]:
        try:
            return client.read(path)
        except rp.ServerError as error:
            assert path.name == "f_corrupt.jpg" and "image_truncated" in str(error)
            return []

    with ThreadPoolExecutor(4) as threads:
        theirs = [page for found in threads.map(read, sorted(pages.iterdir())) for page in found]
    ours = [row for row in local_rows(SHARED, pages) if row["exception"] is None]
    assert len(ours) == 11
    fields = ("pagenum", "total_pages", "text", "lines", "confidence")
    columns = SHARED.graph.columns
    assert_equal_rows(
        [{"path": Path(row["path"]).name, **{name: row[name] for name in fields}} for row in ours],
        [
            {"path": Path(page.path).name, **{name: columns[name].encode(page[name]) for name in fields}}
            for page in theirs
        ],
    )
    assert [(row["image"]["width"], row["image"]["height"]) for row in ours] == [
        (page["width"], page["height"]) for page in theirs
    ]


def test_the_pages_of_a_pdf_come_a_line_each(each_server: Server) -> None:
    numbers = ("one", "two", "three", "four", "five")
    pictures = [drawn.page([f"Page number {number}"], (500, 150)) for number in numbers]
    file = io.BytesIO()
    pictures[0].save(file, "PDF", save_all=True, append_images=pictures[1:], resolution=100)
    connection = each_server.connect()
    connection.request("POST", "/v1/ocr?output_format=ndjson", file.getvalue())
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    assert [json.loads(line)["text"] for line in lines] == [f"Page number {number}" for number in numbers]
    items = [{"text": f"Page number {number}", "pagenum": n} for n, number in enumerate(numbers, 1)]
    connection.request("POST", "/invocations", file.getvalue(), {"Content-Type": "application/octet-stream"})
    assert json.loads(connection.getresponse().read()) == {"items": items}
    connection.request("POST", "/v1/ocr?output_format=pdf&pages=2-3", file.getvalue())
    answer = pypdfium2.PdfDocument(connection.getresponse().read())
    assert [page.get_textpage().get_text_range().split() for page in answer][1] == ["Page", "number", "two"]
    connection.close()
