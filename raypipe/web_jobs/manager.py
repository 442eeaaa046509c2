"""Jobs of a server: each is a job in an output folder, like that of `raypipe run`, whose pages the server reads.

The holder of the lease of a job's folder reads it. A job that a server's death broke off is taken up by the next one.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from raypipe.errors import ConfigError, OutputError, PageError, RaypipeError
from raypipe.files.paths import exists
from raypipe.graph import Graph
from raypipe.job import lease, loop, plan
from raypipe.job.progress import Progress
from raypipe.job.results import Results
from raypipe.job.same import declared_pipeline
from raypipe.pipeline import Pipeline
from raypipe.plurals import counted
from raypipe.types import PageRecord
from raypipe.web.jobs import JobAnswer
from raypipe.web.problems import ProblemError, try_again
from raypipe.web.service import Service
from raypipe.web.settings import JobSettings
from raypipe.web.uploads import Upload
from raypipe.web.webhooks import Webhooks
from raypipe.web_jobs.engine import ServedEngine, Slots
from raypipe.web_jobs.pipelines import Pipelines
from raypipe.web_jobs.sender import WebhookSender
from raypipe.web_jobs.store import JobStore
from raypipe.web_jobs.stored import StoredJob
from raypipe.web_jobs.written import Arrivals, Counts

LOOK_SECONDS = 5.0
"""How often the folder is searched for jobs of servers that have died, and for expired ones."""
MOST_TRIES = 3
"""How often a job is tried that ends with an error which may be temporary."""
STOP_SECONDS = 10.0
"""How long the server waits until what is read is written; pages that are being read are read again later."""


class _Interrupted(Exception):  # noqa: N818 - no error
    """The server stops, or the job was removed."""


class JobManager:
    """Takes jobs and reads them, in threads of its own; see `web.jobs.Jobs`. Without webhooks, no message is sent."""

    def __init__(
        self, pipeline: Pipeline, settings: JobSettings, service: Service, folder: Path, webhooks: Webhooks | None
    ) -> None:
        self._pipeline, self._settings = pipeline, settings
        self._store, self._slots = JobStore(folder, settings, pipeline), Slots(service)
        self.max_pages, self.max_listeners = settings.max_job_pages, settings.max_listeners
        self._stopped, self._woken, self._choosing = threading.Event(), threading.Event(), threading.Lock()
        self._mine: dict[Path, StoredJob] = {}
        self._counts = Counts()
        self._sender = WebhookSender(self._store, webhooks, self._answer) if webhooks else None
        self._tries = Counter[Path]()
        self._threads: list[threading.Thread] = []

    def start(self, events: asyncio.AbstractEventLoop) -> None:
        """See `web.jobs.Jobs`."""
        self._threads = [
            threading.Thread(target=self._work, args=(events,), daemon=True, name="jobs")
            for _ in range(self._settings.jobs_at_once)
        ]
        if self._sender:
            self._threads.append(threading.Thread(target=self._sender.work, daemon=True, name="webhooks"))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """See `web.jobs.Jobs`."""
        self._stopped.set()
        self._woken.set()
        if self._sender:
            self._sender.stop()
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def check_webhook(self, url: str) -> None:
        """See `web.jobs.Jobs`."""
        try:
            self._settings.allowed.find(url)
        except ValueError as error:
            raise ProblemError(422, "webhook_refused", f"The address of the webhook is not used: {error}.") from error

    def add(self, uploads: list[Upload], pages: int, owner: str, webhook: str) -> JobAnswer:
        """See `web.jobs.Jobs`."""
        job = self._store.add(uploads, pages, owner, webhook, self._store.pipelines.mine)
        self._woken.set()
        return self._answer(job)

    def status(self, job_id: str, owner: str) -> JobAnswer:
        """See `web.jobs.Jobs`."""
        with self._unless_removed(job_id, owner):
            return self._answer(self._store.find(job_id, owner))

    @contextmanager
    def _unless_removed(self, job_id: str, owner: str) -> Iterator[None]:
        """Turns errors about missing files into a 404 if the job has been removed in the meantime."""
        try:
            yield
        except (OSError, PageError, RaypipeError):
            self._store.find(job_id, owner)
            raise

    def _answer(self, job: StoredJob) -> JobAnswer:
        return job.answer(self._settings.job_seconds, self._counts)

    def pages(self, job_id: str, owner: str) -> tuple[list[PageRecord], str]:
        """See `web.jobs.Jobs`."""
        job, answer = self._store.find(job_id, owner), self.status(job_id, owner)
        if answer.state == "failed":
            raise ProblemError(409, "job_failed", answer.problem)
        if answer.state != "done":
            raise try_again(409, "job_unfinished", f"{answer.done:,} of {counted(answer.pages, 'page')} read.", 2)
        with self._unless_removed(job_id, owner):
            graph = declared_pipeline(job.output).graph
            ordered = sorted(Results(job.output).pages(graph.columns), key=lambda page: (page.path, page.pagenum))
            return [_named(job, page, graph) for page in ordered], job.output.uri

    def follow(self, job_id: str, owner: str) -> Callable[[], list[PageRecord]]:
        """See `web.jobs.Jobs`."""
        job = self._store.find(job_id, owner)
        arrivals, graph = Arrivals(Results(job.output)), None

        def next_pages() -> list[PageRecord]:
            nonlocal graph
            with self._unless_removed(job_id, owner):
                if not graph and not exists(job.output.declared):  # It is still queued.
                    return []
                graph = graph or declared_pipeline(job.output).graph
                return [_named(job, page, graph) for page in arrivals.take(graph.columns)]

        return next_pages

    def remove(self, job_id: str, owner: str) -> None:
        """See `web.jobs.Jobs`."""
        self._store.remove(self._store.find(job_id, owner))

    def _work(self, events: asyncio.AbstractEventLoop) -> None:
        log = logging.getLogger(__name__)
        while not self._stopped.is_set():
            try:
                self._store.pipelines.report_alive()
                chosen = self._next()
                if chosen:
                    self._run(*chosen, events)
                    continue
                self._store.sweep()
            except Exception:  # A full disk, or a folder that is gone: it may come back.
                log.exception("Jobs are not read for now.")
            self._woken.wait(LOOK_SECONDS)
            self._woken.clear()

    def _next(self) -> tuple[StoredJob, lease.Lease] | None:
        """The oldest unread job of the owner with the fewest jobs being read here."""
        with self._choosing:
            busy = Counter(job.owner for job in list(self._mine.values()))  # Other threads may end theirs.
            waiting = [job for job in self._store.all() if job.folder not in self._mine and not job.outcome]
            ours = [job for job in waiting if self._store.pipelines.are_left(job.pipeline)]
            for job in sorted(ours, key=lambda job: busy[job.owner]):
                try:
                    held = lease.take(str(job.folder))
                except ConfigError:  # Another ingress has it.
                    continue
                self._mine[job.folder] = job
                return job, held
        return None

    def _run(self, job: StoredJob, held: lease.Lease, events: asyncio.AbstractEventLoop) -> None:
        def check() -> None:
            if self._stopped.is_set() or not job.exists:
                raise _Interrupted
            self._store.pipelines.report_alive()

        try:
            prepared = plan.prepare(self._pipeline, job.documents, job.output.uri)
            engine = ServedEngine(self._pipeline, prepared.writer, self._slots, events, check)
            loop.run(prepared, lambda *_: engine, Progress())
            job.end(Results(job.output).of(0))
        except _Interrupted:
            pass
        except Exception as error:  # Whatever it is, the other jobs are read.
            self._failed(job, error)
        finally:
            held.release()
            del self._mine[job.folder]
            if self._sender:
                self._sender.wake()
            if not job.exists:
                self._store.remove(job)

    def _failed(self, job: StoredJob, error: Exception) -> None:
        """Gives a job up, or leaves it for another try if the error may be temporary."""
        logging.getLogger(__name__).error("A job was interrupted.", exc_info=error)
        self._tries[job.folder] += 1
        # A full disk may be temporary, and the error names folders of the server.
        is_ours = isinstance(error, RaypipeError) and not isinstance(error, OutputError)
        is_final = is_ours or self._tries[job.folder] >= MOST_TRIES
        if not job.exists or self._stopped.is_set():
            return
        if is_final:
            problem = str(error) if is_ours else "The server's log says what went wrong."
            job.end(Results(job.output).of(0), problem)
        self._stopped.wait(LOOK_SECONDS)


def _named(job: StoredJob, page: PageRecord, graph: Graph) -> PageRecord:
    """A page under the name that the client gave its document."""
    texts = {name: job.called(page[name]) for name in ("exception", "warning") if page.get(name)}
    name = job.names[int(Path(page.path).name) - 1]
    return PageRecord({**page, **texts, "name": name}, graph.roles)


@dataclass(frozen=True)
class JobManagerFactory:
    """Makes a `JobManager`, in the process that speaks HTTP. Without webhooks, no job may name one.

    Raises:
        ConfigError: The pipeline reads columns that come with a request.
    """

    pipeline: Pipeline
    settings: JobSettings
    folder: Path
    webhooks: Webhooks | None = None

    def __post_init__(self) -> None:
        self.pipeline.graph.check_input((), "a job")

    def check(self) -> None:
        """Makes sure that jobs can be kept on this machine, before models are loaded.

        Raises:
            ConfigError: The folder cannot be written.
        """
        Pipelines(self.folder, self.pipeline)

    def __call__(self, service: Service) -> JobManager:
        """See `web.jobs.JobsFactory`."""
        return JobManager(self.pipeline, self.settings, service, self.folder, self.webhooks)
