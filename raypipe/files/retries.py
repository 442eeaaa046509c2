"""Temporary errors of networks and object stores: calls are repeated, with longer and longer pauses."""

from __future__ import annotations

import errno
import random
import re
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

TRIES = 5
FIRST_PAUSE = 1.0
"""Seconds before the second try; each further pause is twice as long. pyarrow itself retries S3 for six seconds."""
PASSING = {
    *(errno.EAGAIN, errno.EINTR, errno.EPIPE, errno.ETIMEDOUT, errno.ESTALE),
    *(errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET),
    *(errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETRESET, errno.ENETUNREACH),
}
PASSING_WORDS = re.compile(
    # Amazon's names, and the statuses that pyarrow gives if it has no name.
    r"AWS Error (?:SLOW_DOWN|SERVICE_UNAVAILABLE|THROTTLING|INTERNAL_FAILURE|REQUEST_TIMEOUT|NETWORK_CONNECTION)"
    r"|HTTP status (?:408|429|5\d\d)"
    # Google's statuses, and Azure's.
    r"|Status\((?:ABORTED|DEADLINE_EXCEEDED|INTERNAL|RESOURCE_EXHAUSTED|UNAVAILABLE)"
    r"|Azure Error: \[\w*\] (?:408|429|5\d\d)"
)
"""Messages of pyarrow, which has no types of its own for these errors."""

KEY_WORDS = re.compile(
    r"ExpiredToken|InvalidToken|TokenRefreshRequired|INVALID_ACCESS_KEY_ID|INVALID_CLIENT_TOKEN_ID|INVALID_SIGNATURE"
    # S3 gives the reason in the body of an answer, which an answer to HEAD does not have.
    r"|HTTP status 400\) during Head"
    r"|Status\(UNAUTHENTICATED|Azure Error: \[\w*\] 401"
)
"""Messages of pyarrow when a key has expired or is not accepted."""


def retried(function: Callable[P, R]) -> Callable[P, R]:
    """A function that is called up to `TRIES` times while it raises temporary errors."""

    @wraps(function)
    def patient(*args: P.args, **kwargs: P.kwargs) -> R:
        pause = FIRST_PAUSE
        for _ in range(TRIES - 1):
            try:
                return function(*args, **kwargs)
            except OSError as error:
                if not passes(error):
                    raise
            # A thousand actors that were refused together must not come back together.
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause *= 2
        return function(*args, **kwargs)

    return patient


def is_key_refused(error: Exception) -> bool:
    """Whether a bucket seems not to accept the key."""
    return bool(KEY_WORDS.search(str(error)))


def is_full(error: OSError) -> bool:
    """Whether a disk has no more space, or a user no more of it."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def passes(error: OSError) -> bool:
    """Whether an error is temporary: a busy or broken connection, not a missing file or permission."""
    if isinstance(error, (ConnectionError, TimeoutError)) or error.errno in PASSING:
        return True
    return bool(PASSING_WORDS.search(str(error)))
