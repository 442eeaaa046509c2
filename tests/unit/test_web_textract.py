"""boto3 against the server, with nothing changed but its endpoint_url."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from asking import PICTURE, TIFF, Reader
from botocore.config import Config
from botocore.exceptions import ClientError
from listening import listening

from raypipe.web.app import create
from raypipe.web.settings import ServerSettings, digest


@contextmanager
def textract(key: str = "any", **settings: Any) -> Iterator[Any]:
    """A client of Textract whose endpoint is a server of ours."""
    with listening(create(Reader(), ServerSettings(**settings))) as port:
        yield boto3.client(
            "textract",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="eu-west-1",
            aws_access_key_id=key,
            aws_secret_access_key="none",
            config=Config(retries={"total_max_attempts": 1}),
        )


def error(client: Any, **document: Any) -> str:
    with pytest.raises(ClientError) as caught:
        client.detect_document_text(Document=document)
    return str(caught.value.response["Error"]["Code"])


def test_boto3_reads_pages_and_knows_errors() -> None:
    with textract(max_body_bytes=1000) as client:
        answer = client.detect_document_text(Document={"Bytes": PICTURE})
        kinds = [(block["BlockType"], block.get("Text")) for block in answer["Blocks"]]
        assert kinds == [("PAGE", None), ("LINE", "Dear"), ("WORD", "Dear")]
        assert answer["DocumentMetadata"] == {"Pages": 1} and answer["Blocks"][1]["Confidence"] == pytest.approx(97.53)
        assert len(answer["ResponseMetadata"]["HTTPHeaders"]["x-request-id"]) == 32
        assert client.detect_document_text(Document={"Bytes": TIFF})["DocumentMetadata"] == {"Pages": 3}
        assert error(client, Bytes=b"bad image_unknown") == "UnsupportedDocumentException"
        assert error(client, Bytes=b"bad image_damaged") == "BadDocumentException"
        assert error(client, Bytes=bytes(2000)) == "DocumentTooLargeException"
        assert error(client, S3Object={"Bucket": "scans", "Name": "n"}) == "InvalidParameterException"
        with pytest.raises(ClientError, match="Only Textract.DetectDocumentText"):
            client.get_document_analysis(JobId="1")


def test_the_access_key_is_the_key() -> None:
    with textract("secret", key_digests=(digest("secret"),)) as client:
        assert client.detect_document_text(Document={"Bytes": PICTURE})["Blocks"]
    with textract("other", key_digests=(digest("secret"),)) as client:
        assert error(client, Bytes=PICTURE) == "401"
