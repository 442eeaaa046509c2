"""The addresses named by clients to which a server sends something: only those that its operator allows.

A client's address must lie under one of the operator's, and its host must have a public IP address, or one in a network
that the operator names. The connection goes to exactly the IP address that was checked: see `addresses_of`.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit

from raypipe.hosts import is_ip

LONGEST = 2000
NAT64 = IPv6Network("64:ff9b::/96")
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Target:
    """An address of HTTP or HTTPS, in parts that every program reads in the same way.

    Attributes:
        scheme, host, port: Where it is.
        path: From the first `/`, as it is sent.
        query: The part after `?`.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @classmethod
    def of(cls, url: str) -> Target:
        """An address from its text.

        Raises:
            ValueError: It is not an address, or programs may read it in different ways.
        """
        if len(url) > LONGEST or not re.fullmatch(r"[!-\[\]-~]+", url):  # Visible ASCII without the backslash.
            raise ValueError(f"it has characters that URLs do not have, or more than {LONGEST:,}")
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("it does not begin with https:// or http:// and a host")
        if "@" in parts.netloc or "#" in url:
            raise ValueError("it has a user or a fragment")
        path = parts.path or "/"
        if re.search(r"%(2f|5c)", path, re.IGNORECASE) or {".", ".."} & set(unquote(path).split("/")):
            raise ValueError("its path leads up, or hides a slash")
        return cls(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme], path, parts.query)

    def is_under(self, other: Target) -> bool:
        """Whether an address is another one, or lies in the folder that the other one names."""
        folder = other.path if other.path.endswith("/") else f"{other.path}/"
        is_there = (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)
        return is_there and (self.path == other.path or self.path.startswith(folder))


@dataclass(frozen=True)
class Allowed:
    """What the operator allows: the beginnings of clients' addresses, and networks although they are not public."""

    prefixes: tuple[str, ...]
    networks: tuple[str, ...]

    def check(self) -> None:
        """Makes sure that the prefixes and networks are valid.

        Raises:
            ValueError: A prefix is not an address, or names an IP address that is not allowed; or a network is invalid.
        """
        for network in self.networks:
            ip_network(network)
        for prefix in self.prefixes:
            try:
                target = Target.of(prefix)
            except ValueError as error:
                raise ValueError(f"{prefix} is not an address to allow: {error}") from error
            if target.query:
                raise ValueError(f"{prefix} has a query, but should be the beginning of addresses")
            if is_ip(target.host) and not self.permits(target.host):
                raise ValueError(f"{prefix} is not public: name its network in webhook_networks, too")

    def find(self, url: str) -> Target:
        """An address that is allowed.

        Raises:
            ValueError: It is not, or is no address.
        """
        target = Target.of(url)
        if not any(target.is_under(Target.of(prefix)) for prefix in self.prefixes):
            raise ValueError("the operator of this server does not allow it")
        return target

    def addresses_of(self, target: Target) -> list[str]:
        """The addresses of a target's host that may be connected to.

        Raises:
            OSError: It has none.
        """
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        known = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if allowed := [address for address in known if self.permits(address)]:
            return allowed
        raise OSError(f"{target.host} has the address {known[0]}, which is neither public nor in webhook_networks")

    def permits(self, address: str) -> bool:
        """Whether an IP address may be connected to."""
        ip = _plain(ip_address(address))
        return ip.is_global and not ip.is_multicast or any(ip in ip_network(network) for network in self.networks)


def _plain(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An address, or the IPv4 address that an IPv6 address embeds."""
    if not isinstance(ip, IPv6Address):
        return ip
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip
