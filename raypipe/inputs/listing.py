"""Folders, globs and URIs to the pictures in them, in the order of their names."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

import pyarrow as pa
from pyarrow import fs

from raypipe.errors import InputError
from raypipe.files import resolve, split_options
from raypipe.images.kinds import SUFFIXES

ENDINGS = tuple(SUFFIXES)
MARK = re.compile(r"[*?[]")
ENCODED_MARK = re.compile(r"%(?:2A|3F|5B)", re.IGNORECASE)
KINDS = "Give files, folders, globs or URIs."
REMEDY = "Check its permissions; URIs begin with file, s3, gs, abfs or hdfs, and spaces in them are written %20."


def listed(source: str, left_out: Path | None) -> Iterator[str]:
    """The paths or URIs of the pictures that a source names.

    Args:
        source: A file, folder, glob or URI.
        left_out: The real path of a local folder that folders and globs do not list, nor anything below it.

    Raises:
        InputError: It names nothing, or cannot be listed.
    """
    if not source:
        raise InputError("A source is empty.", KINDS)
    try:
        yield from _expand(source, left_out)
    except (OSError, ValueError, ImportError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise InputError(f"{source} cannot be listed: {reason}.", REMEDY) from error


def _expand(source: str, left_out: Path | None) -> Iterator[str]:
    if not source.isascii() and _as_text(source) != source:  # The shell expanded a pattern to a name that is not UTF-8.
        yield _as_text(os.path.abspath(source))  # noqa: PTH100 - takes out the .. that names must not have
        return
    place, options = split_options(source)
    folder, pattern = _split_glob(place)
    if not pattern or _exists(source):
        folder, pattern = place, ""
    filesystem, path = resolve(f"{folder or '.'}{options}")
    if not pattern:
        kind = filesystem.get_file_info(path).type
        if kind == fs.FileType.File:
            yield source if "://" in source else path
            return
        if kind != fs.FileType.Directory:
            raise InputError(f"{source} does not exist.", KINDS)
    names = list(_pictures_below(filesystem, path, PurePosixPath(pattern).parts, left_out))
    if pattern and not names:
        raise InputError(f"{source} matches no picture.", "Quote the pattern so that the shell leaves it alone.")
    if not names:
        raise InputError(f"{source} holds no picture.", f"Looked for {', '.join(sorted(SUFFIXES))}.")
    yield from (_uri(folder, name, options) if "://" in source else f"{path.rstrip('/')}/{name}" for name in names)


def _uri(folder: str, name: str, options: str) -> str:
    """The URI of a name below a folder, as `resolve` expects it: with the same account, bucket and options."""
    scheme, _, rest = folder.partition("://")
    return f"{scheme}://{rest.rstrip('/')}{'/' if rest else ''}{quote(name)}{options}"


def _exists(source: str) -> bool:
    return "://" not in source and Path(resolve(source)[1]).exists()


def _split_glob(place: str) -> tuple[str, str]:
    """The folder before the first mark of a glob, and the pattern below it, empty if there is no mark."""
    is_uri = "://" in place
    # Between :// and the next slash is an account, a host or a bucket: [::1] is not a pattern.
    path = place.partition("://")[2].partition("/")[2] if is_uri else place
    mark = MARK.search(path)
    if not mark:
        return place, ""
    end = len(place) - len(path) + path.rfind("/", 0, mark.start()) + 1
    return place[:end], _decoded(place[end:]) if is_uri else place[end:]


def _decoded(pattern: str) -> str:
    """The pattern of a URI, decoded. An encoded mark stands for itself."""
    return unquote(ENCODED_MARK.sub(lambda mark: f"[{mark[0]}]", pattern))


@lru_cache(maxsize=1024)
def _reached(pattern: tuple[str, ...], folder: str) -> frozenset[int]:
    """Which beginnings of a glob, by their number of parts, a folder matches; empty if nothing below it can match.

    Only the whole glob if that matches, since all below then matches too. Of two beginnings that differ by a `**`,
    which can stand for no folder at all, only the longer one.
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
    """The regular expression of a glob or, with `below`, of what it matches and all below."""
    from fsspec.utils import glob_translate  # Takes longer to import than to list most folders.

    whole = glob_translate("/".join(pattern)).removesuffix(r"\Z")
    return re.compile(rf"{whole}(?:/.*)?\Z" if below else rf"{whole}\Z", re.DOTALL)


def _pictures_below(
    filesystem: fs.FileSystem, folder: str, pattern: tuple[str, ...], left_out: Path | None
) -> Iterable[str]:
    """The names of matching pictures in order, as paths relative to that folder."""
    if isinstance(filesystem, fs.LocalFileSystem):
        return _local_pictures(f"{folder.rstrip('/')}/", pattern, left_out)
    base = folder.strip("/")
    selector = fs.FileSelector(folder, recursive=True, allow_not_found=True)
    names = sorted(
        info.path.lstrip("/").removeprefix(base).removeprefix("/")
        for info in filesystem.get_file_info(selector)
        if info.type == fs.FileType.File and _is_picture(info.base_name)
    )
    return (name for name in names if _is_wanted(pattern, name))


def _local_pictures(top: str, pattern: tuple[str, ...], left_out: Path | None) -> Iterator[str]:
    """The pictures below a local folder in order, and folders that cannot be read, whose rows later say so.

    Asks the operating system rather than pyarrow, which gives up at the first folder or name it cannot read.
    """
    if left_out and _is_below(left_out, top):
        raise InputError(f"{top} lies in {left_out}, which is not listed.", "Write to another folder, or name files.")
    seen: set[tuple[int, int, frozenset[int]]] = set()
    others: Counter[str] = Counter()
    left = [top]
    while left:
        path = left.pop()
        name = path[len(top) :]
        if not path.endswith("/"):
            if _is_wanted(pattern, name):
                yield _as_text(name)
            continue
        reached = _reached(pattern, name.rstrip("/"))
        if not reached:
            continue
        try:
            status = Path(path).stat()
            # A folder reached again through a link is skipped, unless other parts of the pattern apply in it.
            identity = (status.st_dev, status.st_ino, reached)
            if identity not in seen:
                seen.add(identity)
                left += sorted(_entries(path, left_out, others), reverse=True)
        except OSError:
            if not name:
                raise
            yield _as_text(name.rstrip("/"))
    if others and pattern in ((), ("**",)):  # A narrower pattern leaves files out on purpose.
        kinds = ", ".join(f"{count} {suffix or 'without suffix'}" for suffix, count in others.most_common(5))
        logging.getLogger(__name__).warning(
            "%s: %d files are left out, since their names are not those of pictures (%s).", top, others.total(), kinds
        )


def _entries(folder: str, left_out: Path | None, others: Counter[str]) -> list[str]:
    """The folders, with a trailing slash, and the pictures in a local folder.

    Args:
        folder: The folder.
        left_out: See `listed`.
        others: Where other files are counted by suffix, hidden ones left out.
    """
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            # Only the folder itself and links can lead below it; resolving the path of every file would be too slow.
            if left_out and (entry.name == left_out.name or entry.is_symlink()) and _is_below(left_out, entry.path):
                continue
            if _is_folder(entry):
                found.append(f"{entry.path}/")
            elif _is_picture(entry.name) and entry.is_file():
                found.append(entry.path)
            elif not entry.name.startswith("."):
                others["broken links" if _is_picture(entry.name) else PurePosixPath(entry.name).suffix.lower()] += 1
    return found


def _is_below(folder: Path, path: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(folder)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether to list it. A link that cannot be followed counts as a folder that cannot be read."""
    try:
        return entry.is_dir()
    except OSError:
        return True


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(ENDINGS)


def _as_text(path: str) -> str:
    """A path as UTF-8, as rows need it. A file whose name is not UTF-8 cannot be opened, and its row later says so."""
    return path if path.isascii() else os.fsencode(path).decode(errors="replace")
