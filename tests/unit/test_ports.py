"""Addresses of what listens."""

from __future__ import annotations

from raypipe.run.ports import url


def test_an_address_of_ipv6_is_in_brackets() -> None:
    assert [url(host, 80) for host in ("::1", "127.0.0.1")] == ["http://[::1]:80/", "http://127.0.0.1:80/"]
