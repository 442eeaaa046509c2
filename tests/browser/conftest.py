"""Headless Chromium, where it is installed, and the page of a server in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import drawn
import pytest
from server import Server

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WAIT = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser, closed before the tests of other files: Playwright's event loop runs in this thread until then."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Any, local_server: Server) -> Iterator[Any]:
    """The server's page, which must log no error and ask nobody else."""
    context = browser.new_context(accept_downloads=True, permissions=["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda request: None if is_own(request.url, local_server) else wrong.append(request.url))
    opened.goto(local_server.url)
    yield opened
    # A request that was refused or did not leave is an error in the console too; tests of it say so themselves.
    assert [words for words in wrong if "status of 4" not in words and "DISCONNECTED" not in words] == []
    context.close()


def is_own(url: str, server: Server) -> bool:
    return url.startswith((f"{server.url}/", "blob:", "data:"))


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("browser") / "létter.png"
    drawn.page(drawn.LETTER).save(path)
    return path


@pytest.fixture
def upload(page: Any) -> Callable[..., None]:
    """Gives files to the page, and waits until they are read."""

    def give(*paths: Path) -> None:
        page.set_input_files("#file", paths)
        page.wait_for_selector("#progress:not([hidden])", state="attached")
        page.wait_for_selector("#progress[hidden]", state="attached", timeout=WAIT)

    return give


# The answers to /v1/ocr: lines of each, after which it ends, or hangs until it is stopped.
ANSWER = """([lines, hangs]) => {
    window.whole ??= window.fetch;
    const answer = ({ signal }) => new ReadableStream({ start(stream) {
        for (const line of lines) stream.enqueue(new TextEncoder().encode(JSON.stringify(line) + "\\n"));
        if (!hangs) stream.close();
        else signal.addEventListener("abort", () => stream.error(signal.reason));
    }});
    window.fetch = (url, how) => url.includes("v1/ocr") ? Promise.resolve(new Response(answer(how))) : whole(url, how);
}"""


@pytest.fixture
def answers(page: Any) -> Callable[..., None]:
    """Has the page get these lines of NDJSON, whatever it is given."""
    return lambda *lines, hangs=False: page.evaluate(ANSWER, [lines, hangs])
