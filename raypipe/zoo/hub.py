"""Files of a repository on the Hugging Face hub: fetched, resumed where a connection broke, and checked.

`huggingface_hub` fetches: its cache (HF_HOME), endpoint (HF_ENDPOINT), token, proxies and offline mode hold here too.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from raypipe.errors import ModelError, reason_of
from raypipe.plurals import counted
from raypipe.zoo import store

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling


def repository_info(repository: str, revision: str | None) -> ModelInfo:
    """The commit and files of a repository at a commit, tag or branch; None: the newest."""
    from huggingface_hub import HfApi

    return HfApi().model_info(repository, revision=revision, files_metadata=True)


def fetch(repository: str, commit: str, file: RepoSibling, target: Path) -> None:
    """Fetches a file, compares it with what the hub publishes about it, and links or copies it into place.

    Raises:
        ModelError: It is not what was published.
    """
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(repository, file.rfilename, revision=commit)
    found = Path(cached).resolve() if isinstance(cached, str) else _download(repository, commit, file)
    wrong = _difference(found, file)
    if wrong:
        found.unlink()  # Otherwise it would count as sound next time.
        raise ModelError(f"{file.rfilename} of {repository} {wrong}.", "It was discarded: pull again.")
    try:
        os.link(found, target)
    except OSError:
        shutil.copyfile(found, target)


def _download(repository: str, commit: str, file: RepoSibling) -> Path:
    """Fetches a file into the folder of parts, resuming an earlier pull.

    `hf_hub_download` discards a partial file when it gives up; `http_get`, on which it is built, does not.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    digest, size = str(file.lfs.sha256 if file.lfs else file.blob_id), file.size or 0
    part = parts(repository) / digest
    part.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{part}.lock"), part.open("ab") as opened:
        opened.truncate(min(opened.tell(), size))
        http_get(
            hf_hub_url(repository, file.rfilename, revision=commit),
            opened,
            resume_size=opened.seek(0, os.SEEK_END),
            headers=build_hf_headers(),
            expected_size=size,
            displayed_filename=file.rfilename,
        )
    return part


def parts(repository: str) -> Path:
    """The folder of files that a pull has fetched, whole or in part, until it is complete."""
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "raypipe" / repository.replace("/", "--")


def _difference(path: Path, file: RepoSibling) -> str | None:
    """How a file differs from what the hub says about it: sha256 for large files, git's digest for small ones."""
    size = path.stat().st_size
    if size != file.size:
        return f"has {counted(size, 'byte')}, but should have {file.size:,}"
    if file.lfs:
        found, expected = store.sha256_of(path), file.lfs.sha256
    else:
        found = hashlib.sha1(b"blob %d\0" % size + path.read_bytes(), usedforsecurity=False).hexdigest()
        expected = str(file.blob_id)
    return None if found == expected else f"has digest {found}, but should have {expected}"


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turns any failure to fetch the model of this name into a `ModelError` that says what to do."""
    from huggingface_hub import errors

    by_hand = f"or copy the files from a machine that has them: `raypipe models import {name} FOLDER`"
    try:
        yield
    except errors.OfflineModeIsEnabled as error:
        raise ModelError(f"{name} cannot be pulled: HF_HUB_OFFLINE is set.", f"Unset it, {by_hand}.") from error
    except errors.GatedRepoError as error:
        raise ModelError(f"{name} cannot be pulled: {reason_of(error)}.", "Ask for access and set HF_TOKEN.") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.RemoteEntryNotFoundError) as error:
        raise ModelError(
            f"{name} cannot be pulled: {reason_of(error)}.", f"Check the name, --revision and HF_ENDPOINT, {by_hand}."
        ) from error
    # `errors` has the HTTPError of whichever HTTP library this version of huggingface_hub uses.
    except (errors.HTTPError, errors.LocalEntryNotFoundError) as error:
        raise ModelError(
            f"{name} cannot be pulled: {reason_of(error)}.",
            f"Pull again: what arrived is kept. Check the network, HTTPS_PROXY and HF_ENDPOINT, {by_hand}.",
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            remedy = f"Free space, or set HF_HOME and {store.VARIABLE} to folders that have it, and pull again."
            raise ModelError(f"{name} does not fit on the disk: {reason_of(error)}.", remedy) from error
        raise ModelError(f"{name} cannot be stored: {reason_of(error)}.", f"Pull again, {by_hand}.") from error
