"""From folders, globs and URIs to the files in them that may be pictures, in the order of their names."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache, lru_cache
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import quote, unquote

import pyarrow as pa
from pyarrow import fs

from raypipe.errors import InputError
from raypipe.files import tables
from raypipe.files.addresses import is_address
from raypipe.files.archives import MARK as IN_ARCHIVE
from raypipe.files.archives import is_archive
from raypipe.files.archives import split as in_archive
from raypipe.files.paths import archive_members, info_of, resolve, special_kind, split_options
from raypipe.files.retries import retried
from raypipe.images.kinds import suffixes
from raypipe.inputs import lists, nothing
from raypipe.plurals import counted

MARK = re.compile(r"[*?[]")
ENCODED_MARK = re.compile(r"%(?:2A|3F|5B)", re.IGNORECASE)
JOB_FILES = ("pipeline.toml", "job.json")
"""The files by which the output folder of a job is recognized, whose overlays are no pages."""
PREFIXES = 16
"""Folders of a bucket that are listed at the same time, since a request takes tens of milliseconds."""


class Found(NamedTuple):
    """A file that a source names.

    Attributes:
        path: Its path or URI.
        size: Its bytes; -1 if unknown.
        modified: When it was last written, in nanoseconds since 1970; -1 if unknown.
        name: Its name in the output folder; empty: taken from its path.
    """

    path: str
    size: int = -1
    modified: int = -1
    name: str = ""


def listed(source: str, left_out: str | None) -> Iterator[Found]:
    """The pictures that a file, folder, glob or URI names, as they are found.

    `left_out` is the path or URI of a folder that is not listed as part of folders and globs, nor anything below it.
    Nor are folders in others that hold the results of a job, which is said: their overlays would be read as pages.

    Raises:
        InputError: It names nothing, or cannot be listed.
    """
    if not source:
        raise InputError("A source is empty.", nothing.KINDS)
    try:
        yield from _expand(source, left_out)
    except (OSError, ValueError, ImportError, pa.ArrowException) as error:
        raise nothing.unlisted(source, error) from error


def _expand(source: str, left_out: str | None) -> Iterator[Found]:
    if not source.isascii() and _as_text(source) != source:  # The shell expanded a pattern to a name that is not UTF-8.
        yield Found(_as_text(os.path.abspath(source)))  # noqa: PTH100 - takes out the .. that names must not have
        return
    if is_address(source):
        yield Found(source)
        return
    place, options = split_options(source)
    if in_archive(place):
        yield Found(source if "://" in source else os.path.abspath(source))  # noqa: PTH100 - removes ..
        return
    folder, is_glob = fixed_part(source)
    pattern = _split_glob(place)[1] if is_glob else ""
    filesystem, path = resolve(f"{folder or '.'}{options}")
    if not pattern:
        info = info_of(filesystem, path)
        if info.type == fs.FileType.File:
            found = _found(source if "://" in source else path, info)
            yield from _of_list(found.path) if lists.reader_of(found.path) else _unpacked(found)
            return
        if info.type != fs.FileType.Directory:
            raise nothing.unread(source, filesystem, path, info)
    below = _pictures_below(filesystem, path, PurePosixPath(pattern).parts, _path_in(filesystem, left_out))
    first = None
    with suppress(FileNotFoundError):  # The folder of a glob is missing.
        first = next(below, None)
    if first is None:
        raise nothing.unmatched(source, filesystem, path, pattern)
    for found in chain([first], below):
        whole = _uri(folder, found.path, options) if "://" in source else f"{path.rstrip('/')}/{found.path}"
        yield from _unpacked(found._replace(path=whole))


def _of_list(path: str) -> Iterator[Found]:
    """The documents of a list. They are not checked here: if one does not exist, its row later says so."""
    for document in lists.documents(path):
        yield from _unpacked(Found(document.path, name=document.name))


def _unpacked(found: Found) -> Iterator[Found]:
    """The file itself or, if it is an archive, the pictures in it."""
    place, options = split_options(found.path)
    if not is_archive(place):
        yield found
        return
    inside, is_table = archive_members(found.path), place.lower().endswith(tables.SUFFIX)
    pictures = [each for each in inside if is_table or _is_picture(PurePosixPath(each.name).name)]
    left_out = {each.name for each in inside}.difference(each.name for each in pictures)
    visible = (path for path in map(PurePosixPath, left_out) if not _is_hidden(path))
    _tell_left_out(place, (), Counter(path.suffix.lower() for path in visible))
    if not pictures:
        raise InputError(f"{found.path} holds no picture.", f"Looked for {', '.join(suffixes())}.")
    for each in pictures:
        name = quote(each.name) if "://" in place else each.name
        yield Found(f"{place}{IN_ARCHIVE}{name}{options}", each.size, found.modified)


def _is_hidden(path: PurePosixPath) -> bool:
    """Whether a name in an archive is that of a hidden file, or of what macOS adds."""
    return path.name.startswith(".") or path.parts[0] == "__MACOSX"


def fixed_part(source: str) -> tuple[str, bool]:
    """A source without its options or, if it is a glob, the folder before its first wildcard; and whether it is one."""
    place, _ = split_options(source)
    folder, pattern = _split_glob(place)
    is_glob = pattern and ("://" in source or not Path(resolve(source)[1]).exists())
    return (folder, True) if is_glob else (place, False)


def _found(path: str, info: fs.FileInfo) -> Found:
    return Found(path, info.size if info.size is not None else -1, info.mtime_ns if info.mtime_ns is not None else -1)


def _uri(folder: str, name: str, options: str) -> str:
    """The URI of a name below a folder, as `resolve` expects it: with the folder's account, bucket and options."""
    scheme, _, rest = folder.partition("://")
    return f"{scheme}://{rest.rstrip('/')}{'/' if rest else ''}{quote(name)}{options}"


def _split_glob(place: str) -> tuple[str, str]:
    """The folder before the first wildcard of a glob, and the pattern below it, empty if there is no wildcard.

    In a URI, an encoded wildcard stands for itself.
    """
    is_uri = "://" in place
    # Between :// and the next slash is an account, a host or a bucket: [::1] is not a pattern.
    path = place.partition("://")[2].partition("/")[2] if is_uri else place
    mark = MARK.search(path)
    if not mark:
        return place, ""
    end = len(place) - len(path) + path.rfind("/", 0, mark.start()) + 1
    pattern = place[end:]
    return place[:end], unquote(ENCODED_MARK.sub(lambda mark: f"[{mark[0]}]", pattern)) if is_uri else pattern


@lru_cache(maxsize=1024)
def _reached(pattern: tuple[str, ...], folder: str) -> frozenset[int]:
    """The beginnings of a glob, by their number of parts, that a folder matches; empty if nothing below it can match.

    If the whole glob matches, only that, since everything below then matches too. Of two beginnings that differ by a
    `**`, which can stand for no folder at all, only the longer one.
    """
    whole = len(pattern)
    if _is_wanted(pattern, f"{folder}/" if pattern[-1:] == ("**",) else folder):
        return frozenset((whole,))
    beginnings = [pattern[:n] for n in range(whole) if pattern[n] != "**"]
    return frozenset(
        len(some) for some in beginnings if _regex(some).match(f"{folder}/" if some[-1:] == ("**",) else folder)
    )


def _is_wanted(pattern: tuple[str, ...], path: str) -> bool:
    """Whether a glob matches a path, or a folder above it. An empty glob matches everything."""
    return not pattern or bool(_regex(pattern, True).match(path))


@cache
def _regex(pattern: tuple[str, ...], below: bool = False) -> re.Pattern[str]:
    """The regular expression of a glob or, with `below`, of what it matches and everything below that."""
    from fsspec.utils import glob_translate  # Importing it takes longer than listing most folders.

    whole = glob_translate("/".join(pattern)).removesuffix(r"\Z")
    return re.compile(rf"{whole}(?:/.*)?\Z" if below else rf"{whole}\Z", re.DOTALL)


def _path_in(filesystem: fs.FileSystem, folder: str | None) -> Path | None:
    """The path of a folder in a file system, without links; None: it is in another one."""
    if folder is None:
        return None
    try:
        other, path = resolve(folder)
    except (OSError, ValueError):  # The error is reported where the folder is opened.
        return None
    if not other.equals(filesystem):
        return None
    return Path(_place(other, path))


def _place(filesystem: fs.FileSystem, path: str) -> str:
    """A path in a file system in comparable form: without links, or as buckets list it."""
    return os.path.realpath(path) if isinstance(filesystem, fs.LocalFileSystem) else path.strip("/")


def _pictures_below(
    filesystem: fs.FileSystem, folder: str, pattern: tuple[str, ...], left_out: Path | None
) -> Iterator[Found]:
    """The matching pictures below a folder, with paths relative to it."""
    if left_out and Path(_place(filesystem, folder)).is_relative_to(left_out):
        raise InputError(
            f"{folder} lies in {left_out}, which is not listed.", "Write to another folder, or name files."
        )
    if isinstance(filesystem, fs.LocalFileSystem):
        return _local_pictures(f"{folder.rstrip('/')}/", pattern, left_out)
    return _remote_pictures(filesystem, folder, pattern, left_out)


def _remote_pictures(
    filesystem: fs.FileSystem, top: str, pattern: tuple[str, ...], left_out: Path | None
) -> Iterator[Found]:
    """The pictures below a folder of a bucket: those of a folder in order, then those of the folders in it.

    Folders are listed a few ahead and one level at a time: a bucket of ten million files is never in memory as a whole.
    """
    base, others, excluded = top.strip("/"), Counter[str](), left_out and left_out.as_posix()

    @retried
    def entries(folder: str) -> list[fs.FileInfo]:
        found = filesystem.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        kept = found if folder == top else _unless_results(folder, found)
        return sorted((info for info in kept if info.path.strip("/") != excluded), key=lambda info: str(info.path))

    with ThreadPoolExecutor(PREFIXES) as pool:
        left: list[tuple[str, Future[list[fs.FileInfo]] | None]] = [(top, None)]
        try:
            while left:
                for n, (folder, future) in enumerate(islice(reversed(left), PREFIXES), 1):
                    if future is None:
                        left[-n] = folder, pool.submit(entries, folder)
                _, listing = left.pop()
                folders = []
                for info in listing.result() if listing else ():
                    name = info.path.lstrip("/").removeprefix(base).removeprefix("/")
                    if info.type == fs.FileType.Directory and _reached(pattern, name.rstrip("/")):
                        folders.append((info.path, None))
                    elif info.type == fs.FileType.File and _is_listed(info.base_name, pattern):
                        if _is_wanted(pattern, name):
                            yield _found(name, info)
                    elif info.type == fs.FileType.File and not info.base_name.startswith("."):
                        others[PurePosixPath(name).suffix.lower()] += 1
                left += reversed(folders)
            _tell_left_out(top, pattern, others)
        finally:  # The reader may have stopped early.
            pool.shutdown(wait=False, cancel_futures=True)


def _local_pictures(top: str, pattern: tuple[str, ...], left_out: Path | None) -> Iterator[Found]:
    """The pictures below a local folder in order, and folders that cannot be read, whose rows later say so.

    This asks the operating system rather than pyarrow, which gives up at the first folder or name it cannot read.
    """
    seen: set[tuple[int, int, frozenset[int]]] = set()
    others: Counter[str] = Counter()
    left = [Found(top)]
    while left:
        found = left.pop()
        name = found.path[len(top) :]
        if not found.path.endswith("/"):
            if _is_wanted(pattern, name):
                yield found._replace(path=_as_text(name))
            continue
        reached = _reached(pattern, name.rstrip("/"))
        if not reached:
            continue
        try:
            status = Path(found.path).stat()
            # A folder reached again through a link is skipped, unless other parts of the pattern apply in it.
            identity = (status.st_dev, status.st_ino, reached)
            if identity not in seen:
                seen.add(identity)
                if name and all(Path(found.path, file).exists() for file in JOB_FILES):
                    _tell_results(found.path.rstrip("/"))
                else:
                    left += sorted(_entries(found.path, pattern, left_out, others), reverse=True)
        except OSError:
            if not name:
                raise
            yield Found(_as_text(name.rstrip("/")))
    _tell_left_out(top, pattern, others)


def _unless_results(folder: str, found: list[fs.FileInfo]) -> list[fs.FileInfo]:
    """What is in a folder of a bucket, unless it holds the results of a job."""
    if not {info.base_name for info in found}.issuperset(JOB_FILES):
        return found
    _tell_results(folder)
    return []


def _tell_results(folder: str) -> None:
    """Warns that a folder is not listed since its pictures are those that a job has drawn."""
    message = "%s is left out: it holds the results of a job. Name it, or a folder in it, to read its pictures."
    logging.getLogger(__name__).warning(message, folder)


def _tell_left_out(folder: str, pattern: tuple[str, ...], others: Counter[str]) -> None:
    """Warns how many files are not pictures by their names, unless a narrower pattern leaves them out on purpose."""
    if others and pattern in ((), ("**",)):
        kinds = ", ".join(
            f"{count} {kind or 'without suffix'}" if kind[:1] in ("", ".") else counted(count, kind)
            for kind, count in others.most_common(5)
        )
        message = "%s: %s left out, whose names are not those of pictures (%s)."
        logging.getLogger(__name__).warning(message, folder, counted(others.total(), "file"), kinds)


def _entries(folder: str, pattern: tuple[str, ...], left_out: Path | None, others: Counter[str]) -> list[Found]:
    """The folders, with a trailing slash, and the pictures in a local folder; counts other files by their suffixes."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            # Only the folder itself and links can lead below it; resolving the path of every file would be too slow.
            if left_out and (entry.name == left_out.name or entry.is_symlink()) and _is_below(left_out, entry.path):
                continue
            if _is_folder(entry):
                found.append(Found(f"{entry.path}/"))
            elif _is_listed(entry.name, pattern) and entry.is_file():
                with suppress(FileNotFoundError):  # It was removed meanwhile.
                    status = entry.stat()
                    found.append(Found(entry.path, status.st_size, status.st_mtime_ns))
            elif not entry.name.startswith("."):
                others[_kind(entry)] += 1
    return found


def _kind(entry: os.DirEntry[str]) -> str:
    """What an entry is counted as that is not listed: its suffix or, if that is a picture's, why it is no file."""
    if not _is_picture(entry.name):
        return PurePosixPath(entry.name).suffix.lower()
    return "special file" if special_kind(entry.path) else "broken link"


def _is_below(folder: Path, path: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(folder)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether to list it. A link that cannot be followed counts as a folder that cannot be read."""
    try:
        return entry.is_dir()
    except OSError:
        return True


def _is_listed(name: str, pattern: tuple[str, ...]) -> bool:
    """Whether a folder or glob lists a file of this name: a picture, or an archive if the glob ends like one."""
    return _is_picture(name) or (not name.startswith(".") and is_archive(name) and is_archive("".join(pattern[-1:])))


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(suffixes())


def _as_text(path: str) -> str:
    """A path as UTF-8, as rows need it. A file whose name is not UTF-8 cannot be opened, and its row later says so."""
    return path if path.isascii() else os.fsencode(path).decode(errors="replace")
