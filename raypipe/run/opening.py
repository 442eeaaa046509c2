"""From documents to the rows of their pages, in Ray tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pyarrow as pa
import ray

from raypipe.columns import TEXT
from raypipe.compat import batched
from raypipe.inputs.pages import is_opened, pages
from raypipe.run.batch import MANIFEST_SCHEMA
from raypipe.run.guard import Guard
from raypipe.run.runner import OPENING, failed
from raypipe.run.tally import Key
from raypipe.types import Row

AT_ONCE = 16
"""Documents that a task opens at the same time: a bucket answers after tens of milliseconds."""
TOGETHER = 4 * AT_ONCE
"""Documents that are opened again one by one if the process dies, since one of them is to blame."""
SCHEMA = MANIFEST_SCHEMA.append(pa.field("exception", TEXT.arrow))


def page_rows(documents: pa.Table, tally: Any, page_seconds: float | None) -> pa.Table:
    """The rows of the pages that are to be read.

    Args:
        documents: Their `path`, `name` and `done`, the numbers of pages that are not to be read.
        page_seconds: Seconds after which opening a document fails; None: never.
    """
    found = list(_pages(documents.to_pylist(), tally, page_seconds))
    tally.finish.remote([], {"opened": len(documents), "found": len(found)})
    return pa.Table.from_pylist(found, SCHEMA)


def _pages(documents: list[Row], tally: Any, page_seconds: float | None) -> Iterator[Row]:
    done = [set(row.pop("done") or ()) for row in documents]
    needs_opening = [is_opened(row["path"], bool(numbers)) for row, numbers in zip(documents, done, strict=True)]
    unopened = [row for row, needs in zip(documents, needs_opening, strict=True) if needs]
    opened = _counted(unopened, tally, page_seconds) if unopened else iter(())
    for n, row in enumerate(documents):
        for page in next(opened) if needs_opening[n] else pages(row):
            if page["pagenum"] not in done[n]:
                yield page


def _counted(documents: list[Row], tally: Any, page_seconds: float | None) -> Iterator[list[Row]]:
    """The pages of documents that may have several; one failed page for a document that hangs or kills the process."""
    guard = Guard(tally, f"opening-{ray.get_runtime_context().get_task_id()}", OPENING, page_seconds)

    def count(some: Sequence[Row], keys: list[Key], failure: str | None) -> list[list[Row]]:
        if failure:
            found = [[failed(row, failure)] for row in some]
        else:
            with guard.watch(keys, AT_ONCE):
                found = list(pool.map(partial(pages, doubtful=True), some))
        tally.finish.remote(keys, {})
        return found

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for some in batched(documents, TOGETHER):
            yield from guard.each(some, count)
