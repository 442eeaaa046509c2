"""Ray clusters: joining one, or starting our own, even without a home folder or with a long path to temporary files."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ray
from ray._private import ray_constants

from raypipe.engine.devices import gpu_available
from raypipe.errors import ConfigError, RaypipeError, reason_of
from raypipe.run.said import say_briefly

CONNECT_SECONDS = 10
"""How long to wait for a cluster's first answer."""
LONGEST_FOLDER = 36
"""Longest path, in characters, of a folder for Ray's sockets, whose own paths are limited to 107."""
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
CREDENTIALS = ("AWS_", "AZURE_STORAGE_", "GOOGLE_APPLICATION_CREDENTIALS")
"""Prefixes of the variables with which pyarrow opens buckets: workers on other nodes get them too."""
STATISTICS = "RAY_USAGE_STATS_ENABLED"
"""Unless this is 0, a Ray that is started sends statistics of its cluster to its makers every hour."""
TOKENS = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


def join(address: str, log_to_driver: bool) -> None:
    """Joins a cluster, unless this process is on it already.

    Args:
        address: `HOST:PORT`, `ray://HOST:PORT` or `auto`.
        log_to_driver: Whether its workers' output is printed here.

    Raises:
        ConfigError: Nobody answers there, it is not a cluster that this version of Ray can join, or this process is
            on another one.
    """
    remedy = "Check --address and RAY_ADDRESS, and that `ray status` works there."
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():  # Ray itself would try for a minute, and then print a long message of its own.
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
        except OSError as error:
            raise ConfigError(f"No Ray cluster answers at {address}: {reason_of(error)}.", remedy) from error
    if ray.is_initialized():
        _check_joined(address)
        check_credentials()
        return
    try:
        environment = _credentials()
        ray.init(
            address=address,
            log_to_driver=log_to_driver,
            logging_level="ERROR",
            runtime_env={"env_vars": environment} if environment else None,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(f"The Ray cluster at {address} cannot be joined: {_reason(error)}.", remedy) from error
    say_briefly()


def _check_joined(address: str) -> None:
    """Checks that the cluster that this process is on is the one at an address, as far as that is known."""
    if address == "auto":
        return
    joined = getattr(ray.get_runtime_context(), "gcs_address", None)  # Ray's client does not know it.
    if joined is None or address.startswith("ray://"):
        logging.getLogger(__name__).warning(
            "This process is already on a Ray cluster, which is used: %s is ignored.", address
        )
    elif _numbers(address).isdisjoint(_numbers(joined)):
        raise ConfigError(
            f"This process is already on the Ray cluster at {joined}, so it cannot join {address}.",
            "Call ray.shutdown() first, or give no address to use the cluster that it is on.",
        )


def _credentials() -> dict[str, str]:
    """The variables with which this process opens buckets."""
    return {name: value for name, value in os.environ.items() if name.startswith(CREDENTIALS)}


def check_credentials() -> None:
    """Warns which credentials the workers lack of a cluster that this process is on, which may have their own."""
    ours = sorted(_credentials())
    lacking = ray.remote(num_cpus=0)(lambda: [name for name in ours if name not in os.environ])
    missing = ray.get(lacking.remote()) if ours else []
    if missing:
        logging.getLogger(__name__).warning(
            "This process is already on a Ray cluster, whose workers do not get its %s: give them to"
            " ray.init(runtime_env={'env_vars': ...}) if they open buckets.",
            ", ".join(missing),
        )


def _numbers(address: str) -> set[tuple[str, str]]:
    """The IP addresses of `HOST:PORT`, each with the port; as it stands if its host has none."""
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), None)
    except OSError:
        return {(host, port)}
    return {(str(place[4][0]), port) for place in found}


def start(num_cpus: int, log_to_driver: bool) -> None:
    """Starts a cluster, which ends with this process or with `ray.shutdown`.

    Raises:
        RaypipeError: It does not start.
    """
    keep_statistics()
    if not _keeps_tokens(Path("~/.ray").expanduser()) and not any(name in os.environ for name in TOKENS):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    try:
        with _on_loopback():
            ray.init(
                address="local",
                num_cpus=num_cpus,
                num_gpus=None if gpu_available() else 0,  # Ray also counts those that cannot be used.
                include_dashboard=False,
                log_to_driver=log_to_driver,
                logging_level="ERROR",
                _temp_dir=_short_folder(),
            )
    except Exception as error:  # Ray raises a plain one where its processes are too slow to start.
        remedy = "Free CPU, memory and disk and run the command again, or `raypipe run --engine local`."
        raise RaypipeError(f"Ray did not start on this machine: {_reason(error)}.", remedy) from error
    say_briefly()


def keep_statistics() -> None:
    """Lets a Ray that this process starts send no statistics, unless the environment says otherwise."""
    os.environ.setdefault(STATISTICS, "0")


def _reason(error: Exception) -> str:
    """The first paragraph of Ray's message, in one line: it names both versions if they differ."""
    return " ".join(str(error).strip().partition("\n\n")[0].split()).rstrip(".")


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Binds the ports of a cluster that starts in this block to the loopback address, as on Windows and macOS.

    Otherwise they, and the metrics, would listen on all addresses of the machine.
    """
    usual, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = usual


def _keeps_tokens(folder: Path) -> bool:
    """Whether Ray finds its token in a folder, or can leave one there."""
    if (folder / "auth_token").exists():
        return True
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _short_folder() -> str | None:
    """A folder for a cluster's files if the usual one makes the paths of its sockets too long, else None.

    It is removed when this process ends.
    """
    if len(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()) <= LONGEST_FOLDER:
        return None
    short = next((folder for folder in SHORT_FOLDERS if os.access(folder, os.W_OK)), None)
    made = tempfile.mkdtemp(prefix="ray-", dir=short)

    def remove() -> None:
        ray.shutdown()
        shutil.rmtree(made, ignore_errors=True)

    atexit.register(remove)
    return made
