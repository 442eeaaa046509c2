"""Ports to listen on, and their addresses."""

from __future__ import annotations

import socket

from raypipe.errors import ConfigError


def check_port(host: str, port: int) -> None:
    """Checks that a port is free: on a port in use, Serve would start but answer nobody.

    Raises:
        ConfigError: It is taken, or the host is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(f"{host}:{port} cannot be used: {error}.", "Choose another --host or --port.") from error


def url(host: str, port: int) -> str:
    """The address of what listens there; that of IPv6 in brackets."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
