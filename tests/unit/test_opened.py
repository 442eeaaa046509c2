"""Documents of many pages: opened once, and read in parts."""

from __future__ import annotations

import errno
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from raypipe.errors import PageError
from raypipe.files import ranged, retries
from raypipe.files.paths import open_file
from raypipe.files.ranged import BLOCK_BYTES, SMALL_BYTES, RangedFile
from raypipe.images import opened as opened_documents
from raypipe.images.base import Wanted
from raypipe.images.image import Limits, open_image
from raypipe.inputs.pages import pages

LIMITS = Limits(200_000_000, 150, 10_000)
NOISE = np.random.default_rng(7)


class Counted(RangedFile):
    """Counts what is read of the file, and how often one is opened."""

    bytes_read = opened = 0

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        Counted.opened += 1

    def read_alone(self, start: int, count: int) -> bytes:
        data = super().read_alone(start, count)
        Counted.bytes_read += len(data)
        return data


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (opened_documents, sys.modules[pages.__module__]):
        monkeypatch.setattr(module, "RangedFile", Counted)
    Counted.bytes_read = Counted.opened = 0
    yield
    opened_documents.close_idle()


def noise(width: int = 200, height: int = 150) -> Image.Image:
    return Image.fromarray(NOISE.integers(0, 256, (height, width), np.uint8))


def tiff(path: Path, count: int, **options: Any) -> Path:
    first, *rest = [noise() for _ in range(count)]
    first.save(path, save_all=True, append_images=rest, **options)
    return path


def pdf(path: Path, count: int) -> Path:
    first, *rest = [noise() for _ in range(count)]
    first.save(path, save_all=True, append_images=rest)
    return path


def grey(path: Path, page: int) -> Any:
    return open_image(None, str(path), page, True, LIMITS, Wanted(resolution=72)).pixels()


@pytest.mark.parametrize("kind", ["tiff", "pdf"])
def test_a_document_is_opened_once_and_read_once(kind: str, tmp_path: Path) -> None:
    path = tiff(tmp_path / "a.tif", 80) if kind == "tiff" else pdf(tmp_path / "a.pdf", 120)
    size = path.stat().st_size
    assert size > 2 * SMALL_BYTES
    found = pages({"path": str(path)})
    for row in found:
        grey(path, row["pagenum"])
    assert Counted.opened == 2, "once to count the pages, and once to read them"
    again = 120 * 4096 if kind == "pdf" else 0  # Where each page of a PDF begins is looked at to count them.
    assert Counted.bytes_read < 1.1 * size + again


def test_a_page_in_the_middle_takes_only_its_part(tmp_path: Path) -> None:
    path = tiff(tmp_path / "a.tif", 100)
    whole = Image.open(path)
    whole.seek(70)
    np.testing.assert_array_equal(grey(path, 70), np.asarray(whole))
    assert Counted.bytes_read < 200 * 150 + 71 * 512 + 16 * BLOCK_BYTES < path.stat().st_size / 20


MODES = {
    "grey": ("L", {}),
    "colour": ("RGB", {}),
    "bilevel": ("1", {"compression": "group4"}),
    "lzw": ("RGB", {"compression": "tiff_lzw"}),
    "deflate": ("L", {"compression": "tiff_adobe_deflate"}),
    "jpeg": ("RGB", {"compression": "jpeg"}),
    "packbits": ("L", {"compression": "packbits"}),
    "palette": ("P", {}),
    "alpha": ("RGBA", {}),
    "deep": ("I;16", {}),
    "float": ("F", {}),
    "big": ("L", {"big_tiff": True}),
    "big endian": ("I;16B", {}),
    "turned": ("L", {"tiffinfo": {274: 6}}),
    "many strips": ("L", {"tiffinfo": {278: 10}}),
    "dots": ("L", {"dpi": (300, 300)}),
}


@pytest.mark.parametrize("name", MODES)
def test_a_page_alone_is_the_page_in_its_file(name: str, tmp_path: Path) -> None:
    mode, options = MODES[name]
    deep = NOISE.integers(0, 60_000, (90, 120), np.uint16)
    made = [Image.fromarray(deep) if mode.startswith("I;16") else noise(120, 90).convert(mode) for _ in range(3)]
    if mode == "I;16B":
        made = [Image.frombytes("I;16B", (120, 90), deep.astype(">u2").tobytes()) for _ in range(3)]
    path = tmp_path / "a.tif"
    made[0].save(path, save_all=True, append_images=made[1:], **options)
    for page in range(3):
        alone = open_image(None, str(path), page, False, LIMITS)
        whole = open_image(path.read_bytes(), str(path), page, False, LIMITS)
        np.testing.assert_array_equal(alone.pixels(), whole.pixels())
        assert (alone.width, alone.height, alone.resolution) == (whole.width, whole.height, whole.resolution)


def test_tiles(tmp_path: Path) -> None:
    """Pillow writes none: strips of one tile's width are tiles too."""
    file = io.BytesIO()
    noise(64, 64).save(file, "TIFF", tiffinfo={278: 64})
    data = bytearray(file.getvalue())
    directory = int.from_bytes(data[4:8], "little")
    entries = int.from_bytes(data[directory : directory + 2], "little")
    renamed = {278: 322, 273: 324, 279: 325}  # Rows per strip, offsets and counts: tile width, offsets and counts.
    found = {}
    for n in range(entries):
        at = directory + 2 + 12 * n
        tag = int.from_bytes(data[at : at + 2], "little")
        found[renamed.get(tag, tag)] = bytes(data[at + 2 : at + 12])
    found[323] = found[322]  # Tile length.
    body = b"".join(tag.to_bytes(2, "little") + found[tag] for tag in sorted(found))
    place = len(data)
    data += len(found).to_bytes(2, "little") + body + bytes(4)
    data[4:8] = place.to_bytes(4, "little")
    path = tmp_path / "tiles.tif"
    path.write_bytes(bytes(data))
    assert Image.open(path).tile[0].args[0] == "L"
    np.testing.assert_array_equal(grey(path, 0), np.asarray(Image.open(path)))


def test_a_file_that_changes_is_opened_again(tmp_path: Path) -> None:
    path = tiff(tmp_path / "a.tif", 2)
    before = grey(path, 1)
    tiff(path, 3)
    assert not np.array_equal(grey(path, 1), before)
    assert Counted.opened == 2


def test_few_documents_stay_open(tmp_path: Path) -> None:
    for n in range(8):
        grey(tiff(tmp_path / f"{n}.tif", 1), 0)
    assert len(opened_documents._idle) == opened_documents.MOST_IDLE


def test_threads_read_a_document_each_for_itself(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    path = tiff(tmp_path / "a.tif", 30)
    want = [np.asarray(frame.copy()) for frame in ImageSequence.Iterator(Image.open(path))]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda page: grey(path, page), range(30)))
    assert all(map(np.array_equal, found, want))
    assert Counted.opened <= 4


@pytest.mark.parametrize("suffix", ["tif", "pdf"])
def test_damaged_documents_say_so(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    whole = (tiff(path, 3) if suffix == "tif" else pdf(path, 3)).read_bytes()
    for end in (0, 4, 20, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:end])
        for page in range(3):
            try:
                grey(path, page)
            except PageError as error:
                assert str(path) in str(error)


def test_a_page_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="has no page 4. It has 3"):
        grey(tiff(tmp_path / "a.tif", 3), 3)
    with pytest.raises(PageError, match="over the limit"):
        open_image(None, str(tmp_path / "a.tif"), 2, True, Limits(10**9, 150, 2))
    with pytest.raises(PageError, match="over the limit"):
        open_image(None, str(tmp_path / "a.tif"), 0, True, Limits(100, 150, 2))


def test_the_end_of_a_file_can_be_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    with RangedFile(str(tmp_path / "a")) as file:
        assert (file.seek(-3, io.SEEK_END), file.read(), file.read()) == (7, b"789", b"")
        assert (file.seek(2), file.read(3), file.tell(), file.read_at(20, 5)) == (2, b"234", 5, b"")


class Stale:
    """An open file of NFS whose handle no longer counts."""

    def size(self) -> int:
        return 10

    def read_at(self, *place: int) -> bytes:
        raise OSError(errno.ESTALE, "Stale file handle")

    def close(self) -> None:
        pass


@pytest.mark.parametrize("content", [b"0123456789", b"another file"])
def test_a_file_with_a_stale_handle_is_opened_again_unless_it_is_another(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0)
    (tmp_path / "a").write_bytes(content)
    files = iter([Stale()])
    monkeypatch.setattr(ranged, "open_file", lambda uri: next(files, None) or open_file(uri))
    with RangedFile(str(tmp_path / "a")) as file:
        if content == b"0123456789":
            assert file.read() == content
            return
        with pytest.raises(OSError, match="Stale"):
            file.read()


def test_a_file_that_cannot_be_opened_leaves_no_further_error() -> None:
    code = "import raypipe.files.ranged as r\ntry: r.RangedFile('missing')\nexcept OSError: print('said')"
    command = [sys.executable, "-X", "dev", "-W", "ignore", "-c", code]  # So also Python 3.11 says what 3.13 does.
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("said\n", "")
