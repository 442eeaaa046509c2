"""Requests that nobody means well with: each is answered, in time, with no 5xx and without a word about the server.

Of one that is far too long, the connection may be closed while it is sent.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import io
import json
import re
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from server import Server

ROOT = str(Path(__file__).resolve().parents[2])
MOST_BYTES = 1_000_000_000
"""More memory than this the server must not take for any of these, beside what it has."""
FORM, JSON = "multipart/form-data; boundary=X", "application/json"
FILE = b'Content-Disposition: form-data; name="file"; filename="a.png"'


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(side: int, *chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"".join((b"\x89PNG\r\n\x1a\n", head, *chunks, chunk(b"IEND", b"")))


def zeros(megabytes: int) -> bytes:
    packer, million = zlib.compressobj(9), bytes(1 << 20)
    return b"".join([*(packer.compress(million) for _ in range(megabytes)), packer.flush()])


def form(*parts: tuple[bytes, bytes], end: bytes = b"--X--\r\n") -> bytes:
    return b"".join(b"--X\r\n" + head + b"\r\n\r\n" + body + b"\r\n" for head, body in parts) + end


def archives() -> bytes:
    inner = b"no picture"
    for _ in range(4):
        with zipfile.ZipFile(file := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as made:
            for n in range(10):
                made.writestr(f"{n}.zip", inner)
        inner = file.getvalue()
    return inner


def post(body: bytes, kind: str = "application/octet-stream", path: str = "/v1/ocr", *headers: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def unsized(*headers: str, body: bytes = b"") -> bytes:
    return plain("POST /v1/ocr HTTP/1.1", *headers, body=body)


def plain(line: str, *headers: str, body: bytes = b"") -> bytes:
    host = [] if line.endswith("/1.0") else ["Host: localhost"]
    return "\r\n".join((line, *host, *headers, "", "")).encode("latin-1") + body


def bodies() -> Iterator[tuple[str, bytes]]:
    gigabyte, picture = zeros(1024), png(20, chunk(b"IDAT", zlib.compress(bytes(420))))
    encoded = base64.b64encode(picture)
    yield "a gigabyte in a small picture", post(png(1000, chunk(b"IDAT", gigabyte)))
    yield "a gigabyte of comments", post(png(20, chunk(b"zTXt", b"a\0\0" + gigabyte)))
    yield "a gigabyte of colours", post(png(20, chunk(b"iCCP", b"a\0\0" + gigabyte)))
    yield "a gigabyte in base64", post(b'{"file":"%s"}' % base64.b64encode(png(99, chunk(b"IDAT", gigabyte))), JSON)
    yield "deep lists", post(b"[" * 200_000, JSON)
    yield "deep objects", post(b'{"file":' * 100_000, JSON)
    yield "half a character as a key", post(b'{"file":"%s","\\udfff":1}' % encoded, JSON)
    yield "half a character as a name", post(b'{"file":"%s","name":"\\ud800"}' % encoded, JSON)
    yield "a number without end", post(b'{"file":"%s","pages":%s}' % (encoded, b"9" * 100_000), JSON)
    yield "many members", post(json.dumps({str(n): n for n in range(100_000)}).encode(), JSON)
    yield "no base64", post(b'{"file":"%s"}' % (b"=" * 1_000_000), JSON)
    yield "deep pages", post(b'{"pages":' * 100_000, JSON, "/v1/convert")
    yield "ten thousand fields", post(form(*[(b'Content-Disposition: form-data; name="a"', b"x")] * 10_000), FORM)
    yield "ten thousand files", post(form(*[(FILE, b"x")] * 10_000), FORM)
    yield "a part with many headers", post(form((FILE + b"\r\nX: y" * 20_000, picture)), FORM)
    yield "a part with a long header", post(form((FILE + b"a" * 1_000_000, picture)), FORM)
    yield "a form without end", post(form((FILE, picture), end=b""), FORM)
    yield "only ends", post(b"--X--" * 100_000, FORM)
    yield "a file name of a system", post(form((FILE.replace(b"a.png", b"../../etc/passwd\0"), picture)), FORM)
    yield "an unknown encoding", post(form((FILE.replace(b'filename="', b"filename*=none''%ff\""), picture)), FORM)
    yield "a job of archives in archives", post(archives(), path="/v1/jobs")
    for url in ("file:///etc/passwd", "http://127.0.0.1/", "http://a@127.0.0.1/", "http://[::1/", "http://a/%0d%0aX:1"):
        yield f"a job that tells {url}", post(picture, path=f"/v1/jobs?webhook={url}")
    yield "a long query", post(picture, path="/v1/ocr?" + "a=1&" * 15_000)
    yield "bytes in a query", post(picture, path="/v1/ocr?pages=%ff%00&%ff=1")


def heads() -> Iterator[tuple[str, bytes]]:
    end = b"0\r\n\r\n"
    yield "two lengths", unsized("Content-Length: 1", "Content-Length: 2", body=b"ab")
    for length in ("-1", "+5", "0x5", "5, 5", "9" * 40, "\xb2"):
        yield f"a length of {length[:9]}", unsized(f"Content-Length: {length}", body=b"aaaaa")
    yield (
        "a length and chunks",
        unsized("Content-Length: 4", "Transfer-Encoding: chunked", body=end + b"GET / HTTP/1.1"),
    )
    yield "an unknown transfer", unsized("Transfer-Encoding: xchunked", body=end)
    yield "a space before a colon", unsized("Transfer-Encoding : chunked", body=end)
    for size in (b"-1", b"zz", b"F" * 20, b"1;" + b"a" * 100_000):
        yield f"a chunk of {size[:9]!r}", unsized("Transfer-Encoding: chunked", body=size + b"\r\na\r\n" + end)
    yield "a chunk that is longer", unsized("Transfer-Encoding: chunked", body=b"1\r\nabcdef\r\n" + end)
    up = "/static/../../etc/passwd", "/static/%2e%2e/%2e%2e/etc/passwd", "/v1/jobs/..%2f..%2fetc"
    for path in (*up, "/%00", "/\xff", "//evil.example/", "/v1/jobs/%F0%9F%98%80/result", "http://evil.example/readyz"):
        yield f"the path {path}", f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1")
    for host in ("evil.example", "x:99999999999", "\xff", "a\r\nHost: b"):
        yield f"the host {host!r}", f"GET /docs/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("latin-1")
    yield "a header over five lines", b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nX: a" + b"\r\n b" * 5 + b"\r\n\r\n"
    yield (
        "a header of five megabytes",
        b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 5_000_000 + b"\r\n\r\n",
    )
    yield (
        "odd headers",
        unsized("X-Request-ID: \xff", "Authorization: Bearer \xff", "traceparent: \xff", "Accept: \xff/*"),
    )
    yield "a start of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)


def lines() -> Iterator[tuple[str, bytes]]:
    get, sent = "GET /readyz HTTP/1.1", b"1\r\na\r\n"
    chunked = "Transfer-Encoding: chunked"
    yield "no host", plain("GET /readyz HTTP/1.0")
    yield "no version", b"GET /\r\n\r\n"
    yield "another version", plain("GET /readyz HTTP/9.9")
    yield "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "chunks in HTTP/1.0", plain("POST /v1/ocr HTTP/1.0", chunked, body=sent + b"0\r\n\r\n")
    for way in ("h2c", "websocket", "TLS/1.0"):
        yield f"an upgrade to {way}", plain(get, "Connection: Upgrade", f"Upgrade: {way}", "Sec-WebSocket-Version: 13")
    for what in ("100-continue", "200-ok", "x" * 1000):
        yield f"what expects {what[:9]}", post(b"none", "image/png", "/v1/ocr", f"Expect: {what}")
    yield "trailers", unsized(chunked, "Trailer: X", body=sent + b"0\r\nX: y\r\n\r\n")
    yield "trailers with a length", unsized(chunked, body=sent + b"0\r\nContent-Length: 9\r\n\r\n")
    yield "many trailers", unsized(chunked, body=sent + b"0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n")
    yield "many chunks", unsized(chunked, body=sent * 100_000 + b"0\r\n\r\n")
    yield "chunks with extensions", unsized(chunked, body=b"1;a=b\r\na\r\n" * 10_000 + b"0\r\n\r\n")
    yield "chunks in other lines", unsized(chunked, body=b"1\na\n0\n\n")
    yield "many headers", plain(get, *[f"X{n}: y" for n in range(20_000)])
    yield "a long name of a header", plain(get, "X" * 200_000 + ": y")
    for header in (": y", "X: a\0b", "X\0: y", "X"):
        yield f"the header {header!r}", plain(get, header)
    yield "a long path", plain(f"GET /{'a' * 5_000_000} HTTP/1.1")
    for method in ("TRACE", "CONNECT", "PROPFIND", "get", "A" * 10_000, "GET\t"):
        yield f"the method {method[:9]!r}", plain(f"{method} /v1/ocr HTTP/1.1")
    for target in ("OPTIONS *", "CONNECT evil.example:443", "GET http://localhost/readyz", "GET ?", "GET \\\\evil\\x"):
        yield f"the target {target}", plain(f"{target} HTTP/1.1")


def forms() -> Iterator[tuple[str, bytes]]:
    picture = png(20, chunk(b"IDAT", zlib.compress(bytes(420))))
    for coding in ("deflate", "br", "zstd", "gzip, gzip", "identity, gzip", "GZIP", "x" * 1000):
        yield (
            f"a body in {coding[:9]}",
            post(gzip.compress(bytes(1 << 20)), "image/png", "/v1/ocr", f"Content-Encoding: {coding}"),
        )
    for name, packed in (("gzip", gzip.compress(picture)), ("zstd", b"\x28\xb5\x2f\xfd" + bytes(1000))):
        yield f"{name} as a picture", post(packed)
    inner = form((FILE, picture)).replace(b"--X", b"--Y")
    yield (
        "a form in a form",
        post(
            form((b'Content-Disposition: form-data; name="a"\r\nContent-Type: multipart/mixed; boundary=Y', inner)),
            FORM,
        ),
    )
    for coding in (b"Content-Encoding: gzip", b"Content-Transfer-Encoding: base64"):
        yield f"a part in {coding!r}", post(form((FILE + b"\r\n" + coding, base64.b64encode(picture))), FORM)
    for head in (b'Content-Disposition: form-data; filename="a"', b"X: y", b"", b"Content-Disposition: ;;;"):
        yield f"a part of {head!r}", post(form((head, picture)), FORM)
    for boundary in ('""', '"a b\tc"', "x" * 71, "\xff"):
        yield f"the boundary {boundary[:9]}", post(form((FILE, picture)), f"multipart/form-data; boundary={boundary}")
    for name in (b"..\\..\\a", b"C:\\x", b"a\nb", b"\xff\xfe", b"a" * 100_000):
        yield f"the file {name[:9]!r}", post(form((FILE.replace(b"a.png", name), b"none")), FORM)


def values() -> Iterator[tuple[str, bytes]]:
    for text in (
        "attachment; filename=../../x",
        "attachment; filename*=x''%ff",
        "; ; ;",
        "attachment; " + "a=b; " * 2000,
    ):
        yield f"a file that is {text[:30]}", post(b"none", "image/png", "/v1/ocr", f"Content-Disposition: {text}")
    for charset in ("utf-16", "utf-7", "\xff"):
        yield f"JSON in {charset}", post('{"file":"aaaa"}'.encode("utf-16"), f"{JSON}; charset={charset}")
    for text in (
        b'{"file":NaN}',
        b"[1]",
        b'{"file":"aaaa","file":"bbbb"}',
        b'{"file":"aaaa","pages":1e999}',
        b"\xef\xbb\xbf{}",
    ):
        yield f"JSON of {text!r}", post(text, JSON)
    for pages in ("1-999999999999", "1," * 10_000, "1--2", "%d9%a1", "%00"):
        yield f"the pages {pages[:9]}", post(b"none", "image/png", f"/v1/ocr?pages={pages}")
    for quality in ("nan", "1e400", ";;;"):
        yield (
            f"what is wanted {quality}",
            post(b"none", "image/png", "/v1/ocr", f"Accept: application/json;q={quality}"),
        )
    yield "many ranges", plain("GET / HTTP/1.1", "Range: bytes=" + ",".join(f"{n}-{n}" for n in range(2000)))
    yield "a time that there is not", plain("GET / HTTP/1.1", "If-Modified-Since: Thu, 99 Foo 99999 99:99:99 GMT")
    yield "an event far ahead", plain(f"GET /v1/jobs/{'0' * 32}/events HTTP/1.1", f"Last-Event-ID: {'9' * 5000}")
    yield "proxies", post(b"none", "image/png", "/v1/ocr", "X-Forwarded-For: [::1]:x, \xff", "X-Forwarded-Proto: \xff")
    for document in (b'{"S3Object":{"Bucket":"a","Name":"b"}}', b'{"Bytes":[]}', b'{"Document":' * 50_000):
        asked = "X-Amz-Target: Textract.DetectDocumentText"
        yield (
            f"Textract's {document[:9]!r}",
            post(b'{"Document":%b}' % document, "application/x-amz-json-1.1", "/", asked),
        )
    for pages in (
        b"null",
        b"[null]",
        b'[{"path":"/etc/passwd","pagenum":-1,"width":1e308,"height":-5,"confidence":NaN}]',
    ):
        yield f"the pages {pages[:9]!r}", post(b'{"pages":%b}' % pages, JSON, "/v1/convert?output_format=pdf")


def answer_to(server: Server, sent: bytes) -> tuple[int, bytes]:
    """Status and body; 0 if the server has closed the connection while it was sent something too long."""
    with socket.create_connection((server.host, server.port), 60) as client:
        try:
            client.sendall(sent)
        except OSError:
            return 0, b""
        answer = http.client.HTTPResponse(client)
        answer.begin()  # Passes over 100 Continue.
        return answer.status, answer.read()


@pytest.mark.slow
@pytest.mark.parametrize("made", [bodies, heads, lines, forms, values])
def test_each_is_answered(each_server: Server, made: Callable[[], Iterator[tuple[str, bytes]]]) -> None:
    before = memory(each_server)
    for name, sent in made():
        status, body = answer_to(each_server, sent)
        assert status < 500, (name, status, body)
        assert not re.search(rb"Traceback|site-packages|root:x:|" + re.escape(ROOT.encode()), body), (name, body)
    assert answer_to(each_server, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")[0] == 200
    assert memory(each_server) < before + MOST_BYTES


def memory(server: Server) -> int:
    """Bytes that its processes do not share with others."""
    root, total = psutil.Process(server.process.pid), 0
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # It has ended since.
            total += process.memory_full_info().uss
    return total
