"""Keys in URIs: they open files, and are in nothing that a job writes or says."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command import raypipe
from http_servers import Quiet, serving
from jobs import PIPELINE, pages, run, run_and_stop

from raypipe.errors import Failure, InputError, PageError
from raypipe.files.paths import read_file
from raypipe.inputs.listing import listed
from raypipe.job.names import Naming
from raypipe.keys import public, put_back, taken_out

SIGNED = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20261126&X-Amz-Date=1&X-Amz-Signature="
NAMES = [
    ("/scans/a@b?sig=1.png", "/scans/a@b?sig=1.png"),
    ("https://host/a.jpg?page=3&size=full", "https://host/a.jpg?page=3&size=full"),
    ("https://host:80/@user/a.jpg", "https://host:80/@user/a.jpg"),
    ("http://[::1]:80/@user/a.jpg", "http://[::1]:80/@user/a.jpg"),
    ("s3://bucket/a:b@c.jpg?region=eu&endpoint_override=h:1", "s3://bucket/a:b@c.jpg?region=eu&endpoint_override=h:1"),
    ("s3://AKIA:hush@bucket/a.jpg?region=eu", "s3://bucket/a.jpg?region=eu"),
    ("s3://AKIA:hu/sh@bucket/a.jpg", "s3://bucket/a.jpg"),
    ("https://me:hu@sh@host:80/a.jpg", "https://host:80/a.jpg"),
    ("https://hush@host/a.jpg", "https://host/a.jpg"),
    ("abfss://box@account.dfs.core.windows.net/a", "abfss://box@account.dfs.core.windows.net/a"),
    ("abfss://box:hush@account.dfs.core.windows.net/a", "abfss://box@account.dfs.core.windows.net/a"),
    ("abfs://:hush@account.blob.core.windows.net/box/a", "abfs://account.blob.core.windows.net/box/a"),
    (f"https://host/a.jpg?{SIGNED}hush", "https://host/a.jpg"),
    (f"https://host/a.jpg?page=3&{SIGNED}hush&versionId=7#x", "https://host/a.jpg?page=3&versionId=7#x"),
    ("https://host/a.jpg?Expires=1&Signature=hush&Key-Pair-Id=K&Policy=P", "https://host/a.jpg"),
    ("https://a.blob.core.windows.net/b/c.jpg?sv=1&se=2&sr=b&sp=r&sig=hush", "https://a.blob.core.windows.net/b/c.jpg"),
    ("https://host/a?sr=7&expires=3", "https://host/a?sr=7&expires=3"),
]


@pytest.mark.parametrize(("uri", "name"), NAMES)
def test_a_name_has_no_key_and_opens_with_it_again(uri: str, name: str) -> None:
    assert public(uri) == name == public(name)
    assert put_back(name, taken_out(uri)) == uri


def test_other_keys_become_hashes_which_tell_documents_apart() -> None:
    uris = [f"https://host/get?{name}={value}" for name in ("token", "api_key", "key") for value in ("hush", "other")]
    names = list(map(public, uris))
    assert len(set(names)) == len(uris) and not any("hush" in name or "other" in name for name in names)
    assert list(map(public, names)) == names
    assert [put_back(name, taken_out(uri)) for name, uri in zip(names, uris, strict=True)] == uris


def test_the_files_of_a_folder_have_one_key() -> None:
    assert len({taken_out(f"s3://AKIA:hush@bucket/{name}.png?region=eu") for name in "abk"}) == 1


def test_errors_show_no_keys() -> None:
    words = f"'https://me:hush@host/a.jpg?{SIGNED}hush', https://host/?sig=hush cannot be read"
    for shown in (InputError(words, words), PageError("some", words, words), Failure("Stage", "some", words)):
        assert "hush" not in str(shown) and "//host/a.jpg'" in str(shown) and "cannot be read" in str(shown)
    with pytest.raises(InputError) as caught:
        list(listed("s3://AKIA:hu/sh@bucket/a", None))
    assert "sh@" not in str(caught.value)


def test_documents_are_not_called_after_keys() -> None:
    naming = Naming(["s3://AKIA:hush@one/a.jpg", "s3://AKIA:hush@two/a.jpg"])
    assert naming("s3://AKIA:hush@one/a.jpg") == "one/a.jpg"


class Site(Quiet, BaseHTTPRequestHandler):
    """A picture for whoever has the key."""

    key = ""
    signed = ("/a.png",)
    picture = b""

    def do_GET(self) -> None:
        path, _, options = self.path.partition("?")
        login = self.headers.get("Authorization") == f"Basic {b64encode(b'me:hush word').decode()}"
        if path == "/away.png":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_address[1]}/b.png")
        elif (path == "/b.png" and login) or (path in self.signed and Site.key in options):
            self.send_response(200)
        else:
            self.send_response(403)
        self.end_headers()
        self.wfile.write(self.picture)


@pytest.fixture
def site(page_png: bytes) -> Iterator[str]:
    Site.picture = page_png
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    with serving(server):
        yield f"127.0.0.1:{server.server_port}"


def listing(folder: Path, site: str, key: str) -> Path:
    """A list of what opens with this key, and of what opens with none."""
    Site.key = f"X-Amz-Signature={key}"
    uris = [f"{site}/a.png?page=3&{SIGNED}{key}", f"me:hush%20word@{site}/b.png", f"{site}/no.png?{SIGNED}{key}"]
    (folder / "list.txt").write_text("".join(f"http://{uri}\n" for uri in uris))
    return folder / "list.txt"


def shown(output: Path) -> str:
    """All that a job left, as text."""
    found = []
    for path in sorted(output.rglob("*")):
        if path.suffix == ".parquet":
            found.append(str(pq.read_table(path).to_pylist()))
        elif path.is_file():
            found.append(path.read_text())
    return "\n".join(found)


def test_a_job_leaves_and_says_no_keys(site: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pipeline, output = tmp_path / "p.toml", tmp_path / "out"
    pipeline.write_text(PIPELINE.to_toml())
    words = ["--output", output, "--pipeline", pipeline, "--overlay", "none", "--format", "json", "--engine", "local"]
    others = [f"http://me:hush%20word@{site}/away.png", f"http://{site}/no.png?token=hush"]
    done = raypipe("run", listing(tmp_path, site, "hush"), *others, *words)
    assert done.returncode == 6 and "failed: 3 with BinaryToImage file_missing" in done.stderr
    later = [raypipe(*words, output) for words in (["status"], ["status", "--json"], ["report"])]
    later.append(raypipe("convert", output, "--format", "text"))
    said = "\n".join(each.stdout + each.stderr for each in [done, *later]) + caplog.text
    for exit_ in (said, shown(output)):
        assert not re.search(r".{,99}(?:hush|AKIA).{,99}", exit_)
        assert "/no.png" in exit_
    assert {page.path.partition("?")[0] for page in pages(output) if not page.exception} == {
        f"http://{site}/a.png", f"http://{site}/b.png",
    }  # fmt: skip
    assert json.loads((output / "job.json").read_text())["listed"] == 5


def test_a_renewed_signature_is_no_other_document(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "out"
    run_and_stop(1, listing(tmp_path, site, "hush"), output)
    assert len(pages(output)) == 1
    done = run(listing(tmp_path, site, "renewed"), output)
    assert (done.pages, done.resumed, done.outcome.failed.total()) == (2, 1, 1)
    monkeypatch.setattr(Site, "signed", ("/no.png",))
    again = run(listing(tmp_path, site, "third"), output, retry_failed=True)
    assert (again.pages, again.resumed, again.outcome.failed.total()) == (1, 2, 0)
    assert [page.path for page in pages(output)] == [
        f"http://{site}/{name}" for name in ("a.png?page=3", "b.png", "no.png")
    ]


def test_pages_in_this_process_have_public_names(site: str) -> None:
    Site.key = "Signature=hush"
    (page,) = PIPELINE.run([f"http://{site}/a.png?Signature=hush"])
    assert not page.exception and page.path == f"http://{site}/a.png"


def test_a_password_does_not_follow_to_another_server(site: str) -> None:
    with pytest.raises(PageError, match="403"):
        read_file(f"http://me:hush%20word@{site}/away.png")
