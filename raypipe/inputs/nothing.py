"""Why a source names nothing or cannot be listed, and what to do about it."""

from __future__ import annotations

import os
import re
from itertools import islice

from pyarrow import fs

from raypipe.errors import InputError, nearest
from raypipe.files.archives import ArchiveError
from raypipe.files.paths import SCHEMES, URIS, UriError, info_of, special_kind
from raypipe.files.retries import KEY_WORDS, PASSING_WORDS
from raypipe.images.kinds import suffixes

KINDS = "Give files, folders, globs or URIs."
SPELLING = "Check its spelling."
PATTERNS = "In a pattern, * stands for names in one folder and ** for folders, too; small and capital letters differ."
BRACES = "Braces are no part of patterns: give a pattern for each of the words in them."
REMEDIES = (
    (KEY_WORDS, "Renew the credentials."),
    (re.compile("SIGNATURE_DOES_NOT_MATCH"), "Correct the secret key."),
    (re.compile("TIME_TOO_SKEWED"), "Set the clock of this machine."),
    (re.compile(r"_DENIED|HTTP status 403|\] 403"), "Use credentials that may list and read it."),
    (re.compile("HTTP status 301"), "Name the region of the bucket at the end of the URI: ?region=eu-west-1."),
    (PASSING_WORDS, "Check the network and the endpoint of the bucket."),
)
"""What to do about errors of buckets, by the messages of pyarrow, which has no types of its own for them."""
MOST_NAMES = 10_000
"""Names of a folder among which the one that was meant is looked for."""
_SCHEME = re.compile(rf"({'|'.join(SCHEMES)}|https?):")


def missing(source: str, filesystem: fs.FileSystem, path: str, pattern: str = "") -> InputError:
    """The error that there is nothing at the path of a source; it names the first folder on the way that is missing."""
    path = path.rstrip("/")
    first = _first_missing(filesystem, path)
    where = f": there is no {'folder' if '/' in first else 'bucket'} {first}" if pattern or first != path else ""
    folder, _, name = first.rpartition("/")
    meant = nearest(name, _names_in(folder)) if isinstance(filesystem, fs.LocalFileSystem) else ""
    return InputError(f"{source} does not exist{where}.", meant or (URIS if _SCHEME.match(name) else SPELLING))


def _first_missing(filesystem: fs.FileSystem, path: str) -> str:
    """The topmost part of a path that does not exist."""
    while parent := path.rpartition("/")[0]:
        try:
            if info_of(filesystem, parent).type != fs.FileType.NotFound:
                return path
        except OSError:  # It may not be looked at, so that it is not known to be missing.
            return path
        path = parent
    return path


def _names_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder or "/") as entries:
            return [entry.name for entry in islice(entries, MOST_NAMES)]
    except OSError:
        return []


def unread(source: str, filesystem: fs.FileSystem, path: str, info: fs.FileInfo) -> InputError:
    """The error that a source is neither a file nor a folder."""
    kind = special_kind(path) if info.type == fs.FileType.Unknown else ""
    return InputError(f"{source} is {kind}, not a file.", KINDS) if kind else missing(source, filesystem, path)


def unmatched(source: str, filesystem: fs.FileSystem, path: str, pattern: str) -> InputError:
    """The error that a folder, or a pattern below it, gives no picture."""
    if info_of(filesystem, path).type == fs.FileType.NotFound:
        return missing(source, filesystem, path, pattern)
    if pattern:
        return InputError(f"{source} matches no picture.", BRACES if "{" in pattern else PATTERNS)
    return InputError(f"{source} holds no picture.", f"Looked for {', '.join(suffixes())}.")


def unlisted(source: str, error: Exception) -> InputError:
    """The error that something went wrong while a source was listed."""
    reason = str(error).partition("\n")[0].rstrip(".")
    return InputError(f"{source} cannot be listed: {reason}.", _remedy(error))


def _remedy(error: Exception) -> str:
    if isinstance(error, ArchiveError):
        return error.remedy
    if isinstance(error, NotADirectoryError):
        return KINDS
    if isinstance(error, PermissionError):
        return "Correct its permissions."
    if isinstance(error, (UriError, ValueError)):
        return URIS
    told = (remedy for words, remedy in REMEDIES if words.search(str(error)))
    return next(told, "Check its permissions and the credentials.")
