"""What the names of hosts say without being looked up."""

from __future__ import annotations

from ipaddress import ip_address


def is_ip(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host is this machine as only it reaches itself."""
    if is_ip(host):
        return ip_address(host).is_loopback
    name = host.rstrip(".")
    return name == "localhost" or name.endswith(".localhost")
