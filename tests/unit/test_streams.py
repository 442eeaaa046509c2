"""A job is followed while it is read: its progress as Server-Sent Events, its pages as NDJSON."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from job_server import ANNA, BERT, KEYS, PIPELINE, Reader, finished, place_of, serving, until
from listening import listening
from making import tiff

from raypipe.job.folder import OutputFolder
from raypipe.job.results import Results
from raypipe.rows import to_table
from raypipe.web import streams
from raypipe.web.app import create
from raypipe.web.settings import JobSettings, ServerSettings
from raypipe.web_jobs.manager import JobManagerFactory
from raypipe.web_jobs.written import Arrivals

NDJSON = {"Accept": "application/x-ndjson"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.01)


class Follower:
    """A client of a server on a port."""

    def __init__(self, folder: Path, reader: Reader, **jobs: Any) -> None:
        made = JobManagerFactory(PIPELINE, JobSettings(jobs=folder, **jobs), folder)
        self.edge = create(reader, ServerSettings(), jobs_for=made)
        self.port = 0

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def begin(self, pages: int) -> str:
        return place_of(self.ask("POST", "/v1/jobs", tiff(pages)))


@contextmanager
def following(folder: Path, reader: Reader, **jobs: Any) -> Iterator[Follower]:
    follower = Follower(folder, reader, **jobs)
    with listening(follower.edge) as follower.port:
        yield follower


def event(stream: http.client.HTTPResponse) -> dict[str, str]:
    """The next event of a stream."""
    fields: dict[str, str] = {}
    while line := stream.readline().decode().rstrip("\n"):
        name, _, value = line.partition(": ")
        fields[name] = value
    return fields


def test_progress_comes_as_events_until_the_end_and_resumes(tmp_path: Path) -> None:
    reader = Reader(most=5)
    with following(tmp_path, reader) as client:
        place = client.begin(12)
        stream = client.ask("GET", f"{place}/events")
        assert stream.headers["Content-Type"].startswith("text/event-stream") and event(stream) == {"retry": "2000"}
        first = event(stream)
        while json.loads(first["data"])["done"] < 4:
            first = event(stream)
        assert first["event"] == "progress" and json.loads(first["data"])["state"] == "reading"
        reader.most = 1000
        events = [first]
        while events[-1]["event"] == "progress":
            events.append(event(stream))
        assert (events[-1]["event"], json.loads(events[-1]["data"])["done"]) == ("end", 12) and not stream.read()
        assert len({each["id"] for each in events}) == len(events), "each says something new"
        again = client.ask("GET", f"{place}/events", **{"Last-Event-ID": first["id"]})
        assert [event(again).get("event"), event(again)["event"]] == [None, "end"] and not again.read()
        assert client.ask("GET", f"{place}/events", **{"Last-Event-ID": events[-1]["id"]}).status == 204


def test_pages_come_as_lines_while_the_job_is_read(tmp_path: Path) -> None:
    reader = Reader(most=4)
    with following(tmp_path, reader) as client:
        place = client.begin(11)
        stream = client.ask("GET", f"{place}/result?pages=2-10", **NDJSON)
        lines = [json.loads(stream.readline()) for _ in range(3)]
        assert reader.pages.total() == 4, "the rest is not read yet"
        reader.most = 1000
        lines += [json.loads(line) for line in stream]
        assert [line["pagenum"] for line in lines] == list(range(1, 10)) and lines[0]["name"] == "upload"
        none = client.ask("GET", f"{place}/result?pages=99", **NDJSON)
        assert json.loads(none.read())["code"] == "page_missing"


def test_streams_say_so_if_the_job_is_removed_or_the_server_stops(tmp_path: Path) -> None:
    reader = Reader(most=4)
    with following(tmp_path, reader) as client:
        place, other = client.begin(9), client.begin(9)
        pages, events = client.ask("GET", f"{place}/result", **NDJSON), client.ask("GET", f"{place}/events")
        assert client.ask("DELETE", place).status == 204
        assert json.loads(pages.read().splitlines()[-1])["code"] == "no_such_job"
        assert events.read().decode().split("event: ")[-1].startswith("problem\ndata: ")
        assert client.ask("GET", f"{place}/events").status == 404
        last = client.ask("GET", f"{other}/result", **NDJSON)
        client.edge.stop()
        assert json.loads(last.read().splitlines()[-1])["code"] == "stopping"
        until(lambda: not client.edge.under_way)


def test_streams_are_bounded_and_end_with_their_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "COMMENT_SECONDS", 0.02)
    reader = Reader(most=0)
    with following(tmp_path, reader, max_listeners=1) as client:
        place = client.begin(2)
        stream = client.ask("GET", f"{place}/events")
        assert b": still here\n" in iter(stream.readline, b"")  # After the job's state, which may change meanwhile.
        assert client.ask("GET", f"{place}/events").status == 429
        assert client.ask("GET", f"{place}/result", **NDJSON).status == 429
        stream.close()
        until(lambda: client.ask("GET", f"{place}/events").status == 200)


def test_only_its_owner_follows_a_job(tmp_path: Path) -> None:
    with serving(tmp_path, Reader(), {"key_digests": KEYS}) as client:
        place = place_of(client.post("/v1/jobs", content=tiff(2), headers=ANNA))
        finished(client, place, headers=ANNA)
        for path in (f"{place}/events", f"{place}/result"):
            assert client.get(path, headers={**BERT, **NDJSON}).json()["code"] == "no_such_job"
        assert len(client.get(f"{place}/result", headers={**ANNA, **NDJSON}).text.splitlines()) == 2


def test_a_page_that_was_written_twice_arrives_once(tmp_path: Path) -> None:
    results = Results(OutputFolder(tmp_path))
    empty = dict.fromkeys(PIPELINE.graph.columns)
    arrivals = Arrivals(results)
    assert arrivals.take(PIPELINE.graph.columns) == []
    for numbers in ((4, 5), (0, 1, 2), (3, 2), (4, 5, 6), (5,)):
        rows = [{**empty, "path": "a", "name": "a", "pagenum": n, "total_pages": 7} for n in numbers]
        results.write(0, to_table(rows, PIPELINE.graph.columns))
    taken = []
    while pages := arrivals.take(PIPELINE.graph.columns):
        taken += [page.pagenum for page in pages]
    assert taken == list(range(7))
