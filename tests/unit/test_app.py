"""A server at a path of another one: behind a proxy that takes the path away, or below Serve's `route_prefix`."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from asking import PICTURE, TIFF, Reader, assert_problem, serving
from job_server import Reader as JobReader
from job_server import serving as serving_jobs
from making import tiff
from starlette.testclient import TestClient

from raypipe.web.app import create
from raypipe.web.edge import PUBLIC_PATHS
from raypipe.web.pages import STATIC, files
from raypipe.web.settings import ServerSettings, digest

SEEN = "https://example.org/ocr/"
"""What clients of a proxy call the server's `/`."""
NAMED = re.compile(r"""(?:href|src)="([^"]*)"|(?:fetch|post)\([("']*([^"'(),]*)["']|from "([^"]*)";""")


def test_the_place_of_a_job_is_where_the_client_asks(tmp_path: Path) -> None:
    with serving_jobs(tmp_path, JobReader()) as client:
        begun = client.post("/v1/jobs", content=tiff(1))
        assert urljoin(f"{SEEN}v1/jobs", begun.headers["Location"]) == f"{SEEN}v1/jobs/{begun.json()['id']}"


def test_the_description_is_of_the_server_beside_it(client: TestClient) -> None:
    servers = client.get("/openapi.json").json()["servers"]
    assert [urljoin(f"{SEEN}openapi.json", each["url"]) for each in servers] == [SEEN]


@pytest.mark.parametrize("name", [path.name for path in Path(str(files.directory)).iterdir()])
def test_pages_name_what_lies_beside_them(client: TestClient, name: str) -> None:
    named = ["".join(each) for each in NAMED.findall(client.get(f"{STATIC}/{name}").text)]
    assert named or name not in ("index.html", "docs.html", "server.js")
    assert [each for each in named if each.startswith("/") or "://" in each] == []


def test_what_needs_no_key_needs_none_below_a_prefix() -> None:
    edge = create(Reader(), ServerSettings(key_digests=(digest("first"),)))
    with TestClient(edge, root_path="/ocr") as client:
        for path in (*PUBLIC_PATHS, f"{STATIC}/page.js"):
            assert client.get(f"/ocr{path}").status_code == 200, path
        assert_problem(client.get("/ocr/v1/models"), 401, "unauthorized")
        key = {"Authorization": "Bearer first"}
        assert client.post("/ocr/v1/ocr", content=PICTURE, headers=key).status_code == 200
        edge.stop()
        assert client.get("/ocr/healthz").status_code == 200


@pytest.mark.parametrize("prefix", ["/ocr", "/a/b c"])
def test_a_prefix_without_its_slash_leads_to_the_page(prefix: str) -> None:
    edge = create(Reader(), ServerSettings(key_digests=(digest("first"),)))
    with TestClient(edge, root_path=prefix) as client:
        answer = client.get(prefix, headers={"Host": "evil.example"}, follow_redirects=False)
        assert answer.status_code == 308 and not answer.headers["location"].startswith(("/", "http"))
        page = client.get(prefix)
        assert page.status_code == 200 and page.url.path.endswith("/") and "<title>raypipe" in page.text


def test_problems_name_no_path_that_a_proxy_may_have_changed(client: TestClient) -> None:
    for answer in (client.get("/nothing"), client.get("/v1/ocr")):
        assert "docs" in answer.json()["detail"] and "/docs" not in answer.json()["detail"]


def test_proxies_hold_no_stream_back() -> None:
    with serving() as client:
        answer = client.post("/v1/ocr?output_format=ndjson", content=TIFF)
    assert len(answer.text.splitlines()) == 3 and answer.headers["X-Accel-Buffering"] == "no"
