"""Documents that change between the runs of a job, or while it runs."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from jobs import names, run, tiff

from raypipe.inputs.listing import Found
from raypipe.job.folder import OutputFolder
from raypipe.job.names import Naming
from raypipe.job.shards import Keys, Ledger, Outcome, Shard

NAMING = Naming(["/in"])


def files(modified: int, count: int = 20) -> list[Found]:
    return [Found(f"/in/{n:02}.jpg", 10, modified) for n in range(count)]


def test_the_former_names_of_documents_are_looked_up_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each took a reading of its former shard: seconds for a thousand, and hours for all pictures of an archive."""
    Ledger(OutputFolder(tmp_path)).add(files(1), NAMING)
    ledger, looked = Ledger(OutputFolder(tmp_path)), Counter[int]()

    def read(self: Ledger, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        looked[number] += 1
        return unwatched(self, number, columns)

    unwatched = Ledger._read
    monkeypatch.setattr(Ledger, "_read", read)
    ledger.add([*files(2), Found("/in/new.jpg", 10, 2)], NAMING)
    assert ledger.changed == 20 and looked == {0: 1}
    assert ledger.documents(1)["name"].to_pylist() == [*(f"in/{n:02}.jpg" for n in range(20)), "in/new.jpg"]


def test_documents_are_not_removed_while_the_same_shard_is_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread lists, another removes from earlier shards what has changed."""
    Ledger(OutputFolder(tmp_path)).add(files(1), NAMING)
    ledger = Ledger(OutputFolder(tmp_path))
    kept = np.arange(20) >= 10
    remove = threading.Thread(target=ledger.keep, args=(0, kept))

    def find(self: Shard, keys: Keys) -> np.ndarray:
        places = undisturbed(self, keys)
        if not remove.ident:
            remove.start()
            remove.join(0.3)
        return places

    undisturbed = Shard.find
    monkeypatch.setattr(Shard, "find", find)
    assert ledger.add(files(1), NAMING) is None, "all are known"
    remove.join()
    assert len(ledger.shards[0].keys) == 10 and ledger.shards[0].seen.all()


def test_a_document_that_changes_twice_before_it_is_read_again_has_its_last_content_alone(
    folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    tiff(folder / "z.tif", 10)
    run(folder, output)
    ledger = Ledger(OutputFolder(output))
    ledger.add([Found(str(folder / "z.tif"), 1, 1)], Naming([str(folder)]))  # And then the job is killed.
    tiff(folder / "z.tif", 10, 20)
    again = run([folder, folder / "z.tif"], output)
    assert names(output)[-2:] == [("z.tif", 0), ("z.tif", 1)]
    assert len(names(output)) == again.outcome.pages == 5


def test_an_outcome_that_a_killed_job_left_without_the_loss_of_a_changed_document_is_mended(
    folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    tiff(folder / "z.tif", 10)
    run(folder, output)
    before: Outcome | None = Ledger(OutputFolder(output)).shards[0].outcome
    tiff(folder / "z.tif", 10, 20)
    assert before and run(folder, output).outcome.pages == 5
    ledger = Ledger(OutputFolder(output))
    ledger.finish(0, before)
    ledger.reopen(1)
    again = run(folder, output)
    assert (again.outcome.documents, again.outcome.pages) == (4, 5)
