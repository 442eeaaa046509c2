"""Exit statuses, and why pages fail."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from pages.tables import code, table, text_of
from raypipe import errors
from raypipe.errors import Code, ExitStatus, RaypipeError
from raypipe.job.stop import Stopped, status_of

STATUS = {
    ExitStatus.DONE: "Everything went well.",
    ExitStatus.INTERNAL: "An error in raypipe itself.",
    ExitStatus.PAGES: "The job finished, but some pages failed: their rows say why.",
}
STOPPED = {
    Stopped(signal.SIGHUP): "Its terminal was closed (SIGHUP).",
    KeyboardInterrupt(): "Ctrl-C stopped it.",
    Stopped(): "SIGTERM stopped it.",
}
WHY = {
    Code.FILE_MISSING: "the file cannot be read",
    Code.FILE_UNWRITABLE: "a file of this page cannot be written",
    Code.IMAGE_EMPTY: "the file has no bytes",
    Code.IMAGE_UNKNOWN: "the file is not of a kind that is read",
    Code.IMAGE_TRUNCATED: "the file ends too early",
    Code.IMAGE_DAMAGED: "the picture cannot be decoded",
    Code.IMAGE_TOO_LARGE: "the file or picture is over a limit of BinaryToImage",
    Code.PAGE_MISSING: "the document has no such page, or it is over max_pages",
    Code.PAGE_FAILED: "a stage failed on this page",
    Code.PAGE_TIMEOUT: "the page was not finished within its time limit",
    Code.PDF_DAMAGED: "the PDF cannot be opened",
    Code.PDF_LOCKED: "the PDF is locked with a password",
    Code.WORKER_DIED: "the process that read the page died repeatedly",
}


def failures() -> Iterator[str]:
    """Exit statuses, and why pages fail."""
    yield "# Errors\n\n## Exit statuses\n\n"
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, RaypipeError)]
    texts = {each.exit_status: text_of(each) for each in kinds} | STATUS
    raised = {each.exit_status: code(each.__name__) for each in kinds if each is not RaypipeError}
    yield table(
        ("status", "what", "in Python"),
        [
            *((status.value, texts[status], raised.get(status, "")) for status in ExitStatus),
            *((status_of(each), what, "") for each, what in STOPPED.items()),
        ],
    )
    yield "\n## Failures of pages\n\nA page that fails has an `exception`, and in JSON a `failure` with a code. "
    yield "A request for that page alone is answered with the HTTP status. "
    yield "Stages of other packages may have further codes.\n\n"
    yield table(("code", "HTTP status", "why"), [(code(each.value), each.http_status, WHY[each]) for each in Code])
