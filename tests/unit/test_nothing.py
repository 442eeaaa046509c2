from __future__ import annotations

import os
from pathlib import Path

import pytest
from listed import make
from pyarrow import fs

from raypipe.errors import InputError
from raypipe.inputs import listing


def said(source: str, left_out: Path) -> str:
    with pytest.raises(InputError) as caught:
        list(listing.listed(source, None))
    return str(caught.value).replace(str(left_out), "")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("gone", "/gone does not exist. Check its spelling."),
        ("gone/*.png", "/gone/*.png does not exist: there is no folder /gone. Check its spelling."),
        ("gone/sub/a.png", "/gone/sub/a.png does not exist: there is no folder /gone. Check its spelling."),
        ('"scans/*.png"', """/"scans/*.png" does not exist: there is no folder /"scans. Did you mean 'scans'? """),
        ("scans/pgae.png", "/scans/pgae.png does not exist. Did you mean 'page.png'? "),
        ("s3:/bucket", "/s3:/bucket does not exist: there is no folder /s3:. URIs begin with file:///, s3://, "),
        ("scans/*.PNG", "/scans/*.PNG matches no picture. In a pattern, * stands for names in one folder and ** "),
        ("scans/*.{png,tif}", "/scans/*.{png,tif} matches no picture. Braces are no part of patterns: "),
        ("scans/page.png/*.png", "cannot be listed: [Errno 20] Not a directory"),
    ],
)
def test_a_local_source_that_names_nothing_says_what_to_correct(tmp_path: Path, source: str, expected: str) -> None:
    make(tmp_path, "scans/page.png")
    message = said(f"{tmp_path}/{source}", tmp_path)
    assert expected.rstrip() in message
    assert "permissions" not in message


def test_a_folder_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is made here, for nothing is unreadable to root."""

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert said(str(tmp_path), tmp_path).endswith("Permission denied: '/'. Correct its permissions.")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("s3://gone/a/*.png", "s3://gone/a/*.png does not exist: there is no bucket gone. Check its spelling."),
        ("s3://bucket/b/*.png", "s3://bucket/b/*.png does not exist: there is no folder bucket/b. Check its spelling."),
        ("s3://bucket/a/*.tif", "s3://bucket/a/*.tif matches no picture. In a pattern, "),
    ],
)
def test_a_bucket_in_which_nothing_is_there_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, expected: str
) -> None:
    make(tmp_path, "bucket/a/page.png")
    buckets = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    monkeypatch.setattr(listing, "resolve", lambda uri: (buckets, uri.removeprefix("s3://")))
    assert expected in said(source, tmp_path)


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("AWS Error ACCESS_DENIED during HeadBucket operation: No response body", "Use credentials that may list "),
        ("AWS Error INVALID_ACCESS_KEY_ID during ListObjectsV2 operation: no", "Renew the credentials."),
        ("AWS Error UNKNOWN (HTTP status 400) during HeadObject operation: No response body", "Renew the credentials."),
        ("AWS Error SIGNATURE_DOES_NOT_MATCH during ListObjectsV2 operation: no", "Correct the secret key."),
        ("AWS Error REQUEST_TIME_TOO_SKEWED during ListObjectsV2 operation: no", "Set the clock of this machine."),
        ("AWS Error UNKNOWN (HTTP status 301) during HeadObject operation: No body", "Name the region of the bucket "),
        ("AWS Error NETWORK_CONNECTION during HeadObject operation: curlCode: 6", "Check the network and the endpoint"),
        ("Unable to load libjvm", "Check its permissions and the credentials."),
    ],
)
def test_a_bucket_that_cannot_be_listed_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reason: str, remedy: str
) -> None:
    """These are messages of pyarrow 26, of servers that answer so."""

    def fail(uri: str) -> None:
        raise OSError(reason)

    monkeypatch.setattr(listing, "resolve", fail)
    assert f"s3://bucket/a cannot be listed: {reason}. {remedy}" in said("s3://bucket/a", tmp_path)


def test_a_uri_that_cannot_be_parsed_says_how_they_are_written(tmp_path: Path) -> None:
    assert "URIs begin with file:///, s3://, gs://, abfs:// or hdfs://, and " in said("S3://bucket/a", tmp_path)
