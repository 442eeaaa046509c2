"""Announces the ends of jobs, repeatedly until the message arrives, from whichever server is running."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from raypipe.errors import ConfigError, reason_of
from raypipe.job import lease
from raypipe.web.jobs import JobAnswer
from raypipe.web.webhooks import GoneError, Webhooks
from raypipe.web_jobs.store import JobStore
from raypipe.web_jobs.stored import Delivery, StoredJob

LOOK_SECONDS = 5.0
"""How often the folder is searched for messages that are due."""
PAUSES = (5, 30, 120, 600, 1800, 3600, 10_800, 21_600)
"""Seconds before each further try; after the last one, 11 hours after the first, the message is given up."""


class WebhookSender:
    """Sends the messages of ended jobs, each with an answer about its job, from a thread that runs `work`.

    The outcome of a message is recorded in its job's folder, whose lease is held meanwhile: messages are sent by one
    server at a time, and a server's death loses none. After a death between sending and recording it is sent again.
    """

    def __init__(self, store: JobStore, webhooks: Webhooks, answer: Callable[[StoredJob], JobAnswer]) -> None:
        self._store, self._webhooks, self._answer = store, webhooks, answer
        self._stopped, self._woken = False, threading.Event()

    def wake(self) -> None:
        """Looks for due messages at once: a job may have ended."""
        self._woken.set()

    def stop(self) -> None:
        """Ends `work` after the message that is being sent."""
        self._stopped = True
        self._woken.set()

    def work(self) -> None:
        """Sends messages until `stop` is called."""
        while not self._stopped:
            try:
                self._deliver_due()
            except Exception:  # A full disk, or a folder that is gone: it may come back.
                logging.getLogger(__name__).exception("Webhooks are not sent for now.")
            self._woken.wait(LOOK_SECONDS)
            self._woken.clear()

    def _deliver_due(self) -> None:
        """Sends what is due, but to a receiver that is down one message only: each may take long, and others wait."""
        down = set[str]()
        for job in self._due():
            receiver = urlsplit(job.webhook).netloc
            if receiver not in down and not self._deliver(job):
                down.add(receiver)

    def _due(self) -> list[StoredJob]:
        """Jobs whose message is due, those with the fewest tries first."""
        found = [(job.delivery, job) for job in self._store.all() if job.webhook and job.outcome]
        due = [(delivery.tries, delivery.due, job) for delivery, job in found if _is_due(delivery)]
        return [job for *_, job in sorted(due, key=lambda each: each[:2])]

    def _deliver(self, job: StoredJob) -> bool:
        """Sends a message that is still due; whether its receiver may get further ones now."""
        if self._stopped:
            return False
        try:
            held = lease.take(str(job.folder))
        except ConfigError:  # Another server has it.
            return True
        try:
            before = after = job.delivery
            if job.exists and _is_due(before):
                after = self._tried(job, before)
                job.note(after)
            return after == before or not after.problem
        finally:
            held.release()

    def _tried(self, job: StoredJob, before: Delivery) -> Delivery:
        """The state of a message after one more try."""
        tries, answer = before.tries + 1, self._answer(job)
        data = answer.model_dump(exclude={"webhook"})
        message = {"type": f"job.{answer.state}", "timestamp": answer.ended, "data": data}
        after = Delivery("delivered", tries)
        try:
            self._webhooks.send(job.webhook, job.folder.name, json.dumps(message, ensure_ascii=False).encode())
        except (ValueError, GoneError) as error:
            after = replace(after, state="given_up", problem=f"{error}")
        except OSError as error:
            is_last = tries > len(PAUSES)
            due = 0.0 if is_last else time.time() + PAUSES[before.tries]
            after = Delivery("given_up" if is_last else "waiting", tries, due, reason_of(error))
        _log(job, after)
        return after


def _log(job: StoredJob, after: Delivery) -> None:
    log, name = logging.getLogger(__name__), job.folder.name
    if after.state == "delivered":
        log.info("The webhook of job %s was delivered.", name)
    else:
        outcome = "is given up" if after.state == "given_up" else "is sent again later"
        log.warning("The webhook of job %s %s: %s.", name, outcome, after.problem)


def _is_due(delivery: Delivery) -> bool:
    """Whether to send a message now: also if its time is so far off that the clock must have been wrong then."""
    return delivery.state == "waiting" and not 0 < delivery.due - time.time() <= PAUSES[-1]
