"""What pages of other sites may have a browser send."""

from __future__ import annotations

from pathlib import Path

import pytest
from asking import PICTURE, assert_problem, serving

from raypipe.hosts import is_loopback
from raypipe.serving import Arguments
from raypipe.web.settings import digest

OURS = "http://ocr.example"
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "a.localhost:1", "127.0.0.1:8000", "[::1]:8000", "192.168.0.5", "OCR.example:80"],
)
def test_a_server_has_its_names_and_all_addresses(host: str) -> None:
    with serving(host_names=("ocr.example",)) as client:
        assert client.post("/v1/ocr", content=PICTURE, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "ocr.example.evil.example", "localhost.evil.example", "[::1", "x:y:z", "@"],
)
@pytest.mark.parametrize("path", ["/", "/metrics", "/v1/models", "/v1/jobs/1", "/nothing"])
def test_a_page_whose_name_leads_here_gets_nothing(host: str, path: str) -> None:
    with serving(host_names=("localhost",)) as client:
        assert_problem(client.get(path, headers={"Host": host}), 421, "host_unknown")


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://testserver:3000"},
    {"Origin": "null"},
    {"Origin": "http://[::1"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_page_of_another_site_sends_nothing(headers: dict[str, str]) -> None:
    with serving(cors_origins=(OURS,)) as client:
        assert_problem(client.post("/v1/ocr", content=PICTURE, headers=headers), 403, "cross_site")
        assert_problem(client.delete("/v1/jobs/1", headers=headers), 403, "cross_site")
        assert client.get("/readyz", headers=headers).status_code == 200, "its answer, browsers keep from it"
    with serving(cors_origins=("*",)) as client:
        assert client.post("/v1/ocr", content=PICTURE, headers=headers).status_code == 200
    with serving(key_digests=(digest("a"),)) as client:
        known = {**headers, "Authorization": "Bearer a"}
        assert client.post("/v1/ocr", content=PICTURE, headers=known).status_code == 200, "no page has the key"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        SAME,
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://testserver"},
        {"Origin": "https://behind.a.proxy", **SAME},
        {"Origin": "http://behind.a.proxy:81", "X-Forwarded-Host": "behind.a.proxy:81"},
        {"Origin": OURS, "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_our_pages_programs_and_named_sites_are_served(headers: dict[str, str]) -> None:
    with serving(cors_origins=(OURS,)) as client:
        assert client.post("/v1/ocr", content=PICTURE, headers=headers).status_code == 200


def test_only_a_server_of_this_machine_alone_is_sure_of_its_name(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("a\n")
    assert [
        is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "0.0.0.0", "::", "ocr.example", "")
    ] == [
        *[True] * 4,
        *[False] * 4,
    ]
    named = {"settings": {"host_names": ("ocr.example",)}}
    for host, said, names in (("127.0.0.1", {}, ("localhost",)), ("0.0.0.0", {}, ()), ("::1", named, ("ocr.example",))):
        assert Arguments(**said).with_keys(host).settings.host_names == names
    assert Arguments(api_key_file=keys).with_keys("::1").settings.key_digests == (digest("a"),)
