"""Which Host a request may name, and that no web page may send one: the guard against DNS rebinding. No logins here."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers

from core.manage_api.problems import RequestError

_HOST: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:\[\]@/\s]*)(?::\d{1,5})?")


class HostGuard:
    """`listen` is the configured "host:port", `hostname` the machine's own name, `hosts` the others by which it is known."""

    def __init__(self, listen: str | None, hostname: str, hosts: Iterable[str] = ()):
        own = {"localhost", hostname.lower(), f"{hostname.lower()}.local"}
        if listen is not None:
            own.add(listen.rpartition(":")[0].strip("[]").lower())
        own |= {one.encode("idna").decode().lower() for one in hosts}  # as a client puts it into the header
        self._names = frozenset(own - {""})

    def check(self, headers: Headers, *, on_socket: bool) -> None:
        """Raises RequestError for a foreign Host (421), or any Origin (403): only web pages have one."""
        hosts = headers.getlist("host")
        host = host_name(hosts[0]) if hosts else ""
        if len(hosts) > 1 or host is None or not self._is_own(host, on_socket=on_socket):
            raise RequestError(421, "foreign_host", "The Host header names another machine.")
        if "origin" in headers:
            raise RequestError(403, "foreign_origin", "Web pages have no access.")

    def _is_own(self, host: str, *, on_socket: bool) -> bool:
        if not host:
            return on_socket
        return host in self._names or _is_address(host)


def host_name(header: str) -> str | None:
    """The name in a Host header, lower case, without port and brackets; None where it is malformed."""
    found = _HOST.fullmatch(header.strip())
    return None if found is None else found["name"].strip("[]").removesuffix(".").lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
