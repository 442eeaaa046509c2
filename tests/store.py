"""A bucket on loopback, served by moto."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from cluster import BUCKET_KEYS
from pyarrow import fs

from raypipe.files.paths import join, write_file


class Bucket:
    """A bucket of its own."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.options = f"?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"

    def uri(self, name: str = "") -> str:
        """The URI of an object or folder."""
        return join(f"s3://{self.name}{self.options}", name) if name else f"s3://{self.name}{self.options}"

    def put(self, name: str, data: bytes) -> str:
        """Writes an object, and returns its URI."""
        write_file(self.uri(name), data)
        return self.uri(name)

    def names(self, folder: str) -> list[str]:
        """The names of the objects below a folder."""
        filesystem, path = fs.FileSystem.from_uri(self.uri(folder))
        found = filesystem.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
        return sorted(info.path.removeprefix(f"{path}/") for info in found if info.type == fs.FileType.File)


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[int]:
    """The port of a server of buckets."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    os.environ.update(BUCKET_KEYS)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def bucket(bucket_server: int, request: pytest.FixtureRequest) -> Bucket:
    """An empty bucket."""
    made = Bucket(f"bucket-{abs(hash(request.node.nodeid)):x}", bucket_server)
    filesystem = fs.S3FileSystem(
        endpoint_override=f"127.0.0.1:{bucket_server}", scheme="http", region="us-east-1", allow_bucket_creation=True
    )
    filesystem.create_dir(made.name)
    return made
