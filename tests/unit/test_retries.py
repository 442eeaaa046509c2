"""What passes is waited out, what does not is an error at once: with a bucket that fails, and pyarrow's own words."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bucket import BROKEN, CONTENT, Bucket, bucket

from raypipe.errors import InputError, PageError
from raypipe.files import retries
from raypipe.files.paths import open_file, read_file

LONG = 40
"""More failures than pyarrow itself waits out, and fewer than twice as many."""


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.05)
    with bucket() as found:
        yield found


def read_opened(uri: str) -> bytes:
    with open_file(uri) as file:
        file.seek(6)
        return CONTENT[:6] + file.read()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "read"), [(503, read_file), (429, read_opened), (500, read_file), (BROKEN, read_opened)]
)
def test_a_busy_bucket_is_waited_out(status: int, read: Callable[[str], bytes], failing: Bucket) -> None:
    failing.failures = [status] * LONG
    assert read(failing.uri) == CONTENT
    assert not failing.failures


@pytest.mark.parametrize("status", [503, BROKEN])
def test_two_failures_are_nothing(status: int, failing: Bucket) -> None:
    failing.failures = [status] * 2
    assert read_file(failing.uri) == CONTENT
    assert failing.requests == 4


@pytest.mark.parametrize(("status", "requests"), [(400, 2), (403, 1), (404, 1)])
def test_what_does_not_pass_is_an_error_at_once(status: int, requests: int, failing: Bucket) -> None:
    """After a 400 the bucket itself is asked for, to know whether the key has expired."""
    failing.failures = [status]
    with pytest.raises(PageError) as caught:
        read_file(failing.uri)
    assert caught.value.code == "file_missing"
    assert failing.requests == requests


def test_a_key_that_has_expired_is_no_page_s_fault(failing: Bucket) -> None:
    failing.failures = [400, 400]
    with pytest.raises(InputError, match="Renew the credentials"):
        read_file(failing.uri)


def test_pauses_grow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses, calls = list[float](), 0
    monkeypatch.setattr(time, "sleep", pauses.append)

    @retries.retried
    def busy() -> None:
        nonlocal calls
        calls += 1
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    with pytest.raises(ConnectionResetError):
        busy()
    assert calls == retries.TRIES
    for n, pause in enumerate(pauses):
        assert 0.5 * 2**n <= pause / retries.FIRST_PAUSE <= 1.5 * 2**n
    assert len(pauses) == retries.TRIES - 1


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (OSError("... 'b': AWS Error SLOW_DOWN during GetObject operation: Please reduce your request rate."), True),
        (OSError("... AWS Error NETWORK_CONNECTION during HeadObject operation: curlCode: 28, Timeout"), True),
        (OSError("... AWS Error UNKNOWN (HTTP status 503) during HeadObject operation: No response body."), True),
        (OSError("google::cloud::Status(UNAVAILABLE: Retry policy exhausted ...)"), True),
        (OSError("GetProperties failed for 'x'. Azure Error: [ServerBusy] 503 The server is busy."), True),
        (OSError(errno.ESTALE, "Stale file handle"), True),
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), True),
        (OSError("... AWS Error ACCESS_DENIED during HeadObject operation: No response body."), False),
        (OSError("... AWS Error UNKNOWN (HTTP status 400) during HeadObject operation: No response body."), False),
        (OSError("google::cloud::Status(PERMISSION_DENIED: ...)"), False),
        (OSError("Azure Error: [AuthenticationFailed] 403 Server failed to authenticate."), False),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), False),
        (PermissionError(errno.EACCES, "Permission denied"), False),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (OSError(errno.EIO, "Input/output error"), False),
    ],
    ids=str,
)
def test_what_passes(error: OSError, passing: bool) -> None:
    assert retries.passes(error) is passing


def test_a_missing_file_is_an_error_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it was tried again"))
    with pytest.raises(PageError):
        read_file(str(tmp_path / "gone.png"))
