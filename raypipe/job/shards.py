"""The ledger of a job: its documents, in shards, and which of them are done.

A shard is a Parquet file of up to `SHARD_DOCUMENTS` documents in `OUT/shards/`, written while the inputs are listed and
read while more are. Once all of its pages have rows and its files are written, a JSON file of the same number says what
came of it, so that nothing but these small files has to be read to go on with a job.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from raypipe.errors import ConfigError, reason_of
from raypipe.files.paths import join, names_in, read_file, remove_file, without_scheme, write_file
from raypipe.inputs.listing import Found
from raypipe.job.folder import OutputFolder
from raypipe.job.names import Naming
from raypipe.keys import Taken, public, put_back, taken_out

SHARD_DOCUMENTS = 100_000
FIRST_UNWRITTEN = 20
"""The ledger keeps the reasons of this many files that could not be written."""
SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("name", pa.string()),
        ("size", pa.int64()),
        ("modified", pa.int64()),
        ("key", pa.uint64()),
        ("name_key", pa.uint64()),
        ("replaces", pa.int32()),
    ]
)
"""`key`, `name_key`: hashes of path and name, by which documents are found again without their paths in memory: of ten
million, two have the same one with a probability of 3e-6. `replaces`: the shard with the file's former content. Paths
have no keys in them: those stay in memory, and each run takes them from its sources."""
KEYS = b"keys"
"""Metadata of a shard's file if some of its documents were opened with keys in their URIs."""

_NAME = re.compile(r"(\d{6,})\.parquet")
Keys = npt.NDArray[np.uint64]


def key_of(text: str) -> int:
    """A hash of 64 bits."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True)
class Outcome:
    """What came of the documents of a shard.

    Attributes:
        documents: How many there are.
        pages: Their pages.
        failed: How many pages failed, by `stage code`.
        reasons: The first message of each of these.
        warned: How many pages were read with a warning.
        warning: The first of these.
        formats: The output formats whose files are written.
        unwritten: How many of these could not be written.
        why_unwritten: What went wrong with the first of them.
        files, size: How many files hold the rows of the pages, and their bytes; 0 if an older version wrote them.
    """

    documents: int = 0
    pages: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    warned: int = 0
    warning: str = ""
    formats: list[str] = field(default_factory=list)
    unwritten: int = 0
    why_unwritten: list[str] = field(default_factory=list)
    files: int = 0
    size: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.documents + other.documents,
            self.pages + other.pages,
            self.failed + other.failed,
            {**other.reasons, **self.reasons},
            self.warned + other.warned,
            self.warning or other.warning,
            sorted({*self.formats, *other.formats}),
            self.unwritten + other.unwritten,
            [*self.why_unwritten, *other.why_unwritten],
            self.files + other.files,
            self.size + other.size,
        )

    def converted(self, formats: Iterable[str], unwritten: Sequence[str]) -> Outcome:
        """After the documents' files of some formats were written, all but those with what went wrong."""
        every = set(formats) >= set(self.formats)
        return replace(
            self,
            formats=sorted({*formats, *self.formats}),
            unwritten=len(unwritten) + (0 if every else self.unwritten),
            why_unwritten=[*([] if every else self.why_unwritten), *unwritten][:FIRST_UNWRITTEN],
        )


@dataclass(eq=False)
class Shard:
    """The documents of a shard, without their paths and names, in the order of their keys.

    Attributes:
        keys, name_keys, sizes, modified: Of each document.
        seen: Which documents the sources of this run name.
        taken: What was removed from their URIs, by its place in the ledger's list.
        needs_keys: Whether some have to be opened with what was removed.
        outcome: What came of it; None: not all is done.
    """

    number: int
    keys: Keys
    name_keys: Keys
    sizes: npt.NDArray[np.int64]
    modified: npt.NDArray[np.int64]
    seen: npt.NDArray[np.bool_]
    taken: npt.NDArray[np.int32]
    needs_keys: bool
    outcome: Outcome | None = None

    @classmethod
    def of(cls, number: int, table: pa.Table, seen: bool, outcome: Outcome | None = None) -> Shard:
        """The shard of a table of documents."""
        keys, names, sizes, modified = (table[name].to_numpy() for name in ("key", "name_key", "size", "modified"))
        order = np.argsort(keys)
        flags, taken = np.full(len(keys), seen), np.zeros(len(keys), np.int32)
        needs = KEYS in (table.schema.metadata or ())
        return cls(number, keys[order], np.sort(names), sizes[order], modified[order], flags, taken, needs, outcome)

    def find(self, keys: Keys) -> npt.NDArray[np.int64]:
        """The places of documents in this shard; -1 where they are not in it."""
        return _places(self.keys, keys)

    def forget(self, keys: Keys) -> None:
        """Removes documents."""
        kept = ~np.isin(self.keys, keys)
        self.keys, self.sizes, self.modified = self.keys[kept], self.sizes[kept], self.modified[kept]
        self.seen, self.taken = self.seen[kept], self.taken[kept]


def _places(of: Keys, keys: Keys) -> npt.NDArray[np.int64]:
    """The places of keys among sorted ones; -1 where they are not among them."""
    if not len(of):
        return np.full(len(keys), -1)
    places = np.searchsorted(of, keys)
    places[places == len(of)] = 0
    return np.where(of[places] == keys, places, -1)


class Ledger:
    """The shards of an output folder.

    Attributes:
        repeated: How often a source named a document that another had named.
        changed: Documents whose content has changed since they were read.

    Raises:
        ConfigError: A shard is damaged, or this version of raypipe cannot read it.
    """

    def __init__(self, folder: OutputFolder) -> None:
        self._folder, self._output = folder.shards, folder
        self.shards: dict[int, Shard] = {}
        self.repeated = self.changed = 0
        self._new: set[int] = set()
        self._lock = threading.Lock()  # One thread lists, and marks documents as seen; another removes them.
        self._taken: dict[Taken | None, int] = {None: 0}
        names = names_in(self._folder)
        for name in names:
            if ours := _NAME.fullmatch(name):
                number = int(ours[1])
                done = self._read_outcome(number) if f"{ours[1]}.json" in names else None
                self.shards[number] = Shard.of(number, self._read(number, SCHEMA.names[2:6]), False, done)

    def _uri(self, number: int, suffix: str = "parquet") -> str:
        return join(self._folder, f"{number:06}.{suffix}")

    def _read(self, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        # In this thread alone: one of Arrow's that still lets go of our bytes as Python ends would abort the process.
        try:
            with pq.ParquetFile(pa.BufferReader(read_file(self._uri(number)))) as file:
                if missing := set(SCHEMA.names).difference(file.schema_arrow.names):
                    raise pa.ArrowInvalid(f"it has no column {min(missing)}")
                return file.read(columns, use_threads=False)
        except pa.ArrowInvalid as error:
            uri = self._uri(number)
            raise ConfigError(
                f"{uri} is damaged, or of another version of raypipe: {reason_of(error)}.",
                f"Remove the files of shards/ and results/ that begin with {number:06}: the same command then reads "
                "their documents again.",
            ) from error

    def _read_outcome(self, number: int) -> Outcome | None:
        """What came of a shard; None if a power failure cut it off or another version wrote it: it is found again."""
        try:
            record = json.loads(read_file(self._uri(number, "json")))
            return Outcome(**{**record, "failed": Counter(record["failed"])})
        except (ValueError, TypeError, KeyError) as error:
            uri = public(self._uri(number, "json"))
            logging.getLogger(__name__).warning("%s cannot be read; its rows are counted again: %s", uri, error)
            return None

    def documents(self, number: int) -> pa.Table:
        """The documents of a shard."""
        return self._read(number)

    def with_keys(self, number: int, documents: pa.Table) -> pa.Table:
        """Documents of a shard with their complete URIs, by which they can be opened, from this run's sources."""
        shard, every = self.shards[number], list(self._taken)
        taken = shard.taken[shard.find(documents["key"].to_numpy())]
        if not taken.any():
            return documents
        paths = [put_back(path, every[n]) for path, n in zip(documents["path"].to_pylist(), taken, strict=True)]
        return documents.set_column(0, SCHEMA.field("path"), pa.array(paths, pa.string()))

    def finish(self, number: int, outcome: Outcome) -> None:
        """Records that all of a shard is done."""
        self._output.check_there()
        write_file(self._uri(number, "json"), json.dumps(vars(outcome)).encode())
        self.shards[number].outcome = outcome

    def reopen(self, number: int) -> None:
        """Records that something of a shard is to be done again."""
        remove_file(self._uri(number, "json"))
        self.shards[number].outcome = None

    def keep(self, number: int, kept: npt.NDArray[np.bool_]) -> None:
        """Removes from a shard the documents that are not marked; `kept` is in the order of the shard's file."""
        table = self.documents(number)
        dropped = table.filter(pa.array(~kept))
        self._write(number, table.filter(pa.array(kept)))
        with self._lock:
            self.shards[number].forget(dropped["key"].to_numpy())

    def add(self, found: Sequence[Found], naming: Naming) -> int | None:
        """Makes a shard of those files that are new or have changed, and marks the others as seen.

        Returns:
            Its number; None if all are known.
        """
        removed = (taken_out(each.path) for each in found)
        taken = np.fromiter((self._taken.setdefault(key, len(self._taken)) for key in removed), np.int32, len(found))
        if taken.any():
            found = [each._replace(path=public(each.path)) for each in found]
        keys = np.fromiter((key_of(without_scheme(each.path)) for each in found), np.uint64, len(found))
        first = np.sort(np.unique(keys, return_index=True)[1])
        self.repeated += len(found) - len(first)
        keys, taken, found = keys[first], taken[first], [found[n] for n in first]
        replaces = self._known(keys, taken, found)
        new = np.flatnonzero(replaces != SAME)
        if not len(new):
            return None
        number = max(self.shards, default=-1) + 1
        table = self._table([found[n] for n in new], keys[new], replaces[new], naming)
        if taken[new].any():
            table = table.replace_schema_metadata({KEYS: b""})
        self._write(number, table)
        self.shards[number] = shard = Shard.of(number, table, True)
        shard.taken = taken[new][np.argsort(keys[new])]
        self._new.add(number)
        self.changed += int((replaces >= 0).sum())
        return number

    def _known(self, keys: Keys, taken: npt.NDArray[np.int32], found: Sequence[Found]) -> npt.NDArray[np.int32]:
        """For each file `NEW`, `SAME`, or the number of the shard that holds its former content."""
        order = np.argsort(keys)  # Sorted keys are found four times as fast.
        keys, taken = keys[order], taken[order]
        sizes = np.fromiter((each.size for each in found), np.int64, len(found))[order]
        modified = np.fromiter((each.modified for each in found), np.int64, len(found))[order]
        states = np.full(len(keys), NEW, np.int32)
        for shard in list(self.shards.values()):
            with self._lock:
                places = shard.find(keys)
                (here,) = np.nonzero(places >= 0)
                at = places[here]
                self.repeated += int(shard.seen[at].sum())
                same = (shard.sizes[at] == sizes[here]) & (shard.modified[at] == modified[here])
                shard.seen[at], shard.taken[at] = True, taken[here]
            states[here] = np.where(same | (shard.number in self._new), SAME, shard.number)
        return states[np.argsort(order)]

    def _table(self, found: Sequence[Found], keys: Keys, replaces: npt.NDArray[np.int32], naming: Naming) -> pa.Table:
        names = [naming.of(each) for each in found]
        for former in np.unique(replaces[replaces >= 0]):
            before = self.documents(int(former))
            known = dict(zip(before["key"].to_pylist(), before["name"].to_pylist(), strict=True))
            for n in np.flatnonzero(replaces == former):
                names[n] = known[int(keys[n])]
        self._number_names(names, np.flatnonzero(replaces < 0))
        return pa.table(
            [
                [each.path for each in found],
                names,
                [each.size for each in found],
                [each.modified for each in found],
                keys,
                [key_of(self._on_disk(name)) for name in names],
                [int(number) if number >= 0 else None for number in replaces],
            ],
            schema=SCHEMA,
        )

    def _number_names(self, names: list[str], new: Iterable[int]) -> None:
        """Numbers the names of new documents that are taken: `a.jpg` becomes `a-2.jpg` and so on."""
        new = list(new)
        taken = self._are_taken([names[n] for n in new])
        here = {self._on_disk(names[n]) for n in set(range(len(names))).difference(new)}
        numbered = dict[str, Iterator[str]]()
        for n, is_taken in zip(new, taken, strict=True):
            wanted = names[n]
            while is_taken or self._on_disk(names[n]) in here:
                names[n], is_taken = next(numbered.setdefault(wanted, self._numbered(PurePosixPath(wanted)))), False
            here.add(self._on_disk(names[n]))

    def _numbered(self, wanted: PurePosixPath) -> Iterator[str]:
        """A name with each number with which it is free, looked up in batches of growing size."""
        first = 2
        while True:
            names = [str(wanted.with_name(f"{wanted.stem}-{n}{wanted.suffix}")) for n in range(first, 2 * first)]
            yield from (name for name, is_taken in zip(names, self._are_taken(names), strict=True) if not is_taken)
            first *= 2

    def _are_taken(self, names: Sequence[str]) -> npt.NDArray[np.bool_]:
        keys = np.fromiter((key_of(self._on_disk(name)) for name in names), np.uint64, len(names))
        order = np.argsort(keys)
        keys, taken = keys[order], np.zeros(len(keys), bool)
        for shard in self.shards.values():
            taken |= _places(shard.name_keys, keys) >= 0
        return taken[np.argsort(order)]

    def _on_disk(self, name: str) -> str:
        """A key that is equal for names of the same file in the output folder, such as `A.jpg` and `a.jpg` on macOS."""
        return unicodedata.normalize("NFC", name).casefold() if self._output.ignores_case else name

    def _write(self, number: int, table: pa.Table) -> None:
        self._output.check_there()
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_file(self._uri(number), sink.getvalue())

    def unfinished(self) -> Iterator[int]:
        """The numbers of the shards of earlier runs that are not done."""
        return (number for number, shard in list(self.shards.items()) if not shard.outcome and not self.is_new(number))

    def files(self) -> dict[int, int]:
        """How many files of results each finished shard has."""
        return {number: shard.outcome.files for number, shard in list(self.shards.items()) if shard.outcome}

    def sizes(self) -> dict[int, int]:
        """How many bytes the files of results of each finished shard have, as far as that is known."""
        return {n: shard.outcome.size for n, shard in list(self.shards.items()) if shard.outcome and shard.outcome.size}

    def holding(self, keys: Keys) -> set[int]:
        """The numbers of the shards that hold some of these documents."""
        return {number for number, shard in list(self.shards.items()) if (shard.find(keys) >= 0).any()}

    def is_new(self, number: int) -> bool:
        """Whether this run made a shard."""
        return number in self._new


NEW, SAME = -1, -2
"""What `Ledger._known` says of a file."""
