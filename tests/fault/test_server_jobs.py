"""Jobs of a server that is killed."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import drawn
import pytest
from server import Server, start

PAGES = 40


def tiff() -> bytes:
    first, *rest = [drawn.page([f"number {page}"], (260, 140), 40) for page in range(PAGES)]
    file = io.BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=rest, compression="tiff_lzw")
    return file.getvalue()


def ask(server: Server, method: str, path: str, body: bytes | None = None) -> Any:
    connection = server.connect()
    try:
        connection.request(method, path, body, {"Content-Type": "application/octet-stream"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def until_done(server: Server, place: str, pages: int) -> None:
    end = time.monotonic() + 240
    while ask(server, "GET", place)["done"] < pages:
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
def test_a_job_survives_the_death_of_its_server_and_has_each_page_once(tmp_path: Path) -> None:
    arguments = ("--engine", "local", "--jobs", str(tmp_path))
    first = start(*arguments)
    place = f"/v1/jobs/{ask(first, 'POST', '/v1/jobs', tiff())['id']}"
    until_done(first, place, PAGES // 3)
    first.process.kill()
    first.process.wait(60)
    second = start(*arguments)
    written = ask(second, "GET", place)["done"]
    assert PAGES // 3 <= written < PAGES, "it was killed in the middle"
    until_done(second, place, PAGES)
    while ask(second, "GET", place)["state"] != "done":
        time.sleep(0.1)
    pages = ask(second, "GET", f"{place}/result")["pages"]
    assert [page["pagenum"] for page in pages] == list(range(PAGES))
    right = sum(page["text"] == f"number {page['pagenum']}" for page in pages)
    assert right > 0.9 * PAGES, "each row is of its own page"
    assert second.stop() == 0, second.log
